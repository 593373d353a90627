//! Queries of `versions`: a memory's chain, and states at a moment in both times.

use std::sync::Arc;

use cubelog_memory::{CubeKey, EventId, IdSet, Memory, MemoryId, Timestamp, Validity, VersionNo};
use datafusion::logical_expr::Expr;
use datafusion::prelude::{col, lit};
use futures::TryStreamExt;
use lance::Dataset;

use super::choose::{Choice, Glance, choose, finish};
use super::row;
use crate::columns::BatchReader;
use crate::error::ViewError;
use crate::filter;
use crate::memories::table::IDS_IN_ONE_QUERY;
use crate::parts::{PACKED_CONTENT, PACKED_STATE};
use crate::port::{Known, StateQuery};
use crate::read::{Read, take};
use crate::rows::VersionRow;
use crate::tables::Table;

const TABLE: Table = Table::Versions;

/// What tells one row from another: an event changes a memory once.
pub const KEY: &[&str] = &["memory", "event"];

async fn rows(dataset: &Arc<Dataset>, filter: Expr) -> Result<Vec<VersionRow>, ViewError> {
    let mut rows = Vec::new();
    for batch in Read::rows(filter).columns(row::COLUMNS).collect(TABLE, dataset).await? {
        rows.extend(row::from_batch(&batch)?);
    }
    rows.sort_by_key(|row| row.position);
    Ok(rows)
}

/// Oldest first.
pub async fn history(dataset: &Arc<Dataset>, memory: MemoryId) -> Result<Vec<VersionRow>, ViewError> {
    rows(dataset, filter::memories("memory", &[memory])).await
}

/// The earliest row that shows the content of this version.
pub async fn content(dataset: &Arc<Dataset>, memory: MemoryId, version: VersionNo) -> Result<Option<VersionRow>, ViewError> {
    let filter = filter::memories("memory", &[memory]).and(col("version").eq(lit(version)));
    Ok(rows(dataset, filter).await?.into_iter().next())
}

/// The row that the event made; a merge makes several, of which the one with the parents is meant.
pub async fn of_event(dataset: &Arc<Dataset>, event: EventId) -> Result<Option<VersionRow>, ViewError> {
    let rows = rows(dataset, filter::event(event)).await?;
    Ok(rows.into_iter().max_by_key(|row| (row.parents.len(), std::cmp::Reverse(row.memory.id))))
}

/// Adds the ids of all events of a cube that made rows here.
pub async fn events(table: Table, dataset: &Arc<Dataset>, cube: &CubeKey, seen: &mut IdSet<EventId>) -> Result<(), ViewError> {
    let mut batches = Read::rows(filter::cube(cube)).columns(&["event"]).stream(table, dataset).await?;
    while let Some(batch) = batches.try_next().await? {
        let reader = BatchReader::new(table.name(), &batch);
        let events = reader.ids("event")?;
        seen.reserve(reader.rows());
        for row in 0..reader.rows() {
            seen.insert(events.event(row)?);
        }
    }
    Ok(())
}

/// States of some memories read their chains whole; those of a cube look at narrow columns first and then take one row a memory.
pub async fn state(dataset: &Arc<Dataset>, query: &StateQuery) -> Result<Vec<VersionRow>, ViewError> {
    if query.memories.is_empty() {
        return Ok(finish(of_cube(dataset, query).await?));
    }
    let mut found = Vec::new();
    for ids in query.memories.chunks(IDS_IN_ONE_QUERY) {
        found.extend(of_memories(dataset, query, ids).await?);
    }
    Ok(finish(found))
}

/// What was shown, with what was last known of the memory.
type Found = (VersionRow, Memory);

async fn of_memories(dataset: &Arc<Dataset>, query: &StateQuery, ids: &[MemoryId]) -> Result<Vec<Found>, ViewError> {
    // The index on memory finds the rows; all else is tested on them, because every further column costs a read.
    let mut rows = Vec::new();
    let read = Read::rows(filter::memories("memory", ids)).columns(&[PACKED_STATE]).row_id();
    for batch in read.collect(TABLE, dataset).await? {
        let row_ids = BatchReader::new(TABLE.name(), &batch).u64(lance::dataset::ROW_ID)?;
        rows.extend(row::without_content(&batch)?.into_iter().zip(row_ids.values().iter().copied()));
    }
    rows.retain(|(row, _)| row.cube == query.cube && is_known(row, &query.known));
    let glances = rows
        .iter()
        .enumerate()
        .map(|(at, (row, _))| Glance {
            memory: row.memory.id,
            position: row.position,
            conflict: row.conflict,
            valid: row.valid,
            visible: row.memory.is_visible(),
            at,
        })
        .collect();
    let choices = choose(glances, query.valid_at, query.include_hidden);
    let mut shown: Vec<u64> = choices.iter().map(|choice| rows[choice.shown].1).collect();
    shown.sort_unstable();
    if shown.is_empty() {
        return Ok(Vec::new());
    }
    let contents = row::contents(&take(TABLE, dataset, &shown, Some(&[PACKED_CONTENT])).await?)?;
    let content = |id: u64| shown.binary_search(&id).ok().and_then(|place| contents.get(place)).cloned();
    Ok(choices
        .into_iter()
        .filter_map(|choice| {
            let (row, id) = &rows[choice.shown];
            let row = VersionRow { content: content(*id)?, ..row.clone() };
            Some((row, rows[choice.last].0.memory.clone()))
        })
        .collect())
}

fn is_known(row: &VersionRow, known: &Known) -> bool {
    match known {
        Known::Now => true,
        Known::At(at) => row.recorded_at <= *at,
        Known::Below(cut) => cut.covers(row.position),
    }
}

async fn of_cube(dataset: &Arc<Dataset>, query: &StateQuery) -> Result<Vec<Found>, ViewError> {
    let choices = glance_at_cube(dataset, query).await?;
    let mut ids: Vec<u64> = choices.iter().flat_map(|choice| [choice.shown, choice.last]).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = row::from_batch(&take(TABLE, dataset, &ids, Some(row::COLUMNS)).await?)?;
    let place = |id: u64| ids.binary_search(&id).ok().and_then(|place| rows.get(place));
    Ok(choices
        .into_iter()
        .filter_map(|choice| Some((place(choice.shown)?.clone(), place(choice.last)?.memory.clone())))
        .collect())
}

async fn glance_at_cube(dataset: &Arc<Dataset>, query: &StateQuery) -> Result<Vec<Choice<u64>>, ViewError> {
    let filter = match filter::known(&query.known) {
        Some(known) => filter::cube(&query.cube).and(known),
        None => filter::cube(&query.cube),
    };
    let mut columns = vec!["memory", "log_partition", "log_offset", "conflict", "visible"];
    if query.valid_at.is_some() {
        columns.extend(["valid_from", "valid_to"]);
    }
    let mut glances = Vec::new();
    let mut batches = Read::rows(filter).columns(&columns).row_id().stream(TABLE, dataset).await?;
    while let Some(batch) = batches.try_next().await? {
        let reader = BatchReader::new(TABLE.name(), &batch);
        let (memories, positions) = (reader.ids("memory")?, reader.positions()?);
        let (conflict, visible) = (reader.flag("conflict")?, reader.flag("visible")?);
        let row_ids = reader.u64(lance::dataset::ROW_ID)?;
        let validity = match query.valid_at {
            Some(_) => Some((reader.time("valid_from")?, reader.time("valid_to")?)),
            None => None,
        };
        glances.reserve(reader.rows());
        for row in 0..reader.rows() {
            let valid = validity.map(|(from, to)| Validity { from: from.get(row), to: to.maybe(row) });
            glances.push(Glance {
                memory: memories.memory(row)?,
                position: positions.get(row),
                conflict: conflict.value(row),
                // Not looked at without `valid_at`.
                valid: valid.unwrap_or_else(|| Validity::since(Timestamp::default())),
                visible: visible.value(row),
                at: row_ids.value(row),
            });
        }
    }
    Ok(choose(glances, query.valid_at, query.include_hidden))
}
