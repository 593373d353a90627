//! The port `EventLog`: an ordered, durable, partitioned sequence of records. Records are opaque bytes here.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cubelog_memory::{Cut, EventId, Position, Timestamp};
use futures::stream::BoxStream;

use crate::error::LogError;

/// The streams of one installation; each is a topic on Kafka and a table family in the local log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Every mutation: kept for ever, never compacted. The truth.
    Events,
    /// Every read.
    Access,
}

impl Topic {
    pub const ALL: [Topic; 2] = [Topic::Events, Topic::Access];

    pub const fn name(self) -> &'static str {
        match self {
            Topic::Events => "events",
            Topic::Access => "access",
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record to append.
#[derive(Debug, Clone)]
pub struct Append {
    /// Partition key (`tenant/cube`): records with the same key keep their order.
    pub key: String,
    /// Identity for de-duplication: an implementation that can tell (LocalLog) stores one record per id.
    pub id: EventId,
    pub payload: Bytes,
}

/// What became of one appended record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub position: Position,
    pub recorded_at: Timestamp,
    /// The id was on the log already: `position` and `recorded_at` are those of the first record and nothing was written.
    pub duplicate: bool,
}

/// A record as read back.
#[derive(Debug, Clone)]
pub struct Record {
    pub position: Position,
    /// When the log took it; never decreases within a partition.
    pub recorded_at: Timestamp,
    pub key: Bytes,
    pub payload: Bytes,
}

/// Where a read starts and ends.
#[derive(Debug, Clone)]
pub struct ReadFrom {
    /// Next offsets to read.
    pub from: Cut,
    /// Exclusive end. `None` follows the log for ever (live projection).
    pub until: Option<Cut>,
}

/// Batches of records in partition order, each batch of one partition; batches of different partitions interleave freely. A bounded
/// read ends after `until`; a following read waits for new records and ends when the log is closed. An error ends the stream.
/// Dropping the stream ends the work behind it.
pub type Records = BoxStream<'static, Result<Vec<Record>, LogError>>;

/// An ordered durable log. `append` returns only when the records survive the loss of power (local) or are on all in-sync replicas (Kafka).
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Number of partitions of every topic; fixed for the life of the log.
    fn partitions(&self) -> u32;

    /// The partition of a key: the same function for every implementation, so that views of both agree.
    fn partition_of(&self, key: &str) -> u32 {
        partition_of(key, self.partitions())
    }

    /// Appends in order and acknowledges all or fails; after an error any prefix of what goes to each partition may have been written,
    /// and sending the same ids again is safe. Answers stand in the order of the requests. Throughput wants large batches, or
    /// several calls under way at once (on Kafka at least 16 of a thousand records).
    async fn append(&self, topic: Topic, records: Vec<Append>) -> Result<Vec<Appended>, LogError>;

    /// Reads from a cut. An offset that is gone, or a `from` or `until` beyond the end, is an error rather than a silent jump.
    async fn read(&self, topic: Topic, range: ReadFrom) -> Result<Records, LogError>;

    /// Oldest offsets still readable (all 0 unless something outside deleted records).
    async fn begin(&self, topic: Topic) -> Result<Cut, LogError>;

    /// The cut that covers everything acknowledged so far.
    async fn end(&self, topic: Topic) -> Result<Cut, LogError>;

    /// For every partition the first offset recorded at or after `time`, or the end if there is none: records below the
    /// returned cut were recorded strictly before `time`.
    async fn cut_at(&self, topic: Topic, time: Timestamp) -> Result<Cut, LogError>;

    /// Waits until `end` includes `cut`, at most `timeout`; returns whether it does.
    async fn wait(&self, topic: Topic, cut: &Cut, timeout: Duration) -> Result<bool, LogError>;

    /// One line for people: `local:/path` or `kafka://host:port/prefix`.
    fn describe(&self) -> String;
}

/// xxh3 of the key modulo the number of partitions.
pub fn partition_of(key: &str, partitions: u32) -> u32 {
    debug_assert!(partitions > 0, "a log has at least one partition");
    (xxhash_rust::xxh3::xxh3_64(key.as_bytes()) % u64::from(partitions.max(1))) as u32
}
