//! Queries of `cubes`.

use std::sync::Arc;

use cubelog_memory::{CubeKey, TenantId};
use datafusion::prelude::{col, lit};
use lance::Dataset;

use super::row;
use crate::error::ViewError;
use crate::filter;
use crate::read::Read;
use crate::rows::CubeRow;
use crate::tables::Table;

/// The merge key.
pub const KEY: &[&str] = &["tenant", "cube"];
pub const NEWER: &str = "source.log_offset > target.log_offset";

pub async fn one(dataset: &Arc<Dataset>, cube: &CubeKey) -> Result<Option<CubeRow>, ViewError> {
    let batches = Read::rows(filter::cube(cube)).collect(Table::Cubes, dataset).await?;
    Ok(read(&batches)?.into_iter().next())
}

/// All cubes, or those of a tenant, ordered by name.
pub async fn list(dataset: &Arc<Dataset>, tenant: Option<&TenantId>) -> Result<Vec<CubeRow>, ViewError> {
    let filter = tenant.map(|tenant| col("tenant").eq(lit(tenant.as_str())));
    let mut rows = read(&Read::rows(filter).collect(Table::Cubes, dataset).await?)?;
    rows.sort_by(|a, b| a.state.key.cmp(&b.state.key));
    Ok(rows)
}

fn read(batches: &[arrow_array::RecordBatch]) -> Result<Vec<CubeRow>, ViewError> {
    let mut rows = Vec::new();
    for batch in batches {
        rows.extend(row::from_batch(batch)?);
    }
    Ok(rows)
}
