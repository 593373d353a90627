//! Upkeep of a cube: policies, holds, governance of single memories, forgetting, duplicates and taking a merge back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Sets a named policy of the cube; an empty document removes it. Only the cube's owner may.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// `forgetting` is checked before it is set.
    #[schema(example = "forgetting")]
    pub name: String,
    /// TOML.
    #[schema(example = "grace = \"30d\"\n\n[[rule]]\nsemantic = [\"turn\"]\nttl = \"365d\"\n")]
    pub document: String,
}

/// Places a legal hold: nothing in its scope expires, is archived by a policy or merged by a job. Only the cube's owner may.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// The memory that is held; the whole cube if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub memory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A hold that was placed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HoldResponse {
    /// By which it is lifted.
    #[schema(format = "uuid")]
    pub hold: String,
    /// Where the event stands on the log.
    #[schema(example = "0:1841")]
    pub position: String,
    /// Hand it to a read that must see this write.
    pub token: String,
}

/// Lifts a hold. Only the cube's owner may.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hold: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Changes how a memory may be used; fields that are absent stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GovernRequest {
    pub cube: String,
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub memory: String,
    /// A pinned memory does not expire until it is unpinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// End of its lifespan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub expires: Option<String>,
    /// As long as it is used: its worth halves in so many seconds without use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub half_life_s: Option<u64>,
    /// No lifespan of its own any more: the cube's policy speaks for it.
    #[serde(default)]
    pub keep: bool,
    /// -100 (least) to 100 (most).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Archives and expires what is due by the cube's policy and the lifespans of its memories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// Say what is due and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForgetResponse {
    pub dry_run: bool,
    pub archived: u64,
    pub expired: u64,
    /// Steps that another change came before.
    pub refused: u64,
    /// What was due, oldest memory first.
    pub moves: Vec<ForgetMove>,
    /// Hand it to a read that must see the result.
    pub token: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ForgetMove {
    #[schema(format = "uuid")]
    pub memory: String,
    /// `archive` or `expire`.
    pub step: String,
    pub reason: String,
}

/// Merges memories that are one statement.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DedupeRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// Say what would be merged and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DedupeResponse {
    pub dry_run: bool,
    /// Memories that live on in others now, or would.
    pub merged: u64,
    /// Groups that another change came before.
    pub refused: u64,
    pub groups: Vec<DuplicateGroup>,
    /// Hand it to a read that must see the result.
    pub token: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DuplicateGroup {
    /// The earliest, which remains.
    #[schema(format = "uuid")]
    pub into: String,
    /// The others, earliest first.
    pub sources: Vec<String>,
    /// `same`, `near` or `restated`: the weakest likeness between two of them.
    pub likeness: String,
    /// The merge, by which it can be taken back; absent where nothing was merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub event: Option<String>,
}

/// Takes a merge back.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoMergeRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// The event that merged.
    #[schema(format = "uuid")]
    pub event: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UndoMergeResponse {
    #[schema(format = "uuid")]
    pub into: String,
    /// Whether it says again what it said before; not if it was changed after the merge, and then it stays as it is.
    pub restored: bool,
    /// Memories that stand for themselves again, marked `kept-apart`.
    pub returned: Vec<String>,
    /// Hand it to a read that must see the result.
    pub token: String,
}
