//! Reading one table: a filter and columns in, record batches out.

use std::sync::Arc;

use arrow_array::RecordBatch;
use datafusion::logical_expr::Expr;
use futures::{Stream, StreamExt, TryStreamExt};
use lance::Dataset;
use lance::dataset::ProjectionRequest;

use crate::error::ViewError;
use crate::fault;
use crate::tables::Table;

/// Rows that match, some columns of them (`None`: all); `with_row_id` adds `_rowid`.
#[derive(Debug, Clone, Default)]
pub struct Read<'a> {
    pub filter: Option<Expr>,
    pub columns: Option<&'a [&'a str]>,
    pub with_row_id: bool,
}

impl<'a> Read<'a> {
    pub fn rows(filter: impl Into<Option<Expr>>) -> Self {
        Self { filter: filter.into(), columns: None, with_row_id: false }
    }

    pub fn columns(mut self, columns: &'a [&'a str]) -> Self {
        self.columns = Some(columns);
        self
    }

    pub fn row_id(mut self) -> Self {
        self.with_row_id = true;
        self
    }

    /// The matching rows as a stream of batches, in no particular order.
    pub async fn stream(
        self,
        table: Table,
        dataset: &Arc<Dataset>,
    ) -> Result<impl Stream<Item = Result<RecordBatch, ViewError>> + Send + Unpin + use<>, ViewError> {
        let mut scanner = dataset.scan();
        if let Some(filter) = self.filter {
            scanner.filter_expr(filter);
        }
        if let Some(columns) = self.columns {
            scanner.project(columns).map_err(|source| fault::store("read", table, source))?;
        }
        if self.with_row_id {
            scanner.with_row_id();
        }
        scanner.scan_in_order(false);
        let stream = scanner.try_into_stream().await.map_err(|source| fault::store("read", table, source))?;
        Ok(stream.map(move |batch| batch.map_err(|source| fault::store("read", table, source))))
    }

    pub async fn collect(self, table: Table, dataset: &Arc<Dataset>) -> Result<Vec<RecordBatch>, ViewError> {
        self.stream(table, dataset).await?.try_collect().await
    }
}

/// The rows with these row ids, in their order.
pub async fn take(
    table: Table,
    dataset: &Arc<Dataset>,
    rows: &[u64],
    columns: Option<&[&str]>,
) -> Result<RecordBatch, ViewError> {
    let projection = match columns {
        Some(columns) => ProjectionRequest::from_columns(columns, dataset.schema()),
        None => ProjectionRequest::Schema(Arc::new(dataset.schema().clone())),
    };
    dataset.take_rows(rows, projection).await.map_err(|source| fault::store("read", table, source))
}
