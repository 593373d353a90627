//! Read-only SQL over the views and the event log: one statement, bounded in time, memory and rows, and only what the caller may read.

mod bounded;
mod error;
mod events_table;
mod guard;
mod reach;
mod render;
mod run;
mod session;
mod statement;
#[cfg(test)]
mod tests;

use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cubelog_memory::{CubeKey, TenantId};

pub use error::SqlError;
pub use render::{to_cells, to_csv, to_json_rows};
pub use run::query;

/// Longest statement, in bytes.
pub const SQL_BYTES_MAX: usize = 64 * 1024;
/// Deepest nesting of expressions in a statement; a chain of `OR`s or `+`s nests as deep as it is long. Planning takes time that grows
/// with the square of it and cannot be interrupted.
pub const EXPRESSION_DEPTH_MAX: usize = 512;
/// Most `SELECT`s and tables in a statement, for the same reason.
pub const SOURCES_MAX: usize = 128;
/// Most queries that run at the same time in this process; others wait, and their waiting counts as their time.
pub const QUERIES_AT_ONCE_MAX: usize = 4;

/// What a caller may read and how much a query may cost.
#[derive(Debug, Clone)]
pub struct SqlOptions {
    /// Only rows of this tenant; `None` reads all tenants and the tables that belong to none.
    pub tenant: Option<TenantId>,
    /// Only rows of these cubes; `None` is every cube within `tenant`. An empty list reads nothing.
    pub cubes: Option<Vec<CubeKey>>,
    /// Rows in the answer; more are cut off and the answer says so.
    pub rows_max: usize,
    /// What operators and the answer may hold at once, and what one call of a function may make.
    pub memory_bytes_max: usize,
    /// From the call to the answer, waiting included.
    pub timeout: Duration,
    /// Threads that a query computes on.
    pub threads: usize,
}

impl Default for SqlOptions {
    /// Everything that is there, 10,000 rows, 256 MiB, 30 seconds, two threads.
    fn default() -> Self {
        Self {
            tenant: None,
            cubes: None,
            rows_max: 10_000,
            memory_bytes_max: 256 * 1024 * 1024,
            timeout: Duration::from_secs(30),
            threads: 2,
        }
    }
}

/// The answer to a statement. Column names are unique.
#[derive(Debug, Clone)]
pub struct SqlAnswer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
    /// There were more than `rows_max` rows.
    pub truncated: bool,
    /// What the reader should know, in sentences: records of the log that could not be decoded and are missing from `events`.
    pub notes: Vec<String>,
}

impl SqlAnswer {
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}
