//! The redb file: its tables, how it is opened, and reading frames and blocks of ids out of it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use cubelog_memory::{Position, Timestamp};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::directory::{self, DATA_FILE, DirectoryLock};
use super::frame::{Frame, FrameError, topic_code};
use super::ids::{self, Segment};
use crate::error::LogError;
use crate::port::{Record, Topic};

/// (topic, partition, base offset) → frame.
pub const FRAMES: TableDefinition<'static, (u8, u32, u64), &'static [u8]> = TableDefinition::new("frames");
/// commit number → block of ids.
pub const IDS: TableDefinition<'static, u32, &'static [u8]> = TableDefinition::new("ids");
/// Fixed facts of the log, written once.
const META: TableDefinition<'static, &'static str, u64> = TableDefinition::new("meta");
const PARTITIONS: &str = "partitions";

/// Most partitions of a local log; more of them only makes smaller frames.
pub const PARTITIONS_MAX: u32 = 1024;

/// Memory that the engine keeps pages in, in bytes. The operating system keeps the file as well.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// An open log file. Fields are dropped in order: the lock goes back last.
pub struct Store {
    pub db: Database,
    pub dir: PathBuf,
    pub partitions: u32,
    /// Set once, by the first failure after which the file must not be written again.
    pub poison: OnceLock<LogError>,
    _lock: DirectoryLock,
}

/// Where one partition of one topic stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    pub next: u64,
    pub recorded_at: Timestamp,
}

impl Store {
    /// Opens or makes the log in `dir`.
    pub fn open(dir: &Path, partitions: u32) -> Result<Self, LogError> {
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(LogError::PartitionsOutOfRange { partitions, max: PARTITIONS_MAX });
        }
        let lock = directory::enter(dir)?;
        let path = dir.join(DATA_FILE);
        let fresh = !path.exists();
        let db = guard(dir, "opening the log", || builder().create(&path).map_err(|error| database_error(dir, error)))?;
        if fresh {
            directory::sync_directory(dir).map_err(|error| directory::io_error(dir, "making the log's file", &error))?;
        }
        Self::on(db, dir, partitions, lock)
    }

    /// Opens the log over a backend of the caller: for tests that make the disk fail.
    #[cfg(test)]
    pub fn open_on(dir: &Path, partitions: u32, backend: impl redb::StorageBackend) -> Result<Self, LogError> {
        let lock = directory::enter(dir)?;
        let db = builder().create_with_backend(backend).map_err(|error| database_error(dir, error))?;
        Self::on(db, dir, partitions, lock)
    }

    fn on(db: Database, dir: &Path, partitions: u32, lock: DirectoryLock) -> Result<Self, LogError> {
        let store = Self { db, dir: dir.to_owned(), partitions, poison: OnceLock::new(), _lock: lock };
        let found = store.guard("reading the log's facts", || store.partitions_stored())?;
        match found {
            Some(found) if found == u64::from(partitions) => {}
            Some(found) => {
                let found = u32::try_from(found).unwrap_or(u32::MAX);
                return Err(LogError::PartitionCount { path: dir.to_owned(), found, wanted: partitions });
            }
            None => store.guard("making the log's tables", || store.make_tables())?,
        }
        Ok(store)
    }

    fn partitions_stored(&self) -> Result<Option<u64>, LogError> {
        let read = self.db.begin_read().map_err(|error| self.storage_error(error.into()))?;
        match read.open_table(META) {
            Ok(meta) => {
                Ok(meta.get(PARTITIONS).map_err(|error| self.storage_error(error.into()))?.map(|partitions| partitions.value()))
            }
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(self.storage_error(error.into())),
        }
    }

    fn make_tables(&self) -> Result<(), LogError> {
        let make = || -> Result<(), redb::Error> {
            let write = self.db.begin_write()?;
            write.open_table(FRAMES)?;
            write.open_table(IDS)?;
            write.open_table(META)?.insert(PARTITIONS, u64::from(self.partitions))?;
            write.commit()?;
            Ok(())
        };
        make().map_err(|error| self.storage_error(error))
    }

    /// Size of the file; 0 where it cannot be told.
    pub fn file_bytes(&self) -> u64 {
        std::fs::metadata(self.dir.join(DATA_FILE)).map_or(0, |file| file.len())
    }

    /// The end of a partition, from its last frame.
    pub fn tail(&self, topic: Topic, partition: u32) -> Result<Tail, LogError> {
        let read = || -> Result<Tail, LogError> {
            let found = self.last_frame(topic, partition).map_err(|error| self.storage_error(error))?;
            let Some((base, bytes)) = found else { return Ok(Tail { next: 0, recorded_at: Timestamp(i64::MIN) }) };
            let frame = Frame::verify(&bytes, topic, base).map_err(|error| damaged(topic, base, error))?;
            Ok(Tail { next: frame.next(), recorded_at: frame.recorded_at })
        };
        self.guard("reading the end of the log", read)
    }

    /// The last frame of a partition, not verified yet.
    fn last_frame(&self, topic: Topic, partition: u32) -> Result<Option<(Position, Vec<u8>)>, redb::Error> {
        let frames = self.db.begin_read()?.open_table(FRAMES)?;
        let code = topic_code(topic);
        let last = frames.range((code, partition, 0)..=(code, partition, u64::MAX))?.next_back().transpose()?;
        Ok(last.map(|(key, value)| (Position { partition, offset: key.value().2 }, value.value().to_vec())))
    }

    /// Records of one partition with offsets in `from..until`, whole frames until `bytes` have been collected. `until` is at most the
    /// end, so there is at least one record; a missing one is damage.
    pub fn records(&self, topic: Topic, partition: u32, from: u64, until: u64, bytes: usize) -> Result<Vec<Record>, LogError> {
        let expected = Cell::new(from);
        let read = || self.records_unguarded(topic, partition, until, bytes, &expected);
        let answer = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
        let place = Position { partition, offset: expected.get() };
        match answer {
            Ok(Ok(records)) if records.is_empty() && from < until => Err(damaged(topic, place, "the record is missing")),
            Ok(Ok(records)) => Ok(records),
            Ok(Err(ReadError::Frame(error))) => Err(damaged(topic, place, error)),
            Ok(Err(ReadError::Gap)) => Err(damaged(topic, place, "the record is missing")),
            Ok(Err(ReadError::Store(redb::Error::Corrupted(reason)))) => Err(damaged(topic, place, reason)),
            Ok(Err(ReadError::Store(error))) => Err(self.storage_error(error)),
            Err(panic) => Err(damaged(topic, place, panic_text(&*panic))),
        }
    }

    /// `expected` is the offset that comes next; it tells where reading stood when it failed.
    fn records_unguarded(
        &self,
        topic: Topic,
        partition: u32,
        until: u64,
        bytes: usize,
        expected: &Cell<u64>,
    ) -> Result<Vec<Record>, ReadError> {
        let frames = self.db.begin_read()?.open_table(FRAMES)?;
        let code = topic_code(topic);
        let first = match frames.range((code, partition, 0)..=(code, partition, expected.get()))?.next_back() {
            Some(first) => first?.0.value().2,
            None => return Err(ReadError::Gap),
        };
        let mut out = Vec::new();
        let mut collected = 0;
        for entry in frames.range((code, partition, first)..(code, partition, until))? {
            let (key, value) = entry?;
            let base = Position { partition, offset: key.value().2 };
            let frame = Frame::verify(value.value(), topic, base)?;
            let at = expected.get();
            if base.offset > at || frame.next() <= at {
                return Err(ReadError::Gap);
            }
            frame.records_into(at, until, &mut out)?;
            expected.set(frame.next().min(until));
            collected += value.value().len();
            if collected >= bytes {
                return Ok(out);
            }
        }
        if expected.get() < until { Err(ReadError::Gap) } else { Ok(out) }
    }

    /// The frame that holds `offset`: first offset, first offset after it, time.
    pub fn frame_around(&self, topic: Topic, partition: u32, offset: u64) -> Result<(u64, u64, Timestamp), LogError> {
        let place = Position { partition, offset };
        let read = || -> Result<(u64, u64, Timestamp), ReadError> {
            let frames = self.db.begin_read()?.open_table(FRAMES)?;
            let code = topic_code(topic);
            let entry = frames.range((code, partition, 0)..=(code, partition, offset))?.next_back().ok_or(ReadError::Gap)?;
            let (key, value) = entry?;
            let frame = Frame::verify(value.value(), topic, Position { partition, offset: key.value().2 })?;
            if frame.next() <= offset {
                return Err(ReadError::Gap);
            }
            Ok((frame.base.offset, frame.next(), frame.recorded_at))
        };
        self.guard("searching the log", || {
            read().map_err(|error| match error {
                ReadError::Store(error) => self.storage_error(error),
                ReadError::Frame(error) => damaged(topic, place, error),
                ReadError::Gap => damaged(topic, place, "the record is missing"),
            })
        })
    }

    /// Hands every stored block of ids to `each`, in commit order.
    pub fn id_blocks(&self, mut each: impl FnMut(u32, Vec<Segment>) -> Result<(), LogError>) -> Result<(), LogError> {
        let store = |error: redb::Error| self.storage_error(error);
        let read = self.db.begin_read().map_err(|error| store(error.into()))?;
        let table = read.open_table(IDS).map_err(|error| store(error.into()))?;
        for entry in table.iter().map_err(|error| store(error.into()))? {
            let (key, value) = entry.map_err(|error| store(error.into()))?;
            each(key.value(), ids::decode(value.value()).map_err(|error| self.damaged_file(error))?)?;
        }
        Ok(())
    }

    /// One stored block of ids.
    pub fn id_block(&self, commit: u32) -> Result<Vec<Segment>, LogError> {
        let read = || -> Result<Option<Vec<u8>>, redb::Error> {
            let table = self.db.begin_read()?.open_table(IDS)?;
            Ok(table.get(commit)?.map(|block| block.value().to_vec()))
        };
        let bytes = read().map_err(|error| self.storage_error(error))?;
        let bytes = bytes.ok_or_else(|| self.damaged_file("a block of event ids is missing"))?;
        ids::decode(&bytes).map_err(|error| self.damaged_file(error))
    }

    /// Runs `work`; a panic of the engine, which is how it meets some damaged pages, becomes an error.
    pub fn guard<T>(&self, doing: &'static str, work: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
        guard(&self.dir, doing, work)
    }

    pub fn damaged_file(&self, reason: impl std::fmt::Display) -> LogError {
        LogError::DamagedFile { path: self.dir.join(DATA_FILE), reason: reason.to_string() }
    }

    pub fn storage_error(&self, error: redb::Error) -> LogError {
        storage_error(&self.dir, error)
    }

    /// What callers hear after a failure that poisoned the log, or once it is closed.
    pub fn ended(&self) -> LogError {
        match self.poison.get() {
            Some(cause) => LogError::Poisoned { cause: cause.to_string() },
            None => LogError::Closed,
        }
    }
}

enum ReadError {
    Store(redb::Error),
    Frame(FrameError),
    Gap,
}

impl From<FrameError> for ReadError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

macro_rules! from_engine {
    ($($error:ty),*) => {
        $(impl From<$error> for ReadError {
            fn from(error: $error) -> Self {
                Self::Store(error.into())
            }
        })*
    };
}
from_engine!(redb::TransactionError, redb::TableError, redb::StorageError);

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder.set_repair_callback(|session| tracing::info!(progress = session.progress(), "checking the log after a crash"));
    builder
}

fn guard<T>(dir: &Path, doing: &'static str, work: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let reason = format!("{doing} met a page that makes no sense ({})", panic_text(&*panic));
        Err(LogError::DamagedFile { path: dir.join(DATA_FILE), reason })
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a page makes no sense".to_owned())
}

fn damaged(topic: Topic, at: Position, reason: impl std::fmt::Display) -> LogError {
    LogError::Damaged { topic, partition: at.partition, offset: at.offset, reason: reason.to_string() }
}

fn database_error(dir: &Path, error: redb::DatabaseError) -> LogError {
    match error {
        redb::DatabaseError::UpgradeRequired(version) => LogError::NotALog {
            path: dir.to_owned(),
            reason: format!("its {DATA_FILE} is written in the engine's older form {version}"),
        },
        other => storage_error(dir, other.into()),
    }
}

fn storage_error(dir: &Path, error: redb::Error) -> LogError {
    match error {
        redb::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            LogError::DamagedFile { path: dir.join(DATA_FILE), reason: error.to_string() }
        }
        redb::Error::Io(error) => directory::io_error(dir, "reading or writing the log", &error),
        redb::Error::Corrupted(reason) => LogError::DamagedFile { path: dir.join(DATA_FILE), reason },
        redb::Error::PreviousIo => LogError::Poisoned { cause: "an earlier error of the disk".to_owned() },
        other => LogError::Io { path: dir.to_owned(), doing: "working on the log's file", reason: other.to_string() },
    }
}
