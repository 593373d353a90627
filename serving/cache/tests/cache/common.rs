//! Scopes, origins and payloads that tell what they were made from.

use std::sync::Arc;

use cubelog_cache::logical::*;
use cubelog_cache::physical::*;
use cubelog_keyring::Keyring;
use cubelog_memory::{Digest, MemoryId, ModuleId, SubjectId, TenantId, Timestamp, VersionRef};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Knows all tokens from the first on, as real keys and values depend on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    pub tokens: Vec<Token>,
    pub bytes: u64,
}

impl Payload for Prefix {
    fn bytes(&self) -> u64 {
        self.bytes
    }
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

pub fn subject(name: &str) -> SubjectId {
    SubjectId::new(name).unwrap()
}

pub fn module(n: u8) -> ModuleId {
    ModuleId::from_bytes([n; 16])
}

pub fn setting() -> Setting {
    Setting {
        model: Digest([1; 32]),
        tokenizer: Digest([2; 32]),
        template: Digest([3; 32]),
        adapters: Box::default(),
        rope: Rope::new(10_000.0, "none"),
        dtype: Dtype::F32,
        coding: Coding::Int8,
        steering: None,
    }
}

pub fn scope(name: &str) -> Arc<Scope> {
    Arc::new(Scope { tenant: tenant(name), setting: setting() })
}

pub fn version(memory: u8, version: u32) -> VersionRef {
    VersionRef { memory: MemoryId::from_bytes([memory; 16]), version }
}

pub fn origin(sources: &[VersionRef], subjects: &[&str]) -> Origin {
    Origin { sources: sources.to_vec(), subjects: subjects.iter().map(|name| subject(name)).collect(), ..Origin::default() }
}

pub fn options(block_tokens: usize, ram_bytes: u64) -> CacheOptions {
    CacheOptions { block_tokens, budgets: Budgets { ram_bytes, disk_bytes: 1 << 40 }, ..CacheOptions::default() }
}

/// Registers what is missing of a prompt, block by block as an engine would: behind the longest prefix that is there, copying the
/// tail. `about` gives the origin of a span of tokens.
pub fn insert(
    cache: &Cache<Prefix>,
    scope: &Arc<Scope>,
    tokens: &[Token],
    now: Timestamp,
    about: &dyn Fn(std::ops::Range<usize>) -> Origin,
) -> Result<Vec<Registered<Prefix>>, WhyRefused> {
    let fence = cache.fence();
    let found = cache.peek(scope, tokens);
    let size = cache.block_tokens();
    let mut kept: Vec<_> = found.blocks.iter().map(|found| found.block.clone()).collect();
    let mut parent = found.parent(size).cloned();
    let mut at = found.tokens();
    let mut tail = found.tail(size).map(|(block, used)| (block.clone(), used));
    while at < tokens.len() {
        let mut building = match tail.take() {
            Some((tail, used)) => {
                kept.pop();
                cache.extend(fence, &tail, used, parent.as_ref()).unwrap()
            }
            None => cache.begin(fence, scope, parent.as_ref()).unwrap(),
        };
        let end = tokens.len().min(at + building.room());
        building.push(&tokens[at..end], &about(at..end)).unwrap();
        at = end;
        let payload = Prefix { tokens: tokens[..end].to_vec(), bytes: 10 * building.tokens().len() as u64 };
        let cost = 100 * building.tokens().len() as u64;
        let block = cache.register(building.complete(payload, cost).unwrap(), now).map_err(|refused| refused.why)?;
        kept.push(block.clone());
        parent = Some(block);
    }
    Ok(kept)
}

/// What is always true of a match.
pub fn check(found: &Match<Prefix>, tokens: &[Token], size: usize) {
    let mut at = 0;
    for (index, block) in found.blocks.iter().enumerate() {
        assert_eq!(block.block.start(), at);
        assert!(block.used >= 1 && block.used <= block.block.tokens().len());
        assert!(index + 1 == found.blocks.len() || block.used == size, "a gap");
        assert_eq!(block.block.tokens()[..block.used], tokens[at..at + block.used]);
        if let Some(payload) = block.block.payload() {
            assert_eq!(payload.tokens[..at + block.used], tokens[..at + block.used], "numbers of another prefix");
            assert_eq!(payload.tokens.len(), block.block.end());
        }
        at += block.used;
    }
    assert_eq!(at, found.tokens());
}

/// Numbers with channels of different sizes and a first token far larger than others, as real keys have them.
pub fn numbers(shape: Shape, tokens: usize, seed: u64) -> Vec<f32> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..shape.numbers(tokens))
        .map(|index| {
            let channel = index % shape.head_dim;
            let first = (index / shape.head_dim).is_multiple_of(tokens);
            let size = (1 + channel * channel % 17) as f32 * if first { 30.0 } else { 1.0 };
            size * rng.random_range(-1.0..1.0f32)
        })
        .collect()
}

/// A keyring and a directory of runs.
pub struct Disk {
    pub dir: tempfile::TempDir,
    pub keyring: Arc<Keyring>,
    pub store: Store,
}

pub fn disk() -> Disk {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Arc::new(Keyring::create(&dir.path().join("keys")).unwrap());
    let store = Store::open(dir.path().join("kv"), Arc::clone(&keyring)).unwrap();
    Disk { dir, keyring, store }
}

pub const SMALL: Shape = Shape { layers: 3, kv_heads: 2, head_dim: 8 };

/// Registers a prompt of random numbers, block by block, in a cache of spans; gives the blocks and all numbers.
pub fn spans(
    cache: &Cache<KvSpan>,
    scope: &Arc<Scope>,
    shape: Shape,
    tokens: &[Token],
    subjects: &[&str],
) -> (Vec<Registered<KvSpan>>, KvSpan) {
    let whole = KvSpan::new(shape, tokens.len(), Numbers::F32(numbers(shape, tokens.len(), 1))).unwrap();
    let mut blocks: Vec<Registered<KvSpan>> = Vec::new();
    for own in tokens.chunks(cache.block_tokens()) {
        let mut building = cache.begin(cache.fence(), scope, blocks.last()).unwrap();
        building.push(own, &origin(&[version(1, 1)], subjects)).unwrap();
        let start = blocks.last().map_or(0, Registered::end);
        let span = whole.slice(start, own.len()).unwrap();
        let span = match scope.setting.dtype {
            Dtype::F32 => span,
            Dtype::Bf16 => rounded(&span),
        };
        blocks.push(cache.register(building.complete(span, 100).unwrap(), at(0)).unwrap());
    }
    let whole = if scope.setting.dtype == Dtype::Bf16 { rounded(&whole) } else { whole };
    (blocks, whole)
}

fn rounded(span: &KvSpan) -> KvSpan {
    let Numbers::F32(numbers) = span.numbers() else { panic!("f32 to begin with") };
    let numbers = numbers.iter().map(|number| half::bf16::from_f32(*number)).collect();
    KvSpan::new(span.shape(), span.tokens(), Numbers::Bf16(numbers)).unwrap()
}

/// Numbers of any kind as f32.
pub fn plain(span: &KvSpan) -> Vec<f32> {
    match span.numbers() {
        Numbers::F32(numbers) => numbers.clone(),
        Numbers::Bf16(numbers) => numbers.iter().map(|number| number.to_f32()).collect(),
    }
}
