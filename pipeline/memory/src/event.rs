//! Events: what happened, in the past tense. An envelope in clear and one body; content inside bodies is sealed.

use crate::content::{Fingerprint, Sealed};
use crate::ids::{CommandId, CubeKey, ErasureId, EventId, HoldId, MemoryId, PrincipalId, SubjectId, Tag};
use crate::lifecycle::Lifecycle;
use crate::metadata::{Descriptive, Governance, Kind, Origin, Relation, Validity, words};
use crate::position::{Position, Timestamp};

/// Number of a version within its memory, from 1 in log order.
pub type VersionNo = u32;

/// Version of the event schema that this code writes.
pub const SCHEMA_VERSION: u32 = 1;

/// Who, where, when and why: the same for every event, and never content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    pub id: EventId,
    pub cube: CubeKey,
    pub actor: PrincipalId,
    pub origin: Origin,
    /// When it happened in the world; the log adds when it was recorded.
    pub occurred_at: Timestamp,
    /// The command that this event answers.
    pub command: Option<CommandId>,
    /// The event that directly caused this one.
    pub causation: Option<EventId>,
    /// Shared by everything that belongs to one conversation with the system.
    pub correlation: Option<EventId>,
    pub schema_version: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub envelope: Envelope,
    pub body: Body,
}

/// A version of a memory, named from outside its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VersionRef {
    pub memory: MemoryId,
    pub version: VersionNo,
}

/// One event kind each; the order is that of design and schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    TurnReceived(TurnReceived),
    MemoryRecorded(MemoryRecorded),
    MemoryRevised(MemoryRevised),
    MemoryMerged(MemoryMerged),
    MemoryRelated(MemoryRelated),
    MemoryMoved(MemoryMoved),
    MemoryTagged(MemoryTagged),
    MemoryExpired(MemoryExpired),
    ConflictResolved(ConflictResolved),
    CubeCreated(CubeCreated),
    CubeGranted(CubeGranted),
    CubeRevoked(CubeRevoked),
    PolicySet(PolicySet),
    CubeImported(CubeImported),
    ExtractionRecorded(ExtractionRecorded),
    HoldPlaced(HoldPlaced),
    HoldLifted(HoldLifted),
    ErasureRequested(ErasureRequested),
    ErasureCompleted(ErasureCompleted),
    DeadLetterHandled(DeadLetterHandled),
    JobRun(JobRun),
}

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

words!(
    /// Who may read a cube without a grant.
    Visibility { Private = "private", Tenant = "tenant" }
);
words!(
    /// What a grant allows; each includes the ones before it.
    Right { Read = "read", Write = "write", Share = "share" }
);

#[derive(Debug, Clone, PartialEq)]
pub struct CubeCreated {
    pub owner: PrincipalId,
    pub visibility: Visibility,
    /// Reads are on the log before their answer leaves.
    pub auditable: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CubeGranted {
    pub principal: PrincipalId,
    pub right: Right,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CubeRevoked {
    pub principal: PrincipalId,
}

/// A named policy of the cube was set; an empty document removes it.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySet {
    pub name: Tag,
    pub document: String,
}

/// An import into the cube ended.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeImported {
    /// Kind of source: `jsonl`, `locomo`, `openai-chat`, `chatgpt`.
    pub format: Tag,
    pub received: u64,
    pub duplicates: u64,
    pub refused: u64,
}

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

impl Body {
    /// The kind's name, as in the schema, the views and the interfaces.
    pub const fn kind(&self) -> &'static str {
        match self {
            Body::TurnReceived(_) => "turn_received",
            Body::MemoryRecorded(_) => "memory_recorded",
            Body::MemoryRevised(_) => "memory_revised",
            Body::MemoryMerged(_) => "memory_merged",
            Body::MemoryRelated(_) => "memory_related",
            Body::MemoryMoved(_) => "memory_moved",
            Body::MemoryTagged(_) => "memory_tagged",
            Body::MemoryExpired(_) => "memory_expired",
            Body::ConflictResolved(_) => "conflict_resolved",
            Body::CubeCreated(_) => "cube_created",
            Body::CubeGranted(_) => "cube_granted",
            Body::CubeRevoked(_) => "cube_revoked",
            Body::PolicySet(_) => "policy_set",
            Body::CubeImported(_) => "cube_imported",
            Body::ExtractionRecorded(_) => "extraction_recorded",
            Body::HoldPlaced(_) => "hold_placed",
            Body::HoldLifted(_) => "hold_lifted",
            Body::ErasureRequested(_) => "erasure_requested",
            Body::ErasureCompleted(_) => "erasure_completed",
            Body::DeadLetterHandled(_) => "dead_letter_handled",
            Body::JobRun(_) => "job_run",
        }
    }

    /// The sealed content that the event carries, if its kind carries any.
    pub const fn content(&self) -> Option<&Sealed> {
        match self {
            Body::TurnReceived(body) => Some(&body.content),
            Body::MemoryRecorded(body) => Some(&body.content),
            Body::MemoryRevised(body) => Some(&body.content),
            Body::MemoryMerged(body) => Some(&body.content),
            Body::ExtractionRecorded(body) => Some(&body.output),
            _ => None,
        }
    }
}
