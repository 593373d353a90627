//! State at a past moment with a million versions behind it.

use std::sync::Arc;

use cubelog_log::Topic;
use cubelog_memory::{Cut, Position};
use cubelog_runner::{Moment, NoEmbedder};
use cubelog_views::Known;

use crate::corpus::{Random, caller, cube};
use crate::events::Maker;
use crate::kit::{Kit, Options};
use crate::result::{Better, Measured, percentile};

pub async fn state(kit: &dyn Kit, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let (memories, versions) = if options.quick { (1_000u64, 20u32) } else { (10_000, 100) };
    let directory = options.scratch.join("state");
    let keyring = kit.keyring(&directory)?;
    let maker = Maker { keyring: &keyring };
    let key = cube("state");
    let log = kit.local_log(&directory)?;
    log.append(Topic::Events, vec![maker.created(&key)?]).await?;
    let mut number = 0u64;
    for version in 1..=versions {
        for start in (0..memories).step_by(5_000) {
            let mut batch = Vec::with_capacity(5_000);
            for memory in start..(start + 5_000).min(memories) {
                number += 1;
                batch.push(match version {
                    1 => maker.turn(&key, memory)?,
                    _ => maker.revision(&key, memory, version, number)?,
                });
            }
            log.append(Topic::Events, batch).await?;
        }
    }
    let begin = kit.seconds();
    let store = kit.open(&directory, log.clone(), Arc::new(NoEmbedder)).await?;
    store.flush().await?;
    let projected = number as f64 / (kit.seconds() - begin);
    let partition = log.partition_of(&key.to_string());
    let moment = |random: &mut Random| {
        let mut cut = Cut::start();
        cut.cover(Position { partition, offset: memories + random.below((number - memories) as usize) as u64 });
        Moment { known: Known::Below(cut), valid_at: None }
    };
    let mut random = Random::new(3);
    let (gets, states) = if options.quick { (20, 3) } else { (200, 12) };
    let mut one = Vec::new();
    for round in 0..gets + 5 {
        let memory = Maker::memory(&key, random.below(memories as usize) as u64);
        let moment = moment(&mut random);
        let begin = kit.seconds();
        store.get(&caller(), Some(&key), memory, &moment).await?;
        if round >= 5 {
            one.push((kit.seconds() - begin) * 1_000.0);
        }
    }
    let mut whole = Vec::new();
    for _ in 0..states {
        let moment = moment(&mut random);
        let begin = kit.seconds();
        let rows = store.state(&caller(), &key, &moment, true).await?;
        whole.push(kit.seconds() - begin);
        anyhow::ensure!(rows.len() as u64 == memories, "the state has {} of {memories} memories", rows.len());
    }
    store.close().await?;
    drop((store, log));
    std::fs::remove_dir_all(&directory)?;
    Ok(vec![
        Measured::new(format!("projection of {number} versions"), projected, "events/s"),
        Measured::new(format!("state of one memory at T, {number} versions: p50"), percentile(&one, 0.5), "ms").runs(gets),
        Measured::new(format!("state of one memory at T, {number} versions: p95"), percentile(&one, 0.95), "ms")
            .runs(gets)
            .target(20.0, Better::Less),
        Measured::new(format!("state of a cube of {memories} at T: p50"), percentile(&whole, 0.5), "s").runs(states),
        Measured::new(format!("state of a cube of {memories} at T: p95"), percentile(&whole, 0.95), "s")
            .runs(states)
            .target(1.0, Better::Less),
    ])
}
