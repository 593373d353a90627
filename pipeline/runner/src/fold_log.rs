//! The fold alone: every event of the log onto the states of its cubes, with no content opened and nothing written.
//! This is what a replay costs before views come in.

use std::collections::HashMap;
use std::sync::Arc;

use cubelog_log::{EventLog, ReadFrom, Record, Topic};
use cubelog_memory::{At, CubeKey, CubeState, Cut, Event, Timestamp, apply};
use cubelog_schemas::decode_event;
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::error::RunError;

/// What a fold of the whole log came to.
#[derive(Debug, Default)]
pub struct Folded {
    pub cubes: HashMap<CubeKey, CubeState>,
    pub records: u64,
    /// Records that could not be decoded.
    pub dead: u64,
}

/// Batches that may wait between reading, decoding and folding.
const WAITING_MAX: usize = 8;

/// Folds everything below `until`. Decoding and folding run on threads of their own, so that reading never waits for them.
pub async fn fold_log(log: &Arc<dyn EventLog>, until: Cut) -> Result<Folded, RunError> {
    let (to_decode, mut records) = mpsc::channel::<Vec<Record>>(WAITING_MAX);
    let (to_fold, mut events) = mpsc::channel::<Vec<(At, Option<Event>)>>(WAITING_MAX);
    let decoder = tokio::task::spawn_blocking(move || {
        while let Some(batch) = records.blocking_recv() {
            let decoded =
                batch.iter().map(|record| (at(record.position, record.recorded_at), decode_event(&record.payload).ok()));
            // The folder only ends early by a panic, which its own handle reports.
            if to_fold.blocking_send(decoded.collect()).is_err() {
                return;
            }
        }
    });
    let folder = tokio::task::spawn_blocking(move || {
        let mut folded = Folded::default();
        while let Some(batch) = events.blocking_recv() {
            for (at, event) in batch {
                folded.records += 1;
                let Some(event) = event else {
                    folded.dead += 1;
                    continue;
                };
                match folded.cubes.get_mut(&event.envelope.cube) {
                    Some(state) => drop(apply(state, at, &event)),
                    None => {
                        let mut state = CubeState::new(event.envelope.cube.clone());
                        apply(&mut state, at, &event);
                        folded.cubes.insert(event.envelope.cube.clone(), state);
                    }
                }
            }
        }
        folded
    });
    let mut stream = log.read(Topic::Events, ReadFrom { from: Cut::start(), until: Some(until) }).await?;
    while let Some(batch) = stream.next().await {
        if to_decode.send(batch?).await.is_err() {
            break;
        }
    }
    drop(to_decode);
    let panicked = |error: tokio::task::JoinError| RunError::Stopped(format!("the fold panicked: {error}"));
    decoder.await.map_err(panicked)?;
    folder.await.map_err(panicked)
}

fn at(position: cubelog_memory::Position, recorded_at: Timestamp) -> At {
    At { position, recorded_at }
}
