//! Search over 100,000 memories of one cube, and how soon a server on them is ready.

use cubelog_runner::{IngestOptions, SearchRequest};

use crate::corpus::{Random, caller, cube, question, tenant, turns};
use crate::kit::{Kit, Options};
use crate::result::{Better, Measured, percentile};

const CHUNK: usize = 5_000;

pub async fn search(kit: &dyn Kit, options: &Options) -> anyhow::Result<Vec<Measured>> {
    let count = if options.quick { 10_000 } else { 100_000 };
    let searches = if options.quick { 50 } else { 500 };
    let directory = options.scratch.join("search");
    let log = kit.local_log(&directory)?;
    let store = kit.open(&directory, log.clone(), kit.hash_encoder()).await?;
    let ingest = IngestOptions { tenant: tenant(), cube: None, create: true, auditable: false, keep_going: false, subject: None };
    let begin = kit.seconds();
    for start in (0..count).step_by(CHUNK) {
        store.ingest_turns(&caller(), &ingest, turns("search", start, CHUNK.min(count - start))).await?;
    }
    store.flush().await?;
    let ingested = count as f64 / (kit.seconds() - begin);
    store.close().await?;
    drop(store);

    // A fresh opening, as after a restart: ready means that the views are open and the projector has caught up.
    let begin = kit.seconds();
    let store = kit.open(&directory, log.clone(), kit.hash_encoder()).await?;
    store.flush().await?;
    let ready = kit.seconds() - begin;

    let request = |random: &mut Random| SearchRequest::new(vec![cube("search")], question(random), 10);
    let mut random = Random::new(7);
    for _ in 0..10 {
        store.search(&caller(), request(&mut random)).await?;
    }
    let mut millis = Vec::with_capacity(searches);
    for _ in 0..searches {
        let request = request(&mut random);
        let begin = kit.seconds();
        let answer = store.search(&caller(), request).await?;
        millis.push((kit.seconds() - begin) * 1_000.0);
        anyhow::ensure!(answer.hits.len() == 10, "a search over {count} memories found {} of 10", answer.hits.len());
    }

    // Twenty searchers at once while a writer goes on.
    let begin = kit.seconds();
    let mut tasks = Vec::new();
    for searcher in 0..20u64 {
        let (store, requests) = (
            store.clone(),
            (0..searches / 20)
                .map({
                    let mut random = Random::new(1_000 + searcher);
                    move |_| request(&mut random)
                })
                .collect::<Vec<_>>(),
        );
        tasks.push(tokio::spawn(async move {
            for request in requests {
                store.search(&caller(), request).await?;
            }
            anyhow::Ok(())
        }));
    }
    let mut written = 0usize;
    while tasks.iter().any(|task| !task.is_finished()) {
        store.ingest_turns(&caller(), &ingest, turns("beside", written, 100)).await?;
        written += 100;
    }
    for task in tasks {
        task.await??;
    }
    let elapsed = kit.seconds() - begin;
    store.close().await?;
    drop((store, log));
    std::fs::remove_dir_all(&directory)?;
    let many = |what: &str| format!("search over {count} memories: {what}");
    Ok(vec![
        Measured::new(format!("ingest of {count} turns, searchable"), ingested, "turns/s")
            .note("sealed, fsynced, folded, hashed features as vectors, committed, indexed"),
        Measured::new(many("p50"), percentile(&millis, 0.5), "ms")
            .runs(searches)
            .target(8.0, Better::Less)
            .note("vector and text; the query's own vector is hashed, not encoded"),
        Measured::new(many("p95"), percentile(&millis, 0.95), "ms").runs(searches).target(20.0, Better::Less),
        Measured::new(format!("start to ready on {count} memories"), ready, "s").target(1.0, Better::Less),
        Measured::new("20 searchers at once: searches", searches as f64 / elapsed, "1/s"),
        Measured::new("20 searchers at once: turns ingested beside them", written as f64 / elapsed, "turns/s"),
    ])
}
