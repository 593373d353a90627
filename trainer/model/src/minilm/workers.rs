//! The encoder's own threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::ModelError;

/// One pool of a single thread for each processor.
///
/// burn spreads an operation over the pool it is called in. Short texts make small products, which gain little from
/// that; whole batches side by side use every processor all the time. A pool of one keeps burn from splitting further.
/// The threads end when this value is dropped.
pub struct Workers {
    pools: Vec<ThreadPool>,
    next: AtomicUsize,
}

impl Workers {
    /// Starts the threads.
    pub fn start() -> Result<Self, ModelError> {
        let processors = thread::available_parallelism().map_or(1, |n| n.get());
        let pools = (0..processors)
            .map(|n| ThreadPoolBuilder::new().num_threads(1).thread_name(move |_| format!("encoder-{n}")).build())
            .collect::<Result<_, _>>()
            .map_err(|source| ModelError::Threads { source: Box::new(source) })?;
        Ok(Self { pools, next: AtomicUsize::new(0) })
    }

    /// How many jobs run at once.
    pub fn len(&self) -> usize {
        self.pools.len()
    }

    /// Runs jobs 0 to `jobs` - 1, each worker taking the next one as soon as it is free; the answers in the order of jobs.
    pub fn run<T: Send>(&self, jobs: usize, job: impl Fn(usize) -> T + Sync) -> Result<Vec<T>, ModelError> {
        // Callers start at different workers, so that many small calls at the same time spread out.
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let pool = |n: usize| &self.pools[(start + n) % self.pools.len()];
        if jobs <= 1 {
            return Ok(pool(0).install(|| (0..jobs).map(&job).collect()));
        }
        let taken = AtomicUsize::new(0);
        let answers: Vec<Mutex<Option<T>>> = (0..jobs).map(|_| Mutex::new(None)).collect();
        let work = || {
            loop {
                let n = taken.fetch_add(1, Ordering::Relaxed);
                let Some(answer) = answers.get(n) else { break };
                let value = job(n);
                *answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            }
        };
        // The waiting threads only wait: rayon has no call that blocks on several pools at once.
        thread::scope(|scope| {
            for n in 1..jobs.min(self.pools.len()) {
                let (pool, work) = (pool(n), &work);
                thread::Builder::new()
                    .spawn_scoped(scope, move || pool.install(work))
                    .map_err(|source| ModelError::Threads { source: Box::new(source) })?;
            }
            pool(0).install(work);
            Ok::<_, ModelError>(())
        })?;
        Ok(answers.into_iter().filter_map(|answer| answer.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_jobs_from_several_callers_at_once() {
        let workers = Workers::start().unwrap();
        thread::scope(|scope| {
            for jobs in [0, 1, 2, 3, 50, 51, 52] {
                let workers = &workers;
                scope.spawn(move || {
                    let answers = workers.run(jobs, |n| n * n).unwrap();
                    assert_eq!(answers, (0..jobs).map(|n| n * n).collect::<Vec<_>>());
                });
            }
        });
    }
}
