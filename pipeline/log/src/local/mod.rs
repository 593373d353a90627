//! LocalLog: the log in one directory of one machine, durable by fsync, written by one process at a time.

mod directory;
mod frame;
mod ids;
mod reader;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use cubelog_memory::limits::EVENT_BYTES_MAX;
use cubelog_memory::{Cut, Timestamp};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

pub use directory::FORMAT_VERSION;
pub use store::PARTITIONS_MAX;

use crate::error::LogError;
use crate::port::{Append, Appended, EventLog, ReadFrom, Records, Topic};
use frame::{KEY_BYTES_MAX, record_bytes};
use store::Store;
use writer::{Request, Writer, topic_index};

/// Calls of `append` that wait for the writer at most.
const REQUESTS_MAX: usize = 1024;
/// Records that wait for the writer at most, in KiB.
const QUEUE_KIB_MAX: u32 = 64 * 1024;

/// How a local log is opened.
#[derive(Clone)]
pub struct LocalOptions {
    /// Partitions of each topic, fixed when the log is made: 1 gives one global order.
    pub partitions: u32,
    /// What time it is; the log's `recorded_at` follows it and never goes back within a partition.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl std::fmt::Debug for LocalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalOptions").field("partitions", &self.partitions).finish_non_exhaustive()
    }
}

/// A log in a directory. Dropping it waits until what was accepted is on the disk and gives the directory back.
pub struct LocalLog {
    store: Arc<Store>,
    ends: [watch::Receiver<Cut>; 2],
    room: Arc<Semaphore>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl LocalLog {
    /// Opens the log in `dir`, or makes it. Blocks for a few file operations; the index of event ids is read in the background.
    pub fn open(dir: &Path, options: LocalOptions) -> Result<Self, LogError> {
        Self::over(Store::open(dir, options.partitions)?, options)
    }

    fn over(store: Store, options: LocalOptions) -> Result<Self, LogError> {
        let store = Arc::new(store);
        let tails = |topic| (0..store.partitions).map(|partition| store.tail(topic, partition)).collect::<Result<Vec<_>, _>>();
        let tails = [tails(Topic::ALL[0])?, tails(Topic::ALL[1])?];
        let ends = tails.each_ref().map(|tails| {
            let end: Cut = tails.iter().enumerate().map(|(partition, tail)| (partition as u32, tail.next)).collect();
            watch::Sender::new(end)
        });
        let watching = ends.each_ref().map(watch::Sender::subscribe);
        let (requests, arriving) = mpsc::channel(REQUESTS_MAX);
        let writer = Writer::new(store.clone(), arriving, ends, tails, options.clock);
        let thread = std::thread::Builder::new().name("cubelog-log".to_owned()).spawn(move || writer.run());
        let thread = thread.map_err(|error| directory::io_error(&store.dir, "starting the log's thread", &error))?;
        Ok(Self {
            store,
            ends: watching,
            room: Arc::new(Semaphore::new(QUEUE_KIB_MAX as usize)),
            requests: Mutex::new(Some(requests)),
            writer: Mutex::new(Some(thread)),
        })
    }

    /// The directory.
    pub fn path(&self) -> &PathBuf {
        &self.store.dir
    }

    /// Takes no more appends, waits until the accepted ones are on the disk, and ends following reads.
    pub async fn close(&self) -> Result<(), LogError> {
        if let Some(thread) = self.stop() {
            // A panic of the thread was caught inside it and is the poison below.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        match self.store.poison.get() {
            Some(_) => Err(self.store.ended()),
            None => Ok(()),
        }
    }

    fn stop(&self) -> Option<std::thread::JoinHandle<()>> {
        drop(lock(&self.requests).take());
        lock(&self.writer).take()
    }

    fn end_of(&self, topic: Topic) -> watch::Receiver<Cut> {
        self.ends[topic_index(topic)].clone()
    }
}

impl Drop for LocalLog {
    fn drop(&mut self) {
        if let Some(thread) = self.stop() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[async_trait]
impl EventLog for LocalLog {
    fn partitions(&self) -> u32 {
        self.store.partitions
    }

    async fn append(&self, topic: Topic, records: Vec<Append>) -> Result<Vec<Appended>, LogError> {
        let mut bytes = 0;
        for record in &records {
            check_size(record)?;
            bytes += record_bytes(record.key.len(), record.payload.len());
        }
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let requests = lock(&self.requests).clone().ok_or_else(|| self.store.ended())?;
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(QUEUE_KIB_MAX);
        let room = self.room.clone().acquire_many_owned(kib).await.map_err(|_| self.store.ended())?;
        let (answer, answered) = oneshot::channel();
        let request = Request { topic, records, answer, room };
        requests.send(request).await.map_err(|_| self.store.ended())?;
        drop(requests);
        answered.await.map_err(|_| self.store.ended())?
    }

    async fn read(&self, topic: Topic, range: ReadFrom) -> Result<Records, LogError> {
        reader::read(self.store.clone(), self.end_of(topic), topic, range)
    }

    async fn begin(&self, _topic: Topic) -> Result<Cut, LogError> {
        Ok(Cut::start())
    }

    async fn end(&self, topic: Topic) -> Result<Cut, LogError> {
        Ok(self.ends[topic_index(topic)].borrow().clone())
    }

    async fn cut_at(&self, topic: Topic, time: Timestamp) -> Result<Cut, LogError> {
        let (store, end) = (self.store.clone(), self.end(topic).await?);
        let search = tokio::task::spawn_blocking(move || reader::cut_at(&store, topic, &end, time));
        search.await.unwrap_or(Err(LogError::Closed))
    }

    async fn wait(&self, topic: Topic, cut: &Cut, timeout: Duration) -> Result<bool, LogError> {
        let mut end = self.end_of(topic);
        match tokio::time::timeout(timeout, end.wait_for(|end| end.includes(cut))).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(_closed)) => Err(self.store.ended()),
            Err(_elapsed) => Ok(false),
        }
    }

    fn describe(&self) -> String {
        format!("local:{}", self.store.dir.display())
    }
}

fn check_size(record: &Append) -> Result<(), LogError> {
    let (key, payload) = (record.key.len(), record.payload.len());
    if payload > EVENT_BYTES_MAX || key > KEY_BYTES_MAX {
        return Err(LogError::RecordTooLarge { id: record.id, bytes: key + payload, max: EVENT_BYTES_MAX });
    }
    Ok(())
}
