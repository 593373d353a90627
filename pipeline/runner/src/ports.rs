//! What the runner needs from outside beside the log and the views: time, ids, vectors, and new view stores.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cubelog_memory::Timestamp;
use cubelog_views::{ViewError, ViewStore};
use uuid::Uuid;

/// The wall clock.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// Source of new ids: UUIDv7, so that they sort by time.
pub trait Ids: Send + Sync + 'static {
    fn next(&self) -> Uuid;
}

/// Texts to unit vectors. Called on a blocking thread.
pub trait Embedder: Send + Sync + 'static {
    /// Names the model and everything that changes its numbers; stored with the views.
    fn identity(&self) -> &str;
    /// Length of the vectors; 0 if there is no encoder, and then search is by text alone.
    fn dim(&self) -> usize;
    /// One vector of `dim` numbers for each text, in order.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;
    /// Tokens of a text by the encoder's tokenizer; about one for four bytes where there is none.
    fn tokens(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("embed texts: {0}")]
pub struct EmbedError(pub Box<dyn std::error::Error + Send + Sync>);

/// No encoder: memories are found by text alone.
pub struct NoEmbedder;

impl Embedder for NoEmbedder {
    fn identity(&self) -> &str {
        "none"
    }
    fn dim(&self) -> usize {
        0
    }
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        Ok(vec![Vec::new(); texts.len()])
    }
}

/// Two view stores differ in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDifference {
    pub table: String,
    pub rows_left: u64,
    pub rows_right: u64,
    /// Rows that are missing on one side or differ.
    pub differing: u64,
    /// Up to ten of them: key and what differs.
    pub examples: Vec<String>,
}

/// Makes view stores, so that the runner can rebuild beside the live one.
#[async_trait]
pub trait ViewFactory: Send + Sync + 'static {
    /// Opens the views in `dir`, empty if there are none. `writable` takes the writer's lock.
    async fn open(&self, dir: &Path, writable: bool) -> Result<Arc<dyn ViewStore>, ViewError>;

    /// Compares two stores that this factory made, table by table and row by row. Empty means equal.
    /// `ignore_log_places` leaves out positions and recorded times, so that views of different logs can be compared.
    async fn compare(
        &self,
        left: &Arc<dyn ViewStore>,
        right: &Arc<dyn ViewStore>,
        ignore_log_places: bool,
    ) -> Result<Vec<TableDifference>, ViewError>;
}
