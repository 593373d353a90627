//! Threads that read, build and invalidate at the same time; a stale block must never be found.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cubelog_cache::logical::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::common::*;

const MEMORIES: usize = 8;

/// Each memory's tokens change with its version: three tokens per memory, so that blocks of four hold parts of two.
fn prompt(order: &[usize], versions: &[u32]) -> Vec<Token> {
    order.iter().flat_map(|memory| (0..3).map(move |n| (*memory as u32) << 24 | versions[*memory] << 2 | n)).collect()
}

fn seed() -> u64 {
    // Another one each time; a failure prints it.
    std::env::var("CUBELOG_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let mut bytes = [0; 8];
        cubelog_keyring::Entropy::fill(&cubelog_keyring::SystemEntropy, &mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    })
}

#[test]
fn a_lookup_after_an_invalidation_never_finds_what_it_invalidated() {
    let seed = seed();
    println!("CUBELOG_SEED={seed}");
    let cache = Arc::new(Cache::new(CacheOptions { fences: 64, ..options(4, 4_000) }));
    // What a reader of memories sees, and up to which version invalidations have returned.
    let current: Arc<Vec<AtomicU32>> = Arc::new((0..MEMORIES).map(|_| AtomicU32::new(1)).collect());
    let dead: Arc<Vec<AtomicU32>> = Arc::new((0..MEMORIES).map(|_| AtomicU32::new(0)).collect());
    let done = Arc::new(AtomicBool::new(false));
    let (reused, told) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let scopes = [scope("acme"), scope("bell")];

    let threads: Vec<_> = (0..4u64)
        .map(|thread| {
            let (cache, current, dead, done) = (Arc::clone(&cache), Arc::clone(&current), Arc::clone(&dead), Arc::clone(&done));
            let (reused, told, scopes) = (Arc::clone(&reused), Arc::clone(&told), scopes.clone());
            std::thread::spawn(move || {
                let mut rng = StdRng::seed_from_u64(seed ^ thread);
                while !done.load(Ordering::Relaxed) {
                    let length = rng.random_range(1..=4);
                    let first = rng.random_range(0..3);
                    let order: Vec<usize> = (0..length).map(|n| (first + n) % MEMORIES).collect();
                    let scope = &scopes[rng.random_range(0..2)];
                    let fence = cache.fence();
                    let versions: Vec<u32> = current.iter().map(|version| version.load(Ordering::SeqCst)).collect();
                    // Sometimes somebody asks with what they read long ago; they build nothing.
                    let lags = rng.random_bool(0.3);
                    let asked: Vec<u32> = versions.iter().map(|version| version - u32::from(lags && *version > 1)).collect();
                    let tokens = prompt(&order, &asked);
                    // Sometimes the fence lies long before the registering.
                    if rng.random_bool(0.1) {
                        std::thread::sleep(Duration::from_micros(rng.random_range(0..300)));
                    }
                    let dead_before: Vec<u32> = dead.iter().map(|version| version.load(Ordering::SeqCst)).collect();
                    let found = cache.lookup(scope, &tokens, at(1));
                    check(&found, &tokens, 4);
                    for block in &found.blocks {
                        for source in &block.block.origin().sources {
                            let memory = source.memory.as_bytes()[0] as usize;
                            assert!(source.version > dead_before[memory], "found a stale block, CUBELOG_SEED={seed}");
                        }
                    }
                    reused.fetch_add(found.tokens() as u64, Ordering::Relaxed);
                    told.fetch_add(u64::from(found.stale().is_some()), Ordering::Relaxed);
                    if !lags {
                        build(&cache, scope, fence, &found, &tokens, &order, &versions);
                    }
                }
            })
        })
        .collect();

    let mut rng = StdRng::seed_from_u64(!seed);
    for _ in 0..3_000 {
        let memory = rng.random_range(0..MEMORIES);
        let old = current[memory].fetch_add(1, Ordering::SeqCst);
        let target = if rng.random_bool(0.5) {
            Target::Version(version(memory as u8, old))
        } else {
            Target::Memory(version(memory as u8, 1).memory)
        };
        cache.invalidate(&target);
        dead[memory].fetch_max(old, Ordering::SeqCst);
        if rng.random_bool(0.01) {
            cache.audit().unwrap();
        }
        if rng.random_bool(0.3) {
            std::thread::sleep(Duration::from_micros(rng.random_range(0..400)));
        }
    }
    done.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    cache.audit().unwrap();
    let stats = cache.stats();
    println!("{stats:?}, told {}", told.load(Ordering::Relaxed));
    assert!(reused.load(Ordering::Relaxed) > 0 && stats.registered > 0, "nothing was exercised");
    cache.invalidate(&Target::Everything);
    assert_eq!((cache.stats().blocks, cache.stats().ram_bytes, cache.stats().alive_bytes), (0, 0, 0), "bytes leaked");
}

/// Registers what is missing, with the fence that was taken before the versions were read.
fn build(
    cache: &Cache<Prefix>,
    scope: &Arc<Scope>,
    fence: Fence,
    found: &Match<Prefix>,
    tokens: &[Token],
    order: &[usize],
    versions: &[u32],
) {
    let mut parent = found.parent(4).cloned();
    let mut start = found.tokens();
    let mut tail = found.tail(4).map(|(block, used)| (block.clone(), used));
    while start < tokens.len() {
        let mut building = match tail.take() {
            Some((tail, used)) => cache.extend(fence, &tail, used, parent.as_ref()).unwrap(),
            None => cache.begin(fence, scope, parent.as_ref()).unwrap(),
        };
        let end = tokens.len().min(start + building.room());
        let memories: BTreeSet<usize> = (start..end).map(|at| order[at / 3]).collect();
        let sources: Vec<_> = memories.into_iter().map(|memory| version(memory as u8, versions[memory])).collect();
        building.push(&tokens[start..end], &origin(&sources, &[])).unwrap();
        start = end;
        let bytes = 10 * building.tokens().len() as u64;
        let payload = Prefix { tokens: tokens[..end].to_vec(), bytes };
        match cache.register(building.complete(payload, 100).unwrap(), at(1)) {
            Ok(block) => parent = Some(block),
            Err(_) => return,
        }
    }
}
