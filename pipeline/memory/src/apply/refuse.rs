//! Why an event about governance, beliefs, tiers, blocks or modules cannot have its effect. `decide` asks the same question, so
//! that what it allows is what the fold carries out.

use super::Refusal;
use crate::carrier::{Carrier, Module};
use crate::event::*;
use crate::ids::{MemoryId, ModuleId};
use crate::metadata::Kind;
use crate::module::Stage;
use crate::state::{CubeState, Memory};

type Check = Result<(), Refusal>;

/// `None` if nothing speaks against it, and for kinds whose checks stand where their effects are.
pub fn refusal(state: &CubeState, body: &Body) -> Option<Refusal> {
    check(state, body).err()
}

fn check(state: &CubeState, body: &Body) -> Check {
    match body {
        Body::MemoryGoverned(body) => living(state, body.memory).map(drop),
        Body::ConflictNoted(body) => noted(state, body),
        Body::BeliefResolved(body) => resolved(state, body),
        Body::TierChanged(body) => tier_changed(state, body),
        Body::BlockBuilt(body) => block_built(state, body),
        Body::BlockDropped(body) if !state.blocks.contains_key(&body.block) => Err(Refusal::UnknownBlock),
        Body::ModuleProposed(body) => proposed(state, body),
        Body::ModuleTrained(body) => trained(state, body),
        Body::ModuleEvaluated(body) => evaluated(state, body),
        Body::ModulePublished(body) => published(state, body),
        Body::ModuleActivated(body) => activated(state, body),
        Body::ModuleRetired(body) => moves(module(state, body.module)?, Stage::Retired),
        Body::ModuleRolledBack(body) => rolled_back(state, body),
        _ => Ok(()),
    }
}

fn living(state: &CubeState, id: MemoryId) -> Result<&Memory, Refusal> {
    let memory = state.memories.get(&id).ok_or(Refusal::UnknownMemory)?;
    if memory.expired_at.is_some() { Err(Refusal::AlreadyExpired) } else { Ok(memory) }
}

/// A statement that a decision was taken over: it must still be the current one.
fn current(state: &CubeState, id: MemoryId, version: VersionNo) -> Check {
    let memory = living(state, id)?;
    match version {
        version if version == memory.current => Ok(()),
        version if version == 0 || version > memory.last => Err(Refusal::UnknownVersion),
        _ => Err(Refusal::Stale),
    }
}

fn noted(state: &CubeState, body: &ConflictNoted) -> Check {
    if body.memory == body.against.memory {
        return Err(Refusal::WithItself);
    }
    current(state, body.memory, body.version)?;
    current(state, body.against.memory, body.against.version)
}

fn resolved(state: &CubeState, body: &BeliefResolved) -> Check {
    if body.over.is_empty() {
        return Err(Refusal::NoSources);
    }
    current(state, body.memory, body.version)?;
    body.over.iter().try_for_each(|over| match over.memory == body.memory {
        true => Err(Refusal::WithItself),
        false => current(state, over.memory, over.version),
    })
}

fn tier_changed(state: &CubeState, body: &TierChanged) -> Check {
    current(state, body.memory, body.version)?;
    if state.memories.get(&body.memory).is_some_and(|memory| memory.tier() != body.from) {
        return Err(Refusal::Stale);
    }
    let carrier = body.carrier.and_then(|id| Carrier::of(body.to, id));
    let version = VersionRef { memory: body.memory, version: body.version };
    match carrier {
        Some(carrier) if state.carries(carrier, version) => Ok(()),
        // Plaintext is the memory itself; any other tier needs something that carries it.
        None if body.carrier.is_none() && body.to == Kind::Plaintext => Ok(()),
        _ => Err(Refusal::NotCarried),
    }
}

/// Versions that exist, or existed. A module that was built from something else than the log knows is none of ours.
fn known(state: &CubeState, sources: &[VersionRef]) -> Check {
    sources.iter().try_for_each(|source| {
        let memory = state.memories.get(&source.memory).ok_or(Refusal::UnknownMemory)?;
        if source.version == 0 || source.version > memory.last { Err(Refusal::UnknownVersion) } else { Ok(()) }
    })
}

fn block_built(state: &CubeState, body: &BlockBuilt) -> Check {
    if body.sources.is_empty() {
        return Err(Refusal::NoSources);
    }
    if state.blocks.contains_key(&body.block) {
        return Err(Refusal::BlockExists);
    }
    known(state, &body.sources)
}

fn module(state: &CubeState, id: ModuleId) -> Result<&Module, Refusal> {
    state.modules.get(&id).ok_or(Refusal::UnknownModule)
}

fn moves(module: &Module, to: Stage) -> Check {
    if module.stage.may_move_to(to) { Ok(()) } else { Err(Refusal::IllegalStage { from: module.stage, to }) }
}

/// A move towards service, which a revoked module never makes again.
fn serves_next(state: &CubeState, id: ModuleId, to: Stage) -> Check {
    let module = module(state, id)?;
    if module.is_revoked() {
        return Err(Refusal::Revoked);
    }
    moves(module, to)
}

fn proposed(state: &CubeState, body: &ModuleProposed) -> Check {
    if body.sources.is_empty() {
        return Err(Refusal::NoSources);
    }
    if let Some(module) = state.modules.get(&body.module) {
        return Err(Refusal::IllegalStage { from: module.stage, to: Stage::Proposed });
    }
    known(state, &body.sources)
}

/// A proposal is no condition: a person may train at once, and a module may come from elsewhere.
fn trained(state: &CubeState, body: &ModuleTrained) -> Check {
    if let Some(module) = state.modules.get(&body.module) {
        moves(module, Stage::Trained)?;
    }
    body.parents.iter().try_for_each(|parent| match *parent == body.module {
        true => Err(Refusal::WithItself),
        false => module(state, *parent).map(drop),
    })?;
    known(state, &body.sources)
}

fn evaluated(state: &CubeState, body: &ModuleEvaluated) -> Check {
    let module = module(state, body.module)?;
    let to = if body.passed { Stage::Evaluated } else { Stage::Rejected };
    module.stage.evaluated(body.passed).map(drop).ok_or(Refusal::IllegalStage { from: module.stage, to })
}

/// An active module is published already; it goes back to that by making way, not by being published again.
fn published(state: &CubeState, body: &ModulePublished) -> Check {
    serves_next(state, body.module, Stage::Published)?;
    match module(state, body.module)?.stage {
        from @ Stage::Active => Err(Refusal::IllegalStage { from, to: Stage::Published }),
        _ => Ok(()),
    }
}

fn activated(state: &CubeState, body: &ModuleActivated) -> Check {
    serves_next(state, body.module, Stage::Active)?;
    match body.replaces {
        // Decided over a module that is worn no longer.
        Some(replaced) if module(state, replaced)?.stage != Stage::Active => Err(Refusal::Stale),
        _ => Ok(()),
    }
}

fn rolled_back(state: &CubeState, body: &ModuleRolledBack) -> Check {
    let from = module(state, body.module)?.stage;
    if from != Stage::Active {
        return Err(Refusal::IllegalStage { from, to: Stage::Retired });
    }
    match body.to {
        Some(to) => serves_next(state, to, Stage::Active),
        None => Ok(()),
    }
}
