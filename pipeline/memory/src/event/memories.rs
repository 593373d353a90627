//! Events about memories: received, recorded, revised, merged, related, moved, tagged, governed, expired, doubted, settled.

use super::{VersionNo, VersionRef};
use crate::content::{Fingerprint, Sealed};
use crate::ids::{MemoryId, Tag};
use crate::lifecycle::Lifecycle;
use crate::metadata::{Descriptive, Governance, Kind, Lifespan, Relation, Sensitivity, Trust, Validity, words};
use crate::position::Timestamp;

/// A turn of a conversation arrived. A turn is a memory by itself, so this also records one.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnReceived {
    pub memory: MemoryId,
    /// Place of the turn in its stream as the source counted it; event times of a session need not be in order.
    pub stream_index: u64,
    pub fingerprint: Fingerprint,
    pub descriptive: Descriptive,
    pub governance: Governance,
    pub valid: Validity,
    pub content: Sealed,
}

/// A memory was written.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryRecorded {
    pub memory: MemoryId,
    pub kind: Kind,
    pub fingerprint: Fingerprint,
    pub descriptive: Descriptive,
    pub governance: Governance,
    pub valid: Validity,
    /// What it was derived from.
    pub sources: Vec<VersionRef>,
    pub content: Sealed,
}

/// A memory was given new content. Applies if `expected` is still current, else becomes a sibling version in conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryRevised {
    pub memory: MemoryId,
    pub expected: VersionNo,
    pub fingerprint: Fingerprint,
    pub valid: Validity,
    pub content: Sealed,
}

/// Memories became one: `into` gets new content whose parents are all of them; the sources stand as merged.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryMerged {
    pub into: MemoryId,
    pub expected: VersionNo,
    pub sources: Vec<VersionRef>,
    pub fingerprint: Fingerprint,
    pub valid: Validity,
    pub content: Sealed,
}

/// A relation between two memories was stated or withdrawn.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryRelated {
    pub from: MemoryId,
    pub to: MemoryId,
    pub relation: Relation,
    /// 0 to 1.
    pub weight: f32,
    pub withdrawn: bool,
}

/// A memory moved through its lifecycle.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryMoved {
    pub memory: MemoryId,
    pub to: Lifecycle,
    pub reason: Option<String>,
}

/// Labels were put on or taken off.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryTagged {
    pub memory: MemoryId,
    pub add: Vec<Tag>,
    pub remove: Vec<Tag>,
}

/// A memory's lifespan ended.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryExpired {
    pub memory: MemoryId,
    pub reason: Option<String>,
}

/// Sibling versions were settled: `winner` becomes current and the others stop being open.
#[derive(Debug, Clone, PartialEq)]
pub struct ConflictResolved {
    pub memory: MemoryId,
    /// The current version that the decision was taken over.
    pub expected: VersionNo,
    pub winner: VersionNo,
    pub reason: Option<String>,
}

/// How a memory may be used was changed; what is `None` stays as it is, so changes of different fields do not undo each other.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryGoverned {
    pub memory: MemoryId,
    pub sensitivity: Option<Sensitivity>,
    pub trust: Option<Trust>,
    /// -100 (least) to 100 (most).
    pub priority: Option<i32>,
    pub lifespan: Option<Lifespan>,
    /// A pinned memory does not expire until it is unpinned.
    pub pinned: Option<bool>,
    pub reason: Option<String>,
}

/// Two memories seem to contradict each other, and nobody is sure enough to settle it: it waits on the review list.
#[derive(Debug, Clone, PartialEq)]
pub struct ConflictNoted {
    /// The newer statement.
    pub memory: MemoryId,
    pub version: VersionNo,
    /// The older statement.
    pub against: VersionRef,
    /// How sure the detector is, 0 to 1.
    pub confidence: f32,
    /// Who noticed: a rule set, a model, a person.
    pub detector: Tag,
    /// What the detector calls the relation between them: `contradicts`, `changes`, `corrects`.
    pub verdict: Option<Tag>,
    /// In clear on the log: why, never what the memories say.
    pub reason: Option<String>,
}

words!(
    /// What became of statements that seemed to contradict each other.
    BeliefOutcome {
        /// The memory is believed now and the others were true before it.
        Replaces = "replaces",
        /// All of them stand: there was no contradiction.
        Coexists = "coexists",
    }
);

/// Which of several memories is believed was settled, by a rule, a model or a person.
#[derive(Debug, Clone, PartialEq)]
pub struct BeliefResolved {
    /// The memory that is believed.
    pub memory: MemoryId,
    pub version: VersionNo,
    /// The other memories; at least one.
    pub over: Vec<VersionRef>,
    pub outcome: BeliefOutcome,
    /// From when on the memory replaces the others in the world; `None`: from where its own validity begins.
    pub since: Option<Timestamp>,
    /// How sure the decider is, 0 to 1.
    pub confidence: f32,
    pub decider: Tag,
    /// What the decider calls the relation between them.
    pub verdict: Option<Tag>,
    /// In clear on the log: why, never what the memories say.
    pub reason: Option<String>,
}
