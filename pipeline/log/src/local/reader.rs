//! Reading the local log: a task per read turns chunks of the file into a stream, and waits at the end if it follows.

use std::sync::Arc;

use cubelog_memory::{Cut, Timestamp};
use futures::StreamExt;
use tokio::sync::{mpsc, watch};

use super::store::Store;
use crate::error::LogError;
use crate::port::{ReadFrom, Record, Records, Topic};

/// A batch of a read holds whole frames until it has this many bytes.
const BATCH_BYTES: usize = 512 * 1024;
/// Batches that wait for a slow consumer at most.
const BATCHES_AHEAD_MAX: usize = 4;

/// Starts a read; the task ends when the stream is dropped, at `until`, or when the log is closed.
pub fn read(store: Arc<Store>, end: watch::Receiver<Cut>, topic: Topic, range: ReadFrom) -> Result<Records, LogError> {
    let now = end.borrow().clone();
    for cut in [Some(&range.from), range.until.as_ref()].into_iter().flatten() {
        for (partition, requested) in cut.iter() {
            if requested > now.next(partition) {
                return Err(LogError::BeyondEnd { topic, partition, requested, end: now.next(partition) });
            }
        }
    }
    let (batches, receiver) = mpsc::channel(BATCHES_AHEAD_MAX);
    tokio::spawn(async move {
        if let Err(error) = walk(store, end, topic, range, &batches).await {
            // Nobody listens any more, or the error is the stream's last item.
            let _ = batches.send(Err(error)).await;
        }
    });
    Ok(futures::stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|batch| (batch, receiver)) })
        .boxed())
}

async fn walk(
    store: Arc<Store>,
    mut end: watch::Receiver<Cut>,
    topic: Topic,
    range: ReadFrom,
    batches: &mpsc::Sender<Result<Vec<Record>, LogError>>,
) -> Result<(), LogError> {
    let mut at = range.from;
    loop {
        let now = range.until.clone().unwrap_or_else(|| end.borrow_and_update().clone());
        loop {
            let mut moved = false;
            for partition in 0..store.partitions {
                let (from, until) = (at.next(partition), now.next(partition));
                if from >= until {
                    continue;
                }
                // Room first: what waits in memory is bounded by the channel and not by the speed of the disk.
                let Ok(room) = batches.reserve().await else { return Ok(()) };
                let store = store.clone();
                let chunk = tokio::task::spawn_blocking(move || store.records(topic, partition, from, until, BATCH_BYTES));
                let records = chunk.await.unwrap_or(Err(LogError::Closed))?;
                if let Some(last) = records.last() {
                    at.cover(last.position);
                }
                room.send(Ok(records));
                moved = true;
            }
            if !moved {
                break;
            }
        }
        if range.until.is_some() {
            return Ok(());
        }
        tokio::select! {
            changed = end.changed() => {
                if changed.is_err() {
                    // What was written before the close is still handed out; `changed` fails only once it was seen.
                    return if store.poison.get().is_some() { Err(store.ended()) } else { Ok(()) };
                }
            }
            () = batches.closed() => return Ok(()),
        }
    }
}

/// For each partition the first offset recorded at or after `time`.
pub fn cut_at(store: &Store, topic: Topic, end: &Cut, time: Timestamp) -> Result<Cut, LogError> {
    let mut cut = Cut::start();
    for (partition, end) in end.iter() {
        let (mut low, mut high) = (0, end);
        while low < high {
            let (base, next, recorded_at) = store.frame_around(topic, partition, low + (high - low) / 2)?;
            if recorded_at >= time { high = base } else { low = next }
        }
        cut.set(partition, low);
    }
    Ok(cut)
}
