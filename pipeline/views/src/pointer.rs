//! The pointer: one small file that says which version of each table belongs to which cut. There is no commit over several
//! tables, so this file is the commit: readers and recovery go by it and by nothing else.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use cubelog_memory::Cut;
use serde::{Deserialize, Serialize};

use crate::error::ViewError;
use crate::tables::Table;

/// Format of the views that this code writes.
pub const FORMAT: u32 = 1;

/// How many pointers are kept, so that damage to the newest version loses little.
pub const KEPT: usize = 3;

const FOLDER: &str = "snapshots";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub format: u32,
    /// Grows with every pointer; maintenance writes new ones for the same batch.
    pub sequence: u64,
    /// Number of batches committed since the views were empty.
    pub batch: u64,
    pub cut: String,
    pub embedder: String,
    pub dim: Option<usize>,
    pub tables: BTreeMap<String, PointedTable>,
}

/// The version of a table, and what its manifest must look like: Lance's manifests carry no checksum of their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointedTable {
    pub version: u64,
    pub manifest_bytes: u64,
    pub manifest_xxh3: String,
}

impl Pointer {
    pub fn cut(&self) -> Option<Cut> {
        self.cut.parse().ok()
    }

    pub fn table(&self, table: Table) -> Option<&PointedTable> {
        self.tables.get(table.name())
    }
}

/// A pointer file as found.
pub struct FoundPointer {
    pub path: PathBuf,
    pub sequence: u64,
    pub state: PointerState,
}

pub enum PointerState {
    Readable(Pointer),
    /// Written by a newer program.
    Newer(u32),
    Garbage,
}

impl PointerState {
    fn of(bytes: &[u8], sequence: u64) -> Self {
        #[derive(Deserialize)]
        struct FormatOnly {
            format: u32,
        }
        match serde_json::from_slice::<FormatOnly>(bytes) {
            Ok(FormatOnly { format }) if format > FORMAT => PointerState::Newer(format),
            Err(_) => PointerState::Garbage,
            Ok(_) => match serde_json::from_slice::<Pointer>(bytes) {
                Ok(pointer) if pointer.sequence == sequence && pointer.cut().is_some() => PointerState::Readable(pointer),
                _ => PointerState::Garbage,
            },
        }
    }
}

pub fn folder(dir: &Path) -> PathBuf {
    dir.join(FOLDER)
}

fn sequence_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok()
}

/// Sequence number of the newest pointer, going by names alone.
pub fn newest(dir: &Path) -> Result<Option<u64>, ViewError> {
    Ok(list(dir)?.iter().filter_map(|path| sequence_of(path)).max())
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, ViewError> {
    let entries = match std::fs::read_dir(folder(dir)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("list", error)),
    };
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(|error| io_error("list", error))).collect()
}

/// All pointers, newest first.
pub fn read_all(dir: &Path) -> Result<Vec<FoundPointer>, ViewError> {
    let mut found = Vec::new();
    for path in list(dir)? {
        let Some(sequence) = sequence_of(&path) else { continue };
        match std::fs::read(&path) {
            Ok(bytes) => found.push(FoundPointer { path, sequence, state: PointerState::of(&bytes, sequence) }),
            // The writer retired it between the listing and now.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(io_error("read", error)),
        }
    }
    found.sort_by_key(|found| std::cmp::Reverse(found.sequence));
    Ok(found)
}

/// Writes a pointer so that it is on the disk whole or not at all, then removes all but the last [`KEPT`].
pub fn write(dir: &Path, pointer: &Pointer) -> Result<(), ViewError> {
    let put = || -> std::io::Result<()> {
        let folder = folder(dir);
        std::fs::create_dir_all(&folder)?;
        let text = serde_json::to_vec_pretty(pointer)?;
        let temporary = folder.join(format!("{:020}.tmp", pointer.sequence));
        let mut file = File::create(&temporary)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&temporary, folder.join(format!("{:020}.json", pointer.sequence)))?;
        File::open(&folder)?.sync_all()
    };
    put().map_err(|source| io_error("write", source))?;
    retire(dir, KEPT)
}

/// Removes all pointers but the newest `keep`.
pub fn retire(dir: &Path, keep: usize) -> Result<(), ViewError> {
    let mut paths = list(dir)?;
    paths.retain(|path| sequence_of(path).is_some());
    paths.sort();
    let retired = paths.len().saturating_sub(keep);
    for path in paths.drain(..retired) {
        std::fs::remove_file(path).map_err(|source| io_error("remove", source))?;
    }
    Ok(())
}

/// Errors of files that belong to no table.
pub fn io_error(action: &'static str, source: std::io::Error) -> ViewError {
    if source.kind() == ErrorKind::StorageFull {
        return ViewError::DiskFull { table: FOLDER.to_owned() };
    }
    ViewError::Store { action, table: FOLDER.to_owned(), source: Box::new(source) }
}
