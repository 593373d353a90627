//! Everything that can go wrong with a log, as facts a caller can act on.

use std::path::PathBuf;

use cubelog_memory::EventId;

use crate::port::Topic;

/// Who holds a directory's lock, as far as the lock file tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holder {
    pub pid: Option<u32>,
    pub host: String,
    /// Program and arguments, shortened.
    pub command: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid} on {} ({})", self.host, self.command),
            None => f.write_str("another process that has not written its name yet"),
        }
    }
}

/// Failures of a log. [`LogError::retriable`] says whether the same call may succeed a little later.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    #[error("the log in {} is in use by {holder}; stop that process or work through it (`--server`)", path.display())]
    Held { path: PathBuf, holder: Holder },

    #[error(
        "the log in {} has format version {found}, this program knows versions up to {known}; use a newer cubelog for this directory",
        path.display()
    )]
    NewerFormat { path: PathBuf, found: u32, known: u32 },

    #[error("{} is no log of cubelog: {reason}; choose another directory, or restore this one from a copy", path.display())]
    NotALog { path: PathBuf, reason: String },

    #[error(
        "the log is damaged at {topic} partition {partition} offset {offset}: {reason}; nothing from there on is served, restore the file from a copy"
    )]
    Damaged { topic: Topic, partition: u32, offset: u64, reason: String },

    #[error("the log's file {} is damaged: {reason}; restore it from a copy", path.display())]
    DamagedFile { path: PathBuf, reason: String },

    #[error("the disk of {} is full; free some space and start again, nothing that was acknowledged is lost", path.display())]
    DiskFull { path: PathBuf },

    #[error(
        "the log refuses to work on after an earlier failure ({cause}), because what the disk holds is unknown until it is opened again; restart"
    )]
    Poisoned { cause: String },

    #[error("{doing} failed on {}: {reason}", path.display())]
    Io { path: PathBuf, doing: &'static str, reason: String },

    #[error("the log is closed")]
    Closed,

    #[error(
        "the log in {} has {found} partitions and {wanted} were asked for; the number is fixed when a log is made, ask for {found}",
        path.display()
    )]
    PartitionCount { path: PathBuf, found: u32, wanted: u32 },

    #[error("{partitions} is no number of partitions; between 1 and {max} are allowed")]
    PartitionsOutOfRange { partitions: u32, max: u32 },

    #[error("event {id} has {bytes} bytes with its key; at most {max} are allowed")]
    RecordTooLarge { id: EventId, bytes: usize, max: usize },

    #[error(
        "{topic} partition {partition} starts at offset {begin}, offset {requested} is gone; what was derived from it can only be rebuilt from offset {begin} or from a complete copy of the log"
    )]
    BeforeBegin { topic: Topic, partition: u32, requested: u64, begin: u64 },

    #[error(
        "{topic} partition {partition} ends at offset {end}, offset {requested} does not exist; is this an older copy of the log, or another log"
    )]
    BeyondEnd { topic: Topic, partition: u32, requested: u64, end: u64 },

    #[error(
        "no Kafka broker answers at {bootstrap} ({reason}); check the address, that the broker runs, and the network between"
    )]
    BrokerUnreachable { bootstrap: String, reason: String },

    #[error(
        "topic {topic} could lose events: {setting} is {value:?} and must be {wanted:?}; fix it with `kafka-configs.sh --alter --entity-type topics --entity-name {topic} --add-config {setting}={wanted}`"
    )]
    TopicConfig { topic: String, setting: String, value: String, wanted: String },

    #[error(
        "topics {first} and {second} have {first_count} and {second_count} partitions; both must have the same number, above 0, make the smaller one new"
    )]
    TopicPartitions { first: String, first_count: u32, second: String, second_count: u32 },

    #[error("Kafka setting {setting}={value} is refused ({reason})")]
    KafkaSetting { setting: String, value: String, reason: String },

    #[error("{doing} failed on Kafka: {reason}")]
    Kafka { doing: &'static str, reason: String, retriable: bool },
}

impl LogError {
    /// Whether the same call may succeed later without anybody doing something.
    pub fn retriable(&self) -> bool {
        match self {
            Self::BrokerUnreachable { .. } => true,
            Self::Kafka { retriable, .. } => *retriable,
            _ => false,
        }
    }

    /// Whether stored bytes are not what was written.
    pub fn damaged(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::DamagedFile { .. })
    }
}
