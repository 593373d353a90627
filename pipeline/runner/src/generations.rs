//! Where the views of a directory lie: numbered generations side by side and a file that names the one in use,
//! so that a rebuild happens beside the live tables and the swap is one rename.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::RunError;

const CURRENT: &str = "CURRENT";

pub struct Generations {
    root: PathBuf,
}

impl Generations {
    /// Makes the directory if it is missing.
    pub fn open(root: &Path) -> Result<Self, RunError> {
        std::fs::create_dir_all(root).map_err(|source| io("create the views directory", source))?;
        Ok(Self { root: root.to_owned() })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Number of the generation in use; 1 in a new directory.
    pub fn current(&self) -> Result<u32, RunError> {
        match std::fs::read_to_string(self.root.join(CURRENT)) {
            Ok(text) => Ok(text.trim().parse().unwrap_or_else(|_| self.newest())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(1),
            Err(source) => Err(io("read views/CURRENT", source)),
        }
    }

    /// The file that names the generation is damaged: the newest one is the best guess, and verification can tell.
    fn newest(&self) -> u32 {
        let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).max().unwrap_or(1)
    }

    pub fn path(&self, generation: u32) -> PathBuf {
        self.root.join(generation.to_string())
    }

    /// Points to `generation` durably. Older ones may be removed afterwards.
    pub fn swap(&self, generation: u32) -> Result<(), RunError> {
        let temporary = self.root.join("CURRENT.new");
        let write = || -> std::io::Result<()> {
            let mut file = std::fs::File::create(&temporary)?;
            writeln!(file, "{generation}")?;
            file.sync_all()?;
            std::fs::rename(&temporary, self.root.join(CURRENT))?;
            std::fs::File::open(&self.root)?.sync_all()
        };
        write().map_err(|source| io("write views/CURRENT", source))
    }

    /// Removes every generation but `keep`; what cannot be removed is left for the next time.
    pub fn remove_others(&self, keep: u32) {
        let entries = std::fs::read_dir(&self.root).into_iter().flatten().flatten();
        for entry in entries {
            let generation = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if generation.is_some_and(|generation| generation != keep)
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(path = %entry.path().display(), %error, "an old generation of the views stays on disk");
            }
        }
    }
}

pub(crate) fn io(action: impl Into<String>, source: std::io::Error) -> RunError {
    RunError::Io { action: action.into(), source }
}
