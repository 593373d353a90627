//! The log: one port, an implementation on a local file (redb) and one on Kafka, and the suite that both must pass.

pub mod conformance;
pub mod error;
pub mod kafka;
pub mod local;
pub mod port;

pub use error::{Holder, LogError};
pub use kafka::{KafkaLog, KafkaOptions};
pub use local::{LocalLog, LocalOptions};
pub use port::{Append, Appended, EventLog, ReadFrom, Record, Records, Topic, partition_of};
