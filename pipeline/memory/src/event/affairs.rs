//! Events around the memories: extraction, holds, erasure, dead letters, jobs.

use super::VersionRef;
use crate::content::Sealed;
use crate::ids::{ErasureId, HoldId, MemoryId, SubjectId, Tag};
use crate::metadata::words;
use crate::position::{Position, Timestamp};

/// What a model put out when it was asked to extract, word for word, so that a replay needs no model.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtractionRecorded {
    pub extractor: Tag,
    pub sources: Vec<VersionRef>,
    pub tokens_in: u64,
    pub tokens_out: u64,
    pub output: Sealed,
}

/// A legal hold: nothing in its scope expires.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldPlaced {
    pub hold: HoldId,
    /// The memory that is held; `None` holds the whole cube.
    pub memory: Option<MemoryId>,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HoldLifted {
    pub hold: HoldId,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ErasureRequested {
    pub erasure: ErasureId,
    pub subject: SubjectId,
    pub reason: Option<String>,
}

/// A subject's data keys were destroyed; `left` names what could not be reached, so empty means complete.
#[derive(Debug, Clone, PartialEq)]
pub struct ErasureCompleted {
    pub erasure: ErasureId,
    pub subject: SubjectId,
    pub left: Vec<String>,
}

words!(
    /// What was done with a dead letter.
    DeadLetterAction { Retried = "retried", Discarded = "discarded" }
);

/// Somebody dealt with a record that had parked this cube.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetterHandled {
    pub position: Position,
    pub action: DeadLetterAction,
    pub reason: Option<String>,
}

words!(
    /// How a job ended.
    JobOutcome { Succeeded = "succeeded", Failed = "failed", Cancelled = "cancelled" }
);

#[derive(Debug, Clone, PartialEq)]
pub struct JobRun {
    pub job: Tag,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub outcome: JobOutcome,
    /// JSON object of counts and inputs.
    pub report: String,
}
