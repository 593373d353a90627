//! `decide`: may this command happen, given what is known? Answers with events or a rejection; changes nothing.
//! Facts that only the edge has (ids, sealed content, the time) come with the command.

use crate::apply::Refusal;
use crate::event::*;
use crate::ids::{CommandId, CubeKey, EventId, MemoryId, PrincipalId};
use crate::lifecycle::Lifecycle;
use crate::limits::{FIELD_BYTES_MAX, FUTURE_SKEW_MICROS_MAX, PARENTS_MAX, TAGS_MAX};
use crate::metadata::Origin;
use crate::position::Timestamp;
use crate::state::{CubeState, Memory};

/// What somebody wants, in the imperative. It carries the body that will be logged if it may happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// Id of the event that will carry it; derived from the source for imports, so that a repetition is recognised.
    pub event: EventId,
    pub command: Option<CommandId>,
    pub cube: CubeKey,
    pub actor: PrincipalId,
    /// The actor administers the installation: cube rights do not bind it.
    pub admin: bool,
    pub origin: Origin,
    pub occurred_at: Timestamp,
    pub causation: Option<EventId>,
    pub correlation: Option<EventId>,
    pub body: Body,
}

/// Why a command cannot happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("cube {0} does not exist; create it first")]
    UnknownCube(CubeKey),
    #[error("cube {0} exists already")]
    CubeExists(CubeKey),
    #[error("{principal} may not {right} in cube {cube}; its owner can grant that")]
    Forbidden { principal: PrincipalId, right: Right, cube: CubeKey },
    #[error("memory {0} does not exist in this cube")]
    UnknownMemory(MemoryId),
    #[error("memory {memory} has no version {version}; its newest is {last}")]
    UnknownVersion { memory: MemoryId, version: VersionNo, last: VersionNo },
    #[error("memory {0} exists already")]
    MemoryExists(MemoryId),
    #[error("turn is known already with other content (memory {memory}); revise the memory instead of ingesting it again")]
    TurnChanged { memory: MemoryId },
    #[error("memory {memory} stands at version {current}, not {expected}; read it again and decide anew")]
    Stale { memory: MemoryId, expected: VersionNo, current: VersionNo },
    #[error("memory {memory} is {lifecycle} and refuses new content; move it to activated first")]
    Closed { memory: MemoryId, lifecycle: Lifecycle },
    #[error("memory {memory} cannot move from {from} to {to}")]
    IllegalMove { memory: MemoryId, from: Lifecycle, to: Lifecycle },
    #[error("memory {0} is under a legal hold and cannot expire; lift the hold first")]
    Held(MemoryId),
    #[error("memory {0} has expired")]
    Expired(MemoryId),
    #[error("no such hold is in force")]
    UnknownHold,
    #[error("{what}: {count} given, at most {max} are allowed")]
    TooMany { what: &'static str, count: usize, max: usize },
    #[error("time lies more than a day after the log's clock; correct the clock or the source")]
    Future,
    #[error("validity ends before it begins")]
    EmptyValidity,
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    #[error("memory {0} cannot be merged or related with itself")]
    WithItself(MemoryId),
}

/// What a command comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Append this event.
    Append(Box<Event>),
    /// The same event stands on the log already; nothing is appended and the earlier answer holds.
    Known,
}

/// Decides `command` over `state` at `now` (the log's clock).
pub fn decide(state: &CubeState, now: Timestamp, command: Command) -> Result<Decision, Rejection> {
    if state.seen.contains(&command.event) {
        return known(state, &command);
    }
    if command.occurred_at.micros() > now.micros().saturating_add(FUTURE_SKEW_MICROS_MAX) {
        return Err(Rejection::Future);
    }
    authorize(state, &command)?;
    check(state, &command)?;
    let envelope = Envelope {
        id: command.event,
        cube: command.cube,
        actor: command.actor,
        origin: command.origin,
        occurred_at: command.occurred_at,
        command: command.command,
        causation: command.causation,
        correlation: command.correlation,
        schema_version: SCHEMA_VERSION,
    };
    Ok(Decision::Append(Box::new(Event { envelope, body: command.body })))
}

/// A repetition is harmless unless it is a turn that now says something else.
fn known(state: &CubeState, command: &Command) -> Result<Decision, Rejection> {
    if let Body::TurnReceived(turn) = &command.body
        && let Some(memory) = state.memories.get(&turn.memory)
        && memory.last == 1
        && memory.fingerprint != turn.fingerprint
    {
        return Err(Rejection::TurnChanged { memory: turn.memory });
    }
    Ok(Decision::Known)
}

fn authorize(state: &CubeState, command: &Command) -> Result<(), Rejection> {
    if matches!(command.body, Body::CubeCreated(_)) {
        return if state.exists() { Err(Rejection::CubeExists(state.key.clone())) } else { Ok(()) };
    }
    if !state.exists() {
        return Err(Rejection::UnknownCube(command.cube.clone()));
    }
    let right = match command.body {
        Body::CubeGranted(_) | Body::CubeRevoked(_) => Right::Share,
        _ => Right::Write,
    };
    // Policies, holds and erasures bind everybody in the cube, so only its owner or an administrator sets them.
    let owner_only = matches!(
        command.body,
        Body::PolicySet(_)
            | Body::HoldPlaced(_)
            | Body::HoldLifted(_)
            | Body::ErasureRequested(_)
            | Body::ErasureCompleted(_)
            | Body::DeadLetterHandled(_)
    );
    let is_owner = state.owner.as_ref() == Some(&command.actor);
    if command.admin || is_owner || (!owner_only && state.allows(&command.actor, right)) {
        return Ok(());
    }
    Err(Rejection::Forbidden { principal: command.actor.clone(), right, cube: command.cube.clone() })
}

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

fn valid(validity: &crate::metadata::Validity) -> Result<(), Rejection> {
    if validity.to.is_some_and(|to| to <= validity.from) { Err(Rejection::EmptyValidity) } else { Ok(()) }
}

fn labels(descriptive: &crate::metadata::Descriptive, governance: &crate::metadata::Governance) -> Result<(), Rejection> {
    at_most("tags", descriptive.tags.len(), TAGS_MAX)?;
    if !(-100..=100).contains(&governance.priority) {
        return Err(Rejection::OutOfRange("priority (-100 to 100)"));
    }
    Ok(())
}

fn check(state: &CubeState, command: &Command) -> Result<(), Rejection> {
    match &command.body {
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
            body.sources.iter().try_for_each(|source| memory(state, source.memory).map(drop))
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

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::UnknownMemory => f.write_str("memory is unknown at this point of the log"),
            Refusal::UnknownVersion => f.write_str("version is unknown at this point of the log"),
            Refusal::MemoryExists => f.write_str("memory exists already"),
            Refusal::CubeExists => f.write_str("cube exists already"),
            Refusal::IllegalMove { from, to } => write!(f, "no move leads from {from} to {to}"),
            Refusal::Held => f.write_str("a legal hold is in force"),
            Refusal::UnknownHold => f.write_str("hold is unknown"),
            Refusal::Stale => f.write_str("another version became current first"),
            Refusal::AlreadyExpired => f.write_str("memory expired earlier"),
        }
    }
}
