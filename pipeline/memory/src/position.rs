//! Where something stands: instants, positions on the log, and cuts (one offset for every partition).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    pub const fn micros(self) -> i64 {
        self.0
    }
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }
}

/// One record on the log. Offsets of a partition grow but need not be dense (Kafka's control records take some).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    pub partition: u32,
    pub offset: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

/// Why a text is no position or cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no position; write partition:offset, several joined by commas, for example 0:1841")]
pub struct PositionError {
    pub text: String,
}

impl FromStr for Position {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        let error = || PositionError { text: text.to_owned() };
        let (partition, offset) = text.trim().split_once(':').ok_or_else(error)?;
        Ok(Self { partition: partition.parse().map_err(|_| error())?, offset: offset.parse().map_err(|_| error())? })
    }
}

/// A consistent point in the log: for every partition the *next* offset, so a cut covers all records below it.
/// A partition that is not named stands at 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cut(BTreeMap<u32, u64>);

impl Cut {
    pub fn start() -> Self {
        Self::default()
    }
    pub fn next(&self, partition: u32) -> u64 {
        self.0.get(&partition).copied().unwrap_or(0)
    }
    pub fn set(&mut self, partition: u32, next: u64) {
        if next == 0 {
            self.0.remove(&partition);
        } else {
            self.0.insert(partition, next);
        }
    }
    /// Moves the cut forward so that it covers `position`; never moves back.
    pub fn cover(&mut self, position: Position) {
        let next = position.offset + 1;
        if self.next(position.partition) < next {
            self.set(position.partition, next);
        }
    }
    /// Whether the record at `position` lies below the cut.
    pub fn covers(&self, position: Position) -> bool {
        position.offset < self.next(position.partition)
    }
    /// Whether everything below `other` also lies below this cut.
    pub fn includes(&self, other: &Cut) -> bool {
        other.iter().all(|(partition, next)| self.next(partition) >= next)
    }
    /// The smallest cut that includes both.
    pub fn join(&self, other: &Cut) -> Cut {
        let mut joined = self.clone();
        for (partition, next) in other.iter() {
            joined.set(partition, joined.next(partition).max(next));
        }
        joined
    }
    /// Partitions with their next offsets, in partition order; partitions at 0 are left out.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.0.iter().map(|(partition, next)| (*partition, *next))
    }
    /// Number of offsets below the cut (an upper bound of the number of records).
    pub fn span(&self) -> u64 {
        self.0.values().sum()
    }
}

impl FromIterator<(u32, u64)> for Cut {
    fn from_iter<I: IntoIterator<Item = (u32, u64)>>(items: I) -> Self {
        let mut cut = Cut::start();
        for (partition, next) in items {
            cut.set(partition, next);
        }
        cut
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("start");
        }
        for (index, (partition, next)) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{partition}:{next}")?;
        }
        Ok(())
    }
}

impl FromStr for Cut {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        if text.trim() == "start" {
            return Ok(Cut::start());
        }
        text.split(',').map(|part| part.parse::<Position>().map(|p| (p.partition, p.offset))).collect()
    }
}
