//! Measurements at size, run by hand: `cargo test -p cubelog-views -p cubelog-cli --test views -- --ignored --nocapture measure`.

#![expect(clippy::disallowed_methods, reason = "measuring needs a clock")]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cubelog_memory::ranking::{Ask, Method};
use cubelog_memory::*;
use cubelog_views::conformance::script::{cube, memory, principal, subject};
use cubelog_views::*;

use super::{home, options};

const DIM: usize = 384;

/// A small fast generator; the same seed gives the same data.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn uniform(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.uniform()).sum::<f32>() - 3.0
    }
    /// Word ranks as they occur in texts.
    fn word(&mut self) -> String {
        let rank = (20_000f32.powf(self.uniform()) - 1.0) as u64;
        format!("w{rank:x}q")
    }
    fn text(&mut self, words: usize) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}

/// Vectors like those of sentences: topics, a spectrum that falls off, some noise.
struct Space {
    basis: Vec<Vec<f32>>,
    topics: Vec<Vec<f32>>,
}

impl Space {
    fn new(random: &mut Random) -> Self {
        let basis = (0..96).map(|_| (0..DIM).map(|_| random.normal()).collect()).collect();
        let topics = (0..400).map(|_| (0..96).map(|axis| random.normal() / (1.0 + axis as f32 * 0.08)).collect()).collect();
        Self { basis, topics }
    }
    fn vector(&self, random: &mut Random) -> Vec<f32> {
        let topic = &self.topics[random.next() as usize % self.topics.len()];
        let mut vector = vec![0.0; DIM];
        for (axis, basis) in self.basis.iter().enumerate() {
            let weight = topic[axis] + 0.7 * random.normal() / (1.0 + axis as f32 * 0.08);
            vector.iter_mut().zip(basis).for_each(|(x, b)| *x += weight * b);
        }
        unit(vector.iter().map(|x| x + 0.3 * random.normal()).collect())
    }
}

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter().map(|x| x / length).collect()
}

fn memory_of(number: u64, version: u32, offset: u64, text_of: &Content) -> Memory {
    Memory {
        id: memory(number),
        kind: Kind::Plaintext,
        lifecycle: Lifecycle::Generated,
        current: version,
        last: version,
        siblings: Vec::new(),
        subject: subject("ana"),
        fingerprint: cubelog_views::conformance::script::fingerprint(text_of),
        valid: Validity::since(Timestamp(offset as i64)),
        descriptive: Descriptive::of(SemanticType::Turn),
        governance: Governance::default(),
        origin: Origin::Ingest,
        stream_index: Some(number),
        merged_into: None,
        expired_at: None,
        superseded: None,
        carrier: None,
        created_at: Timestamp(number as i64),
        changed_at: Timestamp(offset as i64),
        changed: Position { partition: 0, offset },
    }
}

fn memory_row(cube: &CubeKey, number: u64, random: &mut Random, space: &Space) -> MemoryRow {
    let content = Content { speaker: Some("ana".to_owned()), session: Some("s".to_owned()), ..Content::text(random.text(20)) };
    MemoryRow {
        cube: cube.clone(),
        memory: memory_of(number, 1, number, &content),
        content: Shown::Clear(content),
        actor: principal("tester"),
        occurred_at: Timestamp(number as i64),
        vector: Some(Arc::from(space.vector(random))),
    }
}

fn version_row(cube: &CubeKey, memory: Memory, text: String) -> VersionRow {
    VersionRow {
        cube: cube.clone(),
        event: EventId::new(derive_uuid("event", &[&memory.changed.offset.to_string()])),
        change: "memory_revised".to_owned(),
        actor: principal("tester"),
        occurred_at: memory.changed_at,
        recorded_at: memory.changed_at,
        position: memory.changed,
        version: memory.current,
        parents: Vec::new(),
        conflict: false,
        subject: memory.subject.clone(),
        fingerprint: memory.fingerprint,
        valid: memory.valid,
        content: Shown::Clear(Content::text(text)),
        reason: None,
        memory,
    }
}

fn percentiles(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!("{name}: p50 {:.2} ms, p95 {:.2} ms, max {:.2} ms (n {})", at(0.5), at(0.95), at(1.0), times.len());
}

async fn open(dir: &Path) -> LanceViews {
    LanceViews::open(dir, ViewOptions { dim: Some(DIM), ..options() }).await.unwrap()
}

/// The folder to measure in; one that is there already is used as it is.
fn folder(name: &str) -> std::path::PathBuf {
    std::env::temp_dir().join(format!("cubelog-measure-{name}"))
}

fn upto(next: u64) -> Cut {
    [(0, next)].into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes"]
async fn measure_search() {
    let rows: u64 = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(100_000);
    let dir = folder(&format!("search-{rows}"));
    let fresh = !dir.exists();
    let mut random = Random(7);
    let space = Space::new(&mut random);
    let small = cube("acme", "small");
    if fresh {
        let store = open(&dir).await;
        let started = Instant::now();
        let mut writing = Duration::ZERO;
        for start in (0..rows).step_by(10_000) {
            let mut memories: Vec<MemoryRow> =
                (start..start + 9_600).map(|number| memory_row(&home(), number, &mut random, &space)).collect();
            memories.extend((start + 9_600..start + 10_000).map(|number| memory_row(&small, number, &mut random, &space)));
            let batch = Batch { upto: upto(start + 10_000), memories, memories_are_new: true, ..Batch::default() };
            let began = Instant::now();
            store.commit(batch).await.unwrap();
            writing += began.elapsed();
            let began = Instant::now();
            println!("maintain {:?}: {:?}", store.maintain().await.unwrap(), began.elapsed());
        }
        println!("built in {:?}, commits {writing:?}", started.elapsed());
    }
    let began = Instant::now();
    let store = open(&dir).await;
    println!("open {:?}", began.elapsed());
    let began = Instant::now();
    println!("maintain {:?}: {:?}", store.maintain().await.unwrap(), began.elapsed());
    let queries: Vec<SearchQuery> = (0..200)
        .map(|_| SearchQuery {
            cubes: vec![home()],
            vector: Some(space.vector(&mut random)),
            text: Some(random.text(8)),
            filter: Filter::default(),
            candidates: 50,
            named: Vec::new(),
            asker: None,
            own: false,
            ask: Ask::new(10),
        })
        .collect();
    for (name, adjust) in [
        ("hybrid", (|query| query) as fn(SearchQuery) -> SearchQuery),
        ("vector side", |query| SearchQuery { text: None, ..query }),
        ("text side", |query| SearchQuery { vector: None, ..query }),
        ("small cube", |query| SearchQuery { cubes: vec![cube("acme", "small")], ..query }),
    ] {
        let mut times = Vec::new();
        for (turn, query) in queries.iter().enumerate() {
            let query = adjust(query.clone());
            let began = Instant::now();
            let found = store.search(query).await.unwrap();
            if turn >= 20 {
                times.push(began.elapsed());
            }
            assert!(!found.is_empty());
        }
        percentiles(name, times);
    }
    recall(&store, &queries, home()).await;
    recall(&store, &queries, small).await;
    for stats in store.stats().await.unwrap() {
        println!("{stats:?}");
    }
}

/// Share of the ten nearest by comparing all vectors that are among the ten best candidates.
async fn recall(store: &LanceViews, queries: &[SearchQuery], cube: CubeKey) {
    let state = store.load_cube(&cube).await.unwrap().unwrap();
    let ids: Vec<MemoryId> = state.memories.keys().copied().collect();
    let rows = store.memories(&ids).await.unwrap();
    let mut hits = 0;
    for query in &queries[..100] {
        let vector = query.vector.as_ref().unwrap();
        let mut all: Vec<(f32, MemoryId)> = rows
            .iter()
            .map(|row| (row.vector.as_ref().unwrap().iter().zip(vector).map(|(a, b)| a * b).sum(), row.memory.id))
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        let ask = Ask { method: Method::Dense, ..Ask::new(10) };
        let found = store.search(SearchQuery { text: None, cubes: vec![cube.clone()], ask, ..query.clone() }).await.unwrap();
        let best: HashSet<MemoryId> = found.iter().take(10).map(|found| found.row.memory.id).collect();
        hits += all[..10].iter().filter(|(_, id)| best.contains(id)).count();
    }
    println!("{cube}: recall@10 {:.3}", hits as f64 / 1_000.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes"]
async fn measure_state() {
    let dir = folder("state");
    let (memories, versions) = (10_000u64, 1_000_000u64);
    if !dir.exists() {
        let store = open(&dir).await;
        let mut random = Random(3);
        let started = Instant::now();
        for start in (0..versions).step_by(20_000) {
            let rows = (start..start + 20_000).map(|offset| {
                let text = random.text(12);
                let memory = memory_of(offset % memories, (offset / memories) as u32 + 1, offset, &Content::text(text.as_str()));
                version_row(&home(), memory, text)
            });
            let batch = Batch { upto: upto(start + 20_000), versions: rows.collect(), ..Batch::default() };
            store.commit(batch).await.unwrap();
            let done = store.maintain().await.unwrap();
            if !done.is_empty() {
                println!("{:?} {done:?}", started.elapsed());
            }
        }
        println!("built in {:?}", started.elapsed());
    }
    let began = Instant::now();
    let store = open(&dir).await;
    println!("open {:?}", began.elapsed());
    let mut random = Random(9);
    let (mut one, mut history, mut all) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..220 {
        let memories = vec![memory(random.next() % memories)];
        let known = Known::At(Timestamp((random.next() % versions) as i64 + memories.len() as i64 * 10_000));
        let query = StateQuery { cube: home(), memories: memories.clone(), known, valid_at: None, include_hidden: false };
        let began = Instant::now();
        store.state(query).await.unwrap();
        if turn >= 20 {
            one.push(began.elapsed());
        }
        let began = Instant::now();
        assert_eq!(store.history(memories[0]).await.unwrap().len(), 100);
        history.push(began.elapsed());
    }
    for turn in 0..10 {
        let known = if turn % 2 == 0 { Known::Now } else { Known::Below(upto(versions / 2)) };
        let query = StateQuery { cube: home(), memories: Vec::new(), known, valid_at: None, include_hidden: false };
        let began = Instant::now();
        assert_eq!(store.state(query).await.unwrap().len(), 10_000);
        all.push(began.elapsed());
    }
    percentiles("state of one memory", one);
    percentiles("history of one memory", history);
    percentiles("state of a cube", all);
    for stats in store.stats().await.unwrap() {
        println!("{stats:?}");
    }
}

/// Small commits as a live projector makes them: some new memories, some revised.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes"]
async fn measure_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut random = Random(5);
    let space = Space::new(&mut random);
    let (mut appends, mut merges, mut upkeep) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    for turn in 0..200u64 {
        let mut memories: Vec<MemoryRow> =
            (next..next + 50).map(|number| memory_row(&home(), number, &mut random, &space)).collect();
        let revise = turn % 2 == 1;
        if revise {
            for number in 0..20 {
                let mut row = memory_row(&home(), number * 7 % next, &mut random, &space);
                row.memory.changed.offset = next + 50 + number;
                if memories.iter().all(|other| other.memory.id != row.memory.id) {
                    memories.push(row);
                }
            }
        }
        let versions = memories.iter().map(|row| version_row(&home(), row.memory.clone(), "x".to_owned())).collect();
        next += 100;
        let batch = Batch { upto: upto(next), memories, memories_are_new: !revise, versions, ..Batch::default() };
        let began = Instant::now();
        store.commit(batch).await.unwrap();
        if revise {
            merges.push(began.elapsed())
        } else {
            appends.push(began.elapsed())
        }
        let began = Instant::now();
        store.maintain().await.unwrap();
        upkeep.push(began.elapsed());
    }
    percentiles("commit, appended", appends);
    percentiles("commit, merged", merges);
    percentiles("maintain", upkeep);
}
