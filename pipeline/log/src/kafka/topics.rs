//! The topics: made so that nothing expires, and refused when somebody configured them otherwise.

use std::sync::Arc;

use cubelog_memory::limits::EVENT_BYTES_MAX;
use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::KafkaOptions;
use super::client::{self, Context, PATIENCE};
use crate::error::LogError;
use crate::port::Topic;

/// What a setting must say: exactly this, or a number at least this large.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Exactly(&'static str),
    AtLeast(u64),
}

/// Room for a record's key and framing beside an event of the largest size, in bytes.
const MESSAGE_OVERHEAD_BYTES: u64 = 64 * 1024;

const EVENTS: &[(&str, Wanted)] = &[
    ("cleanup.policy", Wanted::Exactly("delete")),
    ("retention.ms", Wanted::Exactly("-1")),
    ("retention.bytes", Wanted::Exactly("-1")),
    // A replica that missed events must not become the truth.
    ("unclean.leader.election.enable", Wanted::Exactly("false")),
    // "What did we know then" is a question about the log's clock and not about the writers'.
    ("message.timestamp.type", Wanted::Exactly("LogAppendTime")),
    ("max.message.bytes", Wanted::AtLeast(EVENT_BYTES_MAX as u64 + MESSAGE_OVERHEAD_BYTES)),
];

/// Accesses may be expired by somebody's policy, but neither compacted nor dated by their writers.
const ACCESS: &[(&str, Wanted)] = &[
    ("cleanup.policy", Wanted::Exactly("delete")),
    ("message.timestamp.type", Wanted::Exactly("LogAppendTime")),
    ("max.message.bytes", Wanted::AtLeast(EVENT_BYTES_MAX as u64 + MESSAGE_OVERHEAD_BYTES)),
];

const MADE_WITH: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("retention.ms", "-1"),
    ("retention.bytes", "-1"),
    ("message.timestamp.type", "LogAppendTime"),
    ("unclean.leader.election.enable", "false"),
];

/// `<prefix>.events`, `<prefix>.access`.
pub fn topic_name(prefix: &str, topic: Topic) -> String {
    format!("{prefix}.{topic}")
}

/// Makes what is missing, checks what is there, and returns the number of partitions, the same for both topics.
pub async fn prepare(options: &KafkaOptions, consumer: &Arc<BaseConsumer<Context>>) -> Result<u32, LogError> {
    let names = Topic::ALL.map(|topic| topic_name(&options.prefix, topic));
    let admin: AdminClient<Context> = client::producer(options)
        .create_with_context(Context::default())
        .map_err(|error| client::error(options, "connecting", &error, None))?;
    let mut counts = [0_u32; 2];
    for (name, count) in names.iter().zip(&mut counts) {
        *count = partitions(options, consumer, name).await?;
        if *count == 0 {
            make(options, &admin, name).await?;
            *count = wait_for(options, consumer, name).await?;
        }
    }
    check(options, &admin, &names).await?;
    let [first, second] = names;
    match counts {
        [count, other] if count == other && count > 0 => Ok(count),
        [first_count, second_count] => Err(LogError::TopicPartitions { first, first_count, second, second_count }),
    }
}

/// Partitions of a topic; 0 if there is no such topic.
async fn partitions(options: &KafkaOptions, consumer: &Arc<BaseConsumer<Context>>, name: &str) -> Result<u32, LogError> {
    let (ours, topic) = (consumer.clone(), name.to_owned());
    let fetched = tokio::task::spawn_blocking(move || {
        let metadata = ours.fetch_metadata(Some(&topic), PATIENCE);
        if metadata.is_err() {
            client::listen(&ours, 256);
        }
        metadata.map(|metadata| {
            metadata.topics().iter().find(|found| found.name() == topic).map(|found| (found.error(), found.partitions().len()))
        })
    });
    let found = fetched.await.map_err(|_| LogError::Closed)?;
    let complaint = consumer.context().complaint();
    match found.map_err(|error| client::error(options, "asking for topics", &error, complaint))? {
        None | Some((Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), _)) => Ok(0),
        Some((None | Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE), partitions)) => Ok(partitions as u32),
        Some((Some(code), _)) => {
            let error = KafkaError::MetadataFetch(RDKafkaErrorCode::from(code));
            Err(client::error(options, "asking for topics", &error, None))
        }
    }
}

/// A topic that was just made is known to the brokers a moment later.
async fn wait_for(options: &KafkaOptions, consumer: &Arc<BaseConsumer<Context>>, name: &str) -> Result<u32, LogError> {
    for _ in 0..100 {
        let count = partitions(options, consumer, name).await?;
        if count > 0 {
            return Ok(count);
        }
        tokio::time::sleep(PATIENCE / 100).await;
    }
    let reason = format!("topic {name} was made and does not appear");
    Err(LogError::Kafka { doing: "making a topic", reason, retriable: true })
}

fn admin_options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

async fn make<C: ClientContext>(options: &KafkaOptions, admin: &AdminClient<C>, name: &str) -> Result<(), LogError> {
    let partitions = i32::try_from(options.partitions).ok().filter(|count| *count > 0);
    let Some(partitions) = partitions else {
        return Err(LogError::PartitionsOutOfRange { partitions: options.partitions, max: i32::MAX as u32 });
    };
    let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(options.replication));
    for (setting, value) in MADE_WITH {
        topic = topic.set(setting, value);
    }
    if options.replication >= 3 {
        topic = topic.set("min.insync.replicas", "2");
    }
    let made = admin.create_topics([&topic], &admin_options()).await;
    let made = made.map_err(|error| client::error(options, "making a topic", &error, None))?;
    for result in made {
        match result {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => return Err(client::error(options, "making a topic", &KafkaError::AdminOp(code), None)),
        }
    }
    tracing::info!(topic = name, partitions, "made a topic");
    Ok(())
}

async fn check<C: ClientContext>(options: &KafkaOptions, admin: &AdminClient<C>, names: &[String; 2]) -> Result<(), LogError> {
    let doing = "reading the configuration of topics";
    for (name, wanted) in names.iter().zip([EVENTS, ACCESS]) {
        let found = admin.describe_configs([&ResourceSpecifier::Topic(name)], &admin_options()).await;
        let found = found.map_err(|error| client::error(options, doing, &error, None))?;
        for resource in found {
            let config = resource.map_err(|code| client::error(options, doing, &KafkaError::AdminOp(code), None))?;
            check_settings(name, &config, wanted)?;
        }
    }
    Ok(())
}

fn check_settings(name: &str, config: &ConfigResource, wanted: &[(&str, Wanted)]) -> Result<(), LogError> {
    for (setting, wanted) in wanted {
        let value = config.get(setting).and_then(|entry| entry.value.clone()).unwrap_or_default();
        let (fits, wanted) = match wanted {
            Wanted::Exactly(wanted) => (value == *wanted, (*wanted).to_owned()),
            Wanted::AtLeast(wanted) => (value.parse::<u64>().is_ok_and(|value| value >= *wanted), wanted.to_string()),
        };
        if !fits {
            return Err(LogError::TopicConfig { topic: name.to_owned(), setting: (*setting).to_owned(), value, wanted });
        }
    }
    Ok(())
}
