//! Commands from callers: decide over the live state, append, and answer with what the log order made of it.

use bytes::Bytes;
use cubelog_log::{Append, Topic};
use cubelog_memory::forgetting::POLICY;
use cubelog_memory::{
    Body, Command, ConflictResolved, Content, CubeCreated, CubeGranted, CubeKey, CubeRevoked, Cut, Decision, Event, EventId,
    Kind, MemoryExpired, MemoryId, MemoryMerged, MemoryMoved, MemoryRecorded, MemoryRelated, MemoryRevised, MemoryTagged,
    PolicySet, SubjectId, Timestamp, Validity, Verdict, decide, derive_uuid,
};
use cubelog_schemas::encode_event;
use std::sync::atomic::Ordering;
use tokio::sync::oneshot;

use crate::caller::Caller;
use crate::cubelog::{Cubelog, Role};
use crate::error::RunError;
use crate::policy;
use crate::project::Settled;
use crate::types::{Change, Effect, Outcome, Request};

impl Cubelog {
    /// Carries out requests one after the other, each over the state that the ones before it made; one that fails does not
    /// stop the others.
    pub async fn submit(&self, caller: &Caller, requests: Vec<Request>) -> Vec<Result<Outcome, RunError>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for (index, request) in requests.into_iter().enumerate() {
            outcomes.push(self.submit_one(caller, index, request).await);
        }
        outcomes
    }

    async fn submit_one(&self, caller: &Caller, index: usize, request: Request) -> Result<Outcome, RunError> {
        self.must_write(caller, &request.cube)?;
        let event = match request.command {
            Some(command) => EventId::new(derive_uuid("event", &[&command.to_string(), &index.to_string()])),
            None => EventId::new(self.inner.ids.next()),
        };
        let now = self.inner.clock.now();
        let occurred_at = request.occurred_at.unwrap_or(now);
        let body = self.body(caller, event, &request.cube, occurred_at, request.change).await?;
        let memory = memory_of(&body);
        let command = Command {
            event,
            command: request.command,
            cube: request.cube.clone(),
            actor: caller.principal.clone(),
            admin: caller.admin,
            origin: caller.origin,
            occurred_at,
            causation: None,
            correlation: None,
            body,
        };
        match self.decide_one(now, command).await? {
            Decision::Known => self.first_answer(event, &request.cube, memory).await,
            Decision::Append(event) => self.append_and_settle(*event, memory).await,
        }
    }

    /// Decides over the fold, which holds every event that this process was told of.
    pub(crate) async fn decide_one(&self, now: Timestamp, command: Command) -> Result<Decision, RunError> {
        let key = command.cube.to_string();
        let mut fold = self.shared().fold.lock().await;
        if let Some(parked) = fold.parked(&key) {
            return Err(RunError::Parked {
                cube: command.cube,
                position: parked.position.to_string(),
                reason: parked.reason.clone(),
            });
        }
        let state = fold.load(&self.views(), &command.cube).await?;
        Ok(decide(state, now, command)?)
    }

    pub(crate) fn must_write(&self, caller: &Caller, cube: &CubeKey) -> Result<(), RunError> {
        if self.inner.role == Role::Reader {
            return Err(RunError::BadRequest("these views are a replay and stand still; write to the live store".to_owned()));
        }
        if caller.tenant != cube.tenant {
            return Err(RunError::UnknownCube(cube.clone()));
        }
        if let Some(reason) = self.inner.stopped.borrow().clone() {
            return Err(RunError::Stopped(reason));
        }
        Ok(())
    }

    /// Appends one event and waits until it is folded.
    pub(crate) async fn append_and_settle(&self, event: Event, memory: Option<MemoryId>) -> Result<Outcome, RunError> {
        let id = event.envelope.id;
        let record = to_record(&event)?;
        let (settle, settled) = oneshot::channel::<Settled>();
        self.shared().waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(id, settle);
        let appended = match self.shared().log.append(Topic::Events, vec![record]).await {
            Ok(appended) => appended,
            Err(error) => {
                self.expect_no_more(id);
                return Err(error.into());
            }
        };
        let Some(appended) = appended.first().copied() else {
            self.expect_no_more(id);
            return Err(RunError::Stopped("the log acknowledged nothing".to_owned()));
        };
        self.inner.appended.fetch_add(1, Ordering::Relaxed);
        let mut token = Cut::start();
        token.cover(appended.position);
        {
            let mut submitted_to = self.inner.submitted_to.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            submitted_to.cover(appended.position);
        }
        if appended.duplicate {
            self.expect_no_more(id);
            return self.first_answer(id, &event.envelope.cube, memory).await;
        }
        // The write is safe on the log; how long the fold takes to come to it is not bounded, unless it has stopped.
        let mut stopped = self.inner.stopped.clone();
        let settled = tokio::select! {
            settled = settled => settled.ok(),
            reason = stopped.wait_for(Option::is_some) => {
                self.expect_no_more(id);
                let reason = reason.ok().and_then(|reason| reason.clone());
                return Err(RunError::Stopped(reason.unwrap_or_else(|| "the store was closed".to_owned())));
            }
        };
        let Some(settled) = settled else {
            return Err(RunError::Stopped("the store was closed".to_owned()));
        };
        Ok(Outcome {
            event: id,
            position: appended.position,
            recorded_at: appended.recorded_at,
            effect: match settled.verdict {
                Verdict::Applied => Effect::Applied,
                Verdict::Duplicate => Effect::Repeated,
                Verdict::Conflict { .. } => Effect::Conflict,
                Verdict::Refused(refusal) => Effect::Refused(refusal.to_string()),
            },
            memory: settled.memory.map(|(memory, _)| memory).or(memory),
            version: settled.memory.map(|(_, version)| version),
            token,
        })
    }

    /// Nobody waits any more for what the fold makes of an event.
    pub(crate) fn expect_no_more(&self, id: EventId) {
        self.shared().waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(&id);
    }

    /// The answer that the same command got the first time.
    async fn first_answer(&self, event: EventId, cube: &CubeKey, memory: Option<MemoryId>) -> Result<Outcome, RunError> {
        self.flush().await?;
        if let Some(row) = self.views().version_of_event(event).await? {
            let mut token = Cut::start();
            token.cover(row.position);
            return Ok(Outcome {
                event,
                position: row.position,
                recorded_at: row.recorded_at,
                effect: Effect::Repeated,
                memory: Some(row.memory.id),
                version: Some(row.version),
                token,
            });
        }
        // An event without a version changed the cube itself; its last change is at or after it.
        let row = self.cube(cube).ok_or_else(|| RunError::UnknownCube(cube.clone()))?;
        let mut token = Cut::start();
        token.cover(row.changed);
        Ok(Outcome {
            event,
            position: row.changed,
            recorded_at: row.changed_at,
            effect: Effect::Repeated,
            memory,
            version: None,
            token,
        })
    }

    async fn body(
        &self,
        caller: &Caller,
        event: EventId,
        cube: &CubeKey,
        occurred_at: Timestamp,
        change: Change,
    ) -> Result<Body, RunError> {
        let since_now = |valid: Option<Validity>| valid.unwrap_or(Validity::since(occurred_at));
        Ok(match change {
            Change::CreateCube { visibility, auditable } => {
                Body::CubeCreated(CubeCreated { owner: caller.principal.clone(), visibility, auditable })
            }
            Change::Grant { principal, right } => Body::CubeGranted(CubeGranted { principal, right }),
            Change::Revoke { principal } => Body::CubeRevoked(CubeRevoked { principal }),
            Change::SetPolicy { name, document } => {
                if name.as_str() == POLICY {
                    policy::forgetting(&document)?;
                }
                Body::PolicySet(PolicySet { name, document })
            }
            Change::Record { memory, subject, content, descriptive, governance, valid, sources } => {
                content.check()?;
                let subject = self.shared().sealer.subject(cube, subject.as_deref(), &content);
                let (content, fingerprint) = self.shared().sealer.seal(event, cube, &subject, &content)?;
                Body::MemoryRecorded(MemoryRecorded {
                    memory: memory.unwrap_or_else(|| MemoryId::new(derive_uuid("memory", &[&event.to_string()]))),
                    kind: Kind::Plaintext,
                    fingerprint,
                    descriptive,
                    governance,
                    valid: since_now(valid),
                    sources,
                    content,
                })
            }
            Change::Revise { memory, expected, content, valid } => {
                let (content, fingerprint) = self.seal_for(event, cube, memory, content).await?;
                Body::MemoryRevised(MemoryRevised { memory, expected, fingerprint, valid: since_now(valid), content })
            }
            Change::Merge { into, expected, sources, content } => {
                let (content, fingerprint) = self.seal_for(event, cube, into, content).await?;
                let valid = since_now(None);
                Body::MemoryMerged(MemoryMerged { into, expected, sources, fingerprint, valid, content })
            }
            Change::Relate { from, to, relation, weight, withdrawn } => {
                Body::MemoryRelated(MemoryRelated { from, to, relation, weight, withdrawn })
            }
            Change::Move { memory, to, reason } => Body::MemoryMoved(MemoryMoved { memory, to, reason }),
            Change::Tag { memory, add, remove } => Body::MemoryTagged(MemoryTagged { memory, add, remove }),
            Change::Expire { memory, reason } => Body::MemoryExpired(MemoryExpired { memory, reason }),
            Change::Resolve { memory, expected, winner, reason } => {
                Body::ConflictResolved(ConflictResolved { memory, expected, winner, reason })
            }
            Change::Plain(body) if body.content().is_some() => {
                return Err(RunError::BadRequest(format!("{} carries content, which is sealed on its way in", body.kind())));
            }
            Change::Plain(body) => *body,
        })
    }

    /// Seals new content of an existing memory under the subject that it is about already.
    pub(crate) async fn seal_for(
        &self,
        event: EventId,
        cube: &CubeKey,
        memory: MemoryId,
        content: Content,
    ) -> Result<(cubelog_memory::Sealed, cubelog_memory::Fingerprint), RunError> {
        content.check()?;
        let subject: SubjectId = {
            let mut fold = self.shared().fold.lock().await;
            let state = fold.load(&self.views(), cube).await?;
            match state.memories.get(&memory) {
                Some(memory) => memory.subject.clone(),
                None => return Err(RunError::UnknownMemory(memory)),
            }
        };
        Ok(self.shared().sealer.seal(event, cube, &subject, &content)?)
    }
}

/// The record that carries an event.
pub(crate) fn to_record(event: &Event) -> Result<Append, RunError> {
    let mut payload = Vec::with_capacity(512);
    encode_event(event, &mut payload)?;
    Ok(Append { key: event.envelope.cube.to_string(), id: event.envelope.id, payload: Bytes::from(payload) })
}

/// The memory that an answer names, and whose history tells of the change. A relation is between two, a hold is no change of what
/// it holds, and blocks and modules have no rows among the memories.
fn memory_of(body: &Body) -> Option<MemoryId> {
    match body {
        Body::MemoryRelated(_) | Body::HoldPlaced(_) | Body::BlockBuilt(_) | Body::BlockDropped(_) => None,
        Body::ModuleProposed(_)
        | Body::ModuleTrained(_)
        | Body::ModuleEvaluated(_)
        | Body::ModulePublished(_)
        | Body::ModuleActivated(_)
        | Body::ModuleRetired(_)
        | Body::ModuleRolledBack(_) => None,
        body => body.memory(),
    }
}
