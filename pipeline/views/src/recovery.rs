//! From whatever a crash left behind to one cut: the newest pointer whose tables are whole wins, tables that ran ahead are
//! set back, damaged files go to `quarantine/`, and if nothing is usable the views start empty and the log fills them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cubelog_memory::Cut;
use lance::Dataset;
use lance::index::DatasetIndexExt;
use lance::session::Session;
use lance_table::format::IndexMetadata;

use crate::commit::{Mark, StrictCas, drop_indices, restore};
use crate::error::ViewError;
use crate::fault;
use crate::grow::grow;
use crate::layout;
use crate::pointer::{self, FORMAT, FoundPointer, Pointer, PointerState, io_error};
use crate::tables::{TABLES, Table};

const QUARANTINE: &str = "quarantine";

/// What a pointer must say to fit this program.
#[derive(Debug, Clone)]
pub struct Expected {
    pub embedder: String,
    pub dim: Option<usize>,
}

/// All tables at one cut.
pub struct Recovered {
    pub pointer: Pointer,
    pub cut: Cut,
    pub tables: [Arc<Dataset>; TABLES],
    pub fences: [Arc<StrictCas>; TABLES],
}

/// Opens for writing, whatever it takes.
pub async fn recover(dir: &Path, expected: &Expected, session: &Arc<Session>) -> Result<Recovered, ViewError> {
    let found = pointer::read_all(dir)?;
    let highest = found.first().map_or(0, |found| found.sequence);
    for candidate in found {
        let Some(pointer) = usable(dir, &candidate, expected)? else {
            quarantine(dir, &candidate.path, "the pointer is not readable");
            continue;
        };
        match open_pointed(dir, &pointer, session, true).await {
            Ok(mut recovered) => {
                let set_back = set_back(dir, &mut recovered, session).await?;
                let dropped = drop_damaged_indices(dir, &mut recovered).await?;
                let grown = grow(&mut recovered, expected.dim).await?;
                if set_back || dropped || grown || recovered.pointer.sequence < highest {
                    recovered.pointer.sequence = highest + 1;
                    rewrite(dir, &mut recovered)?;
                }
                return Ok(recovered);
            }
            Err(error) => {
                tracing::warn!(%error, sequence = candidate.sequence, "a version of the views is damaged; trying the one before");
                quarantine(dir, &candidate.path, "its tables are damaged");
            }
        }
    }
    start_empty(dir, expected, session, highest + 1).await
}

/// Opens the newest usable cut and changes nothing on disk.
pub async fn open_read_only(dir: &Path, expected: &Expected, session: &Arc<Session>) -> Result<Recovered, ViewError> {
    let mut reason = "there is no readable pointer".to_owned();
    for candidate in pointer::read_all(dir)? {
        let Some(pointer) = usable(dir, &candidate, expected)? else { continue };
        match open_pointed(dir, &pointer, session, false).await {
            Ok(recovered) => return Ok(recovered),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(ViewError::Damaged { table: dir.display().to_string(), reason })
}

fn usable(dir: &Path, candidate: &FoundPointer, expected: &Expected) -> Result<Option<Pointer>, ViewError> {
    match &candidate.state {
        PointerState::Garbage => Ok(None),
        PointerState::Newer(found) => {
            Err(ViewError::NewerFormat { directory: dir.display().to_string(), found: *found, known: FORMAT })
        }
        PointerState::Readable(pointer) if pointer.embedder != expected.embedder || pointer.dim != expected.dim => {
            let name = |embedder: &str, dim: Option<usize>| match dim {
                Some(dim) => format!("{embedder} ({dim} numbers)"),
                None => format!("{embedder} (no vectors)"),
            };
            Err(ViewError::OtherEmbedder {
                found: name(&pointer.embedder, pointer.dim),
                wanted: name(&expected.embedder, expected.dim),
            })
        }
        PointerState::Readable(pointer) => Ok(Some(pointer.clone())),
    }
}

/// Opens all tables as the pointer says, if every file that it needs is there.
async fn open_pointed(dir: &Path, pointer: &Pointer, session: &Arc<Session>, check: bool) -> Result<Recovered, ViewError> {
    let cut = pointer.cut().unwrap_or_default();
    let fences: [Arc<StrictCas>; TABLES] = std::array::from_fn(|_| Arc::new(StrictCas::new(0)));
    let mut tables = Vec::with_capacity(TABLES);
    for table in Table::ALL {
        let damaged = |reason: String| ViewError::Damaged { table: table.name().to_owned(), reason };
        let pointed = pointer.table(table).ok_or_else(|| damaged("the pointer does not name it".to_owned()))?;
        if check && layout::point(dir, table, pointed.version)? != *pointed {
            quarantine(dir, &layout::manifest_path(dir, table, pointed.version), "the manifest is not what was written");
            layout::forget_hint(dir, table);
            return Err(damaged(format!("manifest of version {} is not what was written", pointed.version)));
        }
        let fence = &fences[table.index()];
        fence.advance(pointed.version);
        let dataset = layout::open(dir, table, pointed.version, fence, session).await?;
        if check {
            check_files(dir, table, &dataset).map_err(damaged)?;
        }
        tables.push(dataset);
    }
    let tables = tables.try_into().map_err(|_| ViewError::Query("tables are missing".to_owned()))?;
    Ok(Recovered { pointer: pointer.clone(), cut, tables, fences })
}

/// Sizes and the last bytes of every data file, and that deletion files are there. A power cut leaves files empty or short.
fn check_files(dir: &Path, table: Table, dataset: &Dataset) -> Result<(), String> {
    let root = layout::table_dir(dir, table);
    for fragment in dataset.fragments().iter() {
        for file in &fragment.files {
            let path = root.join("data").join(&file.path);
            let expected = file.file_size_bytes.get().map(u64::from);
            check_data_file(&path, expected).map_err(|reason| format!("{}: {reason}", path.display()))?;
        }
        if let Some(deletions) = &fragment.deletion_file {
            let path = root.join(lance_table::io::deletion::relative_deletion_file_path(fragment.id, deletions));
            let size = std::fs::metadata(&path).map_err(|error| format!("{}: {error}", path.display()))?.len();
            if size == 0 {
                return Err(format!("{} is empty", path.display()));
            }
        }
    }
    Ok(())
}

fn check_data_file(path: &Path, expected: Option<u64>) -> Result<(), String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let size = file.metadata().map_err(|error| error.to_string())?.len();
    if expected.is_some_and(|expected| expected != size) || size < 4 {
        return Err(format!("has {size} bytes, expected {}", expected.unwrap_or_default()));
    }
    let mut magic = [0u8; 4];
    file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut magic)).map_err(|error| error.to_string())?;
    if &magic != b"LANC" { Err("does not end as a data file does".to_owned()) } else { Ok(()) }
}

/// Indices are derived: damaged ones are dropped, and maintenance builds them again. Answers whether any was.
async fn drop_damaged_indices(dir: &Path, recovered: &mut Recovered) -> Result<bool, ViewError> {
    let mark = Mark::new(&recovered.cut, recovered.pointer.batch, &recovered.pointer.embedder);
    let mut changed = false;
    for table in Table::ALL {
        let dataset = &mut recovered.tables[table.index()];
        let indices = dataset.load_indices().await.map_err(|source| fault::store("open", table, source))?;
        let root = layout::table_dir(dir, table).join("_indices");
        let damaged: Vec<IndexMetadata> = indices.iter().filter(|index| !index_is_whole(&root, index)).cloned().collect();
        if damaged.is_empty() {
            continue;
        }
        tracing::warn!(table = table.name(), indices = damaged.len(), "indices are damaged; dropping them to be built again");
        let fence = &recovered.fences[table.index()];
        let dropped = drop_indices(dataset, fence, damaged, &mark).await;
        *dataset = dropped.map_err(|source| fault::commit("drop an index of", table, fence, source))?;
        changed = true;
    }
    Ok(changed)
}

fn index_is_whole(root: &Path, index: &IndexMetadata) -> bool {
    let folder = root.join(index.uuid.to_string());
    match &index.files {
        Some(files) => {
            files.iter().all(|file| std::fs::metadata(folder.join(&file.path)).is_ok_and(|found| found.len() == file.size_bytes))
        }
        None => true,
    }
}

/// Sets tables that ran ahead of the pointer back to it, by a new version; answers whether any did.
async fn set_back(dir: &Path, recovered: &mut Recovered, session: &Arc<Session>) -> Result<bool, ViewError> {
    let mark = Mark::new(&recovered.cut, recovered.pointer.batch, &recovered.pointer.embedder);
    let mut changed = false;
    for table in Table::ALL {
        let pointed = recovered.tables[table.index()].version().version;
        let fence = recovered.fences[table.index()].clone();
        let ahead: Vec<u64> = layout::versions(dir, table).into_iter().filter(|version| *version > pointed).collect();
        let Some(head) = ahead.first().copied() else { continue };
        tracing::info!(table = table.name(), head, pointed, "a table ran ahead of its pointer; setting it back");
        fence.advance(head);
        let restored = match layout::open(dir, table, head, &fence, session).await {
            Ok(dataset) => {
                restore(&dataset, &fence, pointed, &mark).await.map_err(|source| fault::store("restore", table, source))
            }
            Err(error) => Err(error),
        };
        match restored {
            Ok(dataset) => recovered.tables[table.index()] = dataset,
            Err(error) => {
                tracing::warn!(table = table.name(), %error, "versions ahead of the pointer are damaged; putting them aside");
                for version in ahead {
                    quarantine(dir, &layout::manifest_path(dir, table, version), "it is ahead of the pointer and damaged");
                }
                layout::forget_hint(dir, table);
                fence.advance(pointed);
            }
        }
        changed = true;
    }
    Ok(changed)
}

/// Writes a pointer to where the tables stand now.
pub fn rewrite(dir: &Path, recovered: &mut Recovered) -> Result<(), ViewError> {
    for table in Table::ALL {
        let version = recovered.tables[table.index()].version().version;
        recovered.pointer.tables.insert(table.name().to_owned(), layout::point(dir, table, version)?);
    }
    pointer::write(dir, &recovered.pointer)
}

async fn start_empty(dir: &Path, expected: &Expected, session: &Arc<Session>, sequence: u64) -> Result<Recovered, ViewError> {
    let mut tables = Vec::with_capacity(TABLES);
    let fences: [Arc<StrictCas>; TABLES] = std::array::from_fn(|_| Arc::new(StrictCas::new(0)));
    for table in Table::ALL {
        let path = layout::table_dir(dir, table);
        if path.exists() {
            tracing::warn!(table = table.name(), "no usable version of the views is left; starting empty");
            quarantine(dir, &path, "no pointer leads to it");
        }
        tables.push(layout::create(dir, table, expected.dim, &fences[table.index()], session).await?);
    }
    let pointer = Pointer {
        format: FORMAT,
        sequence,
        batch: 0,
        cut: Cut::start().to_string(),
        embedder: expected.embedder.clone(),
        dim: expected.dim,
        tables: Default::default(),
    };
    let tables = tables.try_into().map_err(|_| ViewError::Query("tables are missing".to_owned()))?;
    let mut recovered = Recovered { pointer, cut: Cut::start(), tables, fences };
    rewrite(dir, &mut recovered)?;
    Ok(recovered)
}

pub fn quarantine_dir(dir: &Path) -> PathBuf {
    dir.join(QUARANTINE)
}

/// Moves a damaged file or folder aside. What cannot be moved is left: the pointer no longer leads to it.
fn quarantine(dir: &Path, path: &Path, reason: &str) {
    let folder = quarantine_dir(dir);
    let name = path.strip_prefix(dir).unwrap_or(path).to_string_lossy().replace(['/', '\\'], "__");
    let target = (0u32..).map(|n| folder.join(format!("{name}.{n}"))).find(|target| !target.exists());
    let moved = std::fs::create_dir_all(&folder)
        .and_then(|()| target.map_or(Ok(()), |target| std::fs::rename(path, target)))
        .map_err(|source| io_error("quarantine", source));
    match moved {
        Ok(()) => tracing::warn!(path = %path.display(), reason, "moved to quarantine"),
        Err(error) => tracing::warn!(path = %path.display(), reason, %error, "could not be moved to quarantine"),
    }
}
