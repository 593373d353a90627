//! What events about modules change, beside the cube's row that all of them change. Their checks stand in `refuse.rs`.

use super::{At, Change, stale, tiers};
use crate::carrier::{Carrier, Module};
use crate::event::*;
use crate::ids::ModuleId;
use crate::module::Stage;
use crate::state::CubeState;

pub(super) fn proposed(state: &mut CubeState, body: &ModuleProposed) -> Vec<Change> {
    let (sources, stale) = stale::gather(state, &body.sources, &Default::default());
    let module = Module {
        name: body.name.clone(),
        stage: Stage::Proposed,
        parents: Vec::new(),
        sources,
        base: None,
        artefact: None,
        stale,
    };
    state.modules.insert(body.module, module);
    Vec::new()
}

pub(super) fn trained(state: &mut CubeState, body: &ModuleTrained) -> Vec<Change> {
    let (mut sources, mut stale) = stale::gather(state, &body.sources, &body.subjects);
    // What parents learnt is in the module too, and so is everybody whom they learnt it about.
    for parent in body.parents.iter().filter_map(|parent| state.modules.get(parent)) {
        sources.subjects.extend(parent.sources.subjects.iter().cloned());
        if parent.is_revoked() {
            stale = parent.stale;
        }
    }
    let module = Module {
        name: body.name.clone(),
        stage: Stage::Trained,
        parents: body.parents.clone(),
        sources,
        base: Some(body.base_digest),
        artefact: Some(body.artefact),
        stale,
    };
    state.modules.insert(body.module, module);
    tiers::lineage(body.module.memory(), body.sources.iter(), false).collect()
}

/// Moves a module; one that is worn no longer gives back what it carried.
fn move_to(state: &mut CubeState, at: At, id: ModuleId, to: Stage) -> Vec<Change> {
    let was_active = match state.modules.get_mut(&id) {
        Some(module) => std::mem::replace(&mut module.stage, to) == Stage::Active,
        None => false,
    };
    if was_active && to != Stage::Active { stale::fall_back(state, at, Carrier::Module(id)) } else { Vec::new() }
}

pub(super) fn evaluated(state: &mut CubeState, at: At, body: &ModuleEvaluated) -> Vec<Change> {
    let to = state.modules.get(&body.module).and_then(|module| module.stage.evaluated(body.passed));
    to.map_or_else(Vec::new, |to| move_to(state, at, body.module, to))
}

pub(super) fn published(state: &mut CubeState, body: &ModulePublished) -> Vec<Change> {
    if let Some(module) = state.modules.get_mut(&body.module) {
        module.stage = Stage::Published;
        module.artefact = Some(body.artefact);
    }
    Vec::new()
}

pub(super) fn activated(state: &mut CubeState, at: At, body: &ModuleActivated) -> Vec<Change> {
    let mut changes = Vec::new();
    if let Some(replaced) = body.replaces {
        changes.extend(move_to(state, at, replaced, Stage::Published));
    }
    changes.extend(move_to(state, at, body.module, Stage::Active));
    changes
}

pub(super) fn retired(state: &mut CubeState, at: At, body: &ModuleRetired) -> Vec<Change> {
    move_to(state, at, body.module, Stage::Retired)
}

pub(super) fn rolled_back(state: &mut CubeState, at: At, body: &ModuleRolledBack) -> Vec<Change> {
    let mut changes = move_to(state, at, body.module, Stage::Retired);
    if let Some(to) = body.to {
        changes.extend(move_to(state, at, to, Stage::Active));
    }
    changes
}
