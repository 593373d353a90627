//! Queries of `edges`.

use std::collections::HashMap;
use std::sync::Arc;

use cubelog_memory::{CubeKey, MemoryId, Relation};
use datafusion::prelude::{col, lit};
use lance::Dataset;

use super::row;
use crate::error::ViewError;
use crate::filter;
use crate::memories::table::IDS_IN_ONE_QUERY;
use crate::read::Read;
use crate::rows::EdgeRow;
use crate::tables::Table;

/// Edges in force that touch one of these memories, ordered by (from, to, relation).
pub async fn touching(dataset: &Arc<Dataset>, cube: &CubeKey, ids: &[MemoryId]) -> Result<Vec<EdgeRow>, ViewError> {
    let mut rows = Vec::new();
    for ids in ids.chunks(IDS_IN_ONE_QUERY) {
        let touches = filter::memories("from_memory", ids).or(filter::memories("to_memory", ids));
        for batch in Read::rows(touches.and(filter::cube(cube))).collect(Table::Edges, dataset).await? {
            rows.extend(row::from_batch(&batch)?);
        }
    }
    Ok(in_force(rows))
}

/// What these memories were derived from, as (memory, source).
pub async fn sources(dataset: &Arc<Dataset>, ids: &[MemoryId]) -> Result<Vec<(MemoryId, MemoryId)>, ViewError> {
    let mut rows = Vec::new();
    for ids in ids.chunks(IDS_IN_ONE_QUERY) {
        let derived = filter::memories("from_memory", ids).and(col("relation").eq(lit(Relation::DerivedFrom.word())));
        for batch in Read::rows(derived).collect(Table::Edges, dataset).await? {
            rows.extend(row::from_batch(&batch)?);
        }
    }
    Ok(in_force(rows).into_iter().map(|row| (row.edge.from, row.edge.to)).collect())
}

/// Every statement and withdrawal of a contradiction in a cube, oldest first.
pub async fn contradictions(dataset: &Arc<Dataset>, cube: &CubeKey) -> Result<Vec<EdgeRow>, ViewError> {
    let mut rows = Vec::new();
    for batch in Read::rows(Some(filter::cube(cube))).collect(Table::Edges, dataset).await? {
        rows.extend(row::from_batch(&batch)?);
    }
    rows.retain(|row| row.edge.relation == Relation::Contradicts);
    rows.sort_by_key(|row| row.position);
    Ok(rows)
}

/// The newest row of each relation, unless it withdraws it.
pub fn in_force(rows: Vec<EdgeRow>) -> Vec<EdgeRow> {
    let mut newest: HashMap<(MemoryId, MemoryId, Relation), EdgeRow> = HashMap::new();
    for row in rows {
        let key = (row.edge.from, row.edge.to, row.edge.relation);
        if newest.get(&key).is_none_or(|other| other.position <= row.position) {
            newest.insert(key, row);
        }
    }
    let mut rows: Vec<EdgeRow> = newest.into_values().filter(|row| !row.edge.withdrawn).collect();
    rows.sort_by_key(|row| (row.edge.from, row.edge.to, row.edge.relation));
    rows
}
