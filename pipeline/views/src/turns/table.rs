//! Queries of `turns`; for the rest the stream is read through SQL and by the comparison.

use std::collections::HashMap;
use std::sync::Arc;

use cubelog_memory::MemoryId;
use lance::Dataset;

use crate::columns::BatchReader;
use crate::error::ViewError;
use crate::filter;
use crate::memories::table::IDS_IN_ONE_QUERY;
use crate::read::Read;
use crate::tables::Table;

/// What tells one row from another.
pub const KEY: &[&str] = &["memory", "event"];

/// Where turns stand in their streams; what is no turn is left out.
pub async fn places(dataset: &Arc<Dataset>, ids: &[MemoryId]) -> Result<HashMap<MemoryId, u64>, ViewError> {
    let mut places = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_IN_ONE_QUERY) {
        let read = Read::rows(filter::memories("memory", ids)).columns(&["memory", "stream_index"]);
        for batch in read.collect(Table::Turns, dataset).await? {
            let reader = BatchReader::new(Table::Turns.name(), &batch);
            let (memories, indices) = (reader.ids("memory")?, reader.u64("stream_index")?);
            for row in 0..reader.rows() {
                places.insert(memories.memory(row)?, indices.value(row));
            }
        }
    }
    Ok(places)
}
