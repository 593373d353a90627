//! Faults of the disk under the local log: a full disk, a failing fsync, flipped bytes. They need the engine's backend.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use cubelog_memory::{Cut, EventId, Timestamp};
use futures::StreamExt;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::store::Store;
use super::{LocalLog, LocalOptions};
use crate::error::LogError;
use crate::port::{Append, EventLog, ReadFrom, Record, Topic};

fn options() -> LocalOptions {
    LocalOptions { partitions: 2, clock: Arc::new(|| Timestamp(1_000)) }
}

fn batch(from: u128, records: u128, bytes: usize) -> Vec<Append> {
    (from..from + records)
        .map(|number| Append {
            key: format!("t/{}", number % 5),
            id: EventId::from_bytes(number.to_be_bytes()),
            payload: [&number.to_be_bytes()[..], &vec![number as u8; bytes][..]].concat().into(),
        })
        .collect()
}

async fn read_all(log: &LocalLog) -> Result<Vec<Record>, LogError> {
    let until = Some(log.end(Topic::Events).await?);
    let mut stream = log.read(Topic::Events, ReadFrom { from: Cut::start(), until }).await?;
    let mut records = Vec::new();
    while let Some(batch) = stream.next().await {
        records.extend(batch?);
    }
    Ok(records)
}

/// What the disk does from now on.
const WORKS: u8 = 0;
const FULL: u8 = 1;
const SYNC_FAILS: u8 = 2;

#[derive(Debug, Default)]
struct Disk {
    bytes: InMemoryBackend,
    mode: AtomicU8,
    /// Writes that still work when the mode is set.
    patience: AtomicI64,
}

impl Disk {
    fn fails(&self, mode: u8) -> bool {
        self.mode.load(Ordering::SeqCst) == mode && self.patience.fetch_sub(1, Ordering::SeqCst) <= 0
    }
}

#[derive(Debug, Clone)]
struct Faulty(Arc<Disk>);

impl StorageBackend for Faulty {
    fn len(&self) -> io::Result<u64> {
        self.0.bytes.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.bytes.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.bytes.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        if self.0.fails(SYNC_FAILS) { Err(io::Error::other("the disk lost its power")) } else { Ok(()) }
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        if self.0.fails(FULL) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.0.bytes.write(offset, data)
    }
}

fn open_on(dir: &std::path::Path, disk: &Arc<Disk>) -> LocalLog {
    LocalLog::over(Store::open_on(dir, 2, Faulty(disk.clone())).unwrap(), options()).unwrap()
}

/// After each failure: the call fails with its cause, later calls are refused, and the same disk opened again holds every
/// acknowledged record once, and takes the refused ones again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failing_disk_poisons_the_log_and_loses_nothing_acknowledged() {
    for (mode, patience) in [(FULL, 0), (FULL, 1), (FULL, 3), (SYNC_FAILS, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(Disk::default());
        let log = open_on(dir.path(), &disk);
        log.append(Topic::Events, batch(0, 500, 300)).await.unwrap();
        let mut following =
            log.read(Topic::Events, ReadFrom { from: log.end(Topic::Events).await.unwrap(), until: None }).await.unwrap();
        disk.patience.store(patience, Ordering::SeqCst);
        disk.mode.store(mode, Ordering::SeqCst);

        let error = log.append(Topic::Events, batch(500, 500, 300)).await.unwrap_err();
        match mode {
            FULL => assert!(matches!(error, LogError::DiskFull { .. }), "{error}"),
            _ => assert!(matches!(&error, LogError::Io { reason, .. } if reason.contains("lost its power")), "{error}"),
        }
        disk.mode.store(WORKS, Ordering::SeqCst);
        let error = log.append(Topic::Events, batch(1000, 1, 300)).await.unwrap_err();
        assert!(matches!(error, LogError::Poisoned { .. }), "{error}");
        assert!(!error.retriable());
        assert!(matches!(following.next().await, Some(Err(LogError::Poisoned { .. }))));
        assert!(matches!(log.close().await, Err(LogError::Poisoned { .. })));
        drop((log, following));

        let log = open_on(dir.path(), &disk);
        let kept = read_all(&log).await.unwrap();
        assert!(kept.len() == 500 || kept.len() == 1000, "a transaction is on the disk whole or not at all: {}", kept.len());
        log.append(Topic::Events, batch(0, 1000, 300)).await.unwrap();
        assert_eq!(read_all(&log).await.unwrap().len(), 1000);
        log.close().await.unwrap();
    }
}

/// Every byte of a stored payload, key or header that changes is reported with its place; what comes before it is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_in_a_frame_is_reported_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let log = LocalLog::open(dir.path(), options()).unwrap();
    for round in 0..20 {
        log.append(Topic::Events, batch(round * 100, 100, 700)).await.unwrap();
    }
    let good = read_all(&log).await.unwrap();
    log.close().await.unwrap();
    drop(log);
    let path = dir.path().join("log.redb");
    let bytes = std::fs::read(&path).unwrap();

    let mut hits = 0;
    for victim in good.iter().step_by(97) {
        // Old copies of a page may lie elsewhere in the file: flip the byte in each place where the payload stands behind its key.
        let needle = [&victim.key[..], &victim.payload[..]].concat();
        let mut damaged = bytes.clone();
        for at in 0..bytes.len() - needle.len() {
            if bytes[at] == needle[0] && bytes[at..at + needle.len()] == needle[..] {
                damaged[at + needle.len() / 2] ^= 0x40;
            }
        }
        assert_ne!(damaged, bytes, "payloads stand in the file as they are");
        std::fs::write(&path, &damaged).unwrap();
        // The last frame of a partition is read when the log is opened, the others when their turn comes.
        let error = match LocalLog::open(dir.path(), options()) {
            Ok(log) => read_all(&log).await.unwrap_err(),
            Err(error) => error,
        };
        let LogError::Damaged { topic, partition, offset, .. } = &error else { panic!("{error}") };
        assert_eq!((*topic, *partition), (Topic::Events, victim.position.partition), "{error}");
        assert!(*offset <= victim.position.offset && victim.position.offset - *offset < 200, "{error} for {:?}", victim.position);
        hits += 1;
    }
    assert!(hits > 10);
}

/// Random flips anywhere in the file: each record served is the one that was written, whatever else happens.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_flipped_byte_anywhere_makes_the_log_serve_something_else() {
    let dir = tempfile::tempdir().unwrap();
    let log = LocalLog::open(dir.path(), options()).unwrap();
    for round in 0..40 {
        log.append(Topic::Events, batch(round * 10, 10, 300 + round as usize * 20)).await.unwrap();
    }
    let good = read_all(&log).await.unwrap();
    drop(log);
    let path = dir.path().join("log.redb");
    let bytes = std::fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    std::panic::set_hook(Box::new(|_| {}));
    let (mut served_whole, mut refused) = (0, 0);
    for trial in 0..150_usize {
        let mut damaged = bytes.clone();
        damaged[trial.wrapping_mul(2_654_435_761) % used] ^= 1 << (trial % 8);
        std::fs::write(&path, &damaged).unwrap();
        let Ok(log) = LocalLog::open(dir.path(), options()) else {
            refused += 1;
            continue;
        };
        let end = log.end(Topic::Events).await.unwrap();
        let mut stream = log.read(Topic::Events, ReadFrom { from: Cut::start(), until: Some(end.clone()) }).await.unwrap();
        let mut served = 0;
        let mut failed = false;
        while let Some(batch) = stream.next().await {
            match batch {
                Ok(batch) => {
                    for record in batch {
                        let original = good.iter().find(|good| good.position == record.position).unwrap();
                        assert_eq!((&record.key, &record.payload), (&original.key, &original.payload), "trial {trial}");
                        assert_eq!(record.recorded_at, original.recorded_at, "trial {trial}");
                        served += 1;
                    }
                }
                Err(_) => failed = true,
            }
        }
        // A lost tail is found by the index of ids, which is read before the first append.
        if !failed && served < good.len() {
            assert!(
                log.append(Topic::Events, batch(100_000, 1, 10)).await.is_err(),
                "trial {trial}: {served} records, end {end}"
            );
            failed = true;
        }
        if failed {
            refused += 1
        } else {
            served_whole += 1
        }
        drop(stream);
        drop(log);
    }
    let _ = std::panic::take_hook();
    assert!(served_whole > 0 && refused > 0, "{served_whole} whole, {refused} refused");
}
