//! KafkaLog: the log on Apache Kafka, for more than one machine.

pub mod bare;
mod client;
mod group;
mod producer;
mod reader;
mod topics;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cubelog_memory::limits::EVENT_BYTES_MAX;
use cubelog_memory::{Cut, Timestamp};
use rdkafka::Offset;
use rdkafka::consumer::BaseConsumer;

pub use group::{GroupEvent, Membership, Revoked, Start};

use crate::error::LogError;
use crate::port::{Append, Appended, EventLog, ReadFrom, Records, Topic};
use client::Context;
use producer::Sender;
use reader::Source;

/// Longest pause between two looks at the end of the log while waiting.
const LOOK_EVERY_MAX: Duration = Duration::from_millis(100);

/// Where the log is and how its topics are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaOptions {
    /// `host:port`, several joined by commas.
    pub bootstrap: String,
    /// The topics are `<prefix>.events` and `<prefix>.access`.
    pub prefix: String,
    /// Partitions of topics that are made; existing ones keep theirs.
    pub partitions: u32,
    /// Replicas of topics that are made; -1 leaves the number to the broker. With 3 or more, two must have a record.
    pub replication: i32,
    /// Further settings of librdkafka (security, say); they override ours.
    pub extra: Vec<(String, String)>,
}

impl KafkaOptions {
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self { bootstrap: bootstrap.into(), prefix: "cubelog".to_owned(), partitions: 12, replication: -1, extra: Vec::new() }
    }
}

/// Why a text is no address of a log on Kafka.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no address of a log on Kafka; write kafka://host:port/prefix, several host:port joined by commas; the prefix is cubelog if left out"
)]
pub struct AddressError {
    pub text: String,
}

impl FromStr for KafkaOptions {
    type Err = AddressError;

    /// Reads `kafka://host:port[,host:port…][/prefix]`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let error = || AddressError { text: text.to_owned() };
        let rest = text.strip_prefix("kafka://").ok_or_else(error)?;
        let (bootstrap, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let host_ok =
            |host: &str| host.rsplit_once(':').is_some_and(|(name, port)| !name.is_empty() && port.parse::<u16>().is_ok());
        let prefix_ok = prefix.len() <= 200 && prefix.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if !bootstrap.split(',').all(host_ok) || !prefix_ok {
            return Err(error());
        }
        let mut options = Self::new(bootstrap);
        if !prefix.is_empty() {
            options.prefix = prefix.to_owned();
        }
        Ok(options)
    }
}

/// The log on Kafka. The same id sent twice is stored twice: readers of the log fold by id.
pub struct KafkaLog {
    options: KafkaOptions,
    partitions: u32,
    sender: Sender,
    /// Asks for offsets.
    asker: Arc<BaseConsumer<Context>>,
}

impl KafkaLog {
    /// Connects, makes the topics where they are missing, and refuses those that could lose events. An unreachable broker is an error after
    /// about ten seconds.
    pub async fn open(options: KafkaOptions) -> Result<Self, LogError> {
        let group = format!("{}-ask", options.prefix);
        let consumer = client::consumer(&options, &group).create_with_context(Context::default());
        let consumer = Arc::new(consumer.map_err(|error| client::error(&options, "connecting", &error, None))?);
        let partitions = topics::prepare(&options, &consumer).await?;
        let sender = Sender::new(&options)?;
        Ok(Self { options, partitions, sender, asker: consumer })
    }

    /// The options it was opened with.
    pub fn options(&self) -> &KafkaOptions {
        &self.options
    }

    /// Joins the consumer group `group` on a topic. The group only says who reads which partitions; where to start in each is asked of `start`
    /// when the partition arrives, because positions are kept in the views.
    pub fn join_group(&self, topic: Topic, group: &str, start: Start) -> Result<Membership, LogError> {
        group::join(self.source(topic), group, start)
    }

    fn source(&self, topic: Topic) -> Source {
        Source::new(&self.options, topic, self.partitions)
    }

    /// Runs blocking questions on the asking consumer.
    async fn ask<T: Send + 'static>(
        &self,
        topic: Topic,
        question: impl FnOnce(&Source, &BaseConsumer<Context>) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let source = self.source(topic);
        let consumer = self.asker.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let answer = question(&source, &consumer);
            // Whatever the library has to say would pile up otherwise.
            client::listen(&consumer, 4);
            answer
        });
        answer.await.map_err(|_| LogError::Closed)?
    }

    async fn begin_and_end(&self, topic: Topic) -> Result<(Cut, Cut), LogError> {
        self.ask(topic, |source, consumer| {
            let begin = source.offsets(consumer, Offset::Beginning)?;
            let end = source.offsets(consumer, Offset::End)?;
            Ok((source.cut(&begin, &Cut::start()), source.cut(&end, &Cut::start())))
        })
        .await
    }
}

#[async_trait]
impl EventLog for KafkaLog {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    async fn append(&self, topic: Topic, records: Vec<Append>) -> Result<Vec<Appended>, LogError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        for record in &records {
            let (key, payload) = (record.key.len(), record.payload.len());
            if payload > EVENT_BYTES_MAX || key > KEY_BYTES_MAX {
                return Err(LogError::RecordTooLarge { id: record.id, bytes: key + payload, max: EVENT_BYTES_MAX });
            }
        }
        self.sender.send(&topics::topic_name(&self.options.prefix, topic), self.partitions, &records).await
    }

    async fn read(&self, topic: Topic, range: ReadFrom) -> Result<Records, LogError> {
        let (begin, end) = self.begin_and_end(topic).await?;
        let source = self.source(topic);
        let wanted =
            |partition: &u32| range.until.as_ref().is_none_or(|until| range.from.next(*partition) < until.next(*partition));
        let starts = (0..self.partitions).filter(wanted).map(|partition| (partition, range.from.next(partition)));
        source.check_range(starts, &begin, &end)?;
        if let Some(until) = &range.until {
            source.check_range(until.iter(), &Cut::start(), &end)?;
        }
        // Making a consumer starts threads and resolves names.
        let read = tokio::task::spawn_blocking(move || reader::read(&source, &range.from, range.until.as_ref()));
        read.await.map_err(|_| LogError::Closed)?
    }

    async fn begin(&self, topic: Topic) -> Result<Cut, LogError> {
        self.ask(topic, |source, consumer| Ok(source.cut(&source.offsets(consumer, Offset::Beginning)?, &Cut::start()))).await
    }

    async fn end(&self, topic: Topic) -> Result<Cut, LogError> {
        self.ask(topic, |source, consumer| Ok(source.cut(&source.offsets(consumer, Offset::End)?, &Cut::start()))).await
    }

    async fn cut_at(&self, topic: Topic, time: Timestamp) -> Result<Cut, LogError> {
        // The broker counts in milliseconds: at or after `time` means from the next whole one on.
        let millis = time.micros().div_euclid(1_000) + i64::from(time.micros().rem_euclid(1_000) > 0);
        self.ask(topic, move |source, consumer| {
            // The end first: a record that arrives between the two questions is then above the cut, as it should be.
            let end = source.cut(&source.offsets(consumer, Offset::End)?, &Cut::start());
            let found = source.offsets(consumer, Offset::Offset(millis.max(0)))?;
            Ok(source.cut(&found, &end))
        })
        .await
    }

    async fn wait(&self, topic: Topic, cut: &Cut, timeout: Duration) -> Result<bool, LogError> {
        let look = async {
            let mut pause = Duration::from_millis(2);
            while !self.end(topic).await?.includes(cut) {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LOOK_EVERY_MAX);
            }
            Ok(())
        };
        match tokio::time::timeout(timeout, look).await {
            Ok(looked) => looked.map(|()| true),
            Err(_elapsed) => Ok(false),
        }
    }

    fn describe(&self) -> String {
        format!("kafka://{}/{}", self.options.bootstrap, self.options.prefix)
    }
}

/// Longest key of a record, in bytes, the same as in the local log.
const KEY_BYTES_MAX: usize = u16::MAX as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let read = |text: &str| text.parse::<KafkaOptions>().map(|options| (options.bootstrap, options.prefix));
        assert_eq!(read("kafka://a:9092"), Ok(("a:9092".into(), "cubelog".into())));
        assert_eq!(read("kafka://a:9092,[::1]:1/x.y"), Ok(("a:9092,[::1]:1".into(), "x.y".into())));
        for bad in ["a:9092", "kafka://", "kafka://a", "kafka://a:b", "kafka://a:1,/x", "kafka://a:1/ü", "kafka://a:1/x/y"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
