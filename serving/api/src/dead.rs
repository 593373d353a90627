//! Dead letters: records that could not be decoded and behind which their cube waits.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadListResponse {
    pub dead: Vec<DeadLetter>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadLetter {
    #[schema(example = "0:1841")]
    pub position: String,
    #[schema(format = DateTime)]
    pub recorded_at: String,
    /// The record's key, `tenant/cube` when it is one.
    pub key: String,
    pub reason: String,
    /// `parked`, `retried` or `discarded`.
    pub status: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub handled_at: Option<String>,
}

/// Decodes the record once more, with what this program knows now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadRetryRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub position: String,
}

/// Gives the record up, so that its cube goes on without it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadDiscardRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub position: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What was done is recorded on the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeadHandledResponse {
    pub position: String,
    /// `retried`, `discarded`, or `parked` if it still cannot be decoded.
    pub status: String,
    /// Why it could not be decoded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}
