//! KafkaLog on a real broker, which `deploy/kafka/run --exec` starts. Without one these tests say that they are skipped, or fail if
//! `CUBELOG_REQUIRE_KAFKA=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cubelog_log::conformance::{Subject, run_all};
use cubelog_log::kafka::bare::{BareConsumer, BareProducer};
use cubelog_log::kafka::{GroupEvent, Membership, Start};
use cubelog_log::{Append, EventLog, KafkaLog, KafkaOptions, LogError, ReadFrom, Topic};
use cubelog_memory::{Cut, EventId};
use futures::StreamExt;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::now;

/// Options with a prefix of their own, or nothing where there is no broker.
fn options(test: &str) -> Option<KafkaOptions> {
    let Ok(bootstrap) = std::env::var("CUBELOG_KAFKA_BOOTSTRAP") else {
        assert!(
            std::env::var_os("CUBELOG_REQUIRE_KAFKA").is_none_or(|required| required != "1"),
            "CUBELOG_REQUIRE_KAFKA=1 and there is no Kafka broker (CUBELOG_KAFKA_BOOTSTRAP is not set)"
        );
        // Past the test harness, which swallows what passing tests print.
        let _ = writeln!(
            std::io::stderr(),
            "{test}: skipped: no Kafka broker (set CUBELOG_KAFKA_BOOTSTRAP or run under deploy/kafka/run)"
        );
        return None;
    };
    let mut options = KafkaOptions::new(bootstrap);
    options.prefix = format!("test-{test}-{:x}-{}", now().micros(), std::process::id());
    options.partitions = 3;
    // A busy machine must not look like a broker that is gone.
    options.extra.push(("message.timeout.ms".to_owned(), "60000".to_owned()));
    Some(options)
}

fn admin(options: &KafkaOptions) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &options.bootstrap).create().unwrap()
}

fn records(numbers: std::ops::Range<u64>) -> Vec<Append> {
    let record = |number: u64| Append {
        key: format!("t/cube{}", number % 23),
        id: EventId::from_bytes(u128::from(number).to_be_bytes()),
        payload: Bytes::from(number.to_string()),
    };
    numbers.map(record).collect()
}

fn number_of(payload: &[u8]) -> u64 {
    std::str::from_utf8(payload).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_log_conforms() {
    let Some(options) = options("conforms") else { return };
    run_all(|case| {
        let mut options = options.clone();
        options.prefix = format!("{}-{case}", options.prefix);
        async move { Subject { log: Arc::new(KafkaLog::open(options).await.unwrap()), deduplicates: false, keep: Box::new(()) } }
    })
    .await;
}

#[tokio::test]
async fn a_reopened_log_keeps_its_partitions_and_its_records() {
    let Some(mut options) = options("reopen") else { return };
    let log = KafkaLog::open(options.clone()).await.unwrap();
    log.append(Topic::Events, records(0..50)).await.unwrap();
    let end = log.end(Topic::Events).await.unwrap();
    drop(log);
    // The number asked for is for topics that are made.
    options.partitions = 7;
    let log = KafkaLog::open(options.clone()).await.unwrap();
    assert_eq!((log.partitions(), log.end(Topic::Events).await.unwrap()), (3, end));
    assert_eq!(log.describe(), format!("kafka://{}/{}", options.bootstrap, options.prefix));
}

/// Topics whose settings could lose or change events are refused with the setting, its value and the remedy.
#[tokio::test]
async fn topics_that_could_lose_events_are_refused() {
    let Some(options) = options("refused") else { return };
    let admin = admin(&options);
    let cases: [(&str, &[(&str, &str)], &str, &str); 6] = [
        ("events", &[("retention.ms", "1000")], "retention.ms", "1000"),
        ("events", &[("cleanup.policy", "compact"), ("retention.ms", "-1")], "cleanup.policy", "compact"),
        ("events", &[("cleanup.policy", "compact,delete"), ("retention.ms", "-1")], "cleanup.policy", "compact,delete"),
        ("events", &[("retention.ms", "-1"), ("retention.bytes", "1000000")], "retention.bytes", "1000000"),
        ("events", &[("retention.ms", "-1")], "message.timestamp.type", "CreateTime"),
        ("access", &[("cleanup.policy", "compact")], "cleanup.policy", "compact"),
    ];
    for (index, (topic, settings, setting, value)) in cases.into_iter().enumerate() {
        let mut options = options.clone();
        options.prefix = format!("{}-{index}", options.prefix);
        let name = format!("{}.{topic}", options.prefix);
        let mut bad = NewTopic::new(&name, 3, TopicReplication::Fixed(1));
        for (setting, value) in settings {
            bad = bad.set(setting, value);
        }
        admin.create_topics([&bad], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
        let Err(error) = KafkaLog::open(options).await else { panic!("case {index}: a topic that could lose events is taken") };
        let text = error.to_string();
        let LogError::TopicConfig { topic: found_topic, setting: found, value: found_value, .. } = error else {
            panic!("{text}")
        };
        assert_eq!((found_topic, found.as_str(), found_value.as_str()), (name.clone(), setting, value), "case {index}");
        assert!(text.contains("--alter") && text.contains(&name), "{text}");
    }
}

#[tokio::test]
async fn topics_with_different_numbers_of_partitions_are_refused() {
    let Some(options) = options("counts") else { return };
    drop(KafkaLog::open(options.clone()).await.unwrap());
    let admin = admin(&options);
    let name = format!("{}.access", options.prefix);
    let more = rdkafka::admin::NewPartitions::new(&name, 5);
    admin.create_partitions([&more], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let Err(error) = KafkaLog::open(options).await else { panic!("different numbers of partitions are taken") };
    assert!(matches!(error, LogError::TopicPartitions { first_count: 3, second_count: 5, .. }), "{error}");
}

/// When somebody deleted old records, reading from before them is an error and no jump.
#[tokio::test]
async fn records_that_are_gone_are_named() {
    let Some(options) = options("gone") else { return };
    let log = KafkaLog::open(options.clone()).await.unwrap();
    log.append(Topic::Events, records(0..300)).await.unwrap();
    let name = format!("{}.events", options.prefix);
    let mut below = TopicPartitionList::new();
    below.add_partition_offset(&name, 1, Offset::Offset(10)).unwrap();
    admin(&options).delete_records(&below, &AdminOptions::new()).await.unwrap();
    assert_eq!(log.begin(Topic::Events).await.unwrap(), Cut::from_iter([(1, 10)]));
    for until in [None, Some(log.end(Topic::Events).await.unwrap())] {
        let range = ReadFrom { from: Cut::from_iter([(1, 9)]), until };
        let Err(error) = log.read(Topic::Events, range).await else { panic!("records that are gone are skipped") };
        assert!(matches!(error, LogError::BeforeBegin { partition: 1, requested: 9, begin: 10, .. }), "{error}");
    }
    let range = ReadFrom { from: log.begin(Topic::Events).await.unwrap(), until: Some(log.end(Topic::Events).await.unwrap()) };
    let mut stream = log.read(Topic::Events, range).await.unwrap();
    let mut seen = 0;
    while let Some(batch) = stream.next().await {
        seen += batch.unwrap().len();
    }
    assert_eq!(seen, 290);
}

/// Needs no broker, on the contrary.
#[tokio::test]
async fn a_broker_that_is_not_there_is_an_error_within_seconds() {
    // Bound and never accepted from: nobody else takes the port, and nobody answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addresses = [silent.local_addr().unwrap(), closed.local_addr().unwrap()];
    drop(closed);
    let opens = addresses.map(|address| async move {
        let opened = tokio::time::timeout(Duration::from_secs(30), KafkaLog::open(KafkaOptions::new(address.to_string()))).await;
        let Err(error) = opened.expect("the error comes in time") else { panic!("nobody answers") };
        assert!(error.retriable(), "{error}");
        let LogError::BrokerUnreachable { bootstrap, reason } = error else { panic!("{error}") };
        assert_eq!(bootstrap, address.to_string());
        reason
    });
    let reasons = futures::future::join_all(opens).await;
    assert!(reasons[1].contains("refused"), "the reason is the connection's: {reasons:?}");
}

#[tokio::test]
async fn an_unknown_setting_is_named() {
    let mut options = KafkaOptions::new("127.0.0.1:1");
    options.extra.push(("no.such.setting".to_owned(), "7".to_owned()));
    let Err(error) = KafkaLog::open(options).await else { panic!("an unknown setting is taken") };
    assert!(matches!(&error, LogError::KafkaSetting { setting, .. } if setting == "no.such.setting"), "{error}");
}

/// One member of the group, with what it is told and reads; positions live in `views`, as they would in LanceDB.
struct Member {
    mine: Arc<Mutex<BTreeSet<u32>>>,
    leave: tokio::sync::oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

type Views = Arc<Mutex<BTreeMap<u32, Vec<u64>>>>;

fn start_of(views: &Views) -> Start {
    let views = views.clone();
    Arc::new(move |partition| Ok(views.lock().unwrap().get(&partition).map_or(0, |records| records.len() as u64)))
}

fn member(mut membership: Membership, views: Views) -> Member {
    let mine = Arc::new(Mutex::new(BTreeSet::new()));
    let owned = mine.clone();
    let (leave, mut leaving) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        loop {
            let event = tokio::select! {
                event = membership.next() => event,
                _ = &mut leaving => return membership.leave().await,
            };
            match event.unwrap().unwrap() {
                GroupEvent::Assigned(starts) => owned.lock().unwrap().extend(starts.iter().map(|(partition, _)| *partition)),
                GroupEvent::Revoked(revoked) => {
                    owned.lock().unwrap().retain(|partition| !revoked.partitions.contains(partition));
                }
                GroupEvent::Records(records) => {
                    let mut views = views.lock().unwrap();
                    for record in records {
                        let seen = views.entry(record.position.partition).or_default();
                        assert!(owned.lock().unwrap().contains(&record.position.partition), "only own partitions are read");
                        assert_eq!(record.position.offset, seen.len() as u64, "nothing is skipped or repeated");
                        seen.push(number_of(&record.payload));
                    }
                }
            }
        }
    });
    Member { mine, leave, task }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} within 30 s");
}

/// Two members divide the partitions; one leaves and the other takes over, where the views say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_divides_partitions_and_takes_over() {
    let Some(options) = options("group") else { return };
    let log = KafkaLog::open(options).await.unwrap();
    let views: Views = Arc::default();
    let join = || member(log.join_group(Topic::Events, "projector", start_of(&views)).unwrap(), views.clone());
    let seen = || views.lock().unwrap().values().map(Vec::len).sum::<usize>();

    log.append(Topic::Events, records(0..200)).await.unwrap();
    let first = join();
    until("one member has everything", || first.mine.lock().unwrap().len() == 3 && seen() == 200).await;
    let second = join();
    until("two members divide the partitions", || {
        let (one, two) = (first.mine.lock().unwrap(), second.mine.lock().unwrap());
        one.len() + two.len() == 3 && !one.is_empty() && !two.is_empty() && one.is_disjoint(&two)
    })
    .await;
    log.append(Topic::Events, records(200..400)).await.unwrap();
    until("both read", || seen() == 400).await;

    first.leave.send(()).unwrap();
    first.task.await.unwrap();
    until("the other takes over", || second.mine.lock().unwrap().len() == 3).await;
    log.append(Topic::Events, records(400..600)).await.unwrap();
    until("the other reads everything", || seen() == 600).await;
    let all: BTreeSet<u64> = views.lock().unwrap().values().flatten().copied().collect();
    assert_eq!(all, (0..600).collect());
    second.leave.send(()).unwrap();
    second.task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bare_client_carries_the_same_records() {
    let Some(options) = options("bare") else { return };
    let log = KafkaLog::open(options).await.unwrap();
    let sent = records(0..5_000);
    let (producer, consumer) = tokio::task::block_in_place(|| {
        (BareProducer::connect(&log, Topic::Events).unwrap(), BareConsumer::connect(&log, Topic::Events).unwrap())
    });
    let counted = tokio::task::block_in_place(|| {
        assert_eq!(producer.send(sent.iter().map(|record| (record.key.as_str(), &record.payload[..]))).unwrap(), 5_000);
        consumer.count(5_000).unwrap()
    });
    assert_eq!(counted, (5_000, sent.iter().map(|record| record.payload.len()).sum()));
    let until = Some(log.end(Topic::Events).await.unwrap());
    let mut stream = log.read(Topic::Events, ReadFrom { from: Cut::start(), until }).await.unwrap();
    let mut seen = BTreeSet::new();
    while let Some(batch) = stream.next().await {
        seen.extend(batch.unwrap().iter().map(|record| number_of(&record.payload)));
    }
    assert_eq!(seen, (0..5_000).collect());
}
