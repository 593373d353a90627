//! The memories that searches look at, held in memory: read fragment by fragment, because a fragment never changes but for its
//! deletions, so that a commit costs what it added.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arrow_array::{Array, StringArray};
use cubelog_memory::MemoryId;
use cubelog_recall::{Entry, Memories, Names, Part, PartBuilder};
use datafusion::prelude::col;
use futures::TryStreamExt;
use lance::dataset::ROW_ID;
use lance_table::format::Fragment;

use crate::columns::BatchReader;
use crate::edges::table::sources;
use crate::error::ViewError;
use crate::fault;
use crate::store::{Snapshot, ViewOptions};
use crate::tables::Table;
use crate::turns::table::places;

const TABLE: Table = Table::Memories;
/// Memories up to which words and vectors are held unless somebody says otherwise: 0.6 GB.
pub const HELD_MAX: usize = 1_000_000;
const COLUMNS: [&str; 10] =
    ["memory", "tenant", "cube", "visible", "superseded_by", "speaker", "session", "stream_index", "valid_from", "priority"];

/// All memories of one version of the table.
#[derive(Debug)]
pub struct Held {
    version: u64,
    keys: Vec<Key>,
    pub memories: Memories,
    pub names: Arc<RwLock<Names>>,
    /// Whether words and vectors are held too.
    pub whole: bool,
}

/// Which rows a part has: a fragment, and which of its rows were deleted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    fragment: u64,
    deletions: Option<(u64, u64)>,
}

impl Key {
    fn of(fragment: &Fragment) -> Self {
        Self { fragment: fragment.id, deletions: fragment.deletion_file.as_ref().map(|file| (file.read_version, file.id)) }
    }
}

/// Keeps what was read for the next version.
#[derive(Debug, Default)]
pub struct Holder {
    names: Arc<RwLock<Names>>,
    newest: RwLock<Option<Arc<Held>>>,
    /// One reader at a time: others would read the same.
    reading: tokio::sync::Mutex<()>,
}

impl Holder {
    /// The memories of this version, of which only what changed since the last call is read.
    pub async fn of(&self, snapshot: &Snapshot, options: &ViewOptions) -> Result<Arc<Held>, ViewError> {
        let dataset = snapshot.table(TABLE);
        let version = dataset.version().version;
        if let Some(held) = self.known(version) {
            return Ok(held);
        }
        let _reading = self.reading.lock().await;
        if let Some(held) = self.known(version) {
            return Ok(held);
        }
        let rows: usize = dataset.fragments().iter().map(|fragment| fragment.physical_rows.unwrap_or(0)).sum();
        let whole = rows <= options.held_max;
        let earlier: HashMap<Key, Arc<Part>> = match self.newest() {
            Some(earlier) if earlier.whole == whole => {
                earlier.keys.iter().cloned().zip(earlier.memories.parts.iter().cloned()).collect()
            }
            _ => HashMap::new(),
        };
        let mut keys = Vec::with_capacity(dataset.fragments().len());
        let mut memories = Memories::default();
        for fragment in dataset.fragments().iter() {
            let key = Key::of(fragment);
            memories.parts.push(match earlier.get(&key) {
                Some(part) => part.clone(),
                None => Arc::new(self.read(snapshot, fragment, options.dim, whole).await?),
            });
            keys.push(key);
        }
        let held = Arc::new(Held { version, keys, memories, names: self.names.clone(), whole });
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
        Ok(held)
    }

    fn newest(&self) -> Option<Arc<Held>> {
        self.newest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn known(&self, version: u64) -> Option<Arc<Held>> {
        self.newest().filter(|held| held.version == version)
    }

    /// Forgets everything: after tables were taken back to an earlier version, other fragments may bear the same numbers.
    pub fn forget(&self) {
        *self.newest.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn read(&self, snapshot: &Snapshot, fragment: &Fragment, dim: Option<usize>, whole: bool) -> Result<Part, ViewError> {
        let fail = |source: lance::Error| fault::store("read", TABLE, source);
        let dataset = snapshot.table(TABLE);
        let taken_from = taken_from(snapshot, fragment).await?;
        let dim = dim.filter(|_| whole);
        let mut columns = COLUMNS.to_vec();
        if whole {
            columns.extend(["text", "caption"]);
        }
        columns.extend(dim.map(|_| "vector"));
        let mut scanner = dataset.scan();
        scanner.with_fragments(vec![fragment.clone()]).project(&columns).map_err(fail)?.with_row_id().scan_in_order(true);
        let mut batches = scanner.try_into_stream().await.map_err(fail)?;
        let mut part = PartBuilder::new(dim.unwrap_or(0));
        while let Some(batch) = batches.try_next().await.map_err(fail)? {
            let reader = BatchReader::new(TABLE.name(), &batch);
            let (memories, rows) = (reader.ids("memory")?, reader.u64(ROW_ID)?);
            let (tenants, cubes) = (reader.text("tenant")?, reader.text("cube")?);
            let (speakers, sessions) = (reader.text("speaker")?, reader.text("session")?);
            let superseded = reader.text("superseded_by")?;
            let (visible, indices) = (reader.flag("visible")?, reader.u64("stream_index")?);
            let (valid, priorities) = (reader.time("valid_from")?, reader.i32("priority")?);
            let texts = if whole { Some((reader.text("text")?, reader.text("caption")?)) } else { None };
            let vectors = if dim.is_some() { reader.vectors("vector")? } else { None };
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            let mut cube = String::new();
            for row in 0..reader.rows() {
                cube.clear();
                cube.extend([tenants.value(row), "/", cubes.value(row)]);
                let memory = memories.memory(row)?;
                let own = indices.is_valid(row).then(|| indices.value(row));
                let entry = Entry {
                    memory,
                    row: rows.value(row),
                    cube: &cube,
                    speaker: text_at(speakers, row),
                    session: text_at(sessions, row),
                    stream_index: own.or_else(|| taken_from.get(&memory).copied()),
                    valid_from: valid.get(row).micros(),
                    priority: priorities.value(row),
                    visible: visible.value(row),
                    superseded: superseded.is_valid(row),
                    text: texts.and_then(|(texts, _)| text_at(texts, row)),
                    caption: texts.and_then(|(_, captions)| text_at(captions, row)),
                    vector: vectors.as_ref().and_then(|vectors| vectors.get(row)),
                };
                part.push(&entry, &mut names);
            }
        }
        Ok(part.finish())
    }
}

/// Where the turns stand that memories of a fragment were taken from, by the memory: of several the last.
async fn taken_from(snapshot: &Snapshot, fragment: &Fragment) -> Result<HashMap<MemoryId, u64>, ViewError> {
    let fail = |source: lance::Error| fault::store("read", TABLE, source);
    let mut scanner = snapshot.table(TABLE).scan();
    scanner.with_fragments(vec![fragment.clone()]).project(&["memory"]).map_err(fail)?;
    scanner.filter_expr(col("stream_index").is_null().and(col("session").is_not_null()));
    let mut taken: Vec<MemoryId> = Vec::new();
    let mut batches = scanner.try_into_stream().await.map_err(fail)?;
    while let Some(batch) = batches.try_next().await.map_err(fail)? {
        let reader = BatchReader::new(TABLE.name(), &batch);
        let memories = reader.ids("memory")?;
        for row in 0..reader.rows() {
            taken.push(memories.memory(row)?);
        }
    }
    if taken.is_empty() {
        return Ok(HashMap::new());
    }
    let sources = sources(snapshot.table(Table::Edges), &taken).await?;
    let turns: Vec<MemoryId> = sources.iter().map(|(_, source)| *source).collect();
    let places = places(snapshot.table(Table::Turns), &turns).await?;
    let mut last: HashMap<MemoryId, u64> = HashMap::new();
    for (memory, place) in sources.iter().filter_map(|(memory, source)| Some((*memory, *places.get(source)?))) {
        let known = last.entry(memory).or_insert(place);
        *known = place.max(*known);
    }
    Ok(last)
}

fn text_at(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}
