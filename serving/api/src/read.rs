//! Reads over both times: get, history, state, diff.
//!
//! `at` asks what was known: a time (everything recorded up to it) or a cut (everything below it). `valid_at` asks what was
//! true in the world at that time, going by what was known.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::memory::MemoryVersion;

/// One memory at a moment; now if no moment is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GetRequest {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[param(ignore)]
    pub memory: String,
    /// The cube it is in; any cube that the caller may read if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cube: Option<String>,
    /// What was known: a time or a cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What was true in the world: a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_at: Option<String>,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Every step of a memory's chain, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryRequest {
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

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HistoryResponse {
    #[schema(format = "uuid")]
    pub memory: String,
    pub versions: Vec<MemoryVersion>,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Every memory of a cube at a moment; now if no moment is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StateRequest {
    pub cube: String,
    /// What was known: a time or a cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What was true in the world: a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_at: Option<String>,
    /// Also archived, merged and expired memories.
    #[serde(default)]
    pub include_hidden: bool,
    /// Most rows of one answer; over HTTP 1,000 if absent and at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// In the order of the stream.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateResponse {
    pub tenant: String,
    pub cube: String,
    pub memories: Vec<MemoryVersion>,
    /// How many memories there are on all pages.
    pub total: u64,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// What differs in a cube between two moments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffRequest {
    pub cube: String,
    /// What was known before: a time or a cut; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What was known after: a time or a cut; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_valid_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_valid_at: Option<String>,
    /// Compare the cube as it stands with this replay instead of with another moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// Most differences of one answer; over HTTP 1,000 if absent and at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the answer before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DiffResponse {
    pub tenant: String,
    pub cube: String,
    pub differences: Vec<Difference>,
    /// How many differences there are on all pages.
    pub total: u64,
    /// Where the next page starts; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// One memory between two moments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// `added`, `removed` or `changed`.
    pub change: String,
    #[schema(format = "uuid")]
    pub memory: String,
    /// What differs, for `changed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<MemoryVersion>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<MemoryVersion>,
}
