//! Reading topics: a bounded read has a thread and a queue per partition, a following read one thread for all.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cubelog_memory::{Cut, Position, Timestamp};
use futures::StreamExt;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message, Timestamp as KafkaTimestamp};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use super::KafkaOptions;
use super::client::{self, Context, PATIENCE};
use super::topics::topic_name;
use crate::error::LogError;
use crate::port::{Record, Records, Topic};

/// A batch is handed on when it has this many bytes or records, or when nothing more has arrived yet.
const BATCH_BYTES: usize = 1024 * 1024;
const BATCH_RECORDS: usize = 4096;
/// Batches that wait for a slow consumer at most.
const BATCHES_AHEAD_MAX: usize = 8;
/// How often an idle thread looks whether anybody still listens.
const TICK: Duration = Duration::from_millis(100);
/// How often offsets are asked for again while leaders change.
const LEADER_LOOKS_MAX: u32 = 30;
/// Ticks without a single record after which a bounded read gives up: twice the patience, because a busy machine is no dead broker.
const IDLE_TICKS_MAX: u32 = 2 * (PATIENCE.as_millis() / TICK.as_millis()) as u32;

type Batches = mpsc::Sender<Result<Vec<Record>, LogError>>;

/// Records of one partition on their way into a batch; keys and payloads share one allocation.
#[derive(Debug, Default)]
pub struct Collector {
    bytes: Vec<u8>,
    records: Vec<(Position, Timestamp, usize, usize)>,
}

impl Collector {
    pub fn push(&mut self, message: &impl Message) {
        let recorded_at = match message.timestamp() {
            KafkaTimestamp::LogAppendTime(millis) | KafkaTimestamp::CreateTime(millis) => Timestamp::from_millis(millis),
            KafkaTimestamp::NotAvailable => Timestamp::default(),
        };
        let position = Position { partition: message.partition() as u32, offset: message.offset() as u64 };
        self.bytes.extend_from_slice(message.key().unwrap_or_default());
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(message.payload().unwrap_or_default());
        self.records.push((position, recorded_at, key_end, self.bytes.len()));
    }

    /// The partition that is being collected.
    pub fn partition(&self) -> Option<u32> {
        self.records.first().map(|(position, ..)| position.partition)
    }

    pub fn is_full(&self) -> bool {
        self.bytes.len() >= BATCH_BYTES || self.records.len() >= BATCH_RECORDS
    }

    /// What was collected, or nothing; the collector is empty afterwards.
    pub fn take(&mut self) -> Option<Vec<Record>> {
        if self.records.is_empty() {
            return None;
        }
        let shared = Bytes::from(std::mem::take(&mut self.bytes));
        let mut at = 0;
        let cut = |(position, recorded_at, key_end, end): (Position, Timestamp, usize, usize)| {
            let key = shared.slice(at..key_end);
            at = end;
            Record { position, recorded_at, key, payload: shared.slice(key_end..end) }
        };
        Some(std::mem::take(&mut self.records).into_iter().map(cut).collect())
    }
}

/// What a reader needs to know.
#[derive(Clone)]
pub struct Source {
    pub options: KafkaOptions,
    pub topic: Topic,
    pub name: String,
    pub partitions: u32,
}

impl Source {
    pub fn new(options: &KafkaOptions, topic: Topic, partitions: u32) -> Self {
        Self { options: options.clone(), topic, name: topic_name(&options.prefix, topic), partitions }
    }

    pub fn consumer<C: ConsumerContext + 'static>(&self, group: &str, context: C) -> Result<BaseConsumer<C>, LogError> {
        let made = client::consumer(&self.options, group).create_with_context(context);
        made.map_err(|error| client::error(&self.options, "connecting", &error, None))
    }

    /// A consumer that joins a group in which partitions move one by one and not all at once.
    pub fn group_consumer<C: ConsumerContext + 'static>(&self, group: &str, context: C) -> Result<BaseConsumer<C>, LogError> {
        let mut config = client::consumer(&self.options, group);
        config.set("partition.assignment.strategy", "cooperative-sticky");
        let made = config.create_with_context(context);
        made.map_err(|error| client::error(&self.options, "connecting", &error, None))
    }

    /// The offsets that `kind` (beginning, end, or a time in milliseconds) stands for, asked of all leaders at once. Blocks.
    pub fn offsets(&self, consumer: &BaseConsumer<Context>, kind: Offset) -> Result<Vec<Option<u64>>, LogError> {
        // A change of leaders takes a moment to get around; the library does not ask again by itself.
        for _ in 0..LEADER_LOOKS_MAX {
            match self.offsets_now(consumer, kind) {
                Err(LogError::Kafka { retriable: true, .. }) => std::thread::sleep(TICK),
                answer => return answer,
            }
        }
        self.offsets_now(consumer, kind)
    }

    fn offsets_now(&self, consumer: &BaseConsumer<Context>, kind: Offset) -> Result<Vec<Option<u64>>, LogError> {
        let failed = |error: &KafkaError| {
            client::listen(consumer, 256);
            client::error(&self.options, "asking for offsets", error, consumer.context().complaint())
        };
        let mut asked = TopicPartitionList::with_capacity(self.partitions as usize);
        for partition in 0..self.partitions {
            asked.add_partition_offset(&self.name, partition as i32, kind).map_err(|error| failed(&error))?;
        }
        let answer = consumer.offsets_for_times(asked, PATIENCE).map_err(|error| failed(&error))?;
        let mut offsets = vec![None; self.partitions as usize];
        for element in answer.elements() {
            element.error().map_err(|error| failed(&error))?;
            if let (Offset::Offset(offset), Some(place)) = (element.offset(), offsets.get_mut(element.partition() as usize)) {
                *place = u64::try_from(offset).ok();
            }
        }
        Ok(offsets)
    }

    /// Offsets as a cut; a partition without an answer takes its offset from `otherwise`.
    pub fn cut(&self, offsets: &[Option<u64>], otherwise: &Cut) -> Cut {
        offsets.iter().zip(0..).map(|(offset, partition)| (partition, offset.unwrap_or(otherwise.next(partition)))).collect()
    }

    /// Which of the next offsets `at` the log does not have, as an error.
    pub fn check_range(&self, at: impl IntoIterator<Item = (u32, u64)>, begin: &Cut, end: &Cut) -> Result<(), LogError> {
        for (partition, requested) in at {
            let (begin, end) = (begin.next(partition), end.next(partition));
            if requested < begin {
                return Err(LogError::BeforeBegin { topic: self.topic, partition, requested, begin });
            }
            if requested > end {
                return Err(LogError::BeyondEnd { topic: self.topic, partition, requested, end });
            }
        }
        Ok(())
    }

    /// Adds a partition and its next offset to an assignment.
    pub fn add(&self, assigned: &mut TopicPartitionList, partition: u32, next: u64) -> Result<(), LogError> {
        let added = assigned.add_partition_offset(&self.name, partition as i32, Offset::Offset(next as i64));
        added.map_err(|error| self.read_error(&error, None))
    }

    /// Names an error that ended a read which stood at `at`: where records vanished under it, which. Blocks.
    pub fn explain(&self, error: &KafkaError, context: &Context, at: impl IntoIterator<Item = (u32, u64)>) -> LogError {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AutoOffsetReset) {
            let range = || -> Result<(), LogError> {
                let consumer = self.consumer(&reader_group(self), Context::default())?;
                let begin = self.cut(&self.offsets(&consumer, Offset::Beginning)?, &Cut::start());
                let end = self.cut(&self.offsets(&consumer, Offset::End)?, &Cut::start());
                self.check_range(at, &begin, &end)
            };
            if let Err(error) = range() {
                return error;
            }
        }
        self.read_error(error, context.complaint())
    }

    /// What an error of a running read means.
    pub fn read_error(&self, error: &KafkaError, complaint: Option<String>) -> LogError {
        client::error(&self.options, "reading", error, complaint)
    }
}

/// Whether the library goes on by itself after this error.
pub fn passes_by_itself(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let passing = [
        Code::BrokerTransportFailure,
        Code::AllBrokersDown,
        Code::OperationTimedOut,
        Code::RequestTimedOut,
        Code::Resolve,
        Code::NotLeaderForPartition,
        Code::LeaderNotAvailable,
        Code::NetworkException,
        Code::CoordinatorLoadInProgress,
        Code::CoordinatorNotAvailable,
        Code::NotCoordinator,
    ];
    error.rdkafka_error_code().is_some_and(|code| passing.contains(&code))
}

/// Starts a read from `from`, which lies within the log. Its threads end when the stream is dropped.
pub fn read(source: &Source, from: &Cut, until: Option<&Cut>) -> Result<Records, LogError> {
    let (batches, receiver) = mpsc::channel(BATCHES_AHEAD_MAX);
    match until {
        Some(until) => read_bounded(source, from, until, batches)?,
        None => read_following(source, from, batches)?,
    }
    Ok(futures::stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|batch| (batch, receiver)) })
        .boxed())
}

fn read_bounded(source: &Source, from: &Cut, until: &Cut, batches: Batches) -> Result<(), LogError> {
    let consumer = Arc::new(source.consumer(&reader_group(source), Context::default())?);
    let mut assigned = TopicPartitionList::new();
    let mut queues = Vec::new();
    for partition in (0..source.partitions).filter(|partition| from.next(*partition) < until.next(*partition)) {
        source.add(&mut assigned, partition, from.next(partition))?;
        // Before the assignment: afterwards some records might have gone to the common queue already.
        let queue = consumer.split_partition_queue(&source.name, partition as i32).ok_or(LogError::Closed)?;
        queues.push((partition, queue));
    }
    if queues.is_empty() {
        return Ok(());
    }
    consumer.assign(&assigned).map_err(|error| source.read_error(&error, None))?;
    for (partition, queue) in queues {
        let (source, batches, end) = (source.clone(), batches.clone(), until.next(partition));
        let start = (partition, from.next(partition));
        let context = consumer.context().clone();
        start_thread(format!("kafka-read-{partition}"), move || {
            if let Err(error) = drain(&source, &queue, start, end, &context, &batches) {
                // Nobody listens any more, or this is the stream's last item.
                let _ = batches.blocking_send(Err(error));
            }
        })?;
    }
    // The common queue carries what concerns no partition; it has to be emptied as long as anybody reads.
    let reading = batches.downgrade();
    start_thread("kafka-read-events".to_owned(), move || {
        while reading.upgrade().is_some_and(|batches| !batches.is_closed()) {
            if let Some(Err(error)) = consumer.poll(TICK) {
                tracing::debug!(%error, "while reading from Kafka");
            }
        }
    })
}

/// Moves one partition's records from its queue into the stream, up to `end`.
fn drain(
    source: &Source,
    queue: &PartitionQueue<Context>,
    (partition, from): (u32, u64),
    end: u64,
    context: &Context,
    batches: &Batches,
) -> Result<(), LogError> {
    let mut collector = Collector::default();
    let mut idle_ticks = 0;
    let mut next = from;
    let mut finished = false;
    while !finished {
        let wait = if collector.partition().is_some() { Duration::ZERO } else { TICK };
        let polled = queue.poll(wait);
        let drained = polled.is_none();
        match polled {
            Some(Ok(message)) => {
                idle_ticks = 0;
                next = message.offset() as u64 + 1;
                if next <= end {
                    collector.push(&message);
                }
                finished = next >= end;
            }
            // The end lies at or below the partition's, so what is missing are offsets without records.
            Some(Err(KafkaError::PartitionEOF(_))) => finished = true,
            Some(Err(error)) if passes_by_itself(&error) => tracing::debug!(%error, "while reading from Kafka"),
            Some(Err(error)) => return Err(source.explain(&error, context, [(partition, next)])),
            None => idle_ticks += 1,
        }
        if (drained || finished || collector.is_full())
            && let Some(records) = collector.take()
            && batches.blocking_send(Ok(records)).is_err()
        {
            return Ok(());
        }
        if idle_ticks > IDLE_TICKS_MAX {
            let reason = context.complaint().unwrap_or_else(|| format!("no records within {} s", 2 * PATIENCE.as_secs()));
            return Err(LogError::BrokerUnreachable { bootstrap: source.options.bootstrap.clone(), reason });
        }
        if drained && batches.is_closed() {
            return Ok(());
        }
    }
    Ok(())
}

fn read_following(source: &Source, from: &Cut, batches: Batches) -> Result<(), LogError> {
    let consumer = source.consumer(&reader_group(source), Context::default())?;
    let mut assigned = TopicPartitionList::new();
    for partition in 0..source.partitions {
        source.add(&mut assigned, partition, from.next(partition))?;
    }
    consumer.assign(&assigned).map_err(|error| source.read_error(&error, None))?;
    let (source, mut at) = (source.clone(), from.clone());
    start_thread("kafka-follow".to_owned(), move || {
        let mut collector = Collector::default();
        while !batches.is_closed() {
            let batch = match next_batch(&consumer, &mut collector, TICK) {
                Ok(None) => continue,
                Ok(Some(records)) => {
                    if let Some(last) = records.last() {
                        at.cover(last.position);
                    }
                    Ok(records)
                }
                Err(error) => {
                    let stood = (0..source.partitions).map(|partition| (partition, at.next(partition)));
                    Err(source.explain(&error, consumer.context(), stood))
                }
            };
            let ends = batch.is_err();
            if batches.blocking_send(batch).is_err() || ends {
                return;
            }
        }
    })
}

/// The next batch of one partition from a consumer's common queue, or nothing after `wait`. A record that begins another batch stays
/// in the collector for the next call. Broken connections mend themselves meanwhile.
pub fn next_batch<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    collector: &mut Collector,
    wait: Duration,
) -> Result<Option<Vec<Record>>, KafkaError> {
    loop {
        let wait = if collector.partition().is_some() { Duration::ZERO } else { wait };
        match consumer.poll(wait) {
            Some(Ok(message)) => {
                let another = collector.partition().is_some_and(|partition| partition != message.partition() as u32);
                let batch = if another { collector.take() } else { None };
                collector.push(&message);
                if batch.is_some() {
                    return Ok(batch);
                }
                if collector.is_full() {
                    return Ok(collector.take());
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => {}
            Some(Err(error)) if passes_by_itself(&error) => tracing::debug!(%error, "while reading from Kafka"),
            Some(Err(error)) => return Err(error),
            None => return Ok(collector.take()),
        }
    }
}

fn reader_group(source: &Source) -> String {
    // The library wants a name although no group is ever joined under it.
    format!("{}-read", source.options.prefix)
}

/// Starts a thread that ends with its work.
pub fn start_thread(name: String, work: impl FnOnce() + Send + 'static) -> Result<(), LogError> {
    let started = std::thread::Builder::new().name(name).spawn(work);
    let failed =
        |error: std::io::Error| LogError::Kafka { doing: "starting a thread", reason: error.to_string(), retriable: true };
    started.map(drop).map_err(failed)
}
