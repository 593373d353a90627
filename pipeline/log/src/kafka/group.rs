//! A consumer group, which says who reads which partitions; positions come from the views.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::client::Context;
use super::reader::{Collector, Source, next_batch, start_thread};
use crate::error::LogError;
use crate::port::Record;

/// The next offset to read of a partition that was just assigned. Asked on the group's own thread, so it may block for a moment.
pub type Start = Arc<dyn Fn(u32) -> Result<u64, LogError> + Send + Sync>;

/// Events that wait for a slow member at most.
const EVENTS_AHEAD_MAX: usize = 8;
/// How long a poll waits for records.
const TICK: Duration = Duration::from_millis(100);
/// How long a member may take to finish with partitions that were taken away, in ticks of 10 ms; the group waits meanwhile.
const RELEASE_TICKS_MAX: u32 = 3_000;
/// How long a full queue is waited for before the partitions are paused, in ticks of 5 ms.
const FULL_TICKS_MAX: u32 = 400;

/// What happens to a member, in order.
#[derive(Debug)]
pub enum GroupEvent {
    /// Partitions that are read from now on, with the offset that [`Start`] gave.
    Assigned(Vec<(u32, u64)>),
    /// Records of one of them.
    Records(Vec<Record>),
    /// Partitions that go elsewhere. The next owner starts when this value is dropped: commit what was read before.
    Revoked(Revoked),
}

/// Partitions that go elsewhere.
#[derive(Debug)]
pub struct Revoked {
    pub partitions: Vec<u32>,
    /// The group gave them away already, because this member was silent for too long: nothing may be committed for them any more.
    pub lost: bool,
    released: Arc<AtomicBool>,
}

impl Drop for Revoked {
    fn drop(&mut self) {
        self.released.store(true, Ordering::Release);
    }
}

/// Membership in a group. Dropping it leaves the group soon; [`Membership::leave`] waits until that has happened.
#[derive(Debug)]
pub struct Membership {
    events: mpsc::Receiver<Result<GroupEvent, LogError>>,
    leaving: Arc<AtomicBool>,
    left: tokio::sync::oneshot::Receiver<()>,
}

impl Membership {
    /// The next event; an error is the last one, `None` comes after it.
    pub async fn next(&mut self) -> Option<Result<GroupEvent, LogError>> {
        self.events.recv().await
    }

    /// Leaves the group, so that the others take over at once.
    pub async fn leave(mut self) {
        self.leaving.store(true, Ordering::Release);
        // Whatever is still on its way is dropped, which also releases partitions.
        while self.events.recv().await.is_some() {}
        let _ = (&mut self.left).await;
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.leaving.store(true, Ordering::Release);
    }
}

/// Assigns partitions as the group says, at the offsets that the views say.
struct Assigner {
    context: Context,
    source: Source,
    start: Start,
    events: mpsc::Sender<Result<GroupEvent, LogError>>,
    leaving: Arc<AtomicBool>,
}

impl ClientContext for Assigner {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }
    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl ConsumerContext for Assigner {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let numbers: Vec<u32> = partitions.elements().iter().map(|element| element.partition() as u32).collect();
        let done = if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            self.assign(consumer, &numbers)
        } else {
            self.revoke(consumer, partitions, numbers)
        };
        if let Err(error) = done {
            self.leaving.store(true, Ordering::Release);
            // Nobody listens any more, or this is the last thing heard.
            let _ = self.events.blocking_send(Err(error));
        }
    }
}

impl Assigner {
    fn assign(&self, consumer: &BaseConsumer<Self>, partitions: &[u32]) -> Result<(), LogError> {
        let mut assigned = TopicPartitionList::new();
        let mut starts = Vec::with_capacity(partitions.len());
        let asked = partitions.iter().try_for_each(|partition| {
            let next = (self.start)(*partition)?;
            starts.push((*partition, next));
            self.source.add(&mut assigned, *partition, next)
        });
        if let Err(error) = asked {
            // The library waits for an answer to every assignment.
            let _ = consumer.incremental_assign(&TopicPartitionList::new());
            return Err(error);
        }
        if !starts.is_empty() {
            // Told before the first record can arrive.
            let _ = self.events.blocking_send(Ok(GroupEvent::Assigned(starts)));
        }
        consumer.incremental_assign(&assigned).map_err(|error| self.source.read_error(&error, None))
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: &TopicPartitionList, numbers: Vec<u32>) -> Result<(), LogError> {
        if !numbers.is_empty() {
            let released = Arc::new(AtomicBool::new(false));
            let revoked = Revoked { partitions: numbers, lost: consumer.assignment_lost(), released: released.clone() };
            // Where nobody listens the value is dropped, which releases the partitions.
            let _ = self.events.blocking_send(Ok(GroupEvent::Revoked(revoked)));
            let mut ticks = 0;
            while !released.load(Ordering::Acquire) && ticks < RELEASE_TICKS_MAX {
                std::thread::sleep(Duration::from_millis(10));
                ticks += 1;
            }
        }
        consumer.incremental_unassign(partitions).map_err(|error| self.source.read_error(&error, None))
    }
}

/// Joins; the work is done on one thread that ends when the membership does.
pub fn join(source: Source, group: &str, start: Start) -> Result<Membership, LogError> {
    let (events, receiver) = mpsc::channel(EVENTS_AHEAD_MAX);
    let leaving = Arc::new(AtomicBool::new(false));
    let (gone, left) = tokio::sync::oneshot::channel();
    let assigner =
        Assigner { context: Context::default(), source: source.clone(), start, events: events.clone(), leaving: leaving.clone() };
    let consumer = source.group_consumer(group, assigner)?;
    consumer.subscribe(&[&source.name]).map_err(|error| source.read_error(&error, None))?;
    let stop = leaving.clone();
    start_thread("kafka-group".to_owned(), move || {
        if let Err(error) = work(&source, &consumer, &events, &stop) {
            let _ = events.blocking_send(Err(error));
        }
        // Closing the consumer leaves the group, which revokes what it still has.
        drop(consumer);
        drop(events);
        let _ = gone.send(());
    })?;
    Ok(Membership { events: receiver, leaving, left })
}

fn work(
    source: &Source,
    consumer: &BaseConsumer<Assigner>,
    events: &mpsc::Sender<Result<GroupEvent, LogError>>,
    leaving: &AtomicBool,
) -> Result<(), LogError> {
    let mut collector = Collector::default();
    let mut waiting: VecDeque<Vec<Record>> = VecDeque::new();
    let mut full_ticks = 0;
    let mut paused = None;
    while !leaving.load(Ordering::Acquire) && !events.is_closed() {
        while let Some(batch) = waiting.pop_front() {
            match events.try_send(Ok(GroupEvent::Records(batch))) {
                Ok(()) => full_ticks = 0,
                Err(TrySendError::Full(Ok(GroupEvent::Records(batch)))) => {
                    waiting.push_front(batch);
                    break;
                }
                Err(_) => return Ok(()),
            }
        }
        if waiting.is_empty() {
            if let Some(partitions) = paused.take() {
                consumer.resume(&partitions).map_err(|error| source.read_error(&error, None))?;
            }
        } else if full_ticks < FULL_TICKS_MAX {
            full_ticks += 1;
            std::thread::sleep(Duration::from_millis(5));
            continue;
        } else if paused.is_none() {
            // A member that does not poll is thrown out; so it polls, and receives nothing.
            let partitions = consumer.assignment().map_err(|error| source.read_error(&error, None))?;
            consumer.pause(&partitions).map_err(|error| source.read_error(&error, None))?;
            paused = Some(partitions);
        }
        match next_batch(consumer, &mut collector, TICK) {
            Ok(batch) => waiting.extend(batch),
            // Thrown out for silence or by an administrator: the library joins again.
            Err(error) if rejoins(&error) => tracing::warn!(%error, "the consumer group is joined again"),
            Err(error) => return Err(explain(source, consumer, &error)),
        }
    }
    Ok(())
}

fn rejoins(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    let codes = [Code::PollExceeded, Code::UnknownMemberId, Code::IllegalGeneration, Code::RebalanceInProgress];
    error.rdkafka_error_code().is_some_and(|code| codes.contains(&code))
}

/// Names an error with the positions of the member's own partitions.
fn explain(source: &Source, consumer: &BaseConsumer<Assigner>, error: &KafkaError) -> LogError {
    let assigner = consumer.context();
    let mine = consumer.assignment().map(|assigned| assigned.elements().iter().map(|e| e.partition() as u32).collect::<Vec<_>>());
    let starts =
        mine.unwrap_or_default().into_iter().filter_map(|partition| Some((partition, (assigner.start)(partition).ok()?)));
    source.explain(error, &assigner.context, starts)
}
