//! Changes to memories: record, revise, merge, relate, move, tag, expire, resolve; and the answer to every change.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::memory::VersionRef;

/// What the content of a memory is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// At most 256 KiB.
    pub text: String,
    /// Who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// Describes an image that belongs to the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The source's own id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Writes a new memory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRequest {
    /// Name within the caller's tenant, or `tenant/cube`.
    pub cube: String,
    /// Id to give it; a new one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub memory: Option<String>,
    pub content: Content,
    /// Pseudonym of the person it is about; the speaker if absent, else the cube itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// `fact`, `preference`, `event`, `profile`, `procedure`, `turn` or `note` (default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semantic: Option<String>,
    /// Where it belongs: task/concept/fact, one to three segments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// `public`, `internal` (default), `personal` or `secret`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<String>,
    /// `untrusted`, `unverified` (default) or `trusted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// -100 (least) to 100 (most).
    #[serde(default)]
    pub priority: i32,
    /// End of its lifespan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// From when it holds in the world; when it occurred, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub valid_from: Option<String>,
    /// Until when it holds (exclusive).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub valid_to: Option<String>,
    /// What it was derived from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<VersionRef>,
    /// When it happened in the world; now if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub occurred_at: Option<String>,
}

/// Gives a memory new content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviseRequest {
    pub cube: String,
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    /// The version that the new content was written over; may stand in the header If-Match instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    pub content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub valid_from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub valid_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub occurred_at: Option<String>,
}

/// Makes several memories one: the memory gets new content, and the sources stand as merged into it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeRequest {
    pub cube: String,
    /// The memory that remains; taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    /// The version of it that the content was written over; may stand in the header If-Match instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    pub sources: Vec<VersionRef>,
    pub content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub occurred_at: Option<String>,
}

/// States or withdraws a relation from one memory to another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RelateRequest {
    pub cube: String,
    /// Where the relation starts; taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    /// Where it leads.
    #[schema(format = "uuid")]
    pub to: String,
    /// `derived-from`, `follows`, `related`, `mentions`, `contradicts` or `supports`.
    pub relation: String,
    /// 0 to 1; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f32>,
    #[serde(default)]
    pub withdrawn: bool,
}

/// Moves a memory through its lifecycle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    pub cube: String,
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    /// `activated`, `archived` or `frozen`.
    pub to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Puts labels on a memory and takes labels off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TagRequest {
    pub cube: String,
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// Ends a memory's lifespan: it leaves ordinary reads.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpireRequest {
    pub cube: String,
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Settles sibling versions: the winner becomes current.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveRequest {
    pub cube: String,
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    /// The current version that the decision was taken over; may stand in the header If-Match instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    pub winner: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What the log made of a change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WriteResponse {
    /// Id of the event.
    #[schema(format = "uuid")]
    pub event: String,
    /// Where it stands on the log.
    #[schema(example = "0:1841")]
    pub position: String,
    #[schema(format = DateTime)]
    pub recorded_at: String,
    /// `applied`, `repeated` (done before, this is the first answer again), `conflict` or `refused`.
    pub effect: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub memory: Option<String>,
    /// The version that the change made, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// Hand it to a read that must see this write.
    #[schema(example = "0:1842")]
    pub token: String,
}
