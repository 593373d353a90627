//! Dead letters: records that could not be read, and what somebody decides about them. Every decision is an event.

use cubelog_memory::{
    Body, CubeKey, CubeName, DeadLetterAction, DeadLetterHandled, Envelope, Event, EventId, Position, SCHEMA_VERSION,
};
use cubelog_views::{DeadRow, DeadStatus};

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::fold::parse_key;

impl Cubelog {
    /// All dead letters, oldest first, handled ones too.
    pub async fn dead(&self) -> Result<Vec<DeadRow>, RunError> {
        self.flush().await?;
        Ok(self.views().dead().await?)
    }

    /// Tries to read the record again (a newer program may know its schema). If it still cannot be read, it stays parked.
    pub async fn dead_retry(&self, caller: &Caller, position: Position) -> Result<DeadRow, RunError> {
        self.handle_dead(caller, position, DeadLetterAction::Retried, None).await
    }

    /// Gives the record up: its cube goes on with what came after it.
    pub async fn dead_discard(&self, caller: &Caller, position: Position, reason: Option<String>) -> Result<DeadRow, RunError> {
        self.handle_dead(caller, position, DeadLetterAction::Discarded, reason).await
    }

    async fn handle_dead(
        &self,
        caller: &Caller,
        position: Position,
        action: DeadLetterAction,
        reason: Option<String>,
    ) -> Result<DeadRow, RunError> {
        let row = self.dead().await?.into_iter().find(|row| row.position == position && row.status == DeadStatus::Parked);
        let row = row.ok_or_else(|| RunError::BadRequest(format!("no dead letter is parked at {position}")))?;
        // The event travels with the cube that it frees; a key that names no cube frees none, and any cube can say so.
        let cube = match parse_key(&row.key) {
            Some(cube) => cube,
            None => CubeKey::new(caller.tenant.clone(), CubeName::new("_dead")?),
        };
        self.must_write(caller, &cube)?;
        let owner = self.cube(&cube).and_then(|row| row.state.owner);
        if !caller.admin && owner.as_ref() != Some(&caller.principal) {
            let principal = caller.principal.clone();
            return Err(RunError::Forbidden { principal, right: cubelog_memory::Right::Write, cube });
        }
        let event = Event {
            envelope: Envelope {
                id: EventId::new(self.inner.ids.next()),
                cube,
                actor: caller.principal.clone(),
                origin: caller.origin,
                occurred_at: self.inner.clock.now(),
                command: None,
                causation: None,
                correlation: None,
                schema_version: SCHEMA_VERSION,
            },
            body: Body::DeadLetterHandled(DeadLetterHandled { position, action, reason }),
        };
        let record = crate::submit::to_record(&event)?;
        self.shared().log.append(cubelog_log::Topic::Events, vec![record]).await?;
        let rows = self.dead().await?;
        rows.into_iter().find(|row| row.position == position).ok_or_else(|| {
            RunError::Stopped(format!("the dead letter at {position} vanished from the views; run `cubelog rebuild`"))
        })
    }
}
