//! Health and size of a running store.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusResponse {
    /// Version of the program.
    pub version: String,
    /// The log, for people.
    pub log: String,
    /// End of the log.
    pub end: String,
    /// What is folded.
    pub folded: String,
    /// What the views reflect.
    pub reflected: String,
    /// Records between the views and the end of the log.
    pub lag: u64,
    /// Names the model behind the vectors.
    pub embedder: String,
    /// Cubes that wait behind a dead letter.
    pub parked: u64,
    pub events_appended: u64,
    pub events_folded: u64,
    pub rows_committed: u64,
    pub searches: u64,
    /// Access events that are not on the log yet.
    pub access_pending: u64,
    /// Access events that were given up because too many were pending.
    pub access_dropped: u64,
    /// Why the projector stopped, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Long work that is running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<Work>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Work {
    /// `replay`, `verify` or `rebuild`.
    pub name: String,
    /// Records done.
    pub done: u64,
    /// Records in all, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// Whether the server is up, or ready.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthResponse {
    /// `up` or `ready`.
    pub status: String,
}

/// What this is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RootResponse {
    pub name: String,
    pub version: String,
    pub openapi: String,
}
