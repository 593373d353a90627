//! `apply`: one event onto the state of its cube. Total and deterministic; the order of the log decides every race.
//! What changed comes back as values, which the projector turns into rows after the fold.

use crate::content::Fingerprint;
use crate::event::*;
use crate::ids::{EventId, MemoryId};
use crate::lifecycle::Lifecycle;
use crate::metadata::{Kind, Lifespan, Relation, Validity};
use crate::position::{Position, Timestamp};
use crate::state::{CubeState, Erasure, Memory, Sibling};

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
    IllegalMove { from: Lifecycle, to: Lifecycle },
    Held,
    UnknownHold,
    Stale,
    AlreadyExpired,
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
    match &event.body {
        Body::TurnReceived(body) => received(state, at, event, body),
        Body::MemoryRecorded(body) => recorded(state, at, event, body),
        Body::MemoryRevised(body) => revised(state, at, body),
        Body::MemoryMerged(body) => merged(state, at, body),
        Body::MemoryRelated(body) => related(state, body),
        Body::MemoryMoved(body) => moved(state, at, body),
        Body::MemoryTagged(body) => tagged(state, at, body),
        Body::MemoryExpired(body) => expired(state, at, body),
        Body::ConflictResolved(body) => resolved(state, at, body),
        Body::CubeCreated(body) => cube_created(state, at, event.envelope.id, body),
        Body::CubeGranted(body) => cube(state, event, |state| {
            state.grants.insert(body.principal.clone(), body.right);
        }),
        Body::CubeRevoked(body) => cube(state, event, |state| {
            state.grants.remove(&body.principal);
        }),
        Body::PolicySet(body) => cube(state, event, |state| {
            if body.document.is_empty() {
                state.policies.remove(&body.name);
            } else {
                state.policies.insert(body.name.clone(), body.document.clone());
            }
        }),
        Body::HoldPlaced(body) => cube(state, event, |state| {
            state.holds.insert(body.hold, body.memory);
        }),
        Body::HoldLifted(body) => match state.holds.contains_key(&body.hold) {
            false => Applied::refused(Refusal::UnknownHold),
            true => cube(state, event, |state| {
                state.holds.remove(&body.hold);
            }),
        },
        Body::ErasureRequested(body) => cube(state, event, |state| {
            let entry = state.erasures.entry(body.erasure);
            entry.or_insert_with(|| (body.subject.clone(), Erasure::Requested));
        }),
        Body::ErasureCompleted(body) => cube(state, event, |state| {
            state.erasures.insert(body.erasure, (body.subject.clone(), Erasure::Completed));
        }),
        // These record what happened around the state; readers find them on the log.
        Body::CubeImported(_) | Body::ExtractionRecorded(_) | Body::DeadLetterHandled(_) | Body::JobRun(_) => {
            Applied::with(Vec::new())
        }
    }
}

fn cube(state: &mut CubeState, event: &Event, change: impl FnOnce(&mut CubeState)) -> Applied {
    change(state);
    state.cube_events.push(event.envelope.id);
    Applied::with(vec![Change::Cube])
}

fn cube_created(state: &mut CubeState, at: At, id: EventId, body: &CubeCreated) -> Applied {
    if state.exists() {
        return Applied::refused(Refusal::CubeExists);
    }
    state.owner = Some(body.owner.clone());
    state.visibility = body.visibility;
    state.auditable = body.auditable;
    state.created_at = Some(at.recorded_at);
    state.cube_events.push(id);
    Applied::with(vec![Change::Cube])
}

fn received(state: &mut CubeState, at: At, event: &Event, body: &TurnReceived) -> Applied {
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
        created_at: at.recorded_at,
        changed_at: at.recorded_at,
        changed: at.position,
    };
    begin(state, memory, Vec::new(), Some(turn))
}

fn recorded(state: &mut CubeState, at: At, event: &Event, body: &MemoryRecorded) -> Applied {
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
fn touch(memory: &mut Memory, at: At) -> Change {
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

fn revised(state: &mut CubeState, at: At, body: &MemoryRevised) -> Applied {
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
    Applied { verdict, changes: vec![change] }
}

fn merged(state: &mut CubeState, at: At, body: &MemoryMerged) -> Applied {
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
            if let Some(memory) = state.memories.get_mut(&source.memory) {
                memory.lifecycle = Lifecycle::Merged;
                memory.merged_into = Some(body.into);
                changes.push(touch(memory, at));
            }
        }
    }
    Applied { verdict, changes }
}

fn related(state: &mut CubeState, body: &MemoryRelated) -> Applied {
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

fn moved(state: &mut CubeState, at: At, body: &MemoryMoved) -> Applied {
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

fn tagged(state: &mut CubeState, at: At, body: &MemoryTagged) -> Applied {
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    memory.descriptive.tags.extend(body.add.iter().cloned());
    for tag in &body.remove {
        memory.descriptive.tags.remove(tag);
    }
    Applied::with(vec![touch(memory, at)])
}

fn expired(state: &mut CubeState, at: At, body: &MemoryExpired) -> Applied {
    if state.is_held(body.memory) {
        return Applied::refused(Refusal::Held);
    }
    let Some(memory) = state.memories.get_mut(&body.memory) else {
        return Applied::refused(Refusal::UnknownMemory);
    };
    if memory.expired_at.is_some() {
        return Applied::refused(Refusal::AlreadyExpired);
    }
    memory.expired_at = Some(at.recorded_at);
    Applied::with(vec![touch(memory, at)])
}

fn resolved(state: &mut CubeState, at: At, body: &ConflictResolved) -> Applied {
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
    }
    memory.last += 1;
    memory.current = memory.last;
    memory.changed = at.position;
    memory.changed_at = at.recorded_at;
    Applied::with(vec![Change::Version(Box::new(VersionChange {
        memory: memory.clone(),
        version: memory.current,
        parents,
        conflict: false,
        content: ContentFrom::Version(body.winner),
        is_new: false,
        subject: memory.subject.clone(),
        fingerprint: memory.fingerprint,
        valid: memory.valid,
    }))])
}

/// Whether a memory with this lifespan is due to expire at `now`.
pub fn is_due(lifespan: Lifespan, now: Timestamp) -> bool {
    match lifespan {
        Lifespan::Keep => false,
        Lifespan::Until(end) => end <= now,
    }
}
