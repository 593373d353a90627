//! What events about memories change: their chains, their lifecycle, their labels and governance.

use super::{Applied, At, Change, ContentFrom, Edge, Refusal, Verdict, VersionChange, stale};
use crate::carrier::StaleCause;
use crate::content::Fingerprint;
use crate::event::*;
use crate::lifecycle::Lifecycle;
use crate::metadata::{Kind, Relation, Validity};
use crate::state::{CubeState, Memory, Sibling};

pub(super) fn received(state: &mut CubeState, at: At, event: &Event, body: &TurnReceived) -> Applied {
    let turn = Change::Turn { memory: body.memory, stream_index: body.stream_index, occurred_at: event.envelope.occurred_at };
    let memory = Memory {
        id: body.memory,
        kind: Kind::Plaintext,
        lifecycle: Lifecycle::Generated,
        current: 1,
        last: 1,
        siblings: Vec::new(),
        subject: body.content.subject.clone(),
        fingerprint: body.fingerprint,
        valid: body.valid,
        descriptive: body.descriptive.clone(),
        governance: body.governance.clone(),
        origin: event.envelope.origin,
        stream_index: Some(body.stream_index),
        merged_into: None,
        expired_at: None,
        superseded: None,
        carrier: None,
        created_at: at.recorded_at,
        changed_at: at.recorded_at,
        changed: at.position,
    };
    begin(state, memory, Vec::new(), Some(turn))
}

pub(super) fn recorded(state: &mut CubeState, at: At, event: &Event, body: &MemoryRecorded) -> Applied {
    let memory = Memory {
        id: body.memory,
        kind: body.kind,
        lifecycle: Lifecycle::Generated,
        current: 1,
        last: 1,
        siblings: Vec::new(),
        subject: body.content.subject.clone(),
        fingerprint: body.fingerprint,
        valid: body.valid,
        descriptive: body.descriptive.clone(),
        governance: body.governance.clone(),
        origin: event.envelope.origin,
        stream_index: None,
        merged_into: None,
        expired_at: None,
        superseded: None,
        carrier: None,
        created_at: at.recorded_at,
        changed_at: at.recorded_at,
        changed: at.position,
    };
    let mut applied = begin(state, memory, body.sources.clone(), None);
    if applied.verdict == Verdict::Applied {
        applied.changes.extend(body.sources.iter().map(|source| {
            Change::Edge(Edge {
                from: body.memory,
                to: source.memory,
                relation: Relation::DerivedFrom,
                weight: 1.0,
                withdrawn: false,
            })
        }));
    }
    applied
}

/// The first version of a memory.
fn begin(state: &mut CubeState, memory: Memory, parents: Vec<VersionRef>, turn: Option<Change>) -> Applied {
    if state.memories.contains_key(&memory.id) {
        return Applied::refused(Refusal::MemoryExists);
    }
    let mut changes = vec![Change::Version(Box::new(VersionChange {
        version: 1,
        parents,
        conflict: false,
        content: ContentFrom::Event,
        is_new: true,
        subject: memory.subject.clone(),
        fingerprint: memory.fingerprint,
        valid: memory.valid,
        memory: memory.clone(),
    }))];
    changes.extend(turn);
    state.memories.insert(memory.id, memory);
    Applied::with(changes)
}

/// New content as an event brings it.
struct Incoming<'a> {
    content: &'a crate::content::Sealed,
    fingerprint: Fingerprint,
    valid: Validity,
}

/// Adds a version with the event's own content: current if `met`, else a sibling.
fn add_version(memory: &mut Memory, at: At, incoming: &Incoming<'_>, parents: Vec<VersionRef>, met: bool) -> (Verdict, Change) {
    memory.last += 1;
    let version = memory.last;
    memory.changed = at.position;
    memory.changed_at = at.recorded_at;
    if met {
        memory.current = version;
        memory.subject = incoming.content.subject.clone();
        memory.fingerprint = incoming.fingerprint;
        memory.valid = incoming.valid;
        // New content is a new statement, and nothing that was built from the old one says it.
        memory.superseded = None;
        memory.carrier = None;
    } else {
        memory.siblings.push(Sibling {
            version,
            subject: incoming.content.subject.clone(),
            fingerprint: incoming.fingerprint,
            valid: incoming.valid,
        });
    }
    let change = Change::Version(Box::new(VersionChange {
        memory: memory.clone(),
        version,
        parents,
        conflict: !met,
        content: ContentFrom::Event,
        is_new: false,
        subject: incoming.content.subject.clone(),
        fingerprint: incoming.fingerprint,
        valid: incoming.valid,
    }));
    (if met { Verdict::Applied } else { Verdict::Conflict { version } }, change)
}

/// A row that repeats the current content because only metadata changed.
pub(super) fn touch(memory: &mut Memory, at: At) -> Change {
    memory.changed = at.position;
    memory.changed_at = at.recorded_at;
    Change::Version(Box::new(VersionChange {
        memory: memory.clone(),
        version: memory.current,
        parents: Vec::new(),
        conflict: false,
        content: ContentFrom::Version(memory.current),
        is_new: false,
        subject: memory.subject.clone(),
        fingerprint: memory.fingerprint,
        valid: memory.valid,
    }))
}

pub(super) fn revised(state: &mut CubeState, at: At, body: &MemoryRevised) -> Applied {
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    if body.expected == 0 || body.expected > memory.last {
        return Applied::refused(Refusal::UnknownVersion);
    }
    let met = body.expected == memory.current && memory.lifecycle.accepts_content() && memory.expired_at.is_none();
    let incoming = Incoming { content: &body.content, fingerprint: body.fingerprint, valid: body.valid };
    let parents = vec![VersionRef { memory: body.memory, version: body.expected }];
    let (verdict, change) = add_version(memory, at, &incoming, parents, met);
    let mut changes = vec![change];
    if met {
        changes.extend(stale::spoil(state, body.memory, StaleCause::Revised));
    }
    Applied { verdict, changes }
}

pub(super) fn merged(state: &mut CubeState, at: At, body: &MemoryMerged) -> Applied {
    let Some(into) = state.memories.get(&body.into) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    if body.expected == 0 || body.expected > into.last {
        return Applied::refused(Refusal::UnknownVersion);
    }
    if body.sources.iter().any(|source| source.memory == body.into || !state.memories.contains_key(&source.memory)) {
        return Applied::refused(Refusal::UnknownMemory);
    }
    if body.sources.iter().any(|source| source.version == 0 || source.version > state.memories[&source.memory].last) {
        return Applied::refused(Refusal::UnknownVersion);
    }
    let mergeable = |memory: &Memory, version: VersionNo| {
        memory.current == version && memory.lifecycle.accepts_content() && memory.expired_at.is_none()
    };
    let met = mergeable(into, body.expected)
        && body.sources.iter().all(|source| mergeable(&state.memories[&source.memory], source.version));
    let parents =
        std::iter::once(VersionRef { memory: body.into, version: body.expected }).chain(body.sources.iter().copied()).collect();
    let mut changes = Vec::with_capacity(1 + body.sources.len());
    let incoming = Incoming { content: &body.content, fingerprint: body.fingerprint, valid: body.valid };
    let Some(into) = state.memories.get_mut(&body.into) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    let (verdict, change) = add_version(into, at, &incoming, parents, met);
    changes.push(change);
    if met {
        for source in &body.sources {
            // A source that is named twice has one row all the same.
            if let Some(memory) = state.memories.get_mut(&source.memory)
                && memory.lifecycle != Lifecycle::Merged
            {
                memory.lifecycle = Lifecycle::Merged;
                memory.merged_into = Some(body.into);
                memory.carrier = None;
                changes.push(touch(memory, at));
            }
        }
        let spoilt = stale::spoil(state, body.into, StaleCause::Revised);
        let spoilt = body.sources.iter().fold(spoilt, |spoilt, source| {
            let more = stale::spoil(state, source.memory, StaleCause::Merged);
            spoilt.or(more)
        });
        changes.extend(spoilt);
    }
    Applied { verdict, changes }
}

pub(super) fn related(state: &mut CubeState, body: &MemoryRelated) -> Applied {
    if !state.memories.contains_key(&body.from) || !state.memories.contains_key(&body.to) {
        return Applied::refused(Refusal::UnknownMemory);
    }
    Applied::with(vec![Change::Edge(Edge {
        from: body.from,
        to: body.to,
        relation: body.relation,
        weight: body.weight,
        withdrawn: body.withdrawn,
    })])
}

pub(super) fn moved(state: &mut CubeState, at: At, body: &MemoryMoved) -> Applied {
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    if !memory.lifecycle.may_move_to(body.to) {
        return Applied::refused(Refusal::IllegalMove { from: memory.lifecycle, to: body.to });
    }
    memory.lifecycle = body.to;
    memory.merged_into = None;
    Applied::with(vec![touch(memory, at)])
}

pub(super) fn tagged(state: &mut CubeState, at: At, body: &MemoryTagged) -> Applied {
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    memory.descriptive.tags.extend(body.add.iter().cloned());
    for tag in &body.remove {
        memory.descriptive.tags.remove(tag);
    }
    Applied::with(vec![touch(memory, at)])
}

pub(super) fn governed(state: &mut CubeState, at: At, body: &MemoryGoverned) -> Applied {
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    let governance = &mut memory.governance;
    governance.sensitivity = body.sensitivity.unwrap_or(governance.sensitivity);
    governance.trust = body.trust.unwrap_or(governance.trust);
    governance.priority = body.priority.unwrap_or(governance.priority);
    governance.lifespan = body.lifespan.unwrap_or(governance.lifespan);
    governance.pinned = body.pinned.unwrap_or(governance.pinned);
    Applied::with(vec![touch(memory, at)])
}

pub(super) fn expired(state: &mut CubeState, at: At, body: &MemoryExpired) -> Applied {
    if state.is_held(body.memory) {
        return Applied::refused(Refusal::Held);
    }
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    if memory.expired_at.is_some() {
        return Applied::refused(Refusal::AlreadyExpired);
    }
    if memory.governance.pinned {
        return Applied::refused(Refusal::Pinned);
    }
    memory.expired_at = Some(at.recorded_at);
    memory.carrier = None;
    let mut changes = vec![touch(memory, at)];
    changes.extend(stale::spoil(state, body.memory, StaleCause::Expired));
    Applied::with(changes)
}

pub(super) fn resolved(state: &mut CubeState, at: At, body: &ConflictResolved) -> Applied {
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    if body.expected != memory.current {
        return Applied::refused(Refusal::Stale);
    }
    let winner = memory.siblings.iter().find(|sibling| sibling.version == body.winner).cloned();
    if winner.is_none() && body.winner != memory.current {
        return Applied::refused(Refusal::UnknownVersion);
    }
    // The resolution is a version of its own whose parents are everything that it settles; its content is the winner's.
    let settled = memory.siblings.drain(..).map(|sibling| sibling.version);
    let parents =
        std::iter::once(memory.current).chain(settled).map(|version| VersionRef { memory: body.memory, version }).collect();
    if let Some(winner) = winner {
        memory.subject = winner.subject;
        memory.fingerprint = winner.fingerprint;
        memory.valid = winner.valid;
        memory.superseded = None;
    }
    memory.last += 1;
    memory.current = memory.last;
    memory.carrier = None;
    memory.changed = at.position;
    memory.changed_at = at.recorded_at;
    let mut changes = vec![Change::Version(Box::new(VersionChange {
        memory: memory.clone(),
        version: memory.current,
        parents,
        conflict: false,
        content: ContentFrom::Version(body.winner),
        is_new: false,
        subject: memory.subject.clone(),
        fingerprint: memory.fingerprint,
        valid: memory.valid,
    }))];
    changes.extend(stale::spoil(state, body.memory, StaleCause::Revised));
    Applied::with(changes)
}
