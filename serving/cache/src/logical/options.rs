//! How much the cache may hold, and how it judges what to keep.

/// Bytes that each tier may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    /// Payloads in memory.
    pub ram_bytes: u64,
    /// Files of runs.
    pub disk_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheOptions {
    pub budgets: Budgets,
    /// Tokens of a whole block. Small ones share more exactly, large ones cost less to keep track of.
    pub block_tokens: usize,
    /// A use counts half after this long, in milliseconds.
    pub half_life_ms: u64,
    /// What reading from disk costs, in bytes per millisecond; a block that lies there too is worth no more than that in memory.
    pub disk_bytes_per_ms: u64,
    /// How many invalidations are remembered for blocks still being built. A build that outlasts them is not registered.
    pub fences: usize,
}

impl Default for CacheOptions {
    /// 2 GiB of memory, 16 GiB of disk, blocks of 64 tokens, a half-life of one hour.
    fn default() -> Self {
        Self {
            budgets: Budgets { ram_bytes: 2 << 30, disk_bytes: 16 << 30 },
            block_tokens: 64,
            half_life_ms: 3_600_000,
            disk_bytes_per_ms: 500_000,
            fences: 16_384,
        }
    }
}
