//! Why the keyring refuses, and what to do about it.

use std::path::{Path, PathBuf};

use cubelog_memory::SubjectId;

use crate::entropy::EntropyError;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("{path} holds no keyring; create one, or name the directory that holds yours")]
    Missing { path: PathBuf },
    #[error("{path} is there already; a keyring is created once, open it instead")]
    Exists { path: PathBuf },
    #[error("the data keys {path} are missing though their master key is there; restore them, with it, from your backup")]
    MissingKeys { path: PathBuf },
    #[error("the master key {path} is missing, and without it no content can be read; restore it from your backup")]
    MissingMaster { path: PathBuf },
    #[error("others may read the master key {path} (mode {mode:04o}); run: chmod 600 {path}")]
    Rights { path: PathBuf, mode: u32 },
    #[error("{path} is no master key: {what}; restore it from your backup")]
    MasterFormat { path: PathBuf, what: &'static str },
    #[error("the master key {master} belongs to another keyring than {keys}; name the right one")]
    WrongMaster { master: PathBuf, keys: PathBuf },
    #[error(
        "the master key {master} is of epoch {master_epoch} and {keys} of epoch {keys_epoch}; restore both from the same backup"
    )]
    WrongEpoch { master: PathBuf, keys: PathBuf, master_epoch: u64, keys_epoch: u64 },
    #[error("{path} was written by a newer version ({version}); upgrade this one")]
    NewerVersion { path: PathBuf, version: u16 },
    #[error("{path} is damaged at byte {offset}: {what}; restore it, with its master key, from your backup")]
    Damaged { path: PathBuf, offset: u64, what: &'static str },
    #[error("the master key does not open the data key of {subject} in {path}; restore both from the same backup")]
    Unopenable { subject: SubjectId, path: PathBuf },
    #[error("{verb} {path}: {source}")]
    Io { verb: &'static str, path: PathBuf, source: std::io::Error },
    #[error("content of {subject} was altered or belongs to another event, cube or field")]
    Tampered { subject: SubjectId },
    #[error("content of {bytes} bytes is too long to be sealed")]
    TooLong { bytes: usize },
    #[error("an artefact names nobody whose key it is sealed under; name at least one subject, such as the cube's own pseudonym")]
    NoSubject,
    #[error("{subject} has had all numbers that data keys can have")]
    NumbersUsedUp { subject: SubjectId },
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl KeyError {
    /// For `map_err` on something that was done to `path`.
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> KeyError {
        move |source| KeyError::Io { verb, path: path.to_owned(), source }
    }
}
