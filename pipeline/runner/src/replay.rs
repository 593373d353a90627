//! Replay: views made from the log alone, into a directory, beside the live ones, or just to prove the live ones right.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, RwLock};

use cubelog_log::Topic;
use cubelog_memory::{Cut, Timestamp};
use cubelog_views::{ViewError, ViewStore};
use tokio::sync::{mpsc, oneshot, watch};

use crate::cubelog::{Control, Cubelog, Role};
use crate::error::RunError;
use crate::filter::Filter;
use crate::fold::Fold;
use crate::generations::{Generations, io};
use crate::ports::TableDifference;
use crate::project::{Counters, Session, Shared};
use crate::types::{Progress, ReplayReport, Without};

/// Where a replay ends.
#[derive(Debug, Clone, PartialEq)]
pub enum Until {
    /// Everything recorded at or before this instant.
    Time(Timestamp),
    Cut(Cut),
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerifyReport {
    pub replay: ReplayReport,
    pub differences: Vec<TableDifference>,
}

impl VerifyReport {
    pub fn equal(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Cubelog {
    /// Builds views in `into` (a directory that is absent or empty) from the log up to `until`, leaving out what `without`
    /// names. Replaying has no effects: nothing is appended and no model is asked but the encoder.
    pub async fn replay(
        &self,
        into: &Path,
        until: Option<Until>,
        without: &Without,
        progress: Option<Progress>,
    ) -> Result<ReplayReport, RunError> {
        if std::fs::read_dir(into).is_ok_and(|mut entries| entries.next().is_some()) {
            let directory = into.display();
            return Err(RunError::BadRequest(format!("{directory} is not empty; name a new directory for the replay")));
        }
        let end = self.shared().log.end(Topic::Events).await?;
        let until = match until {
            None => end,
            Some(Until::Cut(cut)) => end.iter().map(|(partition, next)| (partition, next.min(cut.next(partition)))).collect(),
            Some(Until::Time(time)) => {
                let after = Timestamp(time.micros().saturating_add(1));
                self.shared().log.cut_at(Topic::Events, after).await?
            }
        };
        let generations = Generations::open(into)?;
        let views = self.inner.factory.open(&generations.path(1), true).await?;
        let report = self.replay_into(&views, until, Filter::new(without.clone()), progress).await?;
        generations.swap(1)?;
        Ok(report)
    }

    /// Projects the log onto `views` from what they reflect up to `until`.
    async fn replay_into(
        &self,
        views: &Arc<dyn ViewStore>,
        until: Cut,
        filter: Filter,
        progress: Option<Progress>,
    ) -> Result<ReplayReport, RunError> {
        let live = self.shared();
        let began = self.inner.clock.now();
        let fold = Fold::resume(views).await?;
        let shared = Arc::new(Shared {
            log: live.log.clone(),
            sealer: live.sealer.clone(),
            embedder: live.embedder.clone(),
            settings: live.settings.clone(),
            folded: watch::channel(fold.folded.clone()).0,
            reflected: watch::channel(views.reflected()).0,
            views: RwLock::new(views.clone()),
            fold: tokio::sync::Mutex::new(fold),
            directory: RwLock::new(HashMap::new()),
            waiting: Mutex::new(HashMap::new()),
            commit_gate: tokio::sync::Mutex::new(()),
            counters: Counters::default(),
        });
        let session = Session {
            shared: shared.clone(),
            until: Some(until.clone()),
            filter,
            rows_max: live.settings.replay_rows_max,
            progress,
        };
        // Nobody asks anything of a replay; the sender must live as long as it runs.
        let (asks, asked) = mpsc::channel(1);
        session.run(asked).await?;
        drop(asks);
        let memories = views.stats().await?.into_iter().find(|stats| stats.table == "memories").map_or(0, |stats| stats.rows);
        Ok(ReplayReport {
            records: shared.counters.folded.load(Ordering::Relaxed),
            left_out: shared.counters.left_out.load(Ordering::Relaxed),
            refused: shared.counters.refused.load(Ordering::Relaxed),
            dead: shared.counters.dead.load(Ordering::Relaxed),
            memories,
            until,
            elapsed_micros: (self.inner.clock.now().micros() - began.micros()).max(0) as u64,
        })
    }

    /// Makes the views anew from the log beside the live ones, catches up and swaps. Reads go on meanwhile.
    pub async fn rebuild(&self, progress: Option<Progress>) -> Result<ReplayReport, RunError> {
        if self.inner.role == Role::Reader {
            return Err(RunError::BadRequest("these views are a replay; rebuild the live ones".to_owned()));
        }
        let generations = &self.inner.generations;
        let next = generations.current()? + 1;
        let path = generations.path(next);
        remove(&path)?;
        let views = self.inner.factory.open(&path, true).await?;
        let end = self.shared().log.end(Topic::Events).await?;
        let mut report = self.replay_into(&views, end, Filter::default(), progress).await?;
        let more = {
            // Live commits wait, so that the new views are never behind what somebody has already read.
            let _gate = self.shared().commit_gate.lock().await;
            let reflected = self.shared().reflected.borrow().clone();
            let more = self.replay_into(&views, reflected, Filter::default(), None).await?;
            generations.swap(next)?;
            more
        };
        report.records += more.records;
        report.memories = more.memories;
        report.until = more.until;
        let (done, swapped) = oneshot::channel();
        if self.inner.control.send(Control::Swap(views, done)).await.is_err() || swapped.await.is_err() {
            let reason = self.inner.stopped.borrow().clone();
            return Err(RunError::Stopped(reason.unwrap_or_else(|| "the projector ended during the swap".to_owned())));
        }
        generations.remove_others(next);
        Ok(report)
    }

    /// Rebuilds the views from the log alone into a scratch directory and compares every table row by row with the live ones.
    pub async fn verify(&self, progress: Option<Progress>) -> Result<VerifyReport, RunError> {
        self.flush().await?;
        let scratch = self.inner.generations.root().join("verify.scratch");
        remove(&scratch)?;
        let result = self.verify_in(&scratch, progress).await;
        if let Err(error) = remove(&scratch) {
            tracing::warn!(%error, "the scratch directory of a verification stays on disk");
        }
        result
    }

    async fn verify_in(&self, scratch: &Path, progress: Option<Progress>) -> Result<VerifyReport, RunError> {
        let fresh = self.inner.factory.open(scratch, true).await?;
        let reflected = self.shared().reflected.borrow().clone();
        let mut replay = self.replay_into(&fresh, reflected, Filter::default(), progress).await?;
        // From here the live views stand still until the comparison is over.
        let _gate = self.shared().commit_gate.lock().await;
        let reflected = self.shared().reflected.borrow().clone();
        let more = self.replay_into(&fresh, reflected, Filter::default(), None).await?;
        replay.records += more.records;
        replay.until = more.until;
        replay.memories = more.memories;
        let differences = self.inner.factory.compare(&self.views(), &fresh, false).await?;
        Ok(VerifyReport { replay, differences })
    }

    /// Compares the live views with those in another directory, leaving out where and when its log recorded things.
    pub async fn compare_with(&self, other_views_dir: &Path) -> Result<Vec<TableDifference>, RunError> {
        self.flush().await?;
        let other = self.open_replayed(other_views_dir).await?;
        let _gate = self.shared().commit_gate.lock().await;
        Ok(self.inner.factory.compare(&self.views(), &other, true).await?)
    }

    pub(crate) async fn open_replayed(&self, views_dir: &Path) -> Result<Arc<dyn ViewStore>, RunError> {
        if !views_dir.is_dir() {
            return Err(RunError::BadRequest(format!("{} is no directory of views", views_dir.display())));
        }
        let generations = Generations::open(views_dir)?;
        let path: PathBuf = generations.path(generations.current()?);
        if !path.is_dir() {
            return Err(RunError::BadRequest(format!("{} holds no views", views_dir.display())));
        }
        let views = self.inner.factory.open(&path, false).await;
        views.map_err(|error: ViewError| error.into())
    }
}

fn remove(path: &Path) -> Result<(), RunError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(format!("remove {}", path.display()), error)),
        _ => Ok(()),
    }
}
