//! Events: what happened, in the past tense. An envelope in clear and one body; content inside bodies is sealed.

mod affairs;
mod cubes;
mod memories;
mod modules;
mod tiers;

use crate::content::Sealed;
use crate::ids::{CommandId, CubeKey, EventId, MemoryId, PrincipalId};
use crate::metadata::Origin;
use crate::position::Timestamp;

pub use affairs::*;
pub use cubes::*;
pub use memories::*;
pub use modules::*;
pub use tiers::*;

/// Number of a version within its memory, from 1 in log order.
pub type VersionNo = u32;

/// Version of the event schema that this code writes.
pub const SCHEMA_VERSION: u32 = 2;

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

/// One event kind each, in the order of the schema.
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
    MemoryGoverned(MemoryGoverned),
    ConflictNoted(ConflictNoted),
    BeliefResolved(BeliefResolved),
    TierChanged(TierChanged),
    BlockBuilt(BlockBuilt),
    BlockDropped(BlockDropped),
    ModuleProposed(ModuleProposed),
    ModuleTrained(ModuleTrained),
    ModuleEvaluated(ModuleEvaluated),
    ModulePublished(ModulePublished),
    ModuleActivated(ModuleActivated),
    ModuleRetired(ModuleRetired),
    ModuleRolledBack(ModuleRolledBack),
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
            Body::MemoryGoverned(_) => "memory_governed",
            Body::ConflictNoted(_) => "conflict_noted",
            Body::BeliefResolved(_) => "belief_resolved",
            Body::TierChanged(_) => "tier_changed",
            Body::BlockBuilt(_) => "block_built",
            Body::BlockDropped(_) => "block_dropped",
            Body::ModuleProposed(_) => "module_proposed",
            Body::ModuleTrained(_) => "module_trained",
            Body::ModuleEvaluated(_) => "module_evaluated",
            Body::ModulePublished(_) => "module_published",
            Body::ModuleActivated(_) => "module_activated",
            Body::ModuleRetired(_) => "module_retired",
            Body::ModuleRolledBack(_) => "module_rolled_back",
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

    /// Why, in the words of whoever decided it, if the kind has room for that.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Body::MemoryMoved(body) => body.reason.as_deref(),
            Body::MemoryExpired(body) => body.reason.as_deref(),
            Body::ConflictResolved(body) => body.reason.as_deref(),
            Body::HoldPlaced(body) => body.reason.as_deref(),
            Body::HoldLifted(body) => body.reason.as_deref(),
            Body::ErasureRequested(body) => body.reason.as_deref(),
            Body::DeadLetterHandled(body) => body.reason.as_deref(),
            Body::MemoryGoverned(body) => body.reason.as_deref(),
            Body::ConflictNoted(body) => body.reason.as_deref(),
            Body::BeliefResolved(body) => body.reason.as_deref(),
            Body::TierChanged(body) => body.reason.as_deref(),
            Body::BlockBuilt(body) => body.reason.as_deref(),
            Body::BlockDropped(body) => body.reason.as_deref(),
            Body::ModuleProposed(body) => body.reason.as_deref(),
            Body::ModuleTrained(body) => body.reason.as_deref(),
            Body::ModuleEvaluated(body) => body.reason.as_deref(),
            Body::ModulePublished(body) => body.reason.as_deref(),
            Body::ModuleActivated(body) => body.reason.as_deref(),
            Body::ModuleRetired(body) => body.reason.as_deref(),
            Body::ModuleRolledBack(body) => body.reason.as_deref(),
            Body::TurnReceived(_)
            | Body::MemoryRecorded(_)
            | Body::MemoryRevised(_)
            | Body::MemoryMerged(_)
            | Body::MemoryRelated(_)
            | Body::MemoryTagged(_)
            | Body::CubeCreated(_)
            | Body::CubeGranted(_)
            | Body::CubeRevoked(_)
            | Body::PolicySet(_)
            | Body::CubeImported(_)
            | Body::ExtractionRecorded(_)
            | Body::ErasureCompleted(_)
            | Body::JobRun(_) => None,
        }
    }

    /// The memory that the event is about; a block or a module counts as one, because its id is a memory's id.
    pub const fn memory(&self) -> Option<MemoryId> {
        match self {
            Body::TurnReceived(body) => Some(body.memory),
            Body::MemoryRecorded(body) => Some(body.memory),
            Body::MemoryRevised(body) => Some(body.memory),
            Body::MemoryMerged(body) => Some(body.into),
            Body::MemoryRelated(body) => Some(body.from),
            Body::MemoryMoved(body) => Some(body.memory),
            Body::MemoryTagged(body) => Some(body.memory),
            Body::MemoryExpired(body) => Some(body.memory),
            Body::ConflictResolved(body) => Some(body.memory),
            Body::HoldPlaced(body) => body.memory,
            Body::MemoryGoverned(body) => Some(body.memory),
            Body::ConflictNoted(body) => Some(body.memory),
            Body::BeliefResolved(body) => Some(body.memory),
            Body::TierChanged(body) => Some(body.memory),
            Body::BlockBuilt(body) => Some(body.block.memory()),
            Body::BlockDropped(body) => Some(body.block.memory()),
            Body::ModuleProposed(body) => Some(body.module.memory()),
            Body::ModuleTrained(body) => Some(body.module.memory()),
            Body::ModuleEvaluated(body) => Some(body.module.memory()),
            Body::ModulePublished(body) => Some(body.module.memory()),
            Body::ModuleActivated(body) => Some(body.module.memory()),
            Body::ModuleRetired(body) => Some(body.module.memory()),
            Body::ModuleRolledBack(body) => Some(body.module.memory()),
            Body::CubeCreated(_)
            | Body::CubeGranted(_)
            | Body::CubeRevoked(_)
            | Body::PolicySet(_)
            | Body::CubeImported(_)
            | Body::ExtractionRecorded(_)
            | Body::HoldLifted(_)
            | Body::ErasureRequested(_)
            | Body::ErasureCompleted(_)
            | Body::DeadLetterHandled(_)
            | Body::JobRun(_) => None,
        }
    }
}
