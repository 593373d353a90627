//! Queries of `dead`.

use std::sync::Arc;

use lance::Dataset;

use super::row;
use crate::error::ViewError;
use crate::read::Read;
use crate::rows::DeadRow;
use crate::tables::Table;

/// The merge key.
pub const KEY: &[&str] = &["log_partition", "log_offset"];

/// Oldest first.
pub async fn list(dataset: &Arc<Dataset>) -> Result<Vec<DeadRow>, ViewError> {
    let mut rows = Vec::new();
    for batch in Read::rows(None).collect(Table::Dead, dataset).await? {
        rows.extend(row::from_batch(&batch)?);
    }
    rows.sort_by_key(|row| (row.recorded_at, row.position));
    Ok(rows)
}
