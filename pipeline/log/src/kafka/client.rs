//! How the clients of Kafka are set up, and what their errors mean to us.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::KafkaOptions;
use crate::error::LogError;

/// How long we wait for a broker before we say that there is none.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Passes the library's words on and keeps its last complaint, which says more than "timed out".
#[derive(Debug, Clone, Default)]
pub struct Context {
    complaint: Arc<Mutex<Option<String>>>,
}

impl Context {
    /// The last complaint about a connection, if there was any.
    pub fn complaint(&self) -> Option<String> {
        self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                // The same complaint arrives as an error, and from there in ours.
                tracing::debug!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Warning => tracing::debug!(target: "librdkafka", facility, "{message}"),
            _ => tracing::trace!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        if !matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::AllBrokersDown)) {
            *self.complaint.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        }
    }
}

impl ConsumerContext for Context {}

/// Lets a consumer that reads nothing say what it has to say: log lines and complaints wait until somebody polls, one at a time.
pub fn listen<C: ConsumerContext>(consumer: &BaseConsumer<C>, words: usize) {
    for _ in 0..words {
        // Without an assignment there are no records to lose here.
        drop(consumer.poll(Duration::ZERO));
    }
}

fn base(options: &KafkaOptions) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &options.bootstrap)
        .set("client.id", "cubelog")
        // A broker that comes back is found again within a second.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.connection.setup.timeout.ms", "5000")
        .set("socket.keepalive.enable", "true")
        .set("allow.auto.create.topics", "false");
    config.set_log_level(RDKafkaLogLevel::Info);
    config
}

fn with_extra(mut config: ClientConfig, options: &KafkaOptions) -> ClientConfig {
    for (setting, value) in &options.extra {
        config.set(setting, value);
    }
    config
}

/// Settings of an idempotent producer that keeps the order of each partition and is told of every failure within [`PATIENCE`].
pub fn producer(options: &KafkaOptions) -> ClientConfig {
    let mut config = base(options);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // A record that fails for good stops the ones behind it, so that what is on the log is a prefix of what was sent.
        .set("enable.gapless.guarantee", "true")
        .set("compression.codec", "zstd")
        .set("compression.level", "1")
        .set("linger.ms", "5")
        .set("batch.num.messages", "50000")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "262144")
        .set("message.timeout.ms", PATIENCE.as_millis().to_string());
    with_extra(config, options)
}

/// Settings of every consumer: positions are ours, a missing offset is an error, nothing is committed by itself.
pub fn consumer(options: &KafkaOptions, group: &str) -> ClientConfig {
    let mut config = base(options);
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100")
        .set("fetch.min.bytes", "1")
        .set("fetch.max.bytes", "33554432")
        .set("max.partition.fetch.bytes", "8388608")
        .set("queued.min.messages", "1000000")
        .set("queued.max.messages.kbytes", "16384");
    with_extra(config, options)
}

/// What an error of the library means; `complaint` is the last word about the connection.
pub fn error(options: &KafkaOptions, doing: &'static str, error: &KafkaError, complaint: Option<String>) -> LogError {
    use RDKafkaErrorCode as Code;
    if let KafkaError::ClientConfig(_, reason, setting, value) = error {
        return LogError::KafkaSetting { setting: setting.clone(), value: value.clone(), reason: reason.clone() };
    }
    let code = error.rdkafka_error_code();
    let unreachable = [
        Code::BrokerTransportFailure,
        Code::AllBrokersDown,
        Code::OperationTimedOut,
        Code::MessageTimedOut,
        Code::RequestTimedOut,
        Code::Resolve,
        Code::BrokerNotAvailable,
    ];
    let retriable = [
        Code::NotLeaderForPartition,
        Code::LeaderNotAvailable,
        Code::FencedLeaderEpoch,
        Code::UnknownLeaderEpoch,
        Code::OffsetNotAvailable,
        Code::NotEnoughReplicas,
        Code::NotEnoughReplicasAfterAppend,
        Code::CoordinatorLoadInProgress,
        Code::CoordinatorNotAvailable,
        Code::NotCoordinator,
        Code::NetworkException,
        Code::QueueFull,
        // The producer is made anew after these.
        Code::Fatal,
        Code::GaplessGuarantee,
        Code::PurgeQueue,
        Code::PurgeInflight,
    ];
    match code {
        Some(code) if unreachable.contains(&code) => LogError::BrokerUnreachable {
            bootstrap: options.bootstrap.clone(),
            reason: complaint.unwrap_or_else(|| format!("{doing}: {code}")),
        },
        code => {
            LogError::Kafka { doing, reason: error.to_string(), retriable: code.is_some_and(|code| retriable.contains(&code)) }
        }
    }
}
