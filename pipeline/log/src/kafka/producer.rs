//! Sending batches: one completion per batch, however many records it has.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cubelog_memory::{Position, Timestamp};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message, Timestamp as KafkaTimestamp};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use tokio::sync::{Semaphore, oneshot};

use super::KafkaOptions;
use super::client::{self, Context};
use crate::error::LogError;
use crate::port::{Append, Appended, partition_of};

/// Records on their way at most, in KiB; well below the library's own queue, whose overflow would make us wait blindly.
const ON_THE_WAY_KIB_MAX: u32 = 128 * 1024;

/// What came back for the records of one batch.
#[derive(Debug)]
struct Arrivals {
    outstanding: usize,
    /// Partition → (offset, milliseconds), in the order of arrival.
    arrived: BTreeMap<i32, Vec<(i64, Option<i64>)>>,
    failed: Option<KafkaError>,
    done: Option<oneshot::Sender<()>>,
}

/// One call of `append`, shared with the records on their way.
#[derive(Debug)]
pub struct Batch(Mutex<Arrivals>);

impl Batch {
    fn settle(&self, records: usize, change: impl FnOnce(&mut Arrivals)) {
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut arrivals);
        arrivals.outstanding -= records;
        if arrivals.outstanding == 0
            && let Some(done) = arrivals.done.take()
        {
            // The caller may have gone away.
            let _ = done.send(());
        }
    }
}

/// Books deliveries into their batches.
#[derive(Debug, Clone, Default)]
pub struct Deliveries(Context);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.0.log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.0.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Batch>;

    fn delivery(&self, result: &DeliveryResult<'_>, batch: Arc<Batch>) {
        batch.settle(1, |arrivals| match result {
            Ok(message) => {
                let time = match message.timestamp() {
                    KafkaTimestamp::LogAppendTime(millis) => Some(millis),
                    KafkaTimestamp::CreateTime(_) | KafkaTimestamp::NotAvailable => None,
                };
                arrivals.arrived.entry(message.partition()).or_default().push((message.offset(), time));
            }
            Err((error, _)) => {
                arrivals.failed.get_or_insert_with(|| error.clone());
            }
        });
    }
}

/// The producer of a log. It is made anew after an error that ends the library's.
pub struct Sender {
    options: KafkaOptions,
    producer: Mutex<Arc<ThreadedProducer<Deliveries>>>,
    room: Arc<Semaphore>,
}

impl Sender {
    pub fn new(options: &KafkaOptions) -> Result<Self, LogError> {
        let producer = Mutex::new(Arc::new(make(options)?));
        Ok(Self { options: options.clone(), producer, room: Arc::new(Semaphore::new(ON_THE_WAY_KIB_MAX as usize)) })
    }

    fn producer(&self) -> Arc<ThreadedProducer<Deliveries>> {
        self.producer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends records in order and waits until all of them are on all in-sync replicas.
    pub async fn send(&self, topic: &str, partitions: u32, records: &[Append]) -> Result<Vec<Appended>, LogError> {
        let bytes: usize = records.iter().map(|record| record.key.len() + record.payload.len()).sum();
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(ON_THE_WAY_KIB_MAX);
        let _room = self.room.acquire_many(kib).await.map_err(|_| LogError::Closed)?;
        let producer = self.producer();
        let (done, finished) = oneshot::channel();
        let arrivals = Arrivals { outstanding: records.len(), arrived: BTreeMap::new(), failed: None, done: Some(done) };
        let batch = Arc::new(Batch(Mutex::new(arrivals)));
        let mut placed = Vec::with_capacity(records.len());
        for (index, record) in records.iter().enumerate() {
            let partition = partition_of(&record.key, partitions) as i32;
            if let Err(error) = offer(&producer, topic, partition, record, &batch).await {
                batch.settle(records.len() - index, |arrivals| {
                    arrivals.failed.get_or_insert(error);
                });
                break;
            }
            placed.push(partition);
        }
        // The sender lives in the batch, and the batch in the records on their way.
        finished.await.map_err(|_| LogError::Closed)?;
        let mut arrivals = batch.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = arrivals.failed.take() {
            drop(arrivals);
            return Err(self.failed(&producer, &error));
        }
        positions(&placed, std::mem::take(&mut arrivals.arrived))
    }

    /// Names the failure and, if the library's producer is at its end, makes another.
    fn failed(&self, producer: &Arc<ThreadedProducer<Deliveries>>, error: &KafkaError) -> LogError {
        let fatal = producer.client().fatal_error();
        let complaint = producer.client().context().0.complaint();
        if fatal.is_some() {
            let mut current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
            if Arc::ptr_eq(&current, producer) {
                match make(&self.options) {
                    Ok(fresh) => *current = Arc::new(fresh),
                    Err(error) => tracing::error!(%error, "no new producer could be made"),
                }
            }
        }
        match (fatal, error.rdkafka_error_code()) {
            // What ended the producer says more than that it has ended.
            (Some((_, reason)), Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GaplessGuarantee)) => {
                LogError::Kafka { doing: "appending", reason, retriable: true }
            }
            _ => client::error(&self.options, "appending", error, complaint),
        }
    }
}

fn make(options: &KafkaOptions) -> Result<ThreadedProducer<Deliveries>, LogError> {
    let made = client::producer(options).create_with_context(Deliveries::default());
    made.map_err(|error| client::error(options, "connecting", &error, None))
}

/// Hands a record to the library, waiting while its queue is full.
async fn offer(
    producer: &ThreadedProducer<Deliveries>,
    topic: &str,
    partition: i32,
    record: &Append,
    batch: &Arc<Batch>,
) -> Result<(), KafkaError> {
    let mut offered = BaseRecord::with_opaque_to(topic, batch.clone())
        .partition(partition)
        .key(record.key.as_bytes())
        .payload(&record.payload[..]);
    loop {
        match producer.send(offered) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                offered = back;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Err((error, _)) => return Err(error),
        }
    }
}

/// Within a partition the library keeps the order of sending, so the n-th record sent there has the n-th smallest offset.
fn positions(placed: &[i32], mut arrived: BTreeMap<i32, Vec<(i64, Option<i64>)>>) -> Result<Vec<Appended>, LogError> {
    let unclear = |reason: &str| LogError::Kafka { doing: "appending", reason: reason.to_owned(), retriable: false };
    for offsets in arrived.values_mut() {
        // Taken from the back below.
        offsets.sort_unstable_by(|a, b| b.cmp(a));
    }
    placed
        .iter()
        .map(|partition| {
            let arrival = arrived.get_mut(partition).and_then(Vec::pop);
            let (offset, time) = arrival.ok_or_else(|| unclear("the broker acknowledged fewer records than it was sent"))?;
            let offset = u64::try_from(offset).map_err(|_| unclear("the broker acknowledged a record without an offset"))?;
            let time = time.ok_or_else(|| unclear("the broker does not date records (message.timestamp.type)"))?;
            let position = Position { partition: *partition as u32, offset };
            Ok(Appended { position, recorded_at: Timestamp::from_millis(time), duplicate: false })
        })
        .collect()
}
