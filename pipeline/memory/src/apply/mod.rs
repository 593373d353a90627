//! `apply`: one event onto the state of its cube. Total and deterministic; the order of the log decides every race.
//! What changed comes back as values, which the projector turns into rows after the fold.

mod beliefs;
mod cubes;
mod memories;
mod modules;
mod refuse;
mod stale;
mod tiers;

use crate::content::Fingerprint;
use crate::event::*;
use crate::ids::MemoryId;
use crate::lifecycle::Lifecycle;
use crate::metadata::{Lifespan, Relation, Validity};
use crate::module::Stage;
use crate::position::{Position, Timestamp};
use crate::state::{CubeState, Memory};

pub use refuse::refusal;

/// Where and when the log recorded an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub position: Position,
    pub recorded_at: Timestamp,
}

/// What the log order made of an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    Applied,
    /// The same event id was folded before: nothing happened.
    Duplicate,
    /// The precondition no longer held: the content stands as a sibling version, the current one is untouched.
    Conflict {
        version: VersionNo,
    },
    /// The event has no effect, for a reason that the state alone decides.
    Refused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    UnknownMemory,
    UnknownVersion,
    MemoryExists,
    CubeExists,
    IllegalMove {
        from: Lifecycle,
        to: Lifecycle,
    },
    Held,
    UnknownHold,
    Stale,
    AlreadyExpired,
    /// It stays until it is unpinned.
    Pinned,
    UnknownBlock,
    BlockExists,
    UnknownModule,
    IllegalStage {
        from: Stage,
        to: Stage,
    },
    /// A subject that it was made from was erased, or is to be.
    Revoked,
    /// The block or module does not hold this version, or does not serve.
    NotCarried,
    /// Nothing that it would be made from, or settled over, is named.
    NoSources,
    /// A memory cannot contradict or replace itself.
    WithItself,
}

/// What a fold step changed, to be written into views.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A new row of a version chain; the row of `memories` follows from it unless it is a sibling.
    Version(Box<VersionChange>),
    /// A turn took its place in a stream.
    Turn {
        memory: MemoryId,
        stream_index: u64,
        occurred_at: Timestamp,
    },
    Edge(Edge),
    /// The cube's own row changed.
    Cube,
}

#[derive(Debug, Clone, PartialEq)]
pub struct VersionChange {
    /// The memory after the event.
    pub memory: Memory,
    pub version: VersionNo,
    /// Versions that this one came from; more than one after a merge or a resolution.
    pub parents: Vec<VersionRef>,
    /// A sibling in conflict: `memory.current` is another version.
    pub conflict: bool,
    /// Which version's content the row shows: its own if the event brought content, else that of an earlier row.
    pub content: ContentFrom,
    /// First row of this memory.
    pub is_new: bool,
    pub subject: crate::ids::SubjectId,
    pub fingerprint: Fingerprint,
    pub valid: Validity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentFrom {
    /// The event's own content.
    Event,
    /// Unchanged: what the memory's row of that version says.
    Version(VersionNo),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    pub from: MemoryId,
    pub to: MemoryId,
    pub relation: Relation,
    pub weight: f32,
    pub withdrawn: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    pub verdict: Verdict,
    pub changes: Vec<Change>,
}

impl Applied {
    fn with(changes: Vec<Change>) -> Self {
        Self { verdict: Verdict::Applied, changes }
    }
    fn nothing(verdict: Verdict) -> Self {
        Self { verdict, changes: Vec::new() }
    }
    fn refused(refusal: Refusal) -> Self {
        Self::nothing(Verdict::Refused(refusal))
    }
}

/// Folds one event. Never fails: an event that cannot have its effect is refused, and every replay refuses it alike.
pub fn apply(state: &mut CubeState, at: At, event: &Event) -> Applied {
    if !state.seen.insert(event.envelope.id) {
        return Applied::nothing(Verdict::Duplicate);
    }
    if let Some(refusal) = refusal(state, &event.body) {
        return Applied::refused(refusal);
    }
    match &event.body {
        Body::TurnReceived(body) => memories::received(state, at, event, body),
        Body::MemoryRecorded(body) => memories::recorded(state, at, event, body),
        Body::MemoryRevised(body) => memories::revised(state, at, body),
        Body::MemoryMerged(body) => memories::merged(state, at, body),
        Body::MemoryRelated(body) => memories::related(state, body),
        Body::MemoryMoved(body) => memories::moved(state, at, body),
        Body::MemoryTagged(body) => memories::tagged(state, at, body),
        Body::MemoryGoverned(body) => memories::governed(state, at, body),
        Body::MemoryExpired(body) => memories::expired(state, at, body),
        Body::ConflictResolved(body) => memories::resolved(state, at, body),
        Body::ConflictNoted(body) => beliefs::noted(state, body),
        Body::BeliefResolved(body) => beliefs::resolved(state, at, body),
        Body::TierChanged(body) => tiers::changed(state, at, body),
        Body::BlockBuilt(body) => tiers::built(state, body),
        Body::BlockDropped(body) => tiers::dropped(state, at, body),
        Body::ModuleProposed(body) => cubes::changed(state, event, |state| modules::proposed(state, body)),
        Body::ModuleTrained(body) => cubes::changed(state, event, |state| modules::trained(state, body)),
        Body::ModuleEvaluated(body) => cubes::changed(state, event, |state| modules::evaluated(state, at, body)),
        Body::ModulePublished(body) => cubes::changed(state, event, |state| modules::published(state, body)),
        Body::ModuleActivated(body) => cubes::changed(state, event, |state| modules::activated(state, at, body)),
        Body::ModuleRetired(body) => cubes::changed(state, event, |state| modules::retired(state, at, body)),
        Body::ModuleRolledBack(body) => cubes::changed(state, event, |state| modules::rolled_back(state, at, body)),
        Body::CubeCreated(body) => cubes::created(state, at, event, body),
        Body::CubeGranted(body) => cubes::granted(state, event, body),
        Body::CubeRevoked(body) => cubes::revoked(state, event, body),
        Body::PolicySet(body) => cubes::policy_set(state, event, body),
        Body::HoldPlaced(body) => cubes::hold_placed(state, event, body),
        Body::HoldLifted(body) => cubes::hold_lifted(state, event, body),
        Body::ErasureRequested(body) => cubes::erasure_requested(state, at, event, body),
        Body::ErasureCompleted(body) => cubes::erasure_completed(state, at, event, body),
        // These record what happened around the state; readers find them on the log.
        Body::CubeImported(_) | Body::ExtractionRecorded(_) | Body::DeadLetterHandled(_) | Body::JobRun(_) => {
            Applied::with(Vec::new())
        }
    }
}

/// Whether a memory with this lifespan is due to expire at `now`, by time alone.
pub fn is_due(lifespan: Lifespan, now: Timestamp) -> bool {
    match lifespan {
        // Decay depends on use, which the log of events does not know.
        Lifespan::Keep | Lifespan::Decay { .. } => false,
        Lifespan::Until(end) => end <= now,
    }
}
