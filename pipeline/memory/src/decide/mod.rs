//! `decide`: may this command happen, given what is known? Answers with events or a rejection; changes nothing.
//! Facts that only the edge has (ids, sealed content, the time) come with the command.

mod check;
mod rejection;

use crate::event::*;
use crate::ids::{CommandId, CubeKey, EventId, PrincipalId};
use crate::limits::FUTURE_SKEW_MICROS_MAX;
use crate::metadata::Origin;
use crate::position::Timestamp;
use crate::state::CubeState;

pub use rejection::Rejection;

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
    check::check(state, &command.body)?;
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
