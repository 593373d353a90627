//! The bare client that our path is compared with: rdkafka alone, with the same promises, doing nothing with what it carries.
//! Only this crate names rdkafka, so the benchmark borrows it from here.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::client::{self, Context, PATIENCE};
use super::topics::topic_name;
use super::{KafkaLog, KafkaOptions};
use crate::error::LogError;
use crate::port::{EventLog, Topic, partition_of};

/// A producer with our settings and no completions. The topic must exist.
pub struct BareProducer {
    options: KafkaOptions,
    partitions: u32,
    topic: String,
    producer: BaseProducer,
}

impl BareProducer {
    /// Connects to the topics of `log`.
    pub fn connect(log: &KafkaLog, topic: Topic) -> Result<Self, LogError> {
        let options = log.options().clone();
        let made = client::producer(&options).create_with_context(DefaultProducerContext);
        let producer: BaseProducer = made.map_err(|error| client::error(&options, "connecting", &error, None))?;
        Ok(Self { topic: topic_name(&options.prefix, topic), partitions: log.partitions(), options, producer })
    }

    /// Sends all records (key, payload) and waits until they are acknowledged; returns how many. Blocks.
    pub fn send<'a>(&self, records: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<usize, LogError> {
        let failed = |error: &KafkaError| client::error(&self.options, "producing", error, None);
        let mut sent = 0;
        for (key, payload) in records {
            let partition = partition_of(key, self.partitions) as i32;
            let mut record = BaseRecord::to(&self.topic).partition(partition).key(key).payload(payload);
            loop {
                match self.producer.send(record) {
                    Ok(()) => break,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                        record = back;
                        self.producer.poll(Duration::from_millis(1));
                    }
                    Err((error, _)) => return Err(failed(&error)),
                }
            }
            sent += 1;
            if sent % 1024 == 0 {
                self.producer.poll(Duration::ZERO);
            }
        }
        self.producer.flush(6 * PATIENCE).map_err(|error| failed(&error))?;
        Ok(sent)
    }
}

/// A consumer with our settings that only counts.
pub struct BareConsumer {
    options: KafkaOptions,
    consumer: BaseConsumer<Context>,
}

impl BareConsumer {
    /// Assigns all partitions of a topic of `log` from their first record.
    pub fn connect(log: &KafkaLog, topic: Topic) -> Result<Self, LogError> {
        let options = log.options().clone();
        let group = format!("{}-bare", options.prefix);
        let made = client::consumer(&options, &group).create_with_context(Context::default());
        let consumer: BaseConsumer<Context> = made.map_err(|error| client::error(&options, "connecting", &error, None))?;
        let name = topic_name(&options.prefix, topic);
        let mut assigned = TopicPartitionList::new();
        for partition in 0..log.partitions() {
            let added = assigned.add_partition_offset(&name, partition as i32, Offset::Beginning);
            added.map_err(|error| client::error(&options, "assigning", &error, None))?;
        }
        consumer.assign(&assigned).map_err(|error| client::error(&options, "assigning", &error, None))?;
        Ok(Self { options, consumer })
    }

    /// Receives `records` records, or fewer if none arrive for a while; returns how many and their bytes. Blocks.
    pub fn count(&self, records: usize) -> Result<(usize, usize), LogError> {
        let (mut counted, mut bytes) = (0, 0);
        while counted < records {
            match self.consumer.poll(PATIENCE) {
                Some(Ok(message)) => {
                    counted += 1;
                    bytes += message.payload().map_or(0, <[u8]>::len);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {}
                Some(Err(error)) => {
                    return Err(client::error(&self.options, "consuming", &error, self.consumer.context().complaint()));
                }
                None => break,
            }
        }
        Ok((counted, bytes))
    }
}
