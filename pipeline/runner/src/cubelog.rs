//! `Cubelog`: one running store. Opens the parts, keeps the projector going, and carries the operations of the other modules.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use cubelog_keyring::Keyring;
use cubelog_log::{EventLog, Topic};
use cubelog_memory::{CubeKey, Cut, Right};
use cubelog_views::{CubeRow, ViewError, ViewStore};
use tokio::sync::{mpsc, oneshot, watch};

use crate::access::AccessLog;
use crate::caller::Caller;
use crate::error::RunError;
use crate::filter::Filter;
use crate::fold::Fold;
use crate::generations::Generations;
use crate::ports::{Clock, Embedder, Ids, ViewFactory};
use crate::project::{Ask, Counters, Ended, ProjectError, Session, Shared};
use crate::seal::Sealer;
use crate::settings::Settings;
use crate::types::Status;

/// Everything that a store is made of.
pub struct Parts {
    pub log: Arc<dyn EventLog>,
    pub keyring: Arc<Keyring>,
    pub embedder: Arc<dyn Embedder>,
    pub factory: Arc<dyn ViewFactory>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    /// Holds the generations of the views.
    pub views_dir: PathBuf,
    pub settings: Settings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Projects the log into the views and takes writes.
    Writer,
    /// Reads views that stand still, such as those of a replay; reads are logged all the same.
    Reader,
}

/// A handle; clones share the store.
#[derive(Clone)]
pub struct Cubelog {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub shared: Arc<Shared>,
    pub factory: Arc<dyn ViewFactory>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub generations: Generations,
    pub access: AccessLog,
    pub role: Role,
    pub control: mpsc::Sender<Control>,
    pub stopped: watch::Receiver<Option<String>>,
    pub appended: AtomicU64,
    pub searches: AtomicU64,
    supervisor: Mutex<Option<tokio::task::JoinHandle<()>>>,
    /// The cut that this process appended up to, so that ingest can wait for the fold.
    pub appended_to: Mutex<Cut>,
    /// The cut of the single writes that this process acknowledged: its reads see them without carrying a token.
    pub submitted_to: Mutex<Cut>,
}

/// What the supervisor of the projector can be told.
pub(crate) enum Control {
    Flush(Cut),
    /// Use these views from now on; answered when the projector goes on from them.
    Swap(Arc<dyn ViewStore>, oneshot::Sender<()>),
    Stop,
}

impl Cubelog {
    pub async fn open(parts: Parts, role: Role) -> Result<Self, RunError> {
        let Parts { log, keyring, embedder, factory, clock, ids, views_dir, settings } = parts;
        let generations = Generations::open(&views_dir)?;
        let views = factory.open(&generations.path(generations.current()?), role == Role::Writer).await?;
        let fold = Fold::resume(&views).await?;
        let directory = views.cubes(None).await?.into_iter().map(|row| (row.state.key.clone(), row)).collect();
        let shared = Arc::new(Shared {
            sealer: Sealer::new(keyring),
            embedder,
            folded: watch::channel(fold.folded.clone()).0,
            reflected: watch::channel(views.reflected()).0,
            views: RwLock::new(views),
            fold: tokio::sync::Mutex::new(fold),
            directory: RwLock::new(directory),
            waiting: Mutex::new(HashMap::new()),
            commit_gate: tokio::sync::Mutex::new(()),
            counters: Counters::default(),
            settings,
            log,
        });
        let access = AccessLog::start(shared.log.clone(), clock.clone(), ids.clone(), shared.settings.access_queue_max);
        let (control, asks) = mpsc::channel(64);
        let (stopped_sender, stopped) = watch::channel(None);
        let supervisor = match role {
            Role::Writer => Some(tokio::spawn(supervise(shared.clone(), asks, stopped_sender))),
            Role::Reader => None,
        };
        let cubelog = Self {
            inner: Arc::new(Inner {
                shared,
                factory,
                clock,
                ids,
                generations,
                access,
                role,
                control,
                stopped,
                appended: AtomicU64::new(0),
                searches: AtomicU64::new(0),
                supervisor: Mutex::new(supervisor),
                appended_to: Mutex::new(Cut::start()),
                submitted_to: Mutex::new(Cut::start()),
            }),
        };
        if role == Role::Writer {
            cubelog.hide_erased().await?;
        }
        Ok(cubelog)
    }

    /// Commits what is folded, writes waiting access events and ends the tasks. Reads and writes afterwards fail.
    pub async fn close(&self) -> Result<(), RunError> {
        self.inner.access.close().await?;
        if self.inner.role == Role::Writer {
            // The supervisor may have ended with an error already; then nobody listens and nothing is left to stop.
            let _ = self.inner.control.send(Control::Stop).await;
            let task = self.inner.supervisor.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
            if let Some(task) = task {
                let _ = task.await;
            }
            if let Some(reason) = self.inner.stopped.borrow().clone() {
                return Err(RunError::Stopped(reason));
            }
        }
        Ok(())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }

    pub(crate) fn views(&self) -> Arc<dyn ViewStore> {
        self.inner.shared.views()
    }

    /// Waits until the views reflect the end of the log as of now; answers with what they reflect.
    pub async fn flush(&self) -> Result<Cut, RunError> {
        let end = self.shared().log.end(Topic::Events).await?;
        self.wait_within(&end, None).await?;
        Ok(self.shared().reflected.borrow().clone())
    }

    /// Reads what searches hold in memory, so that the first of them need not. What goes wrong here the search itself will tell.
    pub async fn warm(&self) {
        if let Err(error) = self.views().scene(&[]).await {
            tracing::debug!(%error, "what searches hold could not be read ahead");
        }
    }

    /// Waits until the views reflect `token`, making them commit at once.
    pub async fn wait(&self, token: &Cut) -> Result<(), RunError> {
        self.wait_within(token, Some(self.shared().settings.read_timeout)).await
    }

    /// Waits until the views have every single write that was acknowledged here; turns of an ingest follow by themselves.
    pub(crate) async fn wait_for_own_writes(&self) -> Result<(), RunError> {
        let token = self.inner.submitted_to.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        self.wait(&token).await
    }

    async fn wait_within(&self, token: &Cut, timeout: Option<Duration>) -> Result<(), RunError> {
        if self.inner.role == Role::Reader || self.shared().reflected.borrow().includes(token) {
            return Ok(());
        }
        let _ = self.inner.control.send(Control::Flush(token.clone())).await;
        self.await_cut(&self.shared().reflected, token, timeout).await
    }

    /// Waits until everything below `token` is folded (but perhaps not committed).
    pub(crate) async fn wait_folded(&self, token: &Cut) -> Result<(), RunError> {
        self.await_cut(&self.shared().folded, token, None).await
    }

    async fn await_cut(&self, sender: &watch::Sender<Cut>, token: &Cut, timeout: Option<Duration>) -> Result<(), RunError> {
        let mut cuts = sender.subscribe();
        let mut stopped = self.inner.stopped.clone();
        let reached = async {
            tokio::select! {
                reached = cuts.wait_for(|cut| cut.includes(token)) => match reached {
                    Ok(_) => Ok(()),
                    Err(_) => Err(RunError::Stopped("the store was closed".to_owned())),
                },
                reason = stopped.wait_for(Option::is_some) => {
                    let reason = reason.ok().and_then(|reason| reason.clone());
                    Err(RunError::Stopped(reason.unwrap_or_else(|| "the store was closed".to_owned())))
                }
            }
        };
        match timeout {
            None => reached.await,
            Some(timeout) => match tokio::time::timeout(timeout, reached).await {
                Ok(result) => result,
                Err(_) => Err(RunError::NotYet { wanted: token.clone(), reflected: sender.borrow().clone() }),
            },
        }
    }

    /// The row of a cube that exists.
    pub(crate) fn cube(&self, cube: &CubeKey) -> Option<CubeRow> {
        let directory = self.shared().directory.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        directory.get(cube).cloned()
    }

    /// Whether the caller may use `right` in the cube; an unknown cube and a cube of another tenant look alike.
    pub(crate) fn authorize(&self, caller: &Caller, cube: &CubeKey, right: Right) -> Result<CubeRow, RunError> {
        let row = self.cube(cube).filter(|row| row.state.key.tenant == caller.tenant);
        let row = row.ok_or_else(|| RunError::UnknownCube(cube.clone()))?;
        if caller.admin || row.state.allows(&caller.principal, right) {
            return Ok(row);
        }
        Err(RunError::Forbidden { principal: caller.principal.clone(), right, cube: cube.clone() })
    }

    /// The cubes that the caller may read, in name order.
    pub async fn cubes(&self, caller: &Caller) -> Result<Vec<CubeRow>, RunError> {
        let directory = self.shared().directory.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut rows: Vec<CubeRow> = directory
            .values()
            .filter(|row| row.state.key.tenant == caller.tenant)
            .filter(|row| caller.admin || row.state.allows(&caller.principal, Right::Read))
            .cloned()
            .collect();
        rows.sort_by(|a, b| a.state.key.cmp(&b.state.key));
        Ok(rows)
    }

    /// Rewrites rows whose subject's data key is gone, so that no view tells what the log no longer can. Answers how many.
    pub async fn hide_erased(&self) -> Result<u64, RunError> {
        let views = self.views();
        let gone: Vec<_> =
            views.subjects().await?.into_iter().filter(|subject| !self.shared().sealer.readable(subject)).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        let _gate = self.shared().commit_gate.lock().await;
        Ok(views.erase(&gone).await?)
    }

    pub async fn status(&self) -> Status {
        let shared = self.shared();
        let parked = shared.fold.lock().await.parked_count();
        Status {
            log: shared.log.describe(),
            end: shared.log.end(Topic::Events).await.unwrap_or_default(),
            folded: shared.folded.borrow().clone(),
            reflected: shared.reflected.borrow().clone(),
            embedder: shared.embedder.identity().to_owned(),
            parked,
            events_appended: self.inner.appended.load(Ordering::Relaxed),
            events_folded: shared.counters.folded.load(Ordering::Relaxed),
            rows_committed: shared.counters.rows.load(Ordering::Relaxed),
            searches: self.inner.searches.load(Ordering::Relaxed),
            access_pending: self.inner.access.pending(),
            access_dropped: self.inner.access.dropped(),
            stopped: self.inner.stopped.borrow().clone(),
        }
    }
}

/// What ended a session, as the supervisor sees it.
enum Next {
    Stop,
    Swap(Arc<dyn ViewStore>, oneshot::Sender<()>),
    Failed(ProjectError),
}

/// Keeps a live session running: after a passing error it reopens the views and goes on from what they reflect.
async fn supervise(shared: Arc<Shared>, mut control: mpsc::Receiver<Control>, stopped: watch::Sender<Option<String>>) {
    let mut failures = 0u32;
    loop {
        let before = shared.reflected.borrow().clone();
        match run_session(&shared, &mut control).await {
            Next::Stop => return,
            Next::Swap(views, done) => {
                match install(&shared, views).await {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        stopped.send_replace(Some(error.to_string()));
                        return;
                    }
                }
                // The rebuilder may have gone away; the views are in use all the same.
                let _ = done.send(());
            }
            Next::Failed(error) => {
                let progressed = *shared.reflected.borrow() != before;
                failures = if progressed { 1 } else { failures + 1 };
                if !passing(&error) || failures > 20 {
                    tracing::error!(%error, "the projector has stopped");
                    stopped.send_replace(Some(error.to_string()));
                    return;
                }
                let pause = Duration::from_millis(100u64 << failures.min(7));
                tracing::warn!(%error, ?pause, "the projector failed and starts again");
                if wait_or_stop(&mut control, pause).await {
                    return;
                }
                // A failed commit leaves the store in doubt: what is on disk decides.
                let views = shared.views();
                let recovered = match views.recover().await {
                    Ok(_) => install(&shared, views).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = recovered {
                    tracing::warn!(%error, "the views cannot be read yet");
                }
            }
        }
    }
}

/// Whether trying again can help.
fn passing(error: &ProjectError) -> bool {
    match error {
        ProjectError::Log(error) => error.retriable(),
        ProjectError::Views(error) | ProjectError::Batch(crate::pending::BatchError::Views(error)) => match error {
            ViewError::DiskFull { .. } | ViewError::Store { .. } => true,
            ViewError::Fenced { .. }
            | ViewError::NewerFormat { .. }
            | ViewError::OtherEmbedder { .. }
            | ViewError::Damaged { .. }
            | ViewError::Query(_) => false,
        },
        ProjectError::Batch(crate::pending::BatchError::Embed(_) | crate::pending::BatchError::Missing { .. }) => false,
    }
}

/// Takes over views: a fresh fold that resumes from them, and the directory of their cubes.
async fn install(shared: &Arc<Shared>, views: Arc<dyn ViewStore>) -> Result<(), ViewError> {
    let fold = Fold::resume(&views).await?;
    let rows = views.cubes(None).await?;
    let mut live = shared.fold.lock().await;
    *live = fold;
    *shared.directory.write().unwrap_or_else(|poisoned| poisoned.into_inner()) =
        rows.into_iter().map(|row| (row.state.key.clone(), row)).collect();
    *shared.views.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = views.clone();
    shared.reflected.send_replace(views.reflected());
    Ok(())
}

async fn wait_or_stop(control: &mut mpsc::Receiver<Control>, pause: Duration) -> bool {
    let deadline = tokio::time::sleep(pause);
    tokio::pin!(deadline);
    loop {
        tokio::select! {
            () = &mut deadline => return false,
            message = control.recv() => if matches!(message, None | Some(Control::Stop)) { return true },
        }
    }
}

async fn run_session(shared: &Arc<Shared>, control: &mut mpsc::Receiver<Control>) -> Next {
    let (asks, asked) = mpsc::channel(16);
    let session = Session {
        shared: shared.clone(),
        until: None,
        filter: Filter::default(),
        rows_max: shared.settings.commit_rows_max,
        progress: None,
    };
    let mut running = tokio::spawn(session.run(asked));
    let mut next: Option<Next> = None;
    let mut open = true;
    loop {
        tokio::select! {
            ended = &mut running => return match ended {
                Ok(Ok(Ended::Done | Ended::Asked)) => next.unwrap_or(Next::Stop),
                Ok(Err(error)) => Next::Failed(error),
                Err(panic) => Next::Failed(ProjectError::Views(ViewError::Query(format!("the projector panicked: {panic}")))),
            },
            message = control.recv(), if open => match message {
                Some(Control::Flush(cut)) => { let _ = asks.send(Ask::Flush(cut)).await; }
                Some(Control::Swap(views, done)) => {
                    next = Some(Next::Swap(views, done));
                    let _ = asks.send(Ask::Stop).await;
                }
                Some(Control::Stop) | None => {
                    open = false;
                    next = Some(Next::Stop);
                    let _ = asks.send(Ask::Stop).await;
                }
            },
        }
    }
}
