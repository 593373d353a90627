//! The directory of runs: names, listing, removing, and what an interrupted writer left.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cubelog_keyring::{KeyError, Keyring};
use cubelog_memory::{BlockId, SubjectId};

use super::quant::NotFinite;

/// Why a run was not written, or the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{verb} {path}: {source}")]
    Io { verb: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} is there already; a run is written once, give the next one its own id")]
    Exists { path: PathBuf },
    #[error("the run cannot be written: {what}")]
    Draft { what: &'static str },
    #[error(transparent)]
    NotFinite(#[from] NotFinite),
    #[error(transparent)]
    Keys(#[from] KeyError),
}

impl StoreError {
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
        move |source| StoreError::Io { verb, path: path.to_owned(), source }
    }
}

/// Files of runs in one directory, sealed by one keyring. One process writes there at a time.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    pub(crate) keyring: Arc<Keyring>,
}

const ENDING: &str = ".kv";
const UNFINISHED: &str = ".kv.part";

impl Store {
    /// Opens the directory, makes it if there is none, and removes what an interrupted writer left there.
    pub fn open(dir: impl Into<PathBuf>, keyring: Arc<Keyring>) -> Result<Self, StoreError> {
        let store = Self { dir: dir.into(), keyring };
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&store.dir).map_err(StoreError::io("create directory", &store.dir))?;
        for name in store.names()? {
            if name.ends_with(UNFINISHED) {
                let path = store.dir.join(&name);
                std::fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            }
        }
        Ok(store)
    }

    pub(crate) fn path(&self, id: BlockId) -> PathBuf {
        self.dir.join(format!("{id}{ENDING}"))
    }

    pub(crate) fn unfinished(&self, id: BlockId) -> PathBuf {
        self.dir.join(format!("{id}{UNFINISHED}"))
    }

    fn names(&self) -> Result<Vec<String>, StoreError> {
        let read = || -> std::io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in std::fs::read_dir(&self.dir)? {
                names.extend(entry?.file_name().into_string());
            }
            names.sort();
            Ok(names)
        };
        read().map_err(StoreError::io("list", &self.dir))
    }

    /// All runs, sorted. Files with other names are left alone.
    pub fn list(&self) -> Result<Vec<BlockId>, StoreError> {
        let names = self.names()?;
        let mut runs: Vec<BlockId> = names.iter().filter_map(|name| name.strip_suffix(ENDING)?.parse().ok()).collect();
        // A name in capitals parses too, but is not one of ours.
        runs.retain(|id| names.binary_search(&format!("{id}{ENDING}")).is_ok());
        Ok(runs)
    }

    /// Removes runs, durably. Those that are not there are none the less gone.
    pub fn remove(&self, runs: &[BlockId]) -> Result<(), StoreError> {
        let mut removed = false;
        for id in runs {
            let path = self.path(*id);
            match std::fs::remove_file(&path) {
                Ok(()) => removed = true,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("remove", &path)(error)),
            }
        }
        if removed { self.sync_dir() } else { Ok(()) }
    }

    /// The runs that somebody has a share in, whether any cache knows them or not. Files without a readable label are among them: nobody
    /// can tell whom they are about.
    pub fn about(&self, subject: &SubjectId) -> Result<Vec<BlockId>, StoreError> {
        let mut runs = self.list()?;
        runs.retain(|id| match self.owners(*id) {
            Ok(owners) => owners.iter().any(|owner| owner == subject.as_str()),
            Err(miss) => miss.is_final(),
        });
        Ok(runs)
    }

    pub(crate) fn sync_dir(&self) -> Result<(), StoreError> {
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(StoreError::io("sync directory", &self.dir))
    }
}
