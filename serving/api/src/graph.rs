//! The graph of a cube and where its memories belong; and everything about something in the order of time.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::memory::Memory;
use crate::search::Filter;

/// Where the memories of a cube belong.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TreeRequest {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[param(ignore)]
    pub cube: String,
    /// Only this path and what is below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Levels: 1 shows tasks, 2 concepts too, 3 (default) facts too; more shows no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<u32>,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TreeResponse {
    pub tenant: String,
    pub cube: String,
    /// Every branch before what is below it, larger ones first.
    pub branches: Vec<Branch>,
    /// Memories in all, below the path that was asked for.
    pub memories: u64,
    /// The cut that the answer reflects.
    pub reflected: String,
}

/// A task, a concept of it, or a fact of that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Branch {
    #[schema(example = "travel/rome/likes")]
    pub path: String,
    /// Memories there and below.
    pub memories: u64,
    /// How many of these were put there by somebody; the others by what they say.
    pub given: u64,
}

/// Memories, entities, and the edges between them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GraphRequest {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[param(ignore)]
    pub cube: String,
    /// Only what touches this entity: a name, a title, a thing, or its id; all of the cube if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GraphResponse {
    pub tenant: String,
    pub cube: String,
    /// The oldest first.
    pub memories: Vec<Memory>,
    /// By kind and key.
    pub entities: Vec<Entity>,
    /// By kind, and by what they join.
    pub edges: Vec<Edge>,
    /// The cut that the answer reflects.
    pub reflected: String,
}

/// Something that memories mention, or somebody who said them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entity {
    /// The same for the same entity in every graph of the cube.
    #[schema(format = "uuid")]
    pub entity: String,
    /// `name`, `title`, `thing`, `hashtag` or `host`.
    pub kind: String,
    /// The same for all ways to write it.
    #[schema(example = "support group")]
    pub key: String,
    /// As it is written most often.
    pub name: String,
    /// Memories that mention it.
    pub mentions: u32,
}

/// What one node is to another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Edge {
    /// `mentions` and `said-by` (memory to entity), `co-occurs` (entity to entity); between memories `next-in-session`, `supersedes`,
    /// `restates`, `disputes`, and what was stated: `derived-from`, `follows`, `related`, `mentions`, `contradicts`, `supports`.
    pub kind: String,
    #[schema(format = "uuid")]
    pub from: String,
    #[schema(format = "uuid")]
    pub to: String,
    /// In how many memories both are mentioned, for `co-occurs`; for the others 0 to 1.
    pub weight: f32,
}

/// Everything about something, in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TimelineRequest {
    /// "Melanie", "the support group in March": names of speakers mean what they said and what names them, dates narrow the time, and
    /// every other word with content must occur. Everything if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Where to look; every cube that the caller may read if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cubes: Vec<String>,
    /// `since` and `until` are the beginning and the end of the time.
    #[serde(default)]
    pub filter: Filter,
    /// When it is asked, for what it says of time; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub asked_at: Option<String>,
    /// Memories in one page, at most 1,000 (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineResponse {
    /// The oldest first, by when they are true from and then in the order of the stream.
    pub memories: Vec<Memory>,
    /// Memories on all pages.
    pub total: u64,
    /// What it was understood to be about.
    pub understood: Understood,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
    /// The cut that the answer reflects.
    pub reflected: String,
    /// What it is to be about was longer than the limit of 8 KiB and was cut.
    #[serde(default)]
    pub query_cut: bool,
}

/// A text as it was understood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Understood {
    /// Who said it or is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
    /// Words that must occur.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// Times that it must fall into: from inclusive, to exclusive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Span>,
}

/// From inclusive, to exclusive.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    #[schema(format = DateTime)]
    pub from: String,
    #[schema(format = DateTime)]
    pub to: String,
}
