//! One writing process per directory: an advisory lock whose file names the holder. The lock keeps honest processes apart;
//! the fence against the others is the strict compare-and-swap.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::ViewError;
use crate::pointer::io_error;

const FILE: &str = "writer.lock";

/// Held until dropped; the operating system lets go of it when the process ends in any way.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

impl WriterLock {
    pub fn take(dir: &Path) -> Result<Self, ViewError> {
        std::fs::create_dir_all(dir).map_err(|source| io_error("create", source))?;
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(dir.join(FILE));
        let mut file = opened.map_err(|source| io_error("lock", source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "unknown".to_owned() } else { holder.trim().to_owned() };
                return Err(ViewError::Fenced { holder });
            }
            Err(TryLockError::Error(source)) => return Err(io_error("lock", source)),
        }
        let mut name = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "process {}", std::process::id())
        };
        name().map_err(|source| io_error("lock", source))?;
        Ok(Self { _file: file })
    }
}
