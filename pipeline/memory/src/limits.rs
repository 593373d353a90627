//! Every maximum that input is held to, with its unit in the name; nothing else decides what is too large.

/// Longest text of one memory or turn, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Longest name (tenant, cube, principal, tag, path segment), in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest free-text field beside the text (speaker, session, caption, reason), in bytes.
pub const FIELD_BYTES_MAX: usize = 16 * 1024;
/// Most tags on one memory.
pub const TAGS_MAX: usize = 64;
/// Most parents of one version (sources of a merge).
pub const PARENTS_MAX: usize = 64;
/// Most memories that one block is built from.
pub const BLOCK_SOURCES_MAX: usize = 1_024;
/// Most memories that one module is distilled from; the event stays well below [`EVENT_BYTES_MAX`].
pub const MODULE_SOURCES_MAX: usize = 16_384;
/// Most people whom the sources of a block or a module are about.
pub const SUBJECTS_MAX: usize = 1_024;
/// Longest half-life of a memory that decays, in seconds (a thousand years).
pub const HALF_LIFE_S_MAX: u64 = 31_557_600_000;
/// Most measures of one evaluation.
pub const GATES_MAX: usize = 64;
/// Most statements that one belief settles at a time.
pub const BELIEFS_MAX: usize = 64;
/// Most commands in one submitted batch.
pub const BATCH_COMMANDS_MAX: usize = 10_000;
/// Largest encoded event, in bytes; below Kafka's default `message.max.bytes` of 1 MB.
pub const EVENT_BYTES_MAX: usize = 900 * 1024;
/// Longest search query, in bytes; longer ones are cut at a character boundary and the answer says so.
pub const QUERY_BYTES_MAX: usize = 8 * 1024;
/// Most hits of one search.
pub const HITS_MAX: usize = 1_000;
/// Longest line of an imported file, in bytes.
pub const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How far ahead of the log's clock an event may claim to have occurred, in microseconds (one day).
pub const FUTURE_SKEW_MICROS_MAX: i64 = 24 * 60 * 60 * 1_000_000;
