//! The one thread that writes: it gathers what arrived during the previous fsync, stores it in one transaction, and answers
//! everybody when that is on the disk.

use std::sync::Arc;

use cubelog_memory::{Cut, EventId, Position, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

use super::frame::{FrameBuilder, record_bytes, topic_code};
use super::ids::{Fingerprints, Found, OpenBlock, RecentBlocks, Segment, encode, fingerprint};
use super::store::{FRAMES, IDS, Store, Tail};
use crate::error::LogError;
use crate::port::{Append, Appended, Topic, partition_of};

/// From this size of the file on, each commit also saves what makes opening after a crash instant (the engine's quick repair),
/// for the price of a second fsync: half the throughput and twice the latency. A smaller file is walked after a crash instead, which
/// takes about half a second per GiB.
const QUICK_REPAIR_BYTES: u64 = 1024 * 1024 * 1024;

/// A transaction takes waiting requests until it holds this many bytes of records.
pub const GROUP_BYTES: usize = 1024 * 1024;

/// One call of `append`.
pub struct Request {
    pub topic: Topic,
    pub records: Vec<Append>,
    pub answer: oneshot::Sender<Result<Vec<Appended>, LogError>>,
    /// The room these records take in the queue; given back when they are answered.
    pub room: OwnedSemaphorePermit,
}

impl Request {
    fn bytes(&self) -> usize {
        self.records.iter().map(|record| record_bytes(record.key.len(), record.payload.len())).sum()
    }
}

/// The ends of both topics as readers see them, in the order of [`Topic::ALL`].
pub type Ends = [watch::Sender<Cut>; 2];

/// State of the thread; lives as long as the log is open for writing.
pub struct Writer {
    pub store: Arc<Store>,
    pub requests: mpsc::Receiver<Request>,
    pub ends: Ends,
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    tails: [Vec<Tail>; 2],
    known: Known,
}

/// What is on the log, for finding duplicates.
struct Known {
    prints: Fingerprints,
    recent: RecentBlocks,
    /// Number of the transaction being gathered.
    commit: u32,
}

/// A transaction being gathered.
#[derive(Default)]
struct Group {
    segments: Vec<Segment>,
    frames: Vec<(Topic, Position, Vec<u8>)>,
    open: Vec<OpenFrame>,
    /// `[topic][partition]` → 1 + index into `segments` and `open`.
    slots: [Vec<u32>; 2],
    now: Timestamp,
}

/// The frame that a partition's next record goes into.
struct OpenFrame {
    builder: FrameBuilder,
    base: u64,
}

impl Writer {
    pub fn new(
        store: Arc<Store>,
        requests: mpsc::Receiver<Request>,
        ends: Ends,
        tails: [Vec<Tail>; 2],
        clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    ) -> Self {
        let known = Known { prints: Fingerprints::with_capacity(0), recent: RecentBlocks::default(), commit: 0 };
        Self { store, requests, ends, clock, tails, known }
    }

    /// Works until all senders of requests are gone, or until a failure after which nothing may be written.
    pub fn run(mut self) {
        let store = self.store.clone();
        let ran = store.guard("writing the log", || {
            self.load_ids()?;
            while let Some(first) = self.requests.blocking_recv() {
                let group = self.gather(first);
                self.write(group)?;
            }
            Ok(())
        });
        if let Err(error) = ran {
            tracing::error!(%error, "the log stops writing");
            // Only this thread sets the poison, once.
            let _ = store.poison.set(error);
        }
    }

    /// Reads the ids of all earlier commits. Appends wait meanwhile, reads do not.
    fn load_ids(&mut self) -> Result<(), LogError> {
        let Self { store, known, tails, .. } = self;
        let mut ends = tails.clone().map(|topic| topic.into_iter().map(|_| 0_u64).collect::<Vec<_>>());
        store.id_blocks(|commit, segments| {
            for segment in segments {
                let end = segment.base.offset + segment.ids.len() as u64;
                match ends[topic_index(segment.topic)].get_mut(segment.base.partition as usize) {
                    Some(known_end) => *known_end = end,
                    None => return Err(store.damaged_file("a block of event ids names an unknown partition")),
                }
                for id in &segment.ids {
                    known.prints.insert(fingerprint(segment.topic, id), commit);
                }
            }
            known.commit = commit + 1;
            Ok(())
        })?;
        // Ids and records are written together: a difference is a part of the file that went missing.
        for topic in Topic::ALL {
            let index = topic_index(topic);
            for (partition, (tail, end)) in tails[index].iter().zip(&ends[index]).enumerate() {
                if tail.next != *end {
                    let reason = format!("its event ids end at offset {end} and its records at {}", tail.next);
                    let (partition, offset) = (partition as u32, tail.next.min(*end));
                    return Err(LogError::Damaged { topic, partition, offset, reason });
                }
            }
        }
        Ok(())
    }

    /// `first` and whatever waits behind it, up to the size of a group.
    fn gather(&mut self, first: Request) -> Vec<Request> {
        let mut bytes = first.bytes();
        let mut requests = vec![first];
        while bytes < GROUP_BYTES {
            match self.requests.try_recv() {
                Ok(request) => {
                    bytes += request.bytes();
                    requests.push(request);
                }
                Err(_) => break,
            }
        }
        requests
    }

    /// Stores a group and answers it. An error here poisons the log.
    fn write(&mut self, requests: Vec<Request>) -> Result<(), LogError> {
        let mut waiting = Vec::with_capacity(requests.len());
        let written = self.store_group(requests, &mut waiting);
        if let Err(error) = &written {
            for (answer, _, _) in waiting {
                // A caller that went away does not need its answer.
                let _ = answer.send(Err(error.clone()));
            }
            return written;
        }
        for topic in Topic::ALL {
            let tails = &self.tails[topic_index(topic)];
            let end: Cut = tails.iter().enumerate().map(|(partition, tail)| (partition as u32, tail.next)).collect();
            self.ends[topic_index(topic)].send_if_modified(|known| {
                let moved = *known != end;
                *known = end;
                moved
            });
        }
        for (answer, appended, room) in waiting {
            drop(room);
            let _ = answer.send(Ok(appended));
        }
        Ok(())
    }

    fn store_group(&mut self, requests: Vec<Request>, waiting: &mut Vec<Waiting>) -> Result<(), LogError> {
        let partitions = self.store.partitions;
        let mut group = Group {
            slots: [vec![0; partitions as usize], vec![0; partitions as usize]],
            now: (self.clock)(),
            ..Group::default()
        };
        for Request { topic, records, answer, room } in requests {
            let mut appended = Vec::with_capacity(records.len());
            let mut outcome = Ok(());
            for record in &records {
                match self.place(&mut group, topic, record) {
                    Ok(place) => appended.push(place),
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            waiting.push((answer, appended, room));
            outcome?;
        }
        if group.segments.is_empty() {
            return Ok(());
        }
        self.commit(group)
    }

    /// Gives a record its place in the group, or finds the one it has already.
    fn place(&mut self, group: &mut Group, topic: Topic, record: &Append) -> Result<Appended, LogError> {
        let print = fingerprint(topic, &record.id);
        if let Some((position, recorded_at)) = self.known.find(&self.store, group, topic, record.id, print)? {
            return Ok(Appended { position, recorded_at, duplicate: true });
        }
        let partition = partition_of(&record.key, self.store.partitions);
        let tail = &mut self.tails[topic_index(topic)][partition as usize];
        let position = Position { partition, offset: tail.next };
        let slot = &mut group.slots[topic_index(topic)][partition as usize];
        if *slot == 0 {
            tail.recorded_at = tail.recorded_at.max(group.now);
            group.segments.push(Segment { topic, base: position, recorded_at: tail.recorded_at, ids: Vec::new() });
            group.open.push(OpenFrame { builder: FrameBuilder::new(), base: position.offset });
            *slot = group.open.len() as u32;
        }
        let index = *slot as usize - 1;
        let open = &mut group.open[index];
        if open.builder.is_full_for(record_bytes(record.key.len(), record.payload.len())) {
            let base = Position { partition, offset: open.base };
            group.frames.push((topic, base, open.builder.finish(topic, base, tail.recorded_at)));
            open.base = position.offset;
        }
        open.builder.push(record.key.as_bytes(), &record.payload);
        group.segments[index].ids.push(record.id);
        self.known.prints.insert(print, self.known.commit);
        tail.next += 1;
        Ok(Appended { position, recorded_at: tail.recorded_at, duplicate: false })
    }

    fn commit(&mut self, mut group: Group) -> Result<(), LogError> {
        for (open, segment) in group.open.iter_mut().zip(&group.segments) {
            let base = Position { offset: open.base, ..segment.base };
            group.frames.push((segment.topic, base, open.builder.finish(segment.topic, base, segment.recorded_at)));
        }
        let commit = self.known.commit;
        let next = commit.checked_add(1).filter(|next| *next < u32::MAX);
        let large = self.store.file_bytes() >= QUICK_REPAIR_BYTES;
        let store = || -> Result<(), redb::Error> {
            let mut write = self.store.db.begin_write()?;
            write.set_quick_repair(large);
            {
                let mut frames = write.open_table(FRAMES)?;
                for (topic, base, bytes) in &group.frames {
                    frames.insert((topic_code(*topic), base.partition, base.offset), bytes.as_slice())?;
                }
                write.open_table(IDS)?.insert(commit, encode(&group.segments).as_slice())?;
            }
            write.commit()?;
            Ok(())
        };
        store().map_err(|error| self.store.storage_error(error))?;
        self.known.commit = next.ok_or_else(|| self.store.damaged_file("its commit numbers are used up"))?;
        Ok(())
    }
}

type Waiting = (oneshot::Sender<Result<Vec<Appended>, LogError>>, Vec<Appended>, OwnedSemaphorePermit);

impl Known {
    /// Where `id` stands, on the disk or in the group.
    fn find(&mut self, store: &Store, group: &Group, topic: Topic, id: EventId, print: u32) -> Result<Option<Found>, LogError> {
        let Self { prints, recent, commit } = self;
        for candidate in prints.find(print) {
            let found = if candidate == *commit {
                group.find(topic, id)
            } else {
                let block = match recent.get(candidate) {
                    Some(block) => block,
                    None => {
                        let block = Arc::new(OpenBlock::new(&store.id_block(candidate)?));
                        recent.put(candidate, block.clone());
                        block
                    }
                };
                block.get(topic, id)
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

impl Group {
    fn find(&self, topic: Topic, id: EventId) -> Option<Found> {
        self.segments.iter().filter(|segment| segment.topic == topic).find_map(|segment| {
            let index = segment.ids.iter().position(|known| *known == id)?;
            let offset = segment.base.offset + index as u64;
            Some((Position { offset, ..segment.base }, segment.recorded_at))
        })
    }
}

/// Place of a topic in arrays that follow [`Topic::ALL`].
pub const fn topic_index(topic: Topic) -> usize {
    topic_code(topic) as usize
}
