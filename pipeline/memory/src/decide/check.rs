//! What speaks against a command, by kind.

use super::Rejection;
use crate::apply::{Refusal, refusal};
use crate::event::*;
use crate::ids::{BlockId, MemoryId, ModuleId};
use crate::limits::{
    BELIEFS_MAX, BLOCK_SOURCES_MAX, FIELD_BYTES_MAX, GATES_MAX, HALF_LIFE_S_MAX, MODULE_SOURCES_MAX, PARENTS_MAX, SUBJECTS_MAX,
    TAGS_MAX,
};
use crate::metadata::{Descriptive, Governance, Lifespan, Validity};
use crate::state::{CubeState, Memory};

fn memory(state: &CubeState, id: MemoryId) -> Result<&Memory, Rejection> {
    state.memories.get(&id).ok_or(Rejection::UnknownMemory(id))
}

fn open_for_content(state: &CubeState, id: MemoryId, expected: VersionNo) -> Result<(), Rejection> {
    let memory = memory(state, id)?;
    if expected == 0 || expected > memory.last {
        return Err(Rejection::UnknownVersion { memory: id, version: expected, last: memory.last });
    }
    if memory.expired_at.is_some() {
        return Err(Rejection::Expired(id));
    }
    if !memory.lifecycle.accepts_content() {
        return Err(Rejection::Closed { memory: id, lifecycle: memory.lifecycle });
    }
    // A version that is no longer current is no reason to lose what somebody says: the fold makes it a sibling.
    Ok(())
}

fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), Rejection> {
    if count > max { Err(Rejection::TooMany { what, count, max }) } else { Ok(()) }
}

fn valid(validity: &Validity) -> Result<(), Rejection> {
    if validity.to.is_some_and(|to| to <= validity.from) { Err(Rejection::EmptyValidity) } else { Ok(()) }
}

fn labels(descriptive: &Descriptive, governance: &Governance) -> Result<(), Rejection> {
    at_most("tags", descriptive.tags.len(), TAGS_MAX)?;
    priority(governance.priority)?;
    lifespan(governance.lifespan)
}

/// What the fold would refuse is not appended.
fn foldable(state: &CubeState, memory: MemoryId, body: &Body) -> Result<(), Rejection> {
    refusal(state, body).map_or(Ok(()), |refusal| Err(Rejection::Memory { memory, refusal }))
}

fn foldable_block(state: &CubeState, block: BlockId, body: &Body) -> Result<(), Rejection> {
    refusal(state, body).map_or(Ok(()), |refusal| Err(Rejection::Block { block, refusal }))
}

fn foldable_module(state: &CubeState, module: ModuleId, body: &Body) -> Result<(), Rejection> {
    refusal(state, body).map_or(Ok(()), |refusal| Err(Rejection::Module { module, refusal }))
}

/// A memory of any kind: knowledge of a module that is written back as text cites the module.
fn known_source(state: &CubeState, id: MemoryId) -> Result<(), Rejection> {
    if state.modules.contains_key(&ModuleId::new(id.uuid())) { Ok(()) } else { memory(state, id).map(drop) }
}

fn governed(body: &MemoryGoverned) -> Result<(), Rejection> {
    if body.sensitivity.is_none()
        && body.trust.is_none()
        && body.priority.is_none()
        && body.lifespan.is_none()
        && body.pinned.is_none()
    {
        return Err(Rejection::NothingToChange);
    }
    body.priority.map_or(Ok(()), priority)?;
    body.lifespan.map_or(Ok(()), lifespan)
}

fn priority(priority: i32) -> Result<(), Rejection> {
    if (-100..=100).contains(&priority) { Ok(()) } else { Err(Rejection::OutOfRange("priority (-100 to 100)")) }
}

fn lifespan(lifespan: Lifespan) -> Result<(), Rejection> {
    match lifespan {
        Lifespan::Decay { half_life_s } if !(1..=HALF_LIFE_S_MAX).contains(&half_life_s) => {
            Err(Rejection::OutOfRange("half-life (one second to a thousand years)"))
        }
        _ => Ok(()),
    }
}

fn sure(confidence: f32) -> Result<(), Rejection> {
    if (0.0..=1.0).contains(&confidence) { Ok(()) } else { Err(Rejection::OutOfRange("confidence (0 to 1)")) }
}

fn grounds(grounds: &Grounds) -> Result<(), Rejection> {
    let Some(statistics) = &grounds.statistics else { return Ok(()) };
    if !statistics.heat.is_finite() {
        return Err(Rejection::OutOfRange("heat (a finite number)"));
    }
    if !(0.0..=1.0).contains(&statistics.quantile) {
        return Err(Rejection::OutOfRange("quantile (0 to 1)"));
    }
    Ok(())
}

pub(super) fn check(state: &CubeState, whole: &Body) -> Result<(), Rejection> {
    if let Some(reason) = whole.reason() {
        at_most("reason bytes", reason.len(), FIELD_BYTES_MAX)?;
    }
    match whole {
        Body::TurnReceived(body) => {
            labels(&body.descriptive, &body.governance)?;
            valid(&body.valid)?;
            if state.memories.contains_key(&body.memory) {
                return Err(Rejection::MemoryExists(body.memory));
            }
            Ok(())
        }
        Body::MemoryRecorded(body) => {
            labels(&body.descriptive, &body.governance)?;
            valid(&body.valid)?;
            at_most("sources", body.sources.len(), PARENTS_MAX)?;
            if state.memories.contains_key(&body.memory) {
                return Err(Rejection::MemoryExists(body.memory));
            }
            body.sources.iter().try_for_each(|source| known_source(state, source.memory))
        }
        Body::MemoryRevised(body) => {
            valid(&body.valid)?;
            open_for_content(state, body.memory, body.expected)
        }
        Body::MemoryMerged(body) => {
            valid(&body.valid)?;
            at_most("sources", body.sources.len(), PARENTS_MAX)?;
            open_for_content(state, body.into, body.expected)?;
            body.sources.iter().try_for_each(|source| {
                if source.memory == body.into {
                    return Err(Rejection::WithItself(body.into));
                }
                open_for_content(state, source.memory, source.version)
            })
        }
        Body::MemoryRelated(body) => {
            if body.from == body.to {
                return Err(Rejection::WithItself(body.from));
            }
            if !(0.0..=1.0).contains(&body.weight) {
                return Err(Rejection::OutOfRange("weight (0 to 1)"));
            }
            memory(state, body.from)?;
            memory(state, body.to).map(drop)
        }
        Body::MemoryMoved(body) => {
            let memory = memory(state, body.memory)?;
            if !memory.lifecycle.may_move_to(body.to) {
                return Err(Rejection::IllegalMove { memory: body.memory, from: memory.lifecycle, to: body.to });
            }
            Ok(())
        }
        Body::MemoryTagged(body) => {
            let memory = memory(state, body.memory)?;
            let new = body.add.iter().filter(|tag| !memory.descriptive.tags.contains(*tag)).count();
            at_most("tags", memory.descriptive.tags.len() + new, TAGS_MAX)
        }
        Body::MemoryExpired(body) => {
            if memory(state, body.memory)?.expired_at.is_some() {
                return Err(Rejection::Expired(body.memory));
            }
            if state.is_held(body.memory) {
                return Err(Rejection::Held(body.memory));
            }
            if state.memories.get(&body.memory).is_some_and(|memory| memory.governance.pinned) {
                return Err(Rejection::Memory { memory: body.memory, refusal: Refusal::Pinned });
            }
            Ok(())
        }
        Body::ConflictResolved(body) => {
            let memory = memory(state, body.memory)?;
            if body.expected != memory.current {
                return Err(Rejection::Stale { memory: body.memory, expected: body.expected, current: memory.current });
            }
            let is_sibling = memory.siblings.iter().any(|sibling| sibling.version == body.winner);
            if body.winner != memory.current && !is_sibling {
                return Err(Rejection::UnknownVersion { memory: body.memory, version: body.winner, last: memory.last });
            }
            Ok(())
        }
        Body::HoldPlaced(body) => match body.memory {
            Some(id) => memory(state, id).map(drop),
            None => Ok(()),
        },
        Body::HoldLifted(body) if !state.holds.contains_key(&body.hold) => Err(Rejection::UnknownHold),
        Body::PolicySet(body) => at_most("policy bytes", body.document.len(), FIELD_BYTES_MAX),
        Body::JobRun(body) => at_most("report bytes", body.report.len(), FIELD_BYTES_MAX),
        Body::ExtractionRecorded(body) => at_most("sources", body.sources.len(), PARENTS_MAX),
        Body::MemoryGoverned(body) => governed(body).and_then(|()| foldable(state, body.memory, whole)),
        Body::ConflictNoted(body) => sure(body.confidence).and_then(|()| foldable(state, body.memory, whole)),
        Body::BeliefResolved(body) => {
            sure(body.confidence)?;
            at_most("beliefs", body.over.len(), BELIEFS_MAX)?;
            foldable(state, body.memory, whole)
        }
        Body::TierChanged(body) => grounds(&body.grounds).and_then(|()| foldable(state, body.memory, whole)),
        Body::BlockBuilt(body) => {
            grounds(&body.grounds)?;
            at_most("sources", body.sources.len(), BLOCK_SOURCES_MAX)?;
            at_most("subjects", body.subjects.len(), SUBJECTS_MAX)?;
            at_most("model name bytes", body.model.len(), FIELD_BYTES_MAX)?;
            foldable_block(state, body.block, whole)
        }
        Body::BlockDropped(body) => grounds(&body.grounds).and_then(|()| foldable_block(state, body.block, whole)),
        Body::ModuleProposed(body) => {
            grounds(&body.grounds)?;
            at_most("sources", body.sources.len(), MODULE_SOURCES_MAX)?;
            foldable_module(state, body.module, whole)
        }
        Body::ModuleTrained(body) => {
            at_most("sources", body.sources.len(), MODULE_SOURCES_MAX)?;
            at_most("subjects", body.subjects.len(), SUBJECTS_MAX)?;
            at_most("parents", body.parents.len(), PARENTS_MAX)?;
            at_most("base name bytes", body.base.len(), FIELD_BYTES_MAX)?;
            at_most("code version bytes", body.code.len(), FIELD_BYTES_MAX)?;
            at_most("settings bytes", body.settings.len(), FIELD_BYTES_MAX)?;
            at_most("report bytes", body.report.len(), FIELD_BYTES_MAX)?;
            foldable_module(state, body.module, whole)
        }
        Body::ModuleEvaluated(body) => {
            grounds(&body.grounds)?;
            at_most("gates", body.gates.len(), GATES_MAX)?;
            at_most("report bytes", body.report.len(), FIELD_BYTES_MAX)?;
            let finite = |gate: &Gate| gate.value.is_finite() && gate.threshold.is_none_or(f32::is_finite);
            if !body.gates.iter().all(finite) {
                return Err(Rejection::OutOfRange("measure of a gate (a finite number)"));
            }
            foldable_module(state, body.module, whole)
        }
        Body::ModulePublished(body) => foldable_module(state, body.module, whole),
        Body::ModuleActivated(body) => grounds(&body.grounds).and_then(|()| foldable_module(state, body.module, whole)),
        Body::ModuleRetired(body) => grounds(&body.grounds).and_then(|()| foldable_module(state, body.module, whole)),
        Body::ModuleRolledBack(body) => grounds(&body.grounds).and_then(|()| foldable_module(state, body.module, whole)),
        Body::HoldLifted(_)
        | Body::CubeCreated(_)
        | Body::CubeGranted(_)
        | Body::CubeRevoked(_)
        | Body::CubeImported(_)
        | Body::ErasureRequested(_)
        | Body::ErasureCompleted(_)
        | Body::DeadLetterHandled(_) => Ok(()),
    }
}
