//! What every implementation of [`EventLog`] must do, as one suite that the tests of each run. Failures panic with the broken promise.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cubelog_memory::limits::EVENT_BYTES_MAX;
use cubelog_memory::{Cut, EventId, Position, Timestamp};
use futures::StreamExt;

use crate::error::LogError;
use crate::port::{Append, Appended, EventLog, ReadFrom, Record, Records, Topic};

/// A fresh, empty log under test.
pub struct Subject {
    pub log: Arc<dyn EventLog>,
    /// Whether the log stores one record per event id and says so. KafkaLog cannot tell (`false`): it may store an id twice, and readers
    /// fold by id.
    pub deduplicates: bool,
    /// Whatever must live as long as the log (a temporary directory).
    pub keep: Box<dyn std::any::Any + Send>,
}

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// Runs the whole suite; `make` gives a new empty log with the same settings for each case, and is told the case's name.
pub async fn run_all<F, Made>(make: F)
where
    F: Fn(&'static str) -> Made,
    Made: Future<Output = Subject>,
{
    empty(make("empty").await).await;
    acknowledged(make("acknowledged").await).await;
    order(make("order").await).await;
    bounds(make("bounds").await).await;
    follow(make("follow").await).await;
    times(make("times").await).await;
    waits(make("waits").await).await;
    sizes(make("sizes").await).await;
    topics(make("topics").await).await;
    duplicates(make("duplicates").await).await;
}

/// Payload that says which record it belongs to.
fn record(key: &str, number: u128) -> Append {
    Append { key: key.to_owned(), id: EventId::from_bytes(number.to_be_bytes()), payload: Bytes::from(format!("{key} {number}")) }
}

fn records(numbers: std::ops::Range<u128>) -> Vec<Append> {
    numbers.map(|number| record(&format!("t/cube{}", number % 7), number)).collect()
}

async fn collect(mut stream: Records) -> Vec<Record> {
    let mut all = Vec::new();
    while let Some(batch) = tokio::time::timeout(LONG, stream.next()).await.expect("a bounded read ends") {
        let batch = batch.expect("reading works");
        assert!(
            batch.windows(2).all(|pair| pair[0].position.partition == pair[1].position.partition),
            "a batch is of one partition"
        );
        all.extend(batch);
    }
    all
}

async fn read(log: &Arc<dyn EventLog>, topic: Topic, from: Cut, until: Cut) -> Vec<Record> {
    collect(log.read(topic, ReadFrom { from, until: Some(until) }).await.expect("a read begins")).await
}

async fn read_all(log: &Arc<dyn EventLog>, topic: Topic) -> Vec<Record> {
    read(log, topic, Cut::start(), log.end(topic).await.expect("there is an end")).await
}

/// Offsets and times grow within each partition.
fn check_order(records: &[Record]) {
    let mut last: BTreeMap<u32, (u64, Timestamp)> = BTreeMap::new();
    for Record { position: Position { partition, offset }, recorded_at, .. } in records {
        if let Some((before, time)) = last.insert(*partition, (*offset, *recorded_at)) {
            assert!(before < *offset, "offsets grow in partition {partition}: {before}, {offset}");
            assert!(time <= *recorded_at, "recorded times do not go back in partition {partition}");
        }
    }
}

/// What was read is what was appended, at the positions and times that were acknowledged.
fn check_same(log: &Arc<dyn EventLog>, appended: &[(Append, Appended)], read: &[Record]) {
    check_order(read);
    assert_eq!(appended.len(), read.len(), "each record is read once");
    let by_position: BTreeMap<Position, &Record> = read.iter().map(|record| (record.position, record)).collect();
    for (sent, Appended { position, recorded_at, .. }) in appended {
        let found = by_position.get(position).expect("an acknowledged record is read");
        assert_eq!((&found.key[..], &found.payload), (sent.key.as_bytes(), &sent.payload), "at {position}");
        assert_eq!(found.recorded_at, *recorded_at, "the acknowledged time is the stored one at {position}");
        assert_eq!(position.partition, log.partition_of(&sent.key), "a key has its partition");
    }
}

async fn append(log: &Arc<dyn EventLog>, topic: Topic, batch: Vec<Append>) -> Vec<(Append, Appended)> {
    let appended = log.append(topic, batch.clone()).await.expect("appending works");
    assert_eq!(appended.len(), batch.len(), "each record is answered");
    batch.into_iter().zip(appended).collect()
}

async fn empty(Subject { log, .. }: Subject) {
    assert!(log.partitions() > 0, "a log has partitions");
    for topic in Topic::ALL {
        assert_eq!(log.begin(topic).await.expect("there is a beginning"), Cut::start());
        assert_eq!(log.end(topic).await.expect("there is an end"), Cut::start(), "an empty log ends where it starts");
        assert!(read_all(&log, topic).await.is_empty());
        assert_eq!(log.cut_at(topic, Timestamp(0)).await.expect("a time has a cut"), Cut::start());
        assert!(log.append(topic, Vec::new()).await.expect("nothing is easily appended").is_empty());
        assert!(log.wait(topic, &Cut::start(), LONG).await.expect("waiting works"), "the start needs no waiting");
    }
}

async fn acknowledged(Subject { log, .. }: Subject) {
    let mut all = Vec::new();
    for round in 0..5_u128 {
        let appended = append(&log, Topic::Events, records(round * 100..round * 100 + 100)).await;
        let end = log.end(Topic::Events).await.expect("there is an end");
        assert!(appended.iter().all(|(_, a)| end.covers(a.position)), "the end covers what is acknowledged");
        assert!(appended.iter().all(|(_, a)| !a.duplicate), "new ids are no duplicates");
        all.extend(appended);
    }
    let positions: HashSet<Position> = all.iter().map(|(_, appended)| appended.position).collect();
    assert_eq!(positions.len(), all.len(), "each record has a position of its own");
    check_same(&log, &all, &read_all(&log, Topic::Events).await);
}

/// Writers at the same time, each with its own key: the order of each is kept.
async fn order(Subject { log, .. }: Subject) {
    let writers = (0..4_u128).map(|writer| {
        let log = log.clone();
        async move {
            for batch in 0..20_u128 {
                let numbers = (0..7).map(|index| writer * 1_000_000 + batch * 7 + index);
                append(&log, Topic::Events, numbers.map(|number| record(&format!("t/writer{writer}"), number)).collect()).await;
            }
        }
    });
    futures::future::join_all(writers).await;
    let read = read_all(&log, Topic::Events).await;
    check_order(&read);
    for writer in 0..4_u128 {
        let key = format!("t/writer{writer}");
        let payloads: Vec<_> =
            read.iter().filter(|record| record.key == key.as_bytes()).map(|record| record.payload.clone()).collect();
        let sent: Vec<_> = (0..140).map(|index| record(&key, writer * 1_000_000 + index).payload).collect();
        assert_eq!(payloads, sent, "records with the same key keep their order");
    }
}

async fn bounds(Subject { log, .. }: Subject) {
    let mut all = Vec::new();
    let mut cuts = vec![Cut::start()];
    for round in 0..6_u128 {
        all.extend(append(&log, Topic::Events, records(round * 50..round * 50 + 50)).await);
        cuts.push(log.end(Topic::Events).await.expect("there is an end"));
    }
    for (index, from) in cuts.iter().enumerate() {
        for until in &cuts[index..] {
            let within = |a: &Appended| !from.covers(a.position) && until.covers(a.position);
            let expected: Vec<_> = all.iter().filter(|(_, a)| within(a)).cloned().collect();
            check_same(&log, &expected, &read(&log, Topic::Events, from.clone(), until.clone()).await);
        }
    }
    // In the middle of what was appended together, and of one partition only.
    let (partition, next) = cuts[6].iter().max_by_key(|(_, next)| *next).expect("there are records");
    let (from, until) = (Cut::from_iter([(partition, next / 3)]), Cut::from_iter([(partition, next / 2)]));
    let offsets: Vec<u64> =
        read(&log, Topic::Events, from.clone(), until.clone()).await.iter().map(|r| r.position.offset).collect();
    assert_eq!(offsets, (next / 3..next / 2).collect::<Vec<_>>(), "a read gives exactly its range");
    assert!(read(&log, Topic::Events, until, from).await.is_empty(), "a range that ends before it starts is empty");

    let beyond = Cut::from_iter([(partition, next + 1)]);
    for range in [
        ReadFrom { from: beyond.clone(), until: None },
        ReadFrom { from: beyond.clone(), until: Some(Cut::from_iter([(partition, next + 2)])) },
        ReadFrom { from: Cut::start(), until: Some(beyond) },
    ] {
        match log.read(Topic::Events, range).await {
            Err(LogError::BeyondEnd { partition: found, requested, end, .. }) => {
                assert!(found == partition && requested > end && end == next, "the error names the place");
            }
            Err(other) => panic!("a read beyond the end is refused as such and not with: {other}"),
            Ok(_) => panic!("a read beyond the end is refused"),
        }
    }
}

async fn follow(Subject { log, .. }: Subject) {
    let mut all = append(&log, Topic::Events, records(0..100)).await;
    let middle = log.end(Topic::Events).await.expect("there is an end");
    let mut from_start = log.read(Topic::Events, ReadFrom { from: Cut::start(), until: None }).await.expect("a read begins");
    let mut from_middle = log.read(Topic::Events, ReadFrom { from: middle, until: None }).await.expect("a read begins");
    let take = async |stream: &mut Records, count: usize| {
        let mut records = Vec::new();
        while records.len() < count {
            let batch = tokio::time::timeout(LONG, stream.next()).await.expect("a following read sees new records");
            records.extend(batch.expect("a following read goes on").expect("reading works"));
        }
        records
    };
    check_same(&log, &all, &take(&mut from_start, 100).await);
    for round in 1..4_u128 {
        let new = append(&log, Topic::Events, records(round * 100..round * 100 + 30)).await;
        check_same(&log, &new, &take(&mut from_start, 30).await);
        check_same(&log, &new, &take(&mut from_middle, 30).await);
        all.extend(new);
    }
    let quiet = tokio::time::timeout(Duration::from_millis(200), from_start.next()).await;
    assert!(quiet.is_err(), "a following read waits at the end, without empty batches");
    drop(from_start);
    check_same(&log, &all, &read_all(&log, Topic::Events).await);
}

async fn times(Subject { log, .. }: Subject) {
    for round in 0..4_u128 {
        append(&log, Topic::Events, records(round * 40..round * 40 + 40)).await;
        // A broker counts in milliseconds.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let all = read_all(&log, Topic::Events).await;
    let mut times: Vec<i64> = all.iter().map(|record| record.recorded_at.micros()).collect();
    times.sort_unstable();
    times.dedup();
    assert!(times.len() >= 4, "time goes on between appends");
    let moments = times.iter().flat_map(|time| [*time - 1, *time, *time + 1]).chain([0, times[0] + 3_600_000_000]);
    for moment in moments {
        let cut = log.cut_at(Topic::Events, Timestamp(moment)).await.expect("a time has a cut");
        for record in &all {
            assert_eq!(
                cut.covers(record.position),
                record.recorded_at.micros() < moment,
                "cut {cut} at {moment} and {} recorded at {}",
                record.position,
                record.recorded_at.micros()
            );
        }
    }
    assert_eq!(
        log.cut_at(Topic::Events, Timestamp(i64::MAX / 2)).await.expect("a time has a cut"),
        log.end(Topic::Events).await.expect("there is an end"),
        "a time that has not come has the end"
    );
}

async fn waits(Subject { log, .. }: Subject) {
    append(&log, Topic::Events, records(0..10)).await;
    let end = log.end(Topic::Events).await.expect("there is an end");
    assert!(log.wait(Topic::Events, &end, LONG).await.expect("waiting works"), "the end has been reached");
    let (partition, next) = end.iter().next().expect("there are records");
    let later = end.join(&Cut::from_iter([(partition, next + 1)]));
    assert!(
        !log.wait(Topic::Events, &later, Duration::from_millis(50)).await.expect("waiting works"),
        "a wait ends with its timeout"
    );
    let key = (0..).map(|n| format!("t/{n}")).find(|key| log.partition_of(key) == partition).expect("each partition has keys");
    let (reached, _) = futures::join!(log.wait(Topic::Events, &later, LONG), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        append(&log, Topic::Events, vec![record(&key, 1_000)]).await
    });
    assert!(reached.expect("waiting works"), "a wait sees an append");
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..bytes.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(bytes).collect::<Vec<u8>>().into()
}

async fn sizes(Subject { log, .. }: Subject) {
    let sizes = [0, 1, 4_000, 65_000, 65_536, 200_000, EVENT_BYTES_MAX];
    let key = "k".repeat(257);
    let batch = sizes.iter().zip(0..).map(|(bytes, number)| Append { payload: noise(*bytes), ..record(&key, number) }).collect();
    let mut all = append(&log, Topic::Events, batch).await;
    let too_large = Append { payload: noise(EVENT_BYTES_MAX + 1), ..record(&key, 100) };
    match log.append(Topic::Events, vec![record(&key, 99), too_large]).await {
        Err(LogError::RecordTooLarge { id, max, .. }) => {
            assert_eq!((id, max), (EventId::from_bytes(100_u128.to_be_bytes()), EVENT_BYTES_MAX));
        }
        other => panic!("a record that is too large is refused by name, not {other:?}"),
    }
    assert_eq!(read_all(&log, Topic::Events).await.len(), sizes.len(), "a refused batch leaves nothing behind");
    // Several times the size of a group, in one call.
    let many = (200..212).map(|number| Append { payload: noise(EVENT_BYTES_MAX), ..record("t/other", number) }).collect();
    all.extend(append(&log, Topic::Events, many).await);
    check_same(&log, &all, &read_all(&log, Topic::Events).await);
}

async fn topics(Subject { log, .. }: Subject) {
    let events = append(&log, Topic::Events, records(0..20)).await;
    let access = append(&log, Topic::Access, records(10..40)).await;
    assert!(access.iter().all(|(_, appended)| !appended.duplicate), "an id counts within its topic");
    check_same(&log, &events, &read_all(&log, Topic::Events).await);
    check_same(&log, &access, &read_all(&log, Topic::Access).await);
}

async fn duplicates(Subject { log, deduplicates, .. }: Subject) {
    let first = append(&log, Topic::Events, records(0..50)).await;
    let again = append(&log, Topic::Events, records(25..75)).await;
    let read = read_all(&log, Topic::Events).await;
    if !deduplicates {
        assert!(again.iter().all(|(_, appended)| !appended.duplicate), "a log that cannot tell does not claim to");
        assert_eq!(read.len(), 100, "each record sent is stored");
        return;
    }
    assert_eq!(read.len(), 75, "an id is stored once");
    for (old, new) in first[25..].iter().zip(&again) {
        assert_eq!(new.1, Appended { duplicate: true, ..old.1 }, "a duplicate is answered with the first record's place");
    }
    assert!(again[25..].iter().all(|(_, appended)| !appended.duplicate), "the new ones among them are stored");
    // Twice in one batch, and by several writers at once.
    let batch: Vec<Append> = records(100..110).into_iter().chain(records(100..110)).collect();
    let twice = append(&log, Topic::Events, batch).await;
    for (one, other) in twice[..10].iter().zip(&twice[10..]) {
        assert_eq!((other.1.position, other.1.duplicate), (one.1.position, true));
    }
    let many = futures::future::join_all((0..8).map(|_| append(&log, Topic::Events, records(200..300)))).await;
    let new: usize = many.iter().flatten().filter(|(_, appended)| !appended.duplicate).count();
    assert_eq!(new, 100, "of writers that send the same ids one stores each");
    assert_eq!(read_all(&log, Topic::Events).await.len(), 185);
}
