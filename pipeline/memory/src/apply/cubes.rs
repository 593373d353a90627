//! What events about the whole cube change.

use super::{Applied, At, Change, Refusal, stale};
use crate::event::*;
use crate::state::{CubeState, Erasure};

/// A change of the cube's own row, which remembers the event, and the further changes that it leads to.
pub(super) fn changed(state: &mut CubeState, event: &Event, change: impl FnOnce(&mut CubeState) -> Vec<Change>) -> Applied {
    let mut changes = change(state);
    state.cube_events.push(event.envelope.id);
    changes.push(Change::Cube);
    Applied::with(changes)
}

pub(super) fn created(state: &mut CubeState, at: At, event: &Event, body: &CubeCreated) -> Applied {
    if state.exists() {
        return Applied::refused(Refusal::CubeExists);
    }
    changed(state, event, |state| {
        state.owner = Some(body.owner.clone());
        state.visibility = body.visibility;
        state.auditable = body.auditable;
        state.created_at = Some(at.recorded_at);
        Vec::new()
    })
}

pub(super) fn granted(state: &mut CubeState, event: &Event, body: &CubeGranted) -> Applied {
    changed(state, event, |state| {
        state.grants.insert(body.principal.clone(), body.right);
        Vec::new()
    })
}

pub(super) fn revoked(state: &mut CubeState, event: &Event, body: &CubeRevoked) -> Applied {
    changed(state, event, |state| {
        state.grants.remove(&body.principal);
        Vec::new()
    })
}

pub(super) fn policy_set(state: &mut CubeState, event: &Event, body: &PolicySet) -> Applied {
    changed(state, event, |state| {
        if body.document.is_empty() {
            state.policies.remove(&body.name);
        } else {
            state.policies.insert(body.name.clone(), body.document.clone());
        }
        Vec::new()
    })
}

pub(super) fn hold_placed(state: &mut CubeState, event: &Event, body: &HoldPlaced) -> Applied {
    changed(state, event, |state| {
        state.holds.insert(body.hold, body.memory);
        Vec::new()
    })
}

pub(super) fn hold_lifted(state: &mut CubeState, event: &Event, body: &HoldLifted) -> Applied {
    if !state.holds.contains_key(&body.hold) {
        return Applied::refused(Refusal::UnknownHold);
    }
    changed(state, event, |state| {
        state.holds.remove(&body.hold);
        Vec::new()
    })
}

/// What was made from the subject is revoked with the request already: nothing may serve it while its keys are being destroyed.
pub(super) fn erasure_requested(state: &mut CubeState, at: At, event: &Event, body: &ErasureRequested) -> Applied {
    changed(state, event, |state| {
        let entry = state.erasures.entry(body.erasure);
        entry.or_insert_with(|| (body.subject.clone(), Erasure::Requested));
        stale::erase(state, at, &body.subject)
    })
}

pub(super) fn erasure_completed(state: &mut CubeState, at: At, event: &Event, body: &ErasureCompleted) -> Applied {
    changed(state, event, |state| {
        state.erasures.insert(body.erasure, (body.subject.clone(), Erasure::Completed));
        stale::erase(state, at, &body.subject)
    })
}
