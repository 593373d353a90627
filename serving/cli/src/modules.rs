//! Modules as files: where they lie below the data directory, what the log says of them, and the sweeping of those that were revoked.

use std::path::{Path, PathBuf};

use cubelog_memory::{CubeKey, Digest, Module, ModuleId, Stage};
use cubelog_runner::Caller;
use cubelog_trainer::publish::{self, Manifest};

use crate::failure::{Exit, Failure, Result};
use crate::store::Local;

/// Below the directory of modules: those that failed their gates, and runs that are under way.
const REJECTED: &str = "rejected";
const WORK: &str = "work";

/// A module of a cube, as the log knows it.
pub struct Known {
    pub id: ModuleId,
    pub module: Module,
}

impl Known {
    pub fn id(&self) -> String {
        self.id.memory().to_string()
    }

    /// `fresh`, or why it does not serve: `stale: revised`.
    pub fn freshness(&self) -> String {
        match self.module.stale {
            None => "fresh".to_owned(),
            Some(stale) if stale.is_revoked() => format!("revoked: {}", stale.cause.word()),
            Some(stale) => format!("stale: {}", stale.cause.word()),
        }
    }
}

/// Where the modules of one data directory lie.
pub struct Modules {
    pub root: PathBuf,
}

impl Modules {
    pub fn rejected(&self) -> PathBuf {
        self.root.join(REJECTED)
    }

    /// Where the run over a cube keeps its state, so that the same command goes on where it was stopped.
    pub fn work(&self, cube: &CubeKey, name: &str) -> PathBuf {
        self.root.join(WORK).join(cube.tenant.as_str()).join(cube.cube.as_str()).join(name)
    }

    /// The directory of a module's files, published or rejected.
    pub fn dir(&self, module: &Module) -> Option<PathBuf> {
        let name = module.artefact?.to_string();
        [self.root.join(&name), self.rejected().join(&name)].into_iter().find(|dir| dir.is_dir())
    }

    /// Reads what a module's directory says of it, and checks that its weights are the ones that the log names.
    pub fn manifest(&self, known: &Known) -> Result<(PathBuf, Manifest)> {
        let dir = self.dir(&known.module).ok_or_else(|| {
            Failure::new(Exit::NotFound, format!("the files of module {} are not here", known.id())).because(
                if known.module.is_revoked() {
                    "it was revoked, and its files were removed"
                } else {
                    "they are not below the data directory"
                },
            )
        })?;
        let manifest = publish::open(&dir).map_err(failure)?;
        Ok((dir, manifest))
    }

    /// Removes the files of modules that were revoked: what they learnt of somebody has to go with that person. Says how many.
    pub fn sweep(&self, modules: &[Known]) -> Result<usize> {
        let mut swept = 0;
        for known in modules.iter().filter(|known| known.module.is_revoked()) {
            if let Some(dir) = self.dir(&known.module) {
                std::fs::remove_dir_all(&dir).map_err(|error| Failure::io(format!("cannot remove {}", dir.display()), &error))?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

/// The modules of a cube, in the order of their names and stages.
pub async fn of_cube(local: &Local, caller: &Caller, cube: &CubeKey) -> Result<Vec<Known>> {
    let modules = local.service.cubelog().modules(caller, cube).await?;
    let mut known: Vec<Known> = modules.into_iter().map(|(id, module)| Known { id, module }).collect();
    known.sort_by(|a, b| (&a.module.name, a.module.stage, a.id).cmp(&(&b.module.name, b.module.stage, b.id)));
    Ok(known)
}

/// The one that a person means: by its id or a unique part at the beginning or end, or by a name, of which the active one counts, else
/// the only one.
pub fn find<'a>(modules: &'a [Known], text: &str) -> Result<&'a Known> {
    let named: Vec<&Known> = modules.iter().filter(|known| known.module.name.as_str() == text).collect();
    let active: Vec<&Known> = named.iter().copied().filter(|known| known.module.stage == Stage::Active).collect();
    let part = text.to_ascii_lowercase();
    let by_id: Vec<&Known> = modules
        .iter()
        .filter(|known| {
            part.len() >= 4 && {
                let id = known.id();
                id.starts_with(&part) || id.ends_with(&part)
            }
        })
        .collect();
    match (active.as_slice(), named.as_slice(), by_id.as_slice()) {
        ([one], _, _) | ([], [one], _) | ([], [], [one]) => Ok(one),
        ([], [], []) => Err(Failure::new(Exit::NotFound, format!("no module is called {text:?}"))
            .next("`cubelog module list --cube CUBE` shows them")),
        _ => Err(Failure::usage(format!("{text:?} may mean several modules"))
            .next("write the beginning of its id, as `cubelog module list` shows it")),
    }
}

/// Hexadecimal digits as a digest: 64 of them, or fewer, which fill its first bytes.
pub fn digest(text: &str) -> Result<Digest> {
    let mut bytes = [0; 32];
    let wrong = || Failure::new(Exit::Failure, format!("{text:?} is no digest"));
    if text.is_empty() || text.len() > 64 || text.len() % 2 != 0 || !text.is_ascii() {
        return Err(wrong());
    }
    for (byte, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(Digest(bytes))
}

/// What went wrong in the trainer, with its cause.
pub fn failure(error: cubelog_trainer::DistillError) -> Failure {
    use cubelog_trainer::DistillError;
    let exit = match &error {
        DistillError::Nothing { .. } | DistillError::Rejected { .. } => Exit::Refused,
        DistillError::Recipe { .. } => Exit::Usage,
        DistillError::Stopped { .. } => Exit::Interrupted,
        _ => Exit::Failure,
    };
    let failure = Failure::new(exit, error.to_string());
    match std::error::Error::source(&error) {
        Some(cause) => failure.because(cause.to_string()),
        None => failure,
    }
}

/// Bytes of all files in a directory.
pub fn size(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_read_whole_or_as_a_beginning() {
        assert_eq!(digest(&"ab".repeat(32)).unwrap(), Digest([0xab; 32]));
        let short = digest("23b9d70afe8f24692a73c4fe0b6dd98f").unwrap();
        assert_eq!((short.0[0], short.0[15], short.0[16]), (0x23, 0x8f, 0));
        for wrong in ["", "abc", "zz", &"ab".repeat(33), "é"] {
            assert!(digest(wrong).is_err(), "{wrong}");
        }
    }
}
