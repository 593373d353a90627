//! Learning from turns, and the settling of what contradicts: by written rules, or by the model that the server is set up with.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::memory::VersionRef;

/// Learns from the turns of a cube that were not read before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtractRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// What reads: `rules`, or the `model` of the server's settings. Absent: the model where there is one, else rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "rules")]
    pub with: Option<String>,
    /// Write nothing: tell what rules would record, or how many turns a model would be sent.
    #[serde(default)]
    pub dry_run: bool,
}

/// What an extraction did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExtractResponse {
    pub tenant: String,
    pub cube: String,
    /// Its name on the log.
    #[schema(example = "rules.1")]
    pub extractor: String,
    /// Turns that waited to be read, and in how many windows.
    pub turns: u64,
    pub windows: u64,
    /// Windows that were read, or left for another time.
    pub done: u64,
    pub failed: u64,
    /// Why some failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
    /// Outputs of an earlier run that were not settled then, and are now.
    pub resumed: u64,
    /// Statements that became memories, or would; that the cube knows already; that it could not take.
    pub recorded: u64,
    pub known: u64,
    pub dropped: u64,
    /// Secret turns that were not shown to a model outside of the server.
    pub withheld: u64,
    /// It ended before the last window; the same request goes on there.
    pub stopped: bool,
    /// Requests to the model, repetitions among them, and tokens.
    pub calls: u64,
    pub retries: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// Only in a dry run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Learnt>,
    /// Hand it to a read that must see the result.
    pub token: String,
}

/// A statement that would be recorded.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Learnt {
    /// `fact`, `preference`, `event` or `profile`.
    pub kind: String,
    pub text: String,
}

/// Puts contradictions on the review list, and has a model settle those that it is sure of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettleRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    /// Who judges: `rules` only note; the `model` of the server's settings settles too. Absent: `rules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "rules")]
    pub with: Option<String>,
    /// Write nothing and ask no model.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SettleResponse {
    pub dry_run: bool,
    pub disputes: Vec<Dispute>,
    /// Contradictions that are on the review list since, or would be; that were settled.
    pub noted: u64,
    pub settled: u64,
    /// Disputes with secret memories, which no model outside of the server sees.
    pub withheld: u64,
    /// Events that another change came before.
    pub refused: u64,
    /// Questions that the model did not answer, and why the last of them.
    pub failed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub calls: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// Hand it to a read that must see the result.
    pub token: String,
}

/// Two memories that seem to contradict each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dispute {
    /// Whom and what both are about, where rules could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "ana: home")]
    pub about: Option<String>,
    pub earlier: VersionRef,
    pub later: VersionRef,
    /// How sure the less sure of the two is read, 0 to 1.
    pub confidence: f32,
    /// What the model said: `changes`, `corrects`, `coexists`, `restates`, `unsure`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// How sure it was, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sure: Option<f32>,
    /// What became of it: `noted`, `known` (it was on the list before), `replaces` (the later is believed), `coexists`.
    pub fate: String,
}
