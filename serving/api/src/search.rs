//! Search: a query in, ranked memories out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::memory::Memory;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRequest {
    /// At most 8 KiB; a longer one is cut, and the answer says so.
    pub query: String,
    /// Where to look; every cube that the caller may read if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cubes: Vec<String>,
    /// How many hits, at most 1,000; 10 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub k: Option<u32>,
    #[serde(default)]
    pub filter: Filter,
    /// How hits are ordered: `cubelog` (everything that is known), `bm25`, `dense` or `rrf`; the first if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// When the query is asked, for what it says of time; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub asked_at: Option<String>,
    /// What was said just before the query, one turn a line, with `Name: ` in front or without; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<String>,
    /// 0 orders by worth alone; up to 1, memories that say nearly the same give way to others. 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diversity: Option<f32>,
    /// Terms of the score to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Which memories to look at; what is absent or empty filters nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub speakers: Vec<String>,
    /// Any of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<String>,
    /// Any of these: `turn`, `fact`, `preference`, `event`, `profile`, `procedure`, `note`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub semantic: Vec<String>,
    /// All of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// This path and everything below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Valid from this time on, or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// Valid from before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// Only turns with a smaller place in their stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_index: Option<u64>,
    /// Also archived, merged and expired memories.
    #[serde(default)]
    pub include_hidden: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SearchResponse {
    /// Best first.
    pub hits: Vec<Hit>,
    /// The cut that the answer reflects.
    pub reflected: String,
    /// The query was longer than the limit and was cut.
    #[serde(default)]
    pub query_cut: bool,
}

/// A memory that was found, with what made its score.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hit {
    /// From 1.
    pub rank: u32,
    pub score: f32,
    /// What the score is the sum of, by name: `meaning`, `words`, `beside`, `session`, `named`, `asker`, `time`, `question`,
    /// `assistant`, `recent`, `outdated`, `priority`. Terms that add nothing are absent.
    #[serde(default)]
    pub terms: BTreeMap<String, f32>,
    /// Why it passed: the cube that it is in, and one reason for each filter that was set. Empty in a context.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(example = json!(["in cube home/notes", "said by Ana"]))]
    pub passed: Vec<String>,
    #[serde(flatten)]
    pub memory: Memory,
}
