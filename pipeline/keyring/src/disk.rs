//! Files that must not be half written, read by others, or left behind: durable writing, overwriting, the lock.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::KeyError;

/// The name beside `path` under which its successor is prepared.
pub(crate) fn next(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

pub(crate) fn create_dir(path: &Path) -> Result<(), KeyError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(KeyError::io("create directory", path))
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_dir_of(path: &Path) -> Result<(), KeyError> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(KeyError::io("sync directory", dir))
}

/// A new file that only its owner may read, durable with its name. What lay there before is overwritten and removed.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyError> {
    shred(path)?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(KeyError::io("write", path))?;
    sync_dir_of(path)
}

/// Puts `from` in the place of `to`, durably.
pub(crate) fn replace(from: &Path, to: &Path) -> Result<(), KeyError> {
    std::fs::rename(from, to).map_err(KeyError::io("rename", from))?;
    sync_dir_of(to)
}

/// Overwrites an open file with zeros in place and makes that durable.
pub(crate) fn overwrite(file: &mut File, path: &Path) -> Result<(), KeyError> {
    let mut write = || {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(0))?;
        std::io::copy(&mut std::io::Read::take(std::io::repeat(0), length), file)?;
        file.sync_all()
    };
    write().map_err(KeyError::io("overwrite", path))
}

/// Overwrites and removes a file, if it is there.
pub(crate) fn shred(path: &Path) -> Result<(), KeyError> {
    match OpenOptions::new().write(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(KeyError::io("open", path)(error)),
        Ok(mut file) => {
            overwrite(&mut file, path)?;
            std::fs::remove_file(path).map_err(KeyError::io("remove", path))?;
            sync_dir_of(path)
        }
    }
}

/// Whether a process reads or changes the keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Change,
}

/// Holds the lock of a keyring directory against other processes and threads until it is dropped.
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    pub(crate) fn take(dir: &Path, access: Access) -> Result<Self, KeyError> {
        let path = dir.join("lock");
        // A reader may lack the right to write here, and then somebody who has it made the file.
        let file = File::open(&path)
            .or_else(|_| OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path))
            .map_err(KeyError::io("open", &path))?;
        match access {
            Access::Read => file.lock_shared(),
            Access::Change => file.lock(),
        }
        .map_err(KeyError::io("lock", &path))?;
        Ok(Self { _file: file })
    }
}
