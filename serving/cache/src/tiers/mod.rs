//! Both caches as one: what is found is loaded, what is cold goes to disk, what is invalid goes from both.
//!
//! `load.rs` promotes and prefetches, `keep.rs` persists, demotes, freezes and invalidates, `start.rs` takes in the files of an earlier
//! process, `carry.rs` exports and imports a cube's blocks.
//!
//! An answer goes like this: take a fence ([`Cache::fence`]), read the memories and compose the prompt, [`Tiers::lookup`], [`Tiers::load`],
//! compute what is missing behind [`Match::parent`] and [`Match::tail`], register it block by block, ask [`Match::stale`] before every
//! step that gives something out, and [`Tiers::persist`] what is worth it behind the answer.
//!
//! Locks: that of the tree, inside [`Cache`], is never held during I/O; there is no other. A file may vanish between a lookup and
//! the reading of it, which is a miss like any other.

mod carry;
mod keep;
mod load;
mod start;

use crate::logical::{Cache, CacheOptions, Match, Scope, Stats, Token};
use crate::physical::{KvSpan, Store};
use cubelog_memory::Timestamp;

pub use carry::CarryOut;
pub use keep::TierError;
pub use load::Loaded;
pub use start::Restored;

/// How the tiers work together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TierOptions {
    pub cache: CacheOptions,
    /// Threads that read one run.
    pub threads: usize,
    /// [`Tiers::demote`] writes runs while memory holds more than this many bytes, so that eviction finds them on disk.
    pub demote_above_bytes: u64,
}

impl Default for TierOptions {
    /// Two threads; from three quarters of the memory on.
    fn default() -> Self {
        let cache = CacheOptions::default();
        Self { cache, threads: 2, demote_above_bytes: cache.budgets.ram_bytes / 4 * 3 }
    }
}

/// The cache of one process: memory and disk. Shared by threads.
pub struct Tiers {
    cache: Cache<KvSpan>,
    store: Store,
    options: TierOptions,
}

impl Tiers {
    /// Empty, whatever lies in the store: [`Tiers::restore`] takes that in.
    pub fn new(store: Store, options: TierOptions) -> Self {
        Self { cache: Cache::new(options.cache), store, options }
    }
    /// For building and registering blocks. Whoever invalidates goes through [`Tiers::invalidate`], which removes the files too.
    pub fn cache(&self) -> &Cache<KvSpan> {
        &self.cache
    }
    pub fn store(&self) -> &Store {
        &self.store
    }
    /// The longest prefix that is there, in memory or on disk.
    pub fn lookup(&self, scope: &Scope, tokens: &[Token], now: Timestamp) -> Match<KvSpan> {
        self.cache.lookup(scope, tokens, now)
    }
    pub fn stats(&self) -> Stats {
        self.cache.stats()
    }
}
