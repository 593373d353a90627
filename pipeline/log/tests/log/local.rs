//! LocalLog: the shared suite, `kill -9` while appending, the lock, reopening.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cubelog_log::conformance::{Subject, run_all};
use cubelog_log::{Append, EventLog, LocalLog, LocalOptions, LogError, ReadFrom, Record, Topic};
use cubelog_memory::{Cut, EventId, Timestamp};
use futures::StreamExt;

use super::{Random, now};

fn options(partitions: u32) -> LocalOptions {
    LocalOptions { partitions, clock: Arc::new(now) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_log_conforms() {
    for partitions in [1, 5] {
        run_all(|_case| async move {
            let dir = tempfile::tempdir().unwrap();
            let log = LocalLog::open(dir.path(), options(partitions)).unwrap();
            Subject { log: Arc::new(log), deduplicates: true, keep: Box::new(dir) }
        })
        .await;
    }
}

async fn read_all(log: &LocalLog) -> Vec<Record> {
    let until = Some(log.end(Topic::Events).await.unwrap());
    let mut stream = log.read(Topic::Events, ReadFrom { from: Cut::start(), until }).await.unwrap();
    let mut records = Vec::new();
    while let Some(batch) = stream.next().await {
        records.extend(batch.unwrap());
    }
    records
}

/// A record whose payload follows from its number; ids are spread like random ones.
fn record(number: u64) -> Append {
    let id = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    let filler = vec![number as u8; (number % 3_000) as usize];
    Append {
        key: format!("t/cube{}", number % 11),
        id: EventId::from_bytes(id.to_be_bytes()),
        payload: [&number.to_be_bytes()[..], &filler[..]].concat().into(),
    }
}

fn number_of(payload: &Bytes) -> u64 {
    u64::from_be_bytes(payload[..8].try_into().unwrap())
}

const CHILD_DIR: &str = "CUBELOG_TEST_CHILD_DIR";
const CHILD_FIRST: &str = "CUBELOG_TEST_CHILD_FIRST";

/// Runs one of the ignored tests below in a process of its own.
fn child(test: &str, dir: &Path, first: u64) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(CHILD_DIR, dir)
        .env(CHILD_FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

/// The child of the crash test: four writers append until somebody kills the process, and name what is acknowledged.
#[test]
#[ignore = "run by the test below in a process of its own"]
fn child_that_appends() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let first: u64 = std::env::var(CHILD_FIRST).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let log = Arc::new(LocalLog::open(Path::new(&dir), options(3)).unwrap());
    let writers = (0..4_u64).map(|writer| {
        let log = log.clone();
        runtime.spawn(async move {
            let mut random = Random(first + writer + 1);
            let mut next = first + writer * 10_000_000;
            loop {
                let count = 1 + random.below(300);
                log.append(Topic::Events, (next..next + count).map(record).collect()).await.unwrap();
                writeln!(std::io::stdout(), "\nacked {next} {count}").unwrap();
                next += count;
            }
        })
    });
    runtime.block_on(futures::future::join_all(writers.collect::<Vec<_>>()));
}

/// `kill -9` in the middle of appending, over and over in one directory: what was acknowledged is there once and whole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_processes_lose_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(42);
    let mut acked: HashSet<u64> = HashSet::new();
    for round in 0..12_u64 {
        let (mut child, mut lines) = child("local::child_that_appends", dir.path(), round * 100_000_000);
        let mut line = String::new();
        while !line.starts_with("acked") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the child appends before it is killed");
        }
        let reading = std::thread::spawn(move || {
            let mut acks = vec![line];
            acks.extend(lines.lines().map_while(Result::ok));
            acks
        });
        tokio::time::sleep(Duration::from_millis(20 + random.below(180))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let before = acked.len();
        for ack in reading.join().unwrap() {
            if let Some((first, count)) = ack.trim().strip_prefix("acked ").and_then(|rest| rest.split_once(' ')) {
                // The last line may be cut short by the kill; then it only names fewer records.
                let (first, count): (u64, u64) = (first.parse().unwrap(), count.parse().unwrap());
                acked.extend(first..first + count);
            }
        }
        assert!(acked.len() > before, "round {round} appended something");

        let log = LocalLog::open(dir.path(), options(3)).unwrap();
        let mut seen: HashMap<u64, Record> = HashMap::new();
        for found in read_all(&log).await {
            let number = number_of(&found.payload);
            assert_eq!(found.payload, record(number).payload, "a record is whole");
            assert!(seen.insert(number, found).is_none(), "{number} is stored once");
        }
        let lost: Vec<_> = acked.iter().filter(|number| !seen.contains_key(number)).collect();
        assert!(lost.is_empty(), "round {round} lost {} acknowledged records", lost.len());
        // De-duplication remembers across the crash.
        let again: Vec<u64> = acked.iter().copied().take(500).chain(acked.iter().copied().max()).collect();
        let answers = log.append(Topic::Events, again.iter().copied().map(record).collect()).await.unwrap();
        for (number, answer) in again.iter().zip(answers) {
            assert!(
                answer.duplicate && answer.position == seen[number].position && answer.recorded_at == seen[number].recorded_at
            );
        }
        log.close().await.unwrap();
    }
}

#[test]
#[ignore = "run by the test below in a process of its own"]
fn child_that_holds() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let _log = LocalLog::open(Path::new(&dir), options(3)).unwrap();
    writeln!(std::io::stdout(), "\nholding").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[tokio::test]
async fn the_holder_of_a_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let (mut holder, lines) = child("local::child_that_holds", dir.path(), 0);
    assert!(lines.lines().map_while(Result::ok).any(|line| line == "holding"));
    let Err(error) = LocalLog::open(dir.path(), options(3)) else { panic!("two processes hold one log") };
    let text = error.to_string();
    let LogError::Held { path, holder: found } = error else { panic!("{text}") };
    assert_eq!((path.as_path(), found.pid), (dir.path(), Some(holder.id())));
    assert!(found.command.contains("child_that_holds") && !found.host.is_empty(), "{text}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    LocalLog::open(dir.path(), options(3)).unwrap();
}

#[tokio::test]
async fn a_log_reopens_as_it_was_and_its_time_does_not_go_back() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(5_000));
    let ticking = clock.clone();
    let options = |partitions| {
        let clock = ticking.clone();
        LocalOptions { partitions, clock: Arc::new(move || Timestamp(clock.load(Ordering::SeqCst))) }
    };
    let log = LocalLog::open(dir.path(), options(2)).unwrap();
    let first = log.append(Topic::Events, (0..100).map(record).collect()).await.unwrap();
    assert!(first.iter().all(|appended| appended.recorded_at == Timestamp(5_000)));
    let before = read_all(&log).await;
    drop(log);

    clock.store(3_000, Ordering::SeqCst);
    let log = LocalLog::open(dir.path(), options(2)).unwrap();
    let after = read_all(&log).await;
    assert_eq!(before.len(), after.len());
    assert!(
        before
            .iter()
            .zip(&after)
            .all(|(b, a)| (b.position, &b.payload, b.recorded_at) == (a.position, &a.payload, a.recorded_at))
    );
    let answers = log.append(Topic::Events, (0..200).map(record).collect()).await.unwrap();
    assert!(answers[..100].iter().all(|answer| answer.duplicate) && answers[100..].iter().all(|answer| !answer.duplicate));
    assert!(answers[100..].iter().all(|answer| answer.recorded_at == Timestamp(5_000)), "the clock went back, the log does not");
    assert_eq!(log.describe(), format!("local:{}", dir.path().display()));
    drop(log);

    let Err(error) = LocalLog::open(dir.path(), options(3)) else { panic!("the number of partitions is fixed") };
    assert!(matches!(error, LogError::PartitionCount { found: 2, wanted: 3, .. }), "{error}");
    for partitions in [0, 100_000] {
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(LocalLog::open(empty.path(), options(partitions)), Err(LogError::PartitionsOutOfRange { .. })));
    }
    // A refused number leaves nothing behind that would hold the directory.
    LocalLog::open(dir.path(), options(2)).unwrap();
}

#[tokio::test]
async fn closing_ends_followers_and_refuses_appends() {
    let dir = tempfile::tempdir().unwrap();
    let log = LocalLog::open(dir.path(), options(1)).unwrap();
    log.append(Topic::Events, (0..10).map(record).collect()).await.unwrap();
    let mut following = log.read(Topic::Events, ReadFrom { from: Cut::start(), until: None }).await.unwrap();
    log.close().await.unwrap();
    let mut seen = 0;
    while let Some(batch) = following.next().await {
        seen += batch.unwrap().len();
    }
    assert_eq!(seen, 10, "a follower still gets what was written, and then its stream ends");
    assert!(matches!(log.append(Topic::Events, vec![record(99)]).await, Err(LogError::Closed)));
    drop((log, following));
    LocalLog::open(dir.path(), options(1)).unwrap();
}
