//! A memory as it is shown: the state of one version with its metadata, and what made that version.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A version of a memory, named from outside its chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionRef {
    /// Id of the memory.
    #[schema(format = "uuid")]
    pub memory: String,
    /// Number of the version, from 1.
    pub version: u32,
}

/// When a statement holds in the world.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validity {
    /// Inclusive.
    #[schema(format = DateTime)]
    pub from: String,
    /// Exclusive; open if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub to: Option<String>,
}

/// A memory: what it says, and its metadata.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Memory {
    pub tenant: String,
    /// Name of the cube within the tenant.
    pub cube: String,
    /// Id of the memory; all its versions share it.
    #[schema(format = "uuid")]
    pub memory: String,
    /// The version whose content stands here.
    pub version: u32,
    /// The version that is believed; another one than `version` for a sibling in conflict.
    pub current: u32,
    /// What it says; null when it was erased.
    pub text: Option<String>,
    /// Its content was erased and nobody can read it any more.
    #[serde(default)]
    pub erased: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker: Option<String>,
    /// Describes an image that was shared with the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The session within the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The source's own id of the turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Pseudonym of the person that the content is about.
    pub subject: String,
    /// Who wrote the version.
    pub actor: String,
    /// When it happened in the world.
    #[schema(format = DateTime)]
    pub occurred_at: String,
    /// When the content holds in the world.
    pub valid: Validity,
    /// `plaintext`, `activation` or `parametric`.
    pub kind: String,
    /// `generated`, `activated`, `merged`, `archived` or `frozen`.
    pub lifecycle: String,
    /// `turn`, `fact`, `preference`, `event`, `profile`, `procedure` or `note`.
    pub semantic: String,
    /// Where it belongs: task/concept/fact. Derived from what it says where nobody gave it; versions as they were recorded (state,
    /// history, diff) have only what was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The path was not given but derived.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub path_derived: bool,
    #[serde(default)]
    pub tags: Vec<String>,
    /// `public`, `internal`, `personal` or `secret`.
    pub sensitivity: String,
    /// `untrusted`, `unverified` or `trusted`.
    pub trust: String,
    /// -100 (least) to 100 (most).
    pub priority: i32,
    /// The end of its lifespan; it is kept if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires: Option<String>,
    /// Its worth halves in this many seconds without use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life_s: Option<u64>,
    /// It does not expire until it is unpinned.
    #[serde(default)]
    pub pinned: bool,
    /// The form that it is served in: `plaintext`, `activation` or `parametric`.
    #[serde(default)]
    pub tier: String,
    /// The memory that is believed in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub superseded_by: Option<String>,
    /// Mark carried into everything derived from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// How it came to be: `ingest`, `api`, `cli`, `mcp`, `job`, `extraction` or `system`.
    pub origin: String,
    /// Place in its conversation stream, for turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream_index: Option<u64>,
    /// Versions that lost their precondition and wait for a resolution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub siblings: Vec<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub merged_into: Option<String>,
    /// When its lifespan ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expired_at: Option<String>,
    /// When the log recorded its first version.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When the log recorded the last change to it.
    #[schema(format = DateTime)]
    pub changed_at: String,
}

/// One step of a memory's chain: the memory after an event, and the event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemoryVersion {
    #[serde(flatten)]
    pub memory: Memory,
    /// Id of the event that made this step.
    #[schema(format = "uuid")]
    pub event: String,
    /// Kind of the event, for example `memory_revised`.
    pub change: String,
    /// When the log recorded the event.
    #[schema(format = DateTime)]
    pub recorded_at: String,
    /// Where the event stands on the log.
    #[schema(example = "0:1841")]
    pub position: String,
    /// Versions that this one came from; several after a merge or a resolution.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<VersionRef>,
    /// The version lost its precondition and is not the current one.
    #[serde(default)]
    pub conflict: bool,
    /// Keyed hash of the content: equal for equal content of one subject.
    pub fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
