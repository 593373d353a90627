//! What events about contradictions between memories change. Their checks stand in `refuse.rs`.

use std::collections::BTreeSet;

use super::memories::touch;
use super::{Applied, At, Change, Edge, stale};
use crate::carrier::{Review, StaleCause};
use crate::event::*;
use crate::ids::MemoryId;
use crate::metadata::Relation;
use crate::position::Timestamp;
use crate::state::{CubeState, Superseded};

fn contradicts(from: MemoryId, to: MemoryId, weight: f32, withdrawn: bool) -> Change {
    Change::Edge(Edge { from, to, relation: Relation::Contradicts, weight: weight.clamp(0.0, 1.0), withdrawn })
}

pub(super) fn noted(state: &mut CubeState, body: &ConflictNoted) -> Applied {
    let review = Review {
        version: body.version,
        against_version: body.against.version,
        confidence: body.confidence,
        detector: body.detector.clone(),
    };
    state.reviews.insert((body.memory, body.against.memory), review);
    Applied::with(vec![contradicts(body.memory, body.against.memory, body.confidence, false), Change::Cube])
}

pub(super) fn resolved(state: &mut CubeState, at: At, body: &BeliefResolved) -> Applied {
    let mut changes = Vec::new();
    let replaces = body.outcome == BeliefOutcome::Replaces;
    let since = match (body.since, state.memories.get(&body.memory)) {
        (Some(since), _) => since,
        (None, Some(memory)) => memory.valid.from,
        (None, None) => Default::default(),
    };
    let mut reviewed = false;
    // Each memory once: the row that says what it is after this event comes once too.
    let over: BTreeSet<MemoryId> = body.over.iter().map(|over| over.memory).collect();
    for over in over.iter().copied() {
        reviewed |= state.reviews.remove(&(body.memory, over)).is_some();
        reviewed |= state.reviews.remove(&(over, body.memory)).is_some();
        // Whichever way it was settled before, that is taken back first.
        changes.extend(reinstate(state, at, body.memory, over));
        if replaces {
            changes.extend(supersede(state, at, over, body.memory, since));
        } else {
            changes.extend(reinstate(state, at, over, body.memory));
        }
        changes.push(contradicts(body.memory, over, body.confidence, !replaces));
    }
    if replaces {
        for over in over {
            reviewed |= stale::spoil(state, over, StaleCause::Superseded).is_some();
        }
    }
    changes.extend(reviewed.then_some(Change::Cube));
    Applied::with(changes)
}

/// `by` is believed in place of `memory`, whose validity ends where that begins.
fn supersede(state: &mut CubeState, at: At, memory: MemoryId, by: MemoryId, since: Timestamp) -> Option<Change> {
    let memory = state.memories.get_mut(&memory)?;
    let valid_to = memory.superseded.map_or(memory.valid.to, |before| before.valid_to);
    memory.superseded = Some(Superseded { by, since, valid_to });
    // A statement that began later than what replaces it keeps its validity: an interval cannot end before it begins.
    memory.valid.to = match valid_to {
        to if since <= memory.valid.from => to,
        Some(to) => Some(to.min(since)),
        None => Some(since),
    };
    memory.carrier = None;
    Some(touch(memory, at))
}

/// Takes back that `by` is believed in place of `memory`.
fn reinstate(state: &mut CubeState, at: At, memory: MemoryId, by: MemoryId) -> Option<Change> {
    let memory = state.memories.get_mut(&memory)?;
    let before = memory.superseded.filter(|before| before.by == by)?;
    memory.valid.to = before.valid_to;
    memory.superseded = None;
    Some(touch(memory, at))
}
