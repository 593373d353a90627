//! `MemViews`: the views in memory, for fast tests and for simulating the runner. Search looks at every row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cubelog_beliefs::Claim;
use cubelog_memory::{CubeKey, CubeState, Cut, EventId, MemoryId, Position, Relation, SubjectId, TenantId};

use cubelog_recall::{Entry, Memories, Names, PartBuilder, Side};

use crate::edges::table::in_force;
use crate::error::ViewError;
use crate::port::{Batch, Filter, Found, Known, Scene, SearchQuery, StateQuery, TableStats, ViewStore};
use crate::rows::{CubeRow, DeadRow, EdgeRow, MemoryRow, Shown, TurnRow, VersionRow};
use crate::search;
use crate::versions::choose::{Glance, choose, finish};

#[derive(Debug, Default)]
struct Tables {
    cut: Cut,
    memories: BTreeMap<MemoryId, MemoryRow>,
    versions: BTreeMap<MemoryId, Vec<VersionRow>>,
    turns: Vec<TurnRow>,
    edges: Vec<EdgeRow>,
    cubes: BTreeMap<CubeKey, CubeRow>,
    dead: BTreeMap<Position, DeadRow>,
}

/// Views in memory; nothing survives them.
#[derive(Debug, Default)]
pub struct MemViews(Mutex<Tables>);

impl MemViews {
    pub fn new() -> Self {
        Self::default()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream, in the order in which it was committed.
    pub fn turns(&self) -> Vec<TurnRow> {
        self.tables().turns.clone()
    }
}

#[async_trait]
impl ViewStore for MemViews {
    fn reflected(&self) -> Cut {
        self.tables().cut.clone()
    }

    async fn commit(&self, batch: Batch) -> Result<(), ViewError> {
        let mut tables = self.tables();
        if tables.cut.includes(&batch.upto) {
            return Ok(());
        }
        if !batch.upto.includes(&tables.cut) {
            return Err(ViewError::Query(format!(
                "a batch up to {} would go back behind {}, which is reflected",
                batch.upto, tables.cut
            )));
        }
        for row in batch.memories {
            let newer = |old: &MemoryRow| old.memory.changed.offset < row.memory.changed.offset;
            if tables.memories.get(&row.memory.id).is_none_or(newer) {
                tables.memories.insert(row.memory.id, row);
            }
        }
        for row in batch.versions {
            let chain = tables.versions.entry(row.memory.id).or_default();
            chain.push(row);
            chain.sort_by_key(|row| row.position);
        }
        tables.turns.extend(batch.turns);
        tables.edges.extend(batch.edges);
        for row in batch.cubes {
            if tables.cubes.get(&row.state.key).is_none_or(|old| old.changed.offset < row.changed.offset) {
                tables.cubes.insert(row.state.key.clone(), row);
            }
        }
        tables.dead.extend(batch.dead.into_iter().map(|row| (row.position, row)));
        tables.cut = batch.upto;
        Ok(())
    }

    async fn load_cube(&self, cube: &CubeKey) -> Result<Option<CubeState>, ViewError> {
        let tables = self.tables();
        let mut state = tables.cubes.get(cube).map(|row| row.state.clone());
        for row in tables.memories.values().filter(|row| row.cube == *cube) {
            let state = state.get_or_insert_with(|| CubeState::new(cube.clone()));
            state.memories.insert(row.memory.id, row.memory.clone());
        }
        let Some(mut state) = state else { return Ok(None) };
        state.seen.extend(state.cube_events.iter().copied());
        state.seen.extend(tables.versions.values().flatten().filter(|row| row.cube == *cube).map(|row| row.event));
        state.seen.extend(tables.edges.iter().filter(|row| row.cube == *cube).map(|row| row.event));
        Ok(Some(state))
    }

    async fn memories(&self, ids: &[MemoryId]) -> Result<Vec<MemoryRow>, ViewError> {
        let tables = self.tables();
        let ids: BTreeSet<&MemoryId> = ids.iter().collect();
        Ok(ids.into_iter().filter_map(|id| tables.memories.get(id)).cloned().collect())
    }

    async fn version_content(&self, memory: MemoryId, version: u32) -> Result<Option<VersionRow>, ViewError> {
        let tables = self.tables();
        Ok(tables.versions.get(&memory).and_then(|chain| chain.iter().find(|row| row.version == version)).cloned())
    }

    async fn search(&self, query: SearchQuery) -> Result<Vec<Found>, ViewError> {
        if query.cubes.is_empty() || query.candidates == 0 || query.ask.k == 0 {
            return Ok(Vec::new());
        }
        let tables = self.tables();
        let rows: Vec<&MemoryRow> = tables.memories.values().collect();
        let (memories, names) = hold(&tables);
        let taken_from = taken_from(&tables);
        let place = |row: &MemoryRow| row.memory.stream_index.or_else(|| taken_from.get(&row.memory.id).copied());
        let passing = rows.iter().enumerate().filter(|(_, row)| passes(row, place(row), &query.filter));
        let admitted = passing.map(|(number, _)| number as u64);
        let (similar, wording) =
            (query.vector.as_deref().map_or(Side::No, Side::Held), query.text.as_deref().map_or(Side::No, Side::Held));
        let found = search::find_held(&memories, &names, &query, Some(admitted.collect()), similar, wording);
        let row = |spot| MemoryRow { vector: None, ..rows[memories.place(spot).row as usize].clone() };
        Ok(found.into_iter().map(|(spot, ranked)| Found { ranked, row: row(spot) }).collect())
    }

    async fn scene(&self, cubes: &[CubeKey]) -> Result<Scene, ViewError> {
        let tables = self.tables();
        let (memories, names) = hold(&tables);
        Ok(search::scene(&memories, &names, cubes))
    }

    async fn claims(&self, cube: &CubeKey) -> Result<Option<Vec<(MemoryId, Claim)>>, ViewError> {
        let tables = self.tables();
        let (memories, names) = hold(&tables);
        Ok(Some(search::claims(&memories, &names, cube)))
    }

    async fn history(&self, memory: MemoryId) -> Result<Vec<VersionRow>, ViewError> {
        Ok(self.tables().versions.get(&memory).cloned().unwrap_or_default())
    }

    async fn state(&self, query: StateQuery) -> Result<Vec<VersionRow>, ViewError> {
        let tables = self.tables();
        let rows: Vec<&VersionRow> = tables
            .versions
            .values()
            .flatten()
            .filter(|row| row.cube == query.cube)
            .filter(|row| query.memories.is_empty() || query.memories.contains(&row.memory.id))
            .filter(|row| match &query.known {
                Known::Now => true,
                Known::At(at) => row.recorded_at <= *at,
                Known::Below(cut) => cut.covers(row.position),
            })
            .collect();
        let glances = rows
            .iter()
            .enumerate()
            .map(|(at, row)| Glance {
                memory: row.memory.id,
                position: row.position,
                conflict: row.conflict,
                valid: row.valid,
                visible: row.memory.is_visible(),
                at,
            })
            .collect();
        let choices = choose(glances, query.valid_at, query.include_hidden);
        Ok(finish(choices.into_iter().map(|choice| (rows[choice.shown].clone(), rows[choice.last].memory.clone())).collect()))
    }

    async fn version_of_event(&self, event: EventId) -> Result<Option<VersionRow>, ViewError> {
        let tables = self.tables();
        let rows = tables.versions.values().flatten().filter(|row| row.event == event);
        Ok(rows.max_by_key(|row| (row.parents.len(), std::cmp::Reverse(row.memory.id))).cloned())
    }

    async fn edges(&self, cube: &CubeKey, memories: &[MemoryId]) -> Result<Vec<EdgeRow>, ViewError> {
        let touches = |row: &&EdgeRow| memories.contains(&row.edge.from) || memories.contains(&row.edge.to);
        Ok(in_force(self.tables().edges.iter().filter(|row| row.cube == *cube).filter(touches).cloned().collect()))
    }

    async fn contradictions(&self, cube: &CubeKey) -> Result<Vec<EdgeRow>, ViewError> {
        let tables = self.tables();
        let of_cube = tables.edges.iter().filter(|row| row.cube == *cube && row.edge.relation == Relation::Contradicts);
        let mut rows: Vec<EdgeRow> = of_cube.cloned().collect();
        rows.sort_by_key(|row| row.position);
        Ok(rows)
    }

    async fn cubes(&self, tenant: Option<&TenantId>) -> Result<Vec<CubeRow>, ViewError> {
        let tables = self.tables();
        Ok(tables.cubes.values().filter(|row| tenant.is_none_or(|tenant| row.state.key.tenant == *tenant)).cloned().collect())
    }

    async fn dead(&self) -> Result<Vec<DeadRow>, ViewError> {
        let mut rows: Vec<DeadRow> = self.tables().dead.values().cloned().collect();
        rows.sort_by_key(|row| (row.recorded_at, row.position));
        Ok(rows)
    }

    async fn subjects(&self) -> Result<Vec<SubjectId>, ViewError> {
        let tables = self.tables();
        let memories = tables.memories.values().filter(|row| row.content != Shown::Erased).map(|row| &row.memory.subject);
        let versions = tables.versions.values().flatten().filter(|row| row.content != Shown::Erased).map(|row| &row.subject);
        Ok(memories.chain(versions).cloned().collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn erase(&self, subjects: &[SubjectId]) -> Result<u64, ViewError> {
        let mut tables = self.tables();
        let Tables { memories, versions, turns, .. } = &mut *tables;
        let mut changed = 0;
        let mut firsts: BTreeSet<MemoryId> = BTreeSet::new();
        for row in versions.values_mut().flatten().filter(|row| subjects.contains(&row.subject)) {
            if row.version == 1 {
                firsts.insert(row.memory.id);
            }
            if row.content != Shown::Erased {
                row.content = Shown::Erased;
                changed += 1;
            }
        }
        for row in memories.values_mut().filter(|row| subjects.contains(&row.memory.subject)) {
            if row.content != Shown::Erased {
                row.content = Shown::Erased;
                row.vector = None;
                changed += 1;
            }
        }
        for row in turns.iter_mut().filter(|row| firsts.contains(&row.memory)) {
            if row.session.is_some() || row.speaker.is_some() || row.source.is_some() {
                (row.session, row.speaker, row.source) = (None, None, None);
                changed += 1;
            }
        }
        Ok(changed)
    }

    async fn maintain(&self) -> Result<Vec<String>, ViewError> {
        Ok(Vec::new())
    }

    async fn recover(&self) -> Result<Cut, ViewError> {
        Ok(self.reflected())
    }

    async fn stats(&self) -> Result<Vec<TableStats>, ViewError> {
        let tables = self.tables();
        let count = |table: &str, rows: usize| TableStats { table: table.to_owned(), rows: rows as u64, ..TableStats::default() };
        Ok(vec![
            count("versions", tables.versions.values().map(Vec::len).sum()),
            count("turns", tables.turns.len()),
            count("edges", tables.edges.len()),
            count("cubes", tables.cubes.len()),
            count("dead", tables.dead.len()),
            count("memories", tables.memories.len()),
        ])
    }
}

/// `place`: where it stands in its stream.
fn passes(row: &MemoryRow, place: Option<u64>, filter: &Filter) -> bool {
    let content = row.content.clear();
    let said = |field: Option<&String>, wanted: &[String]| wanted.is_empty() || field.is_some_and(|field| wanted.contains(field));
    let memory = &row.memory;
    (filter.include_hidden || memory.is_visible())
        && said(content.and_then(|content| content.speaker.as_ref()), &filter.speakers)
        && said(content.and_then(|content| content.session.as_ref()), &filter.sessions)
        && (filter.semantic.is_empty() || filter.semantic.contains(&memory.descriptive.semantic))
        && filter.tags.iter().all(|tag| memory.descriptive.tags.contains(tag))
        && filter.path.as_ref().is_none_or(|wanted| {
            let path = memory.descriptive.path.as_ref().map(ToString::to_string).unwrap_or_default();
            path == *wanted || path.starts_with(&format!("{wanted}/"))
        })
        && filter.since.is_none_or(|since| memory.valid.from >= since)
        && filter.until.is_none_or(|until| memory.valid.from < until)
        && filter.before_index.is_none_or(|index| place.is_some_and(|place| place < index))
}

/// Where the turns stand that memories were taken from, by the memory: of several the last.
fn taken_from(tables: &Tables) -> BTreeMap<MemoryId, u64> {
    let mut last = BTreeMap::new();
    for row in in_force(tables.edges.iter().filter(|row| row.edge.relation == Relation::DerivedFrom).cloned().collect()) {
        if let Some(place) = tables.memories.get(&row.edge.to).and_then(|source| source.memory.stream_index) {
            let known = last.entry(row.edge.from).or_insert(place);
            *known = place.max(*known);
        }
    }
    last
}

/// The rows as a search holds them; a row's number is its place.
fn hold(tables: &Tables) -> (Memories, Names) {
    let rows: Vec<&MemoryRow> = tables.memories.values().collect();
    let taken_from = taken_from(tables);
    let dim = rows.iter().find_map(|row| row.vector.as_ref().map(|vector| vector.len())).unwrap_or(0);
    let (mut part, mut names) = (PartBuilder::new(dim), Names::default());
    for (number, row) in rows.iter().enumerate() {
        let content = row.content.clear();
        let entry = Entry {
            memory: row.memory.id,
            row: number as u64,
            cube: &format!("{}/{}", row.cube.tenant, row.cube.cube),
            speaker: content.and_then(|content| content.speaker.as_deref()),
            session: content.and_then(|content| content.session.as_deref()),
            stream_index: row.memory.stream_index.or_else(|| taken_from.get(&row.memory.id).copied()),
            valid_from: row.memory.valid.from.micros(),
            priority: row.memory.governance.priority,
            visible: row.memory.is_visible(),
            superseded: row.memory.superseded.is_some(),
            text: content.map(|content| content.text.as_str()),
            caption: content.and_then(|content| content.caption.as_deref()),
            vector: row.vector.as_deref(),
        };
        part.push(&entry, &mut names);
    }
    (Memories { parts: vec![Arc::new(part.finish())] }, names)
}
