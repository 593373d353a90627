//! SQL, read only, over the views and the events that the caller may read.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SqlRequest {
    /// One SELECT (or EXPLAIN, SHOW, DESCRIBE).
    pub query: String,
    /// Most rows to answer; 1,000 if absent and at most 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// Most time to take in milliseconds; 30,000 if absent and at most 600,000. A server gives every request up after a time of
    /// its own, usually a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SqlResponse {
    pub columns: Vec<Column>,
    /// One object a row, with every column in order; nulls are written out.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<serde_json::Value>,
    /// There were more rows than the limit.
    pub truncated: bool,
    /// What the reader should know, in sentences: for example records of the log that could not be decoded and are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Column {
    pub name: String,
    /// Arrow's name of the type, for example `Utf8` or `Timestamp(Microsecond, Some("UTC"))`.
    pub data_type: String,
}
