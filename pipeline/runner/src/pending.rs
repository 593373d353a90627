//! What the fold has changed and the views do not have yet: rows in the making, folded to the last one per key.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cubelog_log::Record;
use cubelog_memory::{
    Applied, Change, ContentFrom, CubeKey, CubeState, Cut, Event, IdMap, MemoryId, Position, PrincipalId, Timestamp,
    VersionChange, VersionNo,
};
use cubelog_views::{Batch, CubeRow, DeadRow, EdgeRow, MemoryRow, Shown, TurnRow, VersionRow, ViewError, ViewStore};

use crate::ports::{EmbedError, Embedder};

/// Content of a row, or where to find it.
enum Source {
    Here(Written),
    /// The row that shows this version of the memory, which an earlier batch wrote.
    Views(VersionNo),
}

/// A content with who wrote it and when that happened in the world.
#[derive(Clone)]
struct Written {
    content: Shown,
    actor: PrincipalId,
    occurred_at: Timestamp,
}

struct PendingMemory {
    cube: CubeKey,
    memory: cubelog_memory::Memory,
    source: Source,
    is_new: bool,
}

struct PendingVersion {
    row: VersionRow,
    source: Source,
}

#[derive(Default)]
pub struct Pending {
    pub upto: Cut,
    pub records: u64,
    memories: IdMap<MemoryId, PendingMemory>,
    versions: Vec<PendingVersion>,
    /// Where in `versions` a version's own content stands.
    contents: HashMap<(MemoryId, VersionNo), usize>,
    turns: Vec<TurnRow>,
    edges: Vec<EdgeRow>,
    cubes: HashMap<CubeKey, CubeRow>,
    dead: BTreeMap<Position, DeadRow>,
}

impl Pending {
    pub fn starting_at(upto: Cut) -> Self {
        Self { upto, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.records == 0
    }

    pub fn rows(&self) -> usize {
        self.versions.len() + self.edges.len() + self.cubes.len() + self.dead.len()
    }

    /// The record is accounted for, whatever it led to.
    pub fn cover(&mut self, position: Position) {
        self.upto.cover(position);
        self.records += 1;
    }

    pub fn dead(&mut self, row: DeadRow) {
        self.dead.insert(row.position, row);
    }

    pub fn dead_at(&self, position: Position) -> Option<&DeadRow> {
        self.dead.get(&position)
    }

    /// Takes in what one event changed. `state` is its cube after the event.
    pub fn add(&mut self, record: &Record, event: &Event, content: Option<Shown>, applied: Applied, state: &CubeState) {
        let written = content.map(|content| Written {
            content,
            actor: event.envelope.actor.clone(),
            occurred_at: event.envelope.occurred_at,
        });
        for change in applied.changes {
            match change {
                Change::Version(change) => self.version(record, event, written.clone(), *change),
                Change::Turn { memory, stream_index, occurred_at } => {
                    let content = written.as_ref().and_then(|written| written.content.clear());
                    self.turns.push(TurnRow {
                        cube: event.envelope.cube.clone(),
                        memory,
                        event: event.envelope.id,
                        stream_index,
                        session: content.and_then(|content| content.session.clone()),
                        speaker: content.and_then(|content| content.speaker.clone()),
                        source: content.and_then(|content| content.source.clone()),
                        occurred_at,
                        recorded_at: record.recorded_at,
                        position: record.position,
                    });
                }
                Change::Edge(edge) => self.edges.push(EdgeRow {
                    cube: event.envelope.cube.clone(),
                    edge,
                    event: event.envelope.id,
                    recorded_at: record.recorded_at,
                    position: record.position,
                }),
                Change::Cube => {
                    let row = CubeRow { state: cube_part(state), changed_at: record.recorded_at, changed: record.position };
                    self.cubes.insert(state.key.clone(), row);
                }
            }
        }
    }

    fn version(&mut self, record: &Record, event: &Event, written: Option<Written>, change: VersionChange) {
        let id = change.memory.id;
        let source = match (change.content, written) {
            (ContentFrom::Event, Some(written)) => Source::Here(written),
            (ContentFrom::Event, None) => Source::Views(change.version),
            (ContentFrom::Version(version), _) => self.earlier(id, version),
        };
        if !change.conflict {
            let for_memory = match &source {
                Source::Here(written) => Source::Here(written.clone()),
                Source::Views(version) => Source::Views(*version),
            };
            let is_new = change.is_new || self.memories.get(&id).is_some_and(|pending| pending.is_new);
            self.memories.insert(
                id,
                PendingMemory { cube: event.envelope.cube.clone(), memory: change.memory.clone(), source: for_memory, is_new },
            );
        } else {
            // The believed content stays; only the list of siblings grew.
            let (source, is_new) = match self.memories.remove(&id) {
                Some(pending) => (pending.source, pending.is_new),
                None => (self.earlier(id, change.memory.current), false),
            };
            self.memories
                .insert(id, PendingMemory { cube: event.envelope.cube.clone(), memory: change.memory.clone(), source, is_new });
        }
        let row = VersionRow {
            cube: event.envelope.cube.clone(),
            event: event.envelope.id,
            change: event.body.kind().to_owned(),
            actor: event.envelope.actor.clone(),
            occurred_at: event.envelope.occurred_at,
            recorded_at: record.recorded_at,
            position: record.position,
            version: change.version,
            parents: change.parents,
            conflict: change.conflict,
            subject: change.subject,
            fingerprint: change.fingerprint,
            valid: change.valid,
            content: Shown::Erased,
            reason: event.body.reason().map(str::to_owned),
            memory: change.memory,
        };
        if matches!(source, Source::Here(_)) {
            self.contents.entry((row.memory.id, row.version)).or_insert(self.versions.len());
        }
        self.versions.push(PendingVersion { row, source });
    }

    /// Content of an earlier version: from this batch if it is here, else from the views at commit time.
    fn earlier(&self, memory: MemoryId, version: VersionNo) -> Source {
        let here = self.contents.get(&(memory, version)).and_then(|index| self.versions.get(*index));
        match here {
            Some(PendingVersion { source: Source::Here(written), .. }) => Source::Here(written.clone()),
            _ => Source::Views(version),
        }
    }

    /// Resolves what earlier batches hold, embeds what is new and gives the batch to commit.
    pub async fn into_batch(mut self, views: &Arc<dyn ViewStore>, embedder: &Arc<dyn Embedder>) -> Result<Batch, BatchError> {
        let fetched = self.fetch(views).await?;
        let resolve = |source: Source, memory: MemoryId| match source {
            Source::Here(written) => Some(written),
            Source::Views(version) => fetched.get(&(memory, version)).cloned(),
        };

        let mut versions = Vec::with_capacity(self.versions.len());
        for PendingVersion { mut row, source } in self.versions.drain(..) {
            if let Some(written) = resolve(source, row.memory.id) {
                row.content = written.content;
            }
            versions.push(row);
        }
        let memories_are_new = self.memories.values().all(|pending| pending.is_new);
        let mut memories = Vec::with_capacity(self.memories.len());
        for (id, pending) in self.memories.drain() {
            let Some(written) = resolve(pending.source, id) else { continue };
            memories.push(MemoryRow {
                cube: pending.cube,
                memory: pending.memory,
                content: written.content,
                actor: written.actor,
                occurred_at: written.occurred_at,
                vector: None,
            });
        }
        // The order of a hash map is no order; rows go in the order of the log.
        memories.sort_by_key(|row| (row.memory.changed, row.memory.id));
        embed(&mut memories, embedder).await?;
        Ok(Batch {
            upto: self.upto,
            memories,
            memories_are_new,
            versions,
            turns: self.turns,
            edges: self.edges,
            cubes: {
                let mut cubes: Vec<CubeRow> = self.cubes.into_values().collect();
                cubes.sort_by(|a, b| a.state.key.cmp(&b.state.key));
                cubes
            },
            dead: self.dead.into_values().collect(),
        })
    }
}

impl Pending {
    /// Contents that earlier batches wrote and this one repeats: mostly current ones, which one look-up brings all together.
    async fn fetch(&self, views: &Arc<dyn ViewStore>) -> Result<HashMap<(MemoryId, VersionNo), Written>, BatchError> {
        let from_versions = self.versions.iter().map(|pending| (pending.row.memory.id, &pending.source));
        let from_memories = self.memories.values().map(|pending| (pending.memory.id, &pending.source));
        let wanted: Vec<(MemoryId, VersionNo)> = from_versions
            .chain(from_memories)
            .filter_map(|(memory, source)| match source {
                Source::Views(version) => Some((memory, *version)),
                Source::Here(_) => None,
            })
            .collect();
        let mut fetched = HashMap::new();
        if wanted.is_empty() {
            return Ok(fetched);
        }
        let mut ids: Vec<MemoryId> = wanted.iter().map(|(memory, _)| *memory).collect();
        ids.sort_unstable();
        ids.dedup();
        for row in views.memories(&ids).await? {
            let written = Written { content: row.content, actor: row.actor, occurred_at: row.occurred_at };
            fetched.insert((row.memory.id, row.memory.current), written);
        }
        for (memory, version) in wanted {
            if fetched.contains_key(&(memory, version)) {
                continue;
            }
            let row = views.version_content(memory, version).await?.ok_or(BatchError::Missing { memory, version })?;
            let written = Written { content: row.content, actor: row.actor, occurred_at: row.occurred_at };
            fetched.insert((memory, version), written);
        }
        Ok(fetched)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error(transparent)]
    Views(#[from] ViewError),
    #[error(transparent)]
    Embed(#[from] EmbedError),
    #[error("views have no content of memory {memory} version {version}; run `cubelog rebuild`")]
    Missing { memory: MemoryId, version: VersionNo },
}

/// The text whose vector stands for a memory. The speaker is a field and no part of it: small encoders fix on names.
pub fn embedding_text(content: &cubelog_memory::Content) -> String {
    match content.caption.as_deref() {
        Some(caption) if !caption.trim().is_empty() => format!("{} [{}]", content.text, caption),
        _ => content.text.clone(),
    }
}

async fn embed(rows: &mut [MemoryRow], embedder: &Arc<dyn Embedder>) -> Result<(), EmbedError> {
    if embedder.dim() == 0 {
        return Ok(());
    }
    let (indexes, texts): (Vec<usize>, Vec<String>) = rows
        .iter()
        .enumerate()
        .filter_map(|(index, row)| row.content.clear().map(|content| (index, embedding_text(content))))
        .unzip();
    if texts.is_empty() {
        return Ok(());
    }
    let embedder = embedder.clone();
    let vectors = tokio::task::spawn_blocking(move || {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        embedder.embed(&texts)
    })
    .await
    .map_err(|error| EmbedError(Box::new(error)))??;
    for (index, vector) in indexes.into_iter().zip(vectors) {
        rows[index].vector = Some(Arc::from(vector));
    }
    Ok(())
}

/// A cube without its memories: what its row holds.
pub fn cube_part(state: &CubeState) -> CubeState {
    CubeState {
        key: state.key.clone(),
        owner: state.owner.clone(),
        visibility: state.visibility,
        auditable: state.auditable,
        created_at: state.created_at,
        grants: state.grants.clone(),
        policies: state.policies.clone(),
        holds: state.holds.clone(),
        erasures: state.erasures.clone(),
        memories: Default::default(),
        modules: state.modules.clone(),
        blocks: state.blocks.clone(),
        reviews: state.reviews.clone(),
        seen: Default::default(),
        cube_events: state.cube_events.clone(),
    }
}
