//! How a job speaks: many events decided over one state, appended together, and a record of the run behind them.

use std::sync::atomic::Ordering;

use cubelog_log::Topic;
use cubelog_memory::{
    Body, Command, CubeKey, CubeState, Cut, Decision, EventId, JobOutcome, JobRun, Origin, Rejection, Tag, Timestamp, Verdict,
    decide,
};
use tokio::sync::oneshot;

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::project::Settled;
use crate::submit::to_record;

/// Events that are decided over one state and appended at once.
const CHUNK: usize = 1_000;

/// One run of a job over one cube.
pub(crate) struct Run {
    pub job: &'static str,
    pub cube: CubeKey,
    /// The event of the run itself, by which everything that it appends is correlated.
    pub id: EventId,
    pub origin: Origin,
    /// The event that led to this run, where one did.
    pub causation: Option<EventId>,
    pub started_at: Timestamp,
}

/// What became of the events that a run wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub applied: Vec<EventId>,
    /// Events that may not happen (any more), or lost to another writer.
    pub refused: u64,
}

impl Cubelog {
    pub(crate) fn begin(&self, job: &'static str, cube: &CubeKey, origin: Origin, causation: Option<EventId>) -> Run {
        let id = EventId::new(self.inner.ids.next());
        Run { job, cube: cube.clone(), id, origin, causation, started_at: self.inner.clock.now() }
    }

    /// Appends what may happen of `wanted`, no two of which are about the same version of a memory, and waits until it is folded.
    pub(crate) async fn carry_out(&self, caller: &Caller, run: &Run, wanted: Vec<(EventId, Body)>) -> Result<Carried, RunError> {
        let mut carried = Carried::default();
        let mut wanted = wanted.into_iter().peekable();
        while wanted.peek().is_some() {
            let mut records = Vec::new();
            let mut answers = Vec::new();
            {
                let mut fold = self.shared().fold.lock().await;
                if let Some(parked) = fold.parked(&run.cube.to_string()) {
                    let (position, reason) = (parked.position.to_string(), parked.reason.clone());
                    return Err(RunError::Parked { cube: run.cube.clone(), position, reason });
                }
                let state = fold.load(&self.views(), &run.cube).await?;
                for (id, body) in wanted.by_ref().take(CHUNK) {
                    if !is_timely(state, &body) {
                        carried.refused += 1;
                        continue;
                    }
                    match decide(state, run.started_at, self.command(caller, run, id, body)) {
                        Ok(Decision::Append(event)) => {
                            records.push(to_record(&event)?);
                            answers.push((id, self.expect(id)));
                        }
                        Ok(Decision::Known) => {}
                        // A missing right is no fault of the event, and every other one would fare alike.
                        Err(rejection @ (Rejection::Forbidden { .. } | Rejection::UnknownCube(_))) => {
                            return Err(rejection.into());
                        }
                        Err(_) => carried.refused += 1,
                    }
                }
            }
            if records.is_empty() {
                continue;
            }
            let appended = match self.shared().log.append(Topic::Events, records).await {
                Ok(appended) => appended,
                Err(error) => {
                    answers.iter().for_each(|(id, _)| self.expect_no_more(*id));
                    return Err(error.into());
                }
            };
            self.inner.appended.fetch_add(appended.len() as u64, Ordering::Relaxed);
            {
                let mut submitted_to = self.inner.submitted_to.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                appended.iter().for_each(|appended| submitted_to.cover(appended.position));
            }
            for (id, answer) in answers {
                match self.settled(id, answer).await?.verdict {
                    Verdict::Applied => carried.applied.push(id),
                    Verdict::Duplicate | Verdict::Conflict { .. } | Verdict::Refused(_) => carried.refused += 1,
                }
            }
        }
        Ok(carried)
    }

    /// Writes that the run ended, with its counts as a JSON object; answers with the cut that a read must see.
    pub(crate) async fn end(&self, caller: &Caller, run: Run, report: &serde_json::Value) -> Result<Cut, RunError> {
        let body = Body::JobRun(JobRun {
            job: Tag::new(run.job)?,
            started_at: run.started_at,
            ended_at: self.inner.clock.now(),
            outcome: JobOutcome::Succeeded,
            report: report.to_string(),
        });
        let decision = {
            let mut fold = self.shared().fold.lock().await;
            let state = fold.load(&self.views(), &run.cube).await?;
            decide(state, self.inner.clock.now(), self.command(caller, &run, run.id, body))?
        };
        if let Decision::Append(event) = decision {
            self.append_and_settle(*event, None).await?;
        }
        Ok(self.inner.submitted_to.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone())
    }

    /// Appends one event that has to happen, and waits until it is folded; what speaks against it is the error.
    pub(crate) async fn step(&self, caller: &Caller, run: &Run, body: Body) -> Result<(), RunError> {
        let id = EventId::new(self.inner.ids.next());
        let decision = {
            let mut fold = self.shared().fold.lock().await;
            let state = fold.load(&self.views(), &run.cube).await?;
            decide(state, self.inner.clock.now(), self.command(caller, run, id, body))?
        };
        match decision {
            Decision::Append(event) => self.append_and_settle(*event, None).await.map(drop),
            Decision::Known => Ok(()),
        }
    }

    fn command(&self, caller: &Caller, run: &Run, event: EventId, body: Body) -> Command {
        Command {
            event,
            command: None,
            cube: run.cube.clone(),
            actor: caller.principal.clone(),
            admin: caller.admin,
            origin: run.origin,
            occurred_at: run.started_at,
            causation: run.causation,
            correlation: (event != run.id).then_some(run.id),
            body,
        }
    }

    /// Asks to be told what the fold makes of an event.
    fn expect(&self, id: EventId) -> oneshot::Receiver<Settled> {
        let (settle, settled) = oneshot::channel();
        self.shared().waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(id, settle);
        settled
    }

    async fn settled(&self, id: EventId, answer: oneshot::Receiver<Settled>) -> Result<Settled, RunError> {
        let mut stopped = self.inner.stopped.clone();
        let closed = || RunError::Stopped("the store was closed".to_owned());
        tokio::select! {
            settled = answer => settled.map_err(|_| closed()),
            reason = stopped.wait_for(Option::is_some) => {
                self.expect_no_more(id);
                let reason = reason.ok().and_then(|reason| reason.clone());
                Err(reason.map_or_else(closed, RunError::Stopped))
            }
        }
    }
}

/// Content that was written over a version that is no longer current is not worth a conflict: the next run sees what is new.
fn is_timely(state: &CubeState, body: &Body) -> bool {
    let current = |memory, version| state.memories.get(&memory).is_some_and(|memory| memory.current == version);
    match body {
        Body::MemoryMerged(body) => {
            current(body.into, body.expected) && body.sources.iter().all(|source| current(source.memory, source.version))
        }
        Body::MemoryRevised(body) => current(body.memory, body.expected),
        _ => true,
    }
}
