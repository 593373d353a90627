//! Context for a prompt: a query and a budget in, a text with its citations out.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::search::{Filter, Hit};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContextRequest {
    /// At most 8 KiB; a longer one is cut, and the answer says so.
    pub query: String,
    /// Most tokens that the text may take; 1,000 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u32>,
    /// Where to look; every cube that the caller may read if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cubes: Vec<String>,
    /// Most memories, at most 200; 50 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    #[serde(default)]
    pub filter: Filter,
    /// When the query is asked, for what it says of time; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub asked_at: Option<String>,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ContextResponse {
    /// One memory a line: `[1] 2023-05-07 Ana: text`.
    pub text: String,
    /// What the text takes, by the encoder's tokenizer.
    pub tokens: u32,
    /// The memories in the order in which they stand; the first is `[1]`.
    pub cited: Vec<Hit>,
    /// Memories that were found and did not fit.
    pub left_out: u32,
    /// The cut that the answer reflects.
    pub reflected: String,
    /// The query was longer than the limit and was cut.
    #[serde(default)]
    pub query_cut: bool,
}
