//! Where things lie in the directory of the views, and how its tables are opened and created.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatchIterator;
use lance::Dataset;
use lance::dataset::builder::DatasetBuilder;
use lance::dataset::{WriteMode, WriteParams};
use lance::session::Session;
use lance_table::io::commit::CommitHandler;
use xxhash_rust::xxh3::xxh3_64;

use crate::commit::StrictCas;
use crate::error::ViewError;
use crate::fault;
use crate::pointer::PointedTable;
use crate::tables::Table;

/// Memory for decoded index pages, in bytes.
const INDEX_CACHE_BYTES: usize = 512 * 1024 * 1024;
/// Memory for manifests and file metadata, in bytes.
const METADATA_CACHE_BYTES: usize = 128 * 1024 * 1024;

/// One cache for all tables of a store.
pub fn session() -> Arc<Session> {
    Arc::new(Session::new(INDEX_CACHE_BYTES, METADATA_CACHE_BYTES, Arc::default()))
}

/// The folder of a table, as LanceDB names it.
pub fn table_dir(dir: &Path, table: Table) -> PathBuf {
    dir.join(format!("{}.lance", table.name()))
}

fn uri(dir: &Path, table: Table) -> Result<String, ViewError> {
    let path = table_dir(dir, table);
    path.to_str().map(str::to_owned).ok_or_else(|| ViewError::Query(format!("path {} is no valid UTF-8", path.display())))
}

pub fn manifest_path(dir: &Path, table: Table, version: u64) -> PathBuf {
    table_dir(dir, table).join("_versions").join(format!("{:020}.manifest", u64::MAX - version))
}

/// Versions of a table that have a manifest, descending; none if there is no table.
pub fn versions(dir: &Path, table: Table) -> Vec<u64> {
    let Ok(entries) = std::fs::read_dir(table_dir(dir, table).join("_versions")) else { return Vec::new() };
    let mut versions: Vec<u64> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".manifest")?.parse::<u64>().ok())
        .map(|name| u64::MAX - name)
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions
}

/// Removes Lance's note of which version is the newest; it is looked for in the folder then.
pub fn forget_hint(dir: &Path, table: Table) {
    let _ = std::fs::remove_file(table_dir(dir, table).join("_versions").join("latest_version_hint.json"));
}

/// Describes a version for the pointer.
pub fn point(dir: &Path, table: Table, version: u64) -> Result<PointedTable, ViewError> {
    let damaged = |error: std::io::Error| ViewError::Damaged {
        table: table.name().to_owned(),
        reason: format!("manifest of version {version}: {error}"),
    };
    let bytes = std::fs::read(manifest_path(dir, table, version)).map_err(damaged)?;
    Ok(PointedTable { version, manifest_bytes: bytes.len() as u64, manifest_xxh3: format!("{:016x}", xxh3_64(&bytes)) })
}

/// Opens one version of a table. `cas` guards the commits that follow.
pub async fn open(
    dir: &Path,
    table: Table,
    version: u64,
    cas: &Arc<StrictCas>,
    session: &Arc<Session>,
) -> Result<Arc<Dataset>, ViewError> {
    DatasetBuilder::from_uri(uri(dir, table)?)
        .with_version(version)
        .with_session(session.clone())
        .with_commit_handler(cas.clone() as Arc<dyn CommitHandler>)
        .load()
        .await
        .map(Arc::new)
        .map_err(|source| fault::store("open", table, source))
}

/// Creates an empty table.
pub async fn create(
    dir: &Path,
    table: Table,
    dim: Option<usize>,
    cas: &Arc<StrictCas>,
    session: &Arc<Session>,
) -> Result<Arc<Dataset>, ViewError> {
    let schema = table.schema(dim);
    let params = WriteParams {
        mode: WriteMode::Create,
        session: Some(session.clone()),
        commit_handler: Some(cas.clone() as Arc<dyn CommitHandler>),
        ..WriteParams::default()
    };
    let nothing = RecordBatchIterator::new(std::iter::empty(), schema);
    let created = Dataset::write(nothing, &uri(dir, table)?, Some(params)).await;
    created.map(Arc::new).map_err(|source| fault::store("create", table, source))
}

/// What all files below a folder take, in bytes; files that vanish meanwhile count nothing.
pub fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
