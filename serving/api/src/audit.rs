//! Audit of a memory: who changed it, and who was shown it.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::memory::VersionRef;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditRequest {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[param(ignore)]
    pub memory: String,
    /// Most rows of one answer; over HTTP 1,000 if absent and at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditWritesResponse {
    #[schema(format = "uuid")]
    pub memory: String,
    pub writes: Vec<AuditWrite>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One change to the memory, without its content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditWrite {
    pub tenant: String,
    pub cube: String,
    #[schema(format = "uuid")]
    pub event: String,
    /// Kind of the event.
    pub change: String,
    pub actor: String,
    #[schema(format = DateTime)]
    pub occurred_at: String,
    #[schema(format = DateTime)]
    pub recorded_at: String,
    pub position: String,
    /// The version whose content the memory has after it (or the sibling that it made).
    pub version: u32,
    pub lifecycle: String,
    #[serde(default)]
    pub conflict: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<VersionRef>,
    pub fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditReadsResponse {
    #[schema(format = "uuid")]
    pub memory: String,
    pub reads: Vec<AuditRead>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One read that showed the memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditRead {
    #[schema(format = "uuid")]
    pub access: String,
    pub tenant: String,
    pub cube: String,
    pub principal: String,
    /// `search`, `get`, `history`, `state`, `context`, `chat`, `export`, `sql` or `audit`.
    pub purpose: String,
    #[schema(format = DateTime)]
    pub at: String,
    /// Keyed hash of the query: equal queries are equal, and none can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Versions of the memory that were shown.
    pub versions: Vec<u32>,
    /// How many memories the read showed in all.
    pub shown: u32,
    pub position: String,
    #[schema(format = DateTime)]
    pub recorded_at: String,
}
