//! Where raw events come from: a port that the runner implements over the log.

use async_trait::async_trait;
use bytes::Bytes;
use cubelog_memory::{Position, Timestamp};
use futures::stream::BoxStream;

/// A record of the topic `events` as the log keeps it.
#[derive(Debug, Clone)]
pub struct RawEvent {
    pub position: Position,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// Avro single-object encoding: `C3 01`, the Rabin fingerprint of the writer's schema (little-endian), the body.
    pub payload: Bytes,
}

/// Which records a query can use. A hint: a scan may yield more, the query filters again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventWindow {
    /// Recorded at or after.
    pub since: Option<Timestamp>,
    /// Recorded strictly before.
    pub until: Option<Timestamp>,
}

/// Why the log could not be read.
pub type ScanError = Box<dyn std::error::Error + Send + Sync>;

/// Batches of records; an error ends the stream, dropping it ends the work behind it.
pub type RawEvents = BoxStream<'static, Result<Vec<RawEvent>, ScanError>>;

/// A bounded read of the event log, to the cut that the views reflect.
#[async_trait]
pub trait EventScan: Send + Sync + 'static {
    async fn scan(&self, window: EventWindow) -> Result<RawEvents, ScanError>;
}
