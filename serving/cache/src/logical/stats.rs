//! What the cache counts.

/// Counted since the cache was made; bytes and blocks are as they are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Lookups that found at least one token.
    pub hits: u64,
    pub misses: u64,
    pub tokens_asked: u64,
    pub tokens_reused: u64,
    /// Of those reused, tokens whose numbers had to be read from disk.
    pub tokens_from_disk: u64,
    /// Computing that lookups saved, in microseconds, as the builders measured it.
    pub saved_micros: u64,
    pub registered: u64,
    /// Blocks that somebody else had registered meanwhile.
    pub duplicates: u64,
    /// Blocks that came too late: what they hold was invalidated while they were built.
    pub refused_stale: u64,
    pub refused_room: u64,
    /// Blocks that gave up their place in memory.
    pub ram_evictions: u64,
    pub ram_evicted_bytes: u64,
    /// Runs whose files were given up.
    pub disk_evictions: u64,
    pub disk_evicted_bytes: u64,
    pub promotions: u64,
    pub demotions: u64,
    pub invalidations: u64,
    pub invalidated_blocks: u64,
    /// Files that were damaged or foreign, so that their blocks were forgotten.
    pub lost_runs: u64,
    pub blocks: u64,
    pub runs: u64,
    pub ram_bytes: u64,
    pub disk_bytes: u64,
    /// Payloads that are still alive, which includes those of evicted or invalidated blocks that somebody holds.
    pub alive_bytes: u64,
}
