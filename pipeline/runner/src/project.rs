//! Projection: records of the log become rows of the views. A session folds and a committer embeds and writes, side by side,
//! joined by a channel of one batch; positions move only after the commit.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use cubelog_log::{EventLog, LogError, ReadFrom, Record, Records, Topic};
use cubelog_memory::{Body, CubeKey, Cut, DeadLetterAction, EventId, Position, Verdict};
use cubelog_views::{CubeRow, DeadRow, DeadStatus, ViewError, ViewStore};
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::RunError;
use crate::filter::Filter;
use crate::fold::{Fold, Parked, Read, parse_key, read_record};
use crate::pending::{BatchError, Pending};
use crate::ports::Embedder;
use crate::seal::Sealer;
use crate::settings::Settings;

/// What the fold made of an event that somebody waits for.
#[derive(Debug, Clone)]
pub struct Settled {
    pub verdict: Verdict,
    /// The memory and version that it touched, if any.
    pub memory: Option<(cubelog_memory::MemoryId, cubelog_memory::VersionNo)>,
}

/// Counters for people and metrics; they mean nothing to the program.
#[derive(Default)]
pub struct Counters {
    pub folded: AtomicU64,
    pub refused: AtomicU64,
    pub left_out: AtomicU64,
    pub dead: AtomicU64,
    pub rows: AtomicU64,
}

/// State that a projection shares with writers and readers.
pub struct Shared {
    pub log: Arc<dyn EventLog>,
    pub sealer: Sealer,
    pub embedder: Arc<dyn Embedder>,
    pub settings: Settings,
    pub views: RwLock<Arc<dyn ViewStore>>,
    /// Lock order: `fold` before `directory` before `waiting`; `views` is only ever held for a clone.
    pub fold: tokio::sync::Mutex<Fold>,
    /// Every cube's own row, as folded.
    pub directory: RwLock<HashMap<CubeKey, CubeRow>>,
    pub waiting: Mutex<HashMap<EventId, oneshot::Sender<Settled>>>,
    pub folded: watch::Sender<Cut>,
    pub reflected: watch::Sender<Cut>,
    /// Held by a commit and by whoever needs the views to stand still.
    pub commit_gate: tokio::sync::Mutex<()>,
    pub counters: Counters,
}

impl Shared {
    pub fn views(&self) -> Arc<dyn ViewStore> {
        self.views.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

/// Why a projection session ended.
#[derive(Debug)]
pub enum Ended {
    /// Bounded: everything below the end is committed.
    Done,
    /// Asked to; what was folded is committed.
    Asked,
}

#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Views(#[from] ViewError),
    #[error(transparent)]
    Batch(#[from] BatchError),
}

impl From<ProjectError> for RunError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Log(error) => RunError::Log(error),
            ProjectError::Views(error) | ProjectError::Batch(BatchError::Views(error)) => RunError::Views(error),
            ProjectError::Batch(BatchError::Embed(error)) => RunError::Embed(error),
            ProjectError::Batch(error @ BatchError::Missing { .. }) => RunError::Stopped(error.to_string()),
        }
    }
}

/// What somebody asks of a running session.
pub enum Ask {
    /// Commit as soon as everything below the cut is folded.
    Flush(Cut),
    /// Commit what is folded and end.
    Stop,
}

/// One run over the log, live (`until` is `None`) or up to a cut.
pub struct Session {
    pub shared: Arc<Shared>,
    pub until: Option<Cut>,
    pub filter: Filter,
    pub rows_max: usize,
    pub progress: Option<crate::types::Progress>,
}

impl Session {
    /// Runs until the end, an ask or an error. The fold and the views of `shared` belong to the session meanwhile.
    pub async fn run(self, mut asks: mpsc::Receiver<Ask>) -> Result<Ended, ProjectError> {
        let shared = self.shared.clone();
        let start = shared.fold.lock().await.folded.clone();
        shared.folded.send_replace(start.clone());
        shared.reflected.send_replace(shared.views().reflected());
        let mut stream = shared.log.read(Topic::Events, ReadFrom { from: start.clone(), until: self.until.clone() }).await?;
        let (to_commit, batches) = mpsc::channel::<Pending>(1);
        let committer = tokio::spawn(commit_batches(shared.clone(), batches));
        let result = self.fold_stream(&mut stream, &mut asks, &to_commit, start).await;
        drop(to_commit);
        let committed = committer
            .await
            .unwrap_or_else(|panic| Err(ProjectError::Views(ViewError::Query(format!("the committer panicked: {panic}")))));
        // The committer's error came first: the fold only noticed that nobody takes its batches.
        committed?;
        result
    }

    async fn fold_stream(
        &self,
        stream: &mut Records,
        asks: &mut mpsc::Receiver<Ask>,
        to_commit: &mpsc::Sender<Pending>,
        start: Cut,
    ) -> Result<Ended, ProjectError> {
        let mut pending = Pending::starting_at(start);
        // Full batches that the committer has not taken yet. The fold runs ahead of the encoder by so much, so that a command
        // is answered although thousands of texts wait for their vectors.
        let mut backlog: VecDeque<Pending> = VecDeque::new();
        let ahead_max = self.shared.settings.ahead_rows_max.max(2 * self.rows_max);
        let mut flush: Option<Cut> = None;
        let mut due = false;
        let mut ending: Option<Ended> = None;
        let mut tick = tokio::time::interval(self.shared.settings.commit_interval.max(Duration::from_millis(1)));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            if pending.is_empty()
                && backlog.is_empty()
                && let Some(ended) = ending
            {
                return Ok(ended);
            }
            if pending.rows() >= self.rows_max {
                let next = Pending::starting_at(pending.upto.clone());
                backlog.push_back(std::mem::replace(&mut pending, next));
            }
            let asked = ending.is_some() || flush.as_ref().is_some_and(|cut| pending.upto.includes(cut));
            let ready = !backlog.is_empty() || (!pending.is_empty() && (due || asked));
            let ahead = pending.rows() + backlog.iter().map(Pending::rows).sum::<usize>();
            tokio::select! {
                permit = to_commit.reserve(), if ready => {
                    // A closed channel means that the committer failed; `run` reports its error.
                    let Ok(permit) = permit else { return Ok(Ended::Asked) };
                    if let Some(full) = backlog.pop_front() {
                        permit.send(full);
                    } else {
                        let next = Pending::starting_at(pending.upto.clone());
                        permit.send(std::mem::replace(&mut pending, next));
                        due = false;
                        flush = None;
                    }
                }
                batch = stream.next(), if ending.is_none() && ahead < ahead_max => match batch {
                    Some(records) => self.fold_batch(records?, &mut pending).await?,
                    None => ending = Some(Ended::Done),
                },
                ask = asks.recv(), if ending.is_none() => match ask {
                    Some(Ask::Flush(cut)) => flush = Some(flush.map_or(cut.clone(), |earlier| earlier.join(&cut))),
                    Some(Ask::Stop) | None => ending = Some(Ended::Asked),
                },
                _ = tick.tick() => {
                    due = true;
                    if pending.is_empty() && backlog.is_empty() && self.shared.reflected.borrow().includes(&pending.upto) {
                        self.shared.fold.lock().await.shrink(self.shared.settings.fold_memories_max);
                    }
                }
            }
        }
    }

    async fn fold_batch(&self, records: Vec<Record>, pending: &mut Pending) -> Result<(), ProjectError> {
        let mut fold = self.shared.fold.lock().await;
        let views = self.shared.views();
        let count = records.len() as u64;
        for record in records {
            self.fold_record(&mut fold, &views, record, pending).await?;
        }
        fold.folded = fold.folded.join(&pending.upto);
        self.shared.folded.send_replace(fold.folded.clone());
        let done = self.shared.counters.folded.fetch_add(count, Ordering::Relaxed) + count;
        if let Some(progress) = &self.progress {
            progress(done, self.until.as_ref().map(Cut::span));
        }
        Ok(())
    }

    async fn fold_record(
        &self,
        fold: &mut Fold,
        views: &Arc<dyn ViewStore>,
        record: Record,
        pending: &mut Pending,
    ) -> Result<(), ProjectError> {
        let read = read_record(&self.shared.sealer, &record);
        if let Ok(read) = &read
            && self.filter.leaves_out(&read.event, read.content.as_ref())
        {
            self.shared.counters.left_out.fetch_add(1, Ordering::Relaxed);
            pending.cover(record.position);
            return Ok(());
        }
        let key = String::from_utf8_lossy(&record.key).into_owned();
        if let Some(parked) = fold.parked(&key).cloned() {
            if let Ok(Read { event, .. }) = &read
                && let Body::DeadLetterHandled(handled) = &event.body
                && handled.position == parked.position
            {
                self.unpark(fold, views, &record, &key, handled.action, pending).await?;
            } else {
                // Behind a parked record: read again once that is dealt with.
                pending.cover(record.position);
            }
            return Ok(());
        }
        match read {
            Ok(read) => self.fold_read(fold, views, &record, read, pending).await?,
            Err(reason) => {
                tracing::warn!(position = %record.position, %reason, "record cannot be read; its cube is parked");
                self.shared.counters.dead.fetch_add(1, Ordering::Relaxed);
                if parse_key(&key).is_some() {
                    fold.park(key.clone(), Parked { position: record.position, reason: reason.clone() });
                }
                pending.dead(DeadRow {
                    position: record.position,
                    recorded_at: record.recorded_at,
                    key,
                    reason,
                    status: DeadStatus::Parked,
                    handled_at: None,
                });
            }
        }
        pending.cover(record.position);
        Ok(())
    }

    async fn fold_read(
        &self,
        fold: &mut Fold,
        views: &Arc<dyn ViewStore>,
        record: &Record,
        read: Read,
        pending: &mut Pending,
    ) -> Result<(), ProjectError> {
        let Read { event, content } = read;
        if let Body::DeadLetterHandled(handled) = &event.body {
            self.mark_dead(views, record, handled.position, handled.action, pending).await?;
        }
        fold.load(views, &event.envelope.cube).await?;
        let applied = fold.apply(record.position, record.recorded_at, &event);
        if let Verdict::Refused(refusal) = &applied.verdict {
            self.shared.counters.refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(position = %record.position, kind = event.body.kind(), %refusal, "event had no effect");
        }
        let cube_changed = applied.changes.iter().any(|change| matches!(change, cubelog_memory::Change::Cube));
        if let Some(state) = fold.state(&event.envelope.cube) {
            if cube_changed {
                let row =
                    CubeRow { state: crate::pending::cube_part(state), changed_at: record.recorded_at, changed: record.position };
                let mut directory = self.shared.directory.write().unwrap_or_else(|poisoned| poisoned.into_inner());
                directory.insert(state.key.clone(), row);
            }
            // Whoever is told of an effect finds it: the answer comes after the directory.
            self.settle(&event, &applied);
            pending.add(record, &event, content, applied, state);
        }
        Ok(())
    }

    fn settle(&self, event: &cubelog_memory::Event, applied: &cubelog_memory::Applied) {
        let mut waiting = self.shared.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let Some(waiter) = waiting.remove(&event.envelope.id) else { return };
        let memory = applied.changes.iter().find_map(|change| match change {
            cubelog_memory::Change::Version(change) => Some((change.memory.id, change.version)),
            _ => None,
        });
        // The waiter may have given up; the event stands all the same.
        let _ = waiter.send(Settled { verdict: applied.verdict.clone(), memory });
    }

    /// Somebody dealt with the record that parked a cube: fold what waited behind it, in order, up to here.
    async fn unpark(
        &self,
        fold: &mut Fold,
        views: &Arc<dyn ViewStore>,
        here: &Record,
        key: &str,
        action: DeadLetterAction,
        pending: &mut Pending,
    ) -> Result<(), ProjectError> {
        let Some(parked) = fold.parked(key).cloned() else { return Ok(()) };
        let partition = here.position.partition;
        let first = match action {
            DeadLetterAction::Retried => parked.position.offset,
            DeadLetterAction::Discarded => parked.position.offset + 1,
        };
        // Other partitions are read nowhere: their range is empty.
        let from: Cut = [(partition, first)].into_iter().collect();
        let until: Cut = [(partition, here.position.offset + 1)].into_iter().collect();
        let mut stream = self.shared.log.read(Topic::Events, ReadFrom { from, until: Some(until) }).await?;
        fold.unpark(key);
        self.mark_dead(views, here, parked.position, action, pending).await?;
        while let Some(records) = stream.next().await {
            for record in records? {
                if &record.key[..] != key.as_bytes() || record.position.partition != partition {
                    continue;
                }
                // Parked again by a further record, or by the same one, retried in vain: the rest waits behind it.
                if fold.parked(key).is_some() {
                    break;
                }
                Box::pin(self.fold_record(fold, views, record, pending)).await?;
            }
        }
        pending.cover(here.position);
        Ok(())
    }

    async fn mark_dead(
        &self,
        views: &Arc<dyn ViewStore>,
        here: &Record,
        position: Position,
        action: DeadLetterAction,
        pending: &mut Pending,
    ) -> Result<(), ProjectError> {
        let row = match pending.dead_at(position) {
            Some(row) => Some(row.clone()),
            None => views.dead().await?.into_iter().find(|row| row.position == position),
        };
        if let Some(mut row) = row {
            row.status = match action {
                DeadLetterAction::Retried => DeadStatus::Retried,
                DeadLetterAction::Discarded => DeadStatus::Discarded,
            };
            row.handled_at = Some(here.recorded_at);
            pending.dead(row);
        }
        Ok(())
    }
}

/// Embeds and commits batches one after the other.
async fn commit_batches(shared: Arc<Shared>, mut batches: mpsc::Receiver<Pending>) -> Result<(), ProjectError> {
    while let Some(pending) = batches.recv().await {
        let views = shared.views();
        let rows = pending.rows() as u64;
        let batch = pending.into_batch(&views, &shared.embedder).await?;
        let upto = batch.upto.clone();
        {
            let _gate = shared.commit_gate.lock().await;
            views.commit(batch).await?;
            if shared.settings.maintain {
                for done in views.maintain().await? {
                    tracing::debug!(%done, "views maintained");
                }
            }
        }
        shared.counters.rows.fetch_add(rows, Ordering::Relaxed);
        shared.reflected.send_replace(upto);
    }
    Ok(())
}
