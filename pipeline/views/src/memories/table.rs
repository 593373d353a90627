//! Queries of `memories`, except search.

use std::sync::Arc;

use cubelog_memory::{CubeKey, Memory, MemoryId, SubjectId};
use datafusion::prelude::{col, lit};
use lance::Dataset;

use super::row;
use crate::columns::BatchReader;
use crate::error::ViewError;
use crate::filter;
use crate::parts::PACKED_STATE;
use crate::read::Read;
use crate::rows::MemoryRow;
use crate::tables::Table;

const TABLE: Table = Table::Memories;

/// Most ids in one predicate.
pub const IDS_IN_ONE_QUERY: usize = 1_000;

/// The merge key.
pub const KEY: &[&str] = &["memory"];

/// A row that comes from later in the log replaces one from earlier, never the other way round.
pub const NEWER: &str = "source.log_offset > target.log_offset";

pub async fn by_id(dataset: &Arc<Dataset>, ids: &[MemoryId]) -> Result<Vec<MemoryRow>, ViewError> {
    let mut rows = Vec::with_capacity(ids.len());
    let columns: Vec<&str> = row::COLUMNS.iter().copied().filter(|name| dataset.schema().field(name).is_some()).collect();
    for ids in ids.chunks(IDS_IN_ONE_QUERY) {
        let read = Read::rows(filter::memories("memory", ids)).columns(&columns);
        for batch in read.collect(TABLE, dataset).await? {
            rows.extend(row::from_batch(&batch)?);
        }
    }
    Ok(rows)
}

/// The states of all memories of a cube, without content.
pub async fn states(dataset: &Arc<Dataset>, cube: &CubeKey) -> Result<Vec<Memory>, ViewError> {
    let mut states = Vec::new();
    for batch in Read::rows(filter::cube(cube)).columns(&[PACKED_STATE]).collect(TABLE, dataset).await? {
        states.extend(row::states_from_batch(&batch)?);
    }
    Ok(states)
}

/// Subjects whose content is still in clear in `table` (`memories` or `versions`).
pub async fn subjects_in_clear(table: Table, dataset: &Arc<Dataset>) -> Result<std::collections::BTreeSet<SubjectId>, ViewError> {
    use futures::TryStreamExt;
    let mut subjects = std::collections::BTreeSet::new();
    let mut batches = Read::rows(col("erased").eq(lit(false))).columns(&["subject"]).stream(table, dataset).await?;
    while let Some(batch) = batches.try_next().await? {
        let reader = BatchReader::new(table.name(), &batch);
        let column = reader.text("subject")?;
        for subject in column.iter().flatten() {
            if !subjects.contains(subject) {
                subjects.insert(SubjectId::new(subject).map_err(|error| reader.damaged(error))?);
            }
        }
    }
    Ok(subjects)
}
