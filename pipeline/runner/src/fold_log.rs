//! The fold alone: every event of the log onto the states of its cubes, with no content opened and nothing written.
//! This is what a replay costs before views come in.

use std::collections::HashMap;
use std::sync::Arc;

use cubelog_log::{EventLog, ReadFrom, Record, Topic};
use cubelog_memory::{At, CubeKey, CubeState, Cut, apply};
use cubelog_schemas::decode_event;
use futures::StreamExt;
use tokio::sync::mpsc;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::RunError;

/// What a fold of the whole log came to.
#[derive(Debug, Default)]
pub struct Folded {
    pub cubes: HashMap<CubeKey, CubeState>,
    pub records: u64,
    /// Records that could not be decoded.
    pub dead: u64,
}

/// Batches that may wait for one worker.
const WAITING_MAX: usize = 8;
/// Workers at most; more would wait for the reader.
const WORKERS_MAX: usize = 8;

/// Folds everything below `until`. Each worker decodes and folds the cubes of its own, so that no event crosses threads and a cube's
/// events keep their order.
pub async fn fold_log(log: &Arc<dyn EventLog>, until: Cut) -> Result<Folded, RunError> {
    let workers = std::thread::available_parallelism().map_or(1, |count| count.get()).min(WORKERS_MAX);
    let (to_workers, folders): (Vec<_>, Vec<_>) = (0..workers)
        .map(|_| {
            let (to_worker, records) = mpsc::channel::<Vec<Record>>(WAITING_MAX);
            (to_worker, tokio::task::spawn_blocking(move || fold_records(records)))
        })
        .unzip();
    let mut stream = log.read(Topic::Events, ReadFrom { from: Cut::start(), until: Some(until) }).await?;
    'read: while let Some(batch) = stream.next().await {
        let mut shares: Vec<Vec<Record>> = vec![Vec::new(); workers];
        for record in batch? {
            shares[(xxh3_64(&record.key) % workers as u64) as usize].push(record);
        }
        for (to_worker, share) in to_workers.iter().zip(shares) {
            // A worker only ends early by a panic, which its handle reports.
            if !share.is_empty() && to_worker.send(share).await.is_err() {
                break 'read;
            }
        }
    }
    drop(to_workers);
    let mut all = Folded::default();
    for folder in folders {
        let folded = folder.await.map_err(|error| RunError::Stopped(format!("the fold panicked: {error}")))?;
        all.cubes.extend(folded.cubes);
        all.records += folded.records;
        all.dead += folded.dead;
    }
    Ok(all)
}

fn fold_records(mut records: mpsc::Receiver<Vec<Record>>) -> Folded {
    let mut folded = Folded::default();
    while let Some(batch) = records.blocking_recv() {
        for record in batch {
            folded.records += 1;
            let event = match decode_event(&record.payload) {
                Ok(event) if is_key_of(&event.envelope.cube, &record.key) => event,
                _ => {
                    folded.dead += 1;
                    continue;
                }
            };
            let at = At { position: record.position, recorded_at: record.recorded_at };
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
}

/// Whether a record's key is `tenant/cube`.
fn is_key_of(cube: &CubeKey, key: &[u8]) -> bool {
    let (tenant, name) = (cube.tenant.as_str().as_bytes(), cube.cube.as_str().as_bytes());
    key.strip_prefix(tenant).and_then(|rest| rest.strip_prefix(b"/")) == Some(name)
}
