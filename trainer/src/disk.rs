//! Files that are whole or absent, whatever happens in between.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::DistillError;

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(std::io::Error) -> DistillError {
    move |source| DistillError::Io { path: path.into(), doing, source }
}

/// Makes a directory and those above it.
///
/// # Errors
/// [`DistillError::Io`].
pub fn make_dir(path: &Path) -> Result<(), DistillError> {
    fs::create_dir_all(path).map_err(failed(path, "written"))
}

/// Writes a file beside its place, brings it to the disk, and then moves it there.
///
/// # Errors
/// [`DistillError::Io`]; what stood at the place before still does.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), DistillError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = Path::new(&beside);
    let write = || -> std::io::Result<()> {
        let mut file = File::create(beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(beside, path)?;
        path.parent().map_or(Ok(()), sync_dir)
    };
    write().map_err(|source| {
        // What is left of a file that could not be written is of no use, on a full disk least of all.
        let _ = fs::remove_file(beside);
        DistillError::Io { path: path.into(), doing: "written", source }
    })
}

/// Brings a directory's entries to the disk.
///
/// # Errors
/// What the system says.
pub fn sync_dir(path: &Path) -> std::io::Result<()> {
    if path.as_os_str().is_empty() { Ok(()) } else { File::open(path)?.sync_all() }
}

/// Reads a file; `None` if there is none.
///
/// # Errors
/// [`DistillError::Io`].
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, DistillError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, "read")(error)),
    }
}

/// Removes a directory with what is in it; none is fine.
///
/// # Errors
/// [`DistillError::Io`].
pub fn remove_dir(path: &Path) -> Result<(), DistillError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path, "written")(error)),
        _ => Ok(()),
    }
}
