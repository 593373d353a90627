//! What events about tiers and blocks change. Their checks stand in `refuse.rs`.

use super::memories::touch;
use super::{Applied, At, Change, Edge, Refusal, stale};
use crate::carrier::{Block, Carrier};
use crate::event::*;
use crate::ids::MemoryId;
use crate::metadata::Relation;
use crate::state::CubeState;

pub(super) fn changed(state: &mut CubeState, at: At, body: &TierChanged) -> Applied {
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    memory.carrier = body.carrier.and_then(|id| Carrier::of(body.to, id));
    Applied::with(vec![touch(memory, at)])
}

/// One edge to each source memory: lineage for readers, and the place where the views keep the event.
pub(super) fn lineage<'a>(
    from: MemoryId,
    sources: impl Iterator<Item = &'a VersionRef>,
    withdrawn: bool,
) -> impl Iterator<Item = Change> {
    let mut memories: Vec<MemoryId> = sources.map(|source| source.memory).collect();
    memories.sort_unstable();
    memories.dedup();
    memories.into_iter().map(move |to| Change::Edge(Edge { from, to, relation: Relation::DerivedFrom, weight: 1.0, withdrawn }))
}

pub(super) fn built(state: &mut CubeState, body: &BlockBuilt) -> Applied {
    let (sources, stale) = stale::gather(state, &body.sources, &body.subjects);
    let block = Block { sources, setting: body.setting, tokens: body.tokens, bytes: body.bytes, stale };
    state.blocks.insert(body.block, block);
    let mut changes: Vec<Change> = lineage(body.block.memory(), body.sources.iter(), false).collect();
    changes.push(Change::Cube);
    Applied::with(changes)
}

pub(super) fn dropped(state: &mut CubeState, at: At, body: &BlockDropped) -> Applied {
    let mut changes = stale::fall_back(state, at, Carrier::Block(body.block));
    let Some(block) = state.blocks.remove(&body.block) else {
        return Applied::refused(Refusal::UnknownBlock);
    };
    changes.extend(lineage(body.block.memory(), block.sources.versions().iter(), true));
    changes.push(Change::Cube);
    Applied::with(changes)
}
