//! Beliefs: what the memories of a cube amount to, and the settling of what contradicts.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::memory::VersionRef;

/// What is believed in a cube at a moment; now if no moment is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BeliefsRequest {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[param(ignore)]
    pub cube: String,
    /// Only what is said of this person, and of whoever is theirs (`ana`, `ana's sister`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What was known: a time or a cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What was true in the world: a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_at: Option<String>,
    /// Also what was believed before.
    #[serde(default)]
    pub history: bool,
    /// The answer must see everything below this cut; may stand in the header Cubelog-Token instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BeliefsResponse {
    pub tenant: String,
    pub cube: String,
    /// In the order of subjects and attributes.
    pub beliefs: Vec<BeliefLine>,
    /// What a person should look at: contradictions that nobody settled, and what is believed on weak grounds.
    pub review: Vec<Doubt>,
    /// The cut that the answer reflects.
    pub reflected: String,
}

/// Everything about one attribute of one subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BeliefLine {
    /// Lower case: a speaker, a named person, or whoever is theirs.
    #[schema(example = "ana")]
    pub subject: String,
    /// For example `home`, `employer`, `likes/coffee`, `name of/dog`.
    #[schema(example = "home")]
    pub attribute: String,
    /// Believed at the moment; several only where values stand side by side.
    pub current: Vec<Belief>,
    /// All of it in the order in which it was said, the current ones included; empty unless it was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<Belief>,
}

/// One value over its time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Belief {
    /// As it was said; `yes` or `no` where that is the question; absent for the end of whatever there was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// From when it holds in the world.
    #[schema(format = DateTime)]
    pub since: String,
    /// Until when (exclusive); absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// 0 to 1.
    pub confidence: f32,
    /// It was taken back and never held.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// What a later statement does to it: `changes`, `corrects` or `contradicts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub displaced: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The memories behind it, in the order in which they were said.
    pub cited: Vec<Cited>,
}

/// A statement that a belief rests on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cited {
    #[schema(format = "uuid")]
    pub memory: String,
    pub version: u32,
    pub speaker: String,
    #[schema(format = DateTime)]
    pub said_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// Something that a person should look at.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Doubt {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Absent where the later statement is weak by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Cited>,
    pub later: Cited,
    pub reason: String,
}

/// Settles which of several memories is believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveBeliefRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// The memory that is believed, in the version that this was decided over.
    pub memory: VersionRef,
    /// The others.
    pub over: Vec<VersionRef>,
    /// `replaces` (default): it is believed in place of the others; `coexists`: all of them stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// From when on it is believed in their place; from where its own validity begins, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub since: Option<String>,
    /// Why; it stands on the log in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
