//! What a change of memories does to the blocks and modules made from them: they are marked with the event itself, so nothing
//! serves them a moment longer.

use std::collections::BTreeSet;

use super::{At, Change, memories::touch};
use crate::carrier::{Carrier, Sources, Stale, StaleCause};
use crate::event::VersionRef;
use crate::ids::{MemoryId, SubjectId};
use crate::lifecycle::Lifecycle;
use crate::module::Stage;
use crate::state::CubeState;

/// A worse cause takes the place of a milder one; otherwise the first stays.
fn mark(stale: &mut Option<Stale>, cause: StaleCause, source: Option<MemoryId>) -> bool {
    let worse = stale.is_none_or(|known| known.cause < cause);
    if worse {
        *stale = Some(Stale { cause, source });
    }
    worse
}

/// Marks everything that holds a memory, and takes the memory off the review list: what was doubted is not said any more.
/// Answers with the change of the cube's row, if there is one.
pub(super) fn spoil(state: &mut CubeState, memory: MemoryId, cause: StaleCause) -> Option<Change> {
    let mut changed = false;
    for block in state.blocks.values_mut().filter(|block| block.sources.hold(memory)) {
        changed |= mark(&mut block.stale, cause, Some(memory));
    }
    for module in state.modules.values_mut().filter(|module| module.sources.hold(memory)) {
        changed |= mark(&mut module.stale, cause, Some(memory));
    }
    let waiting = state.reviews.len();
    state.reviews.retain(|(newer, older), _| *newer != memory && *older != memory);
    (changed || state.reviews.len() < waiting).then_some(Change::Cube)
}

/// Revokes everything that was made from a subject: active modules are taken off, and what they carried is served as text.
pub(super) fn erase(state: &mut CubeState, at: At, subject: &SubjectId) -> Vec<Change> {
    for block in state.blocks.values_mut().filter(|block| block.sources.subjects.contains(subject)) {
        mark(&mut block.stale, StaleCause::Erased, None);
    }
    let mut taken_off = Vec::new();
    for (id, module) in state.modules.iter_mut().filter(|(_, module)| module.sources.subjects.contains(subject)) {
        mark(&mut module.stale, StaleCause::Erased, None);
        if module.stage == Stage::Active {
            module.stage = Stage::Retired;
            taken_off.push(*id);
        }
    }
    taken_off.into_iter().flat_map(|module| fall_back(state, at, Carrier::Module(module))).collect()
}

/// Serves as text again what a carrier carried. Call it while the carrier is still there.
pub(super) fn fall_back(state: &mut CubeState, at: At, carrier: Carrier) -> Vec<Change> {
    let sources = match carrier {
        Carrier::Block(block) => state.blocks.get(&block).map(|block| block.sources.clone()),
        Carrier::Module(module) => state.modules.get(&module).map(|module| module.sources.clone()),
    };
    let mut changes = Vec::new();
    for source in sources.iter().flat_map(|sources| sources.versions()) {
        if let Some(memory) = state.memories.get_mut(&source.memory)
            && memory.carrier == Some(carrier)
        {
            memory.carrier = None;
            changes.push(touch(memory, at));
        }
    }
    changes
}

/// The sources of something just made, about whom they are, and whether they changed while it was in the making.
pub(super) fn gather(state: &CubeState, versions: &[VersionRef], named: &BTreeSet<SubjectId>) -> (Sources, Option<Stale>) {
    let mut subjects = named.clone();
    let mut stale = None;
    for version in versions {
        let Some(memory) = state.memories.get(&version.memory) else { continue };
        subjects.insert(memory.subject.clone());
        let cause = if memory.expired_at.is_some() {
            StaleCause::Expired
        } else if memory.superseded.is_some() {
            StaleCause::Superseded
        } else if memory.lifecycle == Lifecycle::Merged {
            StaleCause::Merged
        } else if memory.current != version.version {
            StaleCause::Revised
        } else {
            continue;
        };
        mark(&mut stale, cause, Some(version.memory));
    }
    if subjects.iter().any(|subject| state.is_erased(subject)) {
        mark(&mut stale, StaleCause::Erased, None);
    }
    (Sources::new(versions, subjects), stale)
}
