//! Replay, verify and rebuild: long work over the whole log, for administrators.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Makes views from the log alone, beside the live ones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// Over HTTP a name, under which later requests speak of the replay; for a program on the same machine a directory,
    /// absent or empty.
    pub into: String,
    /// Stop there: a time or a cut; the end of the log if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What to leave out, as if it had never been written.
    #[serde(default)]
    pub without: Without,
}

/// Records that match any of these are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Without {
    /// Ids of events.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// `ingest`, `api`, `cli`, `mcp`, `job`, `extraction` or `system`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub origins: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<String>,
    /// Everything received from these: `tenant/cube` or a cube's name, with `/session` for one session of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
}

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplayResponse {
    /// Where the views are; absent for a rebuild, whose views are the live ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    pub records: u64,
    pub left_out: u64,
    /// Events that the log order left without effect.
    pub refused: u64,
    /// Records that could not be decoded.
    pub dead: u64,
    pub memories: u64,
    /// The cut up to which it read.
    pub until: String,
    pub elapsed_ms: f64,
}

/// Compares the live views with a fresh replay of the log, or with a replay that exists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyRequest {
    /// A replay to compare with (of this log or of another one with the same content) instead of a fresh one. Log places
    /// and recorded times are ignored then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerifyResponse {
    /// Every table has the same rows on both sides.
    pub equal: bool,
    /// The fresh replay, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayResponse>,
    #[serde(default)]
    pub differences: Vec<TableDifference>,
}

/// A table that differs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TableDifference {
    pub table: String,
    /// In the live views.
    pub rows_live: u64,
    /// On the other side.
    pub rows_other: u64,
    /// Rows that are missing on one side or differ.
    pub differing: u64,
    /// The first of them: key and what differs.
    #[serde(default)]
    pub examples: Vec<String>,
}
