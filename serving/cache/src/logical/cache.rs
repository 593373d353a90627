//! The cache as its users see it: the tree behind one lock.
//!
//! Lock order: the lock of the tree is the only one here, and it is a leaf. Nothing is called while it is held that takes another
//! lock, does I/O, computes or frees payloads; payloads that gave up their place are freed after it is released. Whoever holds a lock
//! of their own may call the cache; the cache calls nobody. `tiers` follows: it never does I/O on behalf of the tree under this lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use cubelog_memory::{BlockId, Timestamp};

use super::block::{Building, Complete, Held, NotBuilt, Payload, Registered, Standing};
use super::core::Core;
use super::insert::{Refused, WhyRefused};
use super::invalidate::{Fence, Invalidated, Target};
use super::key::{Scope, Token};
use super::lookup::Match;
use super::options::CacheOptions;
use super::runs::{RestoreError, RestoredBlock, Run};
use super::stats::Stats;

/// Which token spans have been computed, for all tenants and settings. Shared by threads.
pub struct Cache<P: Payload> {
    core: Mutex<Core<P>>,
    /// That of the tree, to be read without its lock.
    generation: AtomicU64,
    block_tokens: usize,
    /// That of the tree: bytes of payloads that anybody holds.
    alive: Arc<AtomicU64>,
}

impl<P: Payload> Cache<P> {
    pub fn new(options: CacheOptions) -> Self {
        let options = CacheOptions { block_tokens: options.block_tokens.clamp(1, 1 << 20), ..options };
        let core = Core::new(options);
        let alive = Arc::clone(&core.alive);
        Self { core: Mutex::new(core), generation: AtomicU64::new(0), block_tokens: options.block_tokens, alive }
    }

    /// Tokens of a whole block.
    pub fn block_tokens(&self) -> usize {
        self.block_tokens
    }

    fn with<T>(&self, what: impl FnOnce(&mut Core<P>) -> T) -> T {
        let (result, trash) = {
            let mut core = self.core.lock().unwrap_or_else(|poisoned| {
                // Somebody panicked in the middle of a change. It is a cache: forget all, and tell all who hold something.
                let mut core = poisoned.into_inner();
                core.reset();
                self.generation.store(core.generation, Ordering::Release);
                self.core.clear_poison();
                core
            });
            let result = what(&mut core);
            (result, std::mem::take(&mut core.trash))
        };
        drop(trash);
        result
    }

    /// The longest prefix of `tokens` that is there, counted as a use.
    pub fn lookup(&self, scope: &Scope, tokens: &[Token], now: Timestamp) -> Match<P> {
        self.with(|core| core.lookup(scope, tokens, now))
    }

    /// The same without counting it: for routing, prefetching and showing.
    pub fn peek(&self, scope: &Scope, tokens: &[Token]) -> Match<P> {
        self.with(|core| core.peek(scope, tokens))
    }

    /// The present moment in the order of invalidations. Take it before reading the memories that go into a prompt.
    pub fn fence(&self) -> Fence {
        Fence(self.generation.load(Ordering::Acquire))
    }

    /// Begins a block behind a whole one, or the first of a prompt.
    pub fn begin(&self, fence: Fence, scope: &Arc<Scope>, parent: Option<&Registered<P>>) -> Result<Building<P>, NotBuilt> {
        Building::begin(fence, Arc::clone(scope), parent, self.block_tokens)
    }

    /// Begins a block with a copy of the first `used` tokens of another one, which stays as it is.
    pub fn extend(
        &self,
        fence: Fence,
        tail: &Registered<P>,
        used: usize,
        parent: Option<&Registered<P>>,
    ) -> Result<Building<P>, NotBuilt> {
        if tail.start() != parent.map_or(0, Registered::end) {
            return Err(NotBuilt::NothingToExtend { used, tokens: tail.tokens().len() });
        }
        Building::begin(fence, Arc::clone(tail.scope()), parent, self.block_tokens)?.copy(tail, used)
    }

    /// Makes a block one that all in its scope can find, unless something that it holds was invalidated since its fence.
    pub fn register(&self, complete: Complete<P>, now: Timestamp) -> Result<Registered<P>, Refused<P>> {
        self.with(|core| core.register(complete, now))
    }

    /// Gives a block that lay on disk only its numbers in memory.
    pub fn promote(&self, block: &Registered<P>, payload: P) -> Result<Registered<P>, Refused<P>> {
        self.with(|core| core.promote(block, payload))
    }

    /// A holder of a block with numbers that the cache has no room for: they serve this holder and go with it.
    pub fn lend(&self, block: &Registered<P>, payload: P) -> Registered<P> {
        let held = Held::new(payload, &self.alive);
        Registered { held: Some(Arc::new(held)), ..block.clone() }
    }

    pub fn set_standing(&self, block: &Registered<P>, standing: Standing) -> Result<(), WhyRefused> {
        self.with(|core| core.set_standing(block, standing))
    }

    /// When this returns, no lookup finds what the target reaches, no block that holds it can be registered by whoever took the
    /// fence before, and everybody who holds such a block can see that it is stale. The files to be removed are in
    /// [`Cache::take_dropped`].
    pub fn invalidate(&self, target: &Target) -> Invalidated {
        self.with(|core| {
            let done = core.invalidate(target);
            self.generation.store(core.generation, Ordering::Release);
            done
        })
    }

    /// The run that ends with a block, to be written; `None` if it lies on disk already or is not there any more.
    pub fn run_to(&self, block: &Registered<P>) -> Option<Run<P>> {
        self.with(|core| core.run_to(block.node))
    }

    /// The runs that would be lost next, if memory holds more than `above` bytes; at most `most` of them.
    pub fn coldest(&self, above: u64, most: usize) -> Vec<Run<P>> {
        self.with(|core| if core.ram_bytes > above { core.coldest(most) } else { Vec::new() })
    }

    /// The run was written. If this fails, remove the file.
    pub fn landed(&self, run: &Run<P>, id: BlockId, bytes: u64, now: Timestamp) -> Result<(), WhyRefused> {
        self.with(|core| core.landed(run, id, bytes, now))
    }

    /// The file of a run cannot be read. Returns how many blocks that cost.
    pub fn lost(&self, run: BlockId) -> u64 {
        self.with(|core| core.lost(run))
    }

    /// Takes in a file that was there at the start. Those with fewer preceding tokens come first.
    ///
    /// - `tokens`: all from the first of the prompt to the last of the run.
    pub fn restore(
        &self,
        id: BlockId,
        bytes: u64,
        scope: &Arc<Scope>,
        tokens: &[Token],
        blocks: &[RestoredBlock],
        now: Timestamp,
    ) -> Result<(), RestoreError> {
        self.with(|core| core.restore(id, bytes, scope, tokens, blocks, now))
    }

    /// Files that nothing refers to any more, each once. Whoever takes them removes them.
    pub fn take_dropped(&self) -> Vec<BlockId> {
        self.with(|core| std::mem::take(&mut core.dropped_runs))
    }

    /// They could not be removed; [`Cache::take_dropped`] gives them again.
    pub(crate) fn put_back_dropped(&self, runs: Vec<BlockId>) {
        self.with(|core| core.dropped_runs.extend(runs));
    }

    pub fn stats(&self) -> Stats {
        self.with(|core| Stats {
            blocks: core.nodes.len() as u64,
            runs: core.runs.len() as u64,
            ram_bytes: core.ram_bytes,
            disk_bytes: core.disk_bytes,
            alive_bytes: core.alive.load(Ordering::Relaxed),
            ..core.stats
        })
    }

    /// Holds the tree to its own rules; for tests and `doctor`. Says the first that is broken.
    pub fn audit(&self) -> Result<(), String> {
        self.with(|core| core.audit())
    }
}
