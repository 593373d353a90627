//! Queries of `versions`: a memory's chain, and states at a moment in both times.

use std::sync::Arc;

use cubelog_memory::{CubeKey, EventId, IdSet, MemoryId, Validity, VersionNo};
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
use crate::port::StateQuery;
use crate::read::{Read, take};
use crate::rows::VersionRow;
use crate::tables::Table;

const TABLE: Table = Table::Versions;

/// What tells one row from another: an event changes a memory once.
pub const KEY: &[&str] = &["memory", "event"];

async fn rows(dataset: &Arc<Dataset>, filter: Expr) -> Result<Vec<VersionRow>, ViewError> {
    let mut rows = Vec::new();
    for batch in Read::rows(filter).collect(TABLE, dataset).await? {
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
    let mut found = Vec::new();
    if query.memories.is_empty() {
        let choices = glance(dataset, query, &[]).await?;
        found = fetch(dataset, choices).await?;
    } else {
        for ids in query.memories.chunks(IDS_IN_ONE_QUERY) {
            let choices = glance(dataset, query, ids).await?;
            found.extend(fetch(dataset, choices).await?);
        }
    }
    Ok(finish(found))
}

const NARROW: &[&str] =
    &["memory", "log_partition", "log_offset", "conflict", "valid_from", "valid_to", "lifecycle", "expired_at"];

async fn glance(dataset: &Arc<Dataset>, query: &StateQuery, ids: &[MemoryId]) -> Result<Vec<Choice<u64>>, ViewError> {
    // The index on memory finds a few rows; testing the cube on those costs nothing.
    let mut filter = filter::cube(&query.cube);
    if !ids.is_empty() {
        filter = filter::memories("memory", ids).and(filter);
    }
    if let Some(known) = filter::known(&query.known) {
        filter = filter.and(known);
    }
    let mut glances = Vec::new();
    let mut batches = Read::rows(filter).columns(NARROW).row_id().stream(TABLE, dataset).await?;
    while let Some(batch) = batches.try_next().await? {
        let reader = BatchReader::new(TABLE.name(), &batch);
        let (memories, positions) = (reader.ids("memory")?, reader.positions()?);
        let (conflict, from, to) = (reader.flag("conflict")?, reader.time("valid_from")?, reader.time("valid_to")?);
        let (lifecycle, expired_at) = (reader.text("lifecycle")?, reader.time("expired_at")?);
        let row_ids = reader.u64(lance::dataset::ROW_ID)?;
        glances.reserve(reader.rows());
        for row in 0..reader.rows() {
            glances.push(Glance {
                memory: memories.memory(row)?,
                position: positions.get(row),
                conflict: conflict.value(row),
                valid: Validity { from: from.get(row), to: to.maybe(row) },
                visible: expired_at.maybe(row).is_none() && !matches!(lifecycle.value(row), "merged" | "archived"),
                at: row_ids.value(row),
            });
        }
    }
    Ok(choose(glances, query.valid_at, query.include_hidden))
}

async fn fetch(dataset: &Arc<Dataset>, choices: Vec<Choice<u64>>) -> Result<Vec<(VersionRow, VersionRow)>, ViewError> {
    let mut ids: Vec<u64> = choices.iter().flat_map(|choice| [choice.shown, choice.last]).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let batch = take(TABLE, dataset, &ids, None).await?;
    let rows = row::from_batch(&batch)?;
    let place = |id: u64| ids.binary_search(&id).ok().and_then(|index| rows.get(index)).cloned();
    Ok(choices.into_iter().filter_map(|choice| Some((place(choice.shown)?, place(choice.last)?))).collect())
}
