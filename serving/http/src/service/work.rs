//! Long work over the whole log: one at a time, carried on if its caller goes away, ended with the service.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use cubelog_api::status::Work;
use cubelog_api::{Code, Problem};
use cubelog_runner::Progress;
use tokio::task::AbortHandle;

/// Seconds after which to ask again whether the work has ended.
const RETRY_SECONDS: u32 = 10;

/// The one place where long work runs. Clones share it.
#[derive(Clone, Default)]
pub struct LongWork {
    running: Arc<Mutex<Option<Running>>>,
}

struct Running {
    name: &'static str,
    done: Arc<AtomicU64>,
    /// Records in all, or `u64::MAX` where nobody knows.
    total: Arc<AtomicU64>,
    abort: Option<AbortHandle>,
}

/// Frees the place when the work ends, however it ends.
struct Occupied(LongWork);

impl Drop for Occupied {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

impl LongWork {
    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What is running.
    pub fn current(&self) -> Option<Work> {
        self.lock().as_ref().map(|running| {
            let total = running.total.load(Ordering::Relaxed);
            Work {
                name: running.name.to_owned(),
                done: running.done.load(Ordering::Relaxed),
                total: (total != u64::MAX).then_some(total),
            }
        })
    }

    /// Ends what is running, at its next await.
    pub fn abort(&self) {
        if let Some(abort) = self.lock().as_ref().and_then(|running| running.abort.clone()) {
            abort.abort();
        }
    }

    /// Runs what `start` makes of a progress to report to, unless something runs already. Dropping the future gives up
    /// the answer and not the work.
    pub async fn run<T, F>(
        &self,
        name: &'static str,
        progress: Option<Progress>,
        start: impl FnOnce(Progress) -> F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let (done, total) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(u64::MAX)));
        {
            let mut running = self.lock();
            if let Some(running) = running.as_ref() {
                let detail = format!("{} is running, and {name} must wait for it", running.name);
                return Err(Problem::new(Code::Busy, detail).with_retry_after(RETRY_SECONDS));
            }
            *running = Some(Running { name, done: done.clone(), total: total.clone(), abort: None });
        }
        let occupied = Occupied(self.clone());
        let report: Progress = Arc::new(move |records, all| {
            done.store(records, Ordering::Relaxed);
            total.store(all.unwrap_or(u64::MAX), Ordering::Relaxed);
            if let Some(progress) = &progress {
                progress(records, all);
            }
        });
        let work = start(report);
        let task = tokio::spawn(async move {
            let _occupied = occupied;
            work.await
        });
        if let Some(running) = self.lock().as_mut() {
            running.abort = Some(task.abort_handle());
        }
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_cancelled() => Err(Problem::new(Code::Stopped, format!("{name} was ended by the shutdown"))),
            Err(_) => Err(Problem::new(Code::Internal, format!("{name} panicked"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn long_work_runs_alone_tells_how_far_it_is_and_outlives_its_caller() {
        let work = LongWork::default();
        let (finish, finished) = oneshot::channel::<()>();
        let (started, is_started) = oneshot::channel::<()>();
        let first = tokio::spawn({
            let work = work.clone();
            async move {
                work.run("verify", None, |progress| async move {
                    progress(3, Some(10));
                    started.send(()).unwrap();
                    finished.await.unwrap();
                    Ok(())
                })
                .await
            }
        });
        is_started.await.unwrap();
        assert_eq!(work.current(), Some(Work { name: "verify".into(), done: 3, total: Some(10) }));
        let second = work.run("rebuild", None, |_| async { Ok(()) }).await.unwrap_err();
        assert_eq!((second.code, second.retryable), (Code::Busy, true));
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        assert!(work.current().is_some(), "its caller is gone and the work goes on");
        finish.send(()).unwrap();
        while work.current().is_some() {
            tokio::task::yield_now().await;
        }
        work.run("rebuild", None, |_| async { Ok(()) }).await.unwrap();
    }

    #[tokio::test]
    async fn work_that_panics_or_is_ended_frees_its_place() {
        let work = LongWork::default();
        let panicked = work.run("replay", None, |_| async { if true { panic!("for the test") } else { Ok(()) } }).await;
        assert_eq!(panicked.unwrap_err().code, Code::Internal);
        let ended = tokio::spawn({
            let work = work.clone();
            async move { work.run("replay", None, |_| std::future::pending::<Result<(), Problem>>()).await }
        });
        while work.current().is_none() {
            tokio::task::yield_now().await;
        }
        work.abort();
        assert_eq!(ended.await.unwrap().unwrap_err().code, Code::Stopped);
        assert!(work.current().is_none());
    }
}
