//! Reads as events: written before the answer where the cube is auditable, batched behind it elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cubelog_log::{Append, EventLog, Topic};
use cubelog_memory::{Access, CubeKey, EventId, PrincipalId, Purpose, VersionRef};
use cubelog_schemas::encode_access;
use tokio::sync::{mpsc, oneshot};

use crate::error::RunError;
use crate::ports::{Clock, Ids};

/// Access events that the writer takes at once.
const BATCH: usize = 1_024;
/// How long a batched access event may wait.
const LINGER: Duration = Duration::from_millis(200);

enum Message {
    Access(Box<Access>),
    /// Answered once everything sent before is on the log.
    Flush(oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

pub struct AccessLog {
    log: Arc<dyn EventLog>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    queue: mpsc::Sender<Message>,
    dropped: Arc<AtomicU64>,
    pending: Arc<AtomicU64>,
}

/// A read of one cube, to be remembered.
pub struct Reading {
    pub cube: CubeKey,
    pub principal: PrincipalId,
    pub purpose: Purpose,
    pub query: Option<[u8; 16]>,
    pub shown: Vec<VersionRef>,
}

impl AccessLog {
    /// Starts the task that writes batched access events; it ends with `close` or with the last handle.
    pub fn start(log: Arc<dyn EventLog>, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>, queue_max: usize) -> Self {
        let (queue, messages) = mpsc::channel(queue_max.max(1));
        let (dropped, pending) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        tokio::spawn(write_batches(log.clone(), messages, pending.clone(), dropped.clone()));
        Self { log, clock, ids, queue, dropped, pending }
    }

    /// Remembers a read. For an auditable cube it is on the log when this returns, and an error means: do not answer.
    pub async fn record(&self, reading: Reading, auditable: bool) -> Result<(), RunError> {
        let access = Access {
            id: EventId::new(self.ids.next()),
            at: self.clock.now(),
            cube: reading.cube,
            principal: reading.principal,
            purpose: reading.purpose,
            query: reading.query,
            shown: reading.shown,
        };
        if auditable {
            self.log.append(Topic::Access, vec![to_record(&access)?]).await?;
            return Ok(());
        }
        self.pending.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Message::Access(Box::new(access))).is_err() {
            self.pending.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Waits until everything recorded so far is on the log.
    pub async fn flush(&self) -> Result<(), RunError> {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            written.await.map_err(|_| RunError::Stopped("the access log's writer ended".to_owned()))?;
        }
        Ok(())
    }

    pub async fn close(&self) -> Result<(), RunError> {
        let (done, written) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = written.await;
        }
        Ok(())
    }

    /// Waiting for the log.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    /// Lost because the queue was full or the log refused them; never those of auditable cubes.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn to_record(access: &Access) -> Result<Append, RunError> {
    let mut payload = Vec::with_capacity(128 + 20 * access.shown.len());
    encode_access(access, &mut payload)?;
    Ok(Append { key: access.cube.to_string(), id: access.id, payload: Bytes::from(payload) })
}

async fn write_batches(
    log: Arc<dyn EventLog>,
    mut messages: mpsc::Receiver<Message>,
    pending: Arc<AtomicU64>,
    dropped: Arc<AtomicU64>,
) {
    let mut inbox = Vec::with_capacity(BATCH);
    while messages.recv_many(&mut inbox, BATCH).await > 0 {
        if inbox.len() < BATCH && inbox.iter().all(|message| matches!(message, Message::Access(_))) {
            // A little patience makes one fsync serve many reads.
            let _ = tokio::time::timeout(LINGER, messages.recv_many(&mut inbox, BATCH)).await;
        }
        let mut records = Vec::new();
        let mut answers = Vec::new();
        let mut closing = false;
        for message in inbox.drain(..) {
            match message {
                Message::Access(access) => records.extend(to_record(&access).ok()),
                Message::Flush(done) => answers.push(done),
                Message::Close(done) => {
                    answers.push(done);
                    closing = true;
                }
            }
        }
        let count = records.len() as u64;
        if count > 0
            && let Err(error) = log.append(Topic::Access, records).await
        {
            tracing::warn!(%error, count, "access events are lost");
            dropped.fetch_add(count, Ordering::Relaxed);
        }
        pending.fetch_sub(count, Ordering::Relaxed);
        for answer in answers {
            let _ = answer.send(());
        }
        if closing {
            return;
        }
    }
}
