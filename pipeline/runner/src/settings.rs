//! How the runner behaves, as data.

use std::time::Duration;

#[derive(Debug, Clone)]
pub struct Settings {
    /// Longest time that a folded event waits for its commit to the views.
    pub commit_interval: Duration,
    /// Rows after which a batch is committed at once.
    pub commit_rows_max: usize,
    /// Rows that may be folded and not committed; beyond it the log is not read on.
    pub ahead_rows_max: usize,
    /// The same as `commit_rows_max` for replays, where nobody waits for single rows.
    pub replay_rows_max: usize,
    /// How many appended events may be unfolded before ingest waits.
    pub lag_events_max: u64,
    /// How long a read waits for the write that it must see.
    pub read_timeout: Duration,
    /// Access events of ordinary cubes that may wait for the log; beyond it they are counted as dropped.
    pub access_queue_max: usize,
    /// Memories held in the live fold before idle cubes are dropped from it.
    pub fold_memories_max: usize,
    /// Compaction, indexes and pruning between batches.
    pub maintain: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_millis(500),
            commit_rows_max: 8_192,
            ahead_rows_max: 32_768,
            replay_rows_max: 65_536,
            lag_events_max: 100_000,
            read_timeout: Duration::from_secs(30),
            access_queue_max: 65_536,
            fold_memories_max: 2_000_000,
            maintain: true,
        }
    }
}
