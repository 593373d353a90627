//! Which event ids the log already has: one block of ids per commit in the file, and a compact table in memory that leads to it.
//!
//! Random ids in a B-tree would rewrite thousands of pages per commit. Instead each commit stores its ids as one block, in
//! the same transaction as the records, and memory keeps eight bytes per event: a fingerprint of the id and the number of the commit.
//! A fingerprint that matches is checked against the block, so the answer is exact. The table is built when the log is opened
//! (16 bytes read per event), beside the first reads.

use std::collections::HashMap;
use std::sync::Arc;

use cubelog_memory::{EventId, Position, Timestamp};

use super::frame::{le_u32, le_u64, topic_code};
use crate::port::Topic;

const MAGIC: &[u8; 4] = b"CLI1";
const ID_BYTES: usize = 16;
const SEGMENT_HEADER_BYTES: usize = 25;

/// The ids of one commit in one partition, in offset order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub topic: Topic,
    pub base: Position,
    pub recorded_at: Timestamp,
    pub ids: Vec<EventId>,
}

/// Why stored bytes are no block of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a block of event ids is damaged")]
pub struct BlockError;

/// Stored form: magic | crc32c of the rest | for each segment: topic u8, partition u32, base offset u64, recorded at i64, ids u32, ids.
pub fn encode(segments: &[Segment]) -> Vec<u8> {
    let ids: usize = segments.iter().map(|segment| segment.ids.len()).sum();
    let mut bytes = Vec::with_capacity(8 + segments.len() * SEGMENT_HEADER_BYTES + ids * ID_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 4]);
    for segment in segments {
        bytes.push(topic_code(segment.topic));
        bytes.extend_from_slice(&segment.base.partition.to_le_bytes());
        bytes.extend_from_slice(&segment.base.offset.to_le_bytes());
        bytes.extend_from_slice(&segment.recorded_at.0.to_le_bytes());
        bytes.extend_from_slice(&(segment.ids.len() as u32).to_le_bytes());
        for id in &segment.ids {
            bytes.extend_from_slice(id.as_bytes());
        }
    }
    let crc = crc32c::crc32c(&bytes[8..]);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Reads a block back.
pub fn decode(bytes: &[u8]) -> Result<Vec<Segment>, BlockError> {
    if bytes.len() < 8 || &bytes[..4] != MAGIC || le_u32(&bytes[4..8]) != crc32c::crc32c(&bytes[8..]) {
        return Err(BlockError);
    }
    let mut segments = Vec::new();
    let mut rest = &bytes[8..];
    while !rest.is_empty() {
        let header: &[u8; SEGMENT_HEADER_BYTES] = rest.first_chunk().ok_or(BlockError)?;
        let topic = Topic::ALL.into_iter().find(|topic| topic_code(*topic) == header[0]).ok_or(BlockError)?;
        let count = le_u32(&header[21..25]) as usize;
        let ids = rest.get(SEGMENT_HEADER_BYTES..SEGMENT_HEADER_BYTES + count * ID_BYTES).ok_or(BlockError)?;
        let (ids_whole, _) = ids.as_chunks::<ID_BYTES>();
        segments.push(Segment {
            topic,
            base: Position { partition: le_u32(&header[1..5]), offset: le_u64(&header[5..13]) },
            recorded_at: Timestamp(le_u64(&header[13..21]) as i64),
            ids: ids_whole.iter().map(|id| EventId::from_bytes(*id)).collect(),
        });
        rest = &rest[SEGMENT_HEADER_BYTES + count * ID_BYTES..];
    }
    Ok(segments)
}

/// Fingerprint of an id within its topic.
pub fn fingerprint(topic: Topic, id: &EventId) -> u32 {
    (xxhash_rust::xxh3::xxh3_64_with_seed(id.as_bytes(), u64::from(topic_code(topic))) >> 32) as u32
}

/// A multimap from fingerprints to commit numbers: open addressing, eight bytes a slot, never more than 70 % full.
#[derive(Debug)]
pub struct Fingerprints {
    /// `fingerprint << 32 | commit + 1`; 0 is an empty slot.
    slots: Vec<u64>,
    used: usize,
}

impl Fingerprints {
    pub fn with_capacity(ids: usize) -> Self {
        Self { slots: vec![0; (ids * 10 / 7 + 1).next_power_of_two().max(1024)], used: 0 }
    }

    fn slot_of(&self, fingerprint: u32) -> usize {
        // The upper bits choose the slot, so that growing keeps neighbours together.
        (u64::from(fingerprint) << 32 >> (64 - self.slots.len().trailing_zeros())) as usize
    }

    /// Commits that may hold an id with this fingerprint.
    pub fn find(&self, fingerprint: u32) -> impl Iterator<Item = u32> + '_ {
        let mask = self.slots.len() - 1;
        let mut at = self.slot_of(fingerprint);
        std::iter::from_fn(move || {
            loop {
                let slot = self.slots[at];
                at = (at + 1) & mask;
                if slot == 0 {
                    return None;
                }
                if (slot >> 32) as u32 == fingerprint {
                    return Some((slot as u32).wrapping_sub(1));
                }
            }
        })
    }

    pub fn insert(&mut self, fingerprint: u32, commit: u32) {
        if (self.used + 1) * 10 > self.slots.len() * 7 {
            let old = std::mem::replace(&mut self.slots, vec![0; 0]);
            self.slots = vec![0; old.len() * 2];
            for slot in old.into_iter().filter(|slot| *slot != 0) {
                self.place(slot);
            }
        }
        self.place(u64::from(fingerprint) << 32 | u64::from(commit.wrapping_add(1)));
        self.used += 1;
    }

    fn place(&mut self, entry: u64) {
        let mask = self.slots.len() - 1;
        let mut at = self.slot_of((entry >> 32) as u32);
        while self.slots[at] != 0 {
            at = (at + 1) & mask;
        }
        self.slots[at] = entry;
    }
}

/// Where an id stands.
pub type Found = (Position, Timestamp);

/// A block made ready for many look-ups.
#[derive(Debug)]
pub struct OpenBlock(HashMap<(Topic, EventId), Found>);

impl OpenBlock {
    pub fn new(segments: &[Segment]) -> Self {
        let mut ids = HashMap::new();
        for segment in segments {
            for (index, id) in segment.ids.iter().enumerate() {
                let offset = segment.base.offset + index as u64;
                ids.insert((segment.topic, *id), (Position { offset, ..segment.base }, segment.recorded_at));
            }
        }
        Self(ids)
    }

    pub fn get(&self, topic: Topic, id: EventId) -> Option<Found> {
        self.0.get(&(topic, id)).copied()
    }
}

/// The blocks that were looked into last: importing a file again asks for the same few blocks over and over.
#[derive(Debug, Default)]
pub struct RecentBlocks(Vec<(u32, Arc<OpenBlock>)>);

const RECENT_BLOCKS_MAX: usize = 16;

impl RecentBlocks {
    pub fn get(&mut self, commit: u32) -> Option<Arc<OpenBlock>> {
        let at = self.0.iter().position(|(number, _)| *number == commit)?;
        self.0[..=at].rotate_right(1);
        Some(self.0[0].1.clone())
    }

    pub fn put(&mut self, commit: u32, block: Arc<OpenBlock>) {
        self.0.truncate(RECENT_BLOCKS_MAX - 1);
        self.0.insert(0, (commit, block));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(number: u128) -> EventId {
        EventId::from_bytes(number.to_be_bytes())
    }

    #[test]
    fn a_block_reads_back_and_a_flipped_bit_is_noticed() {
        let segment = |topic, partition, ids: std::ops::Range<u128>| Segment {
            topic,
            base: Position { partition, offset: 7 },
            recorded_at: Timestamp(9),
            ids: ids.map(id).collect(),
        };
        let segments = vec![segment(Topic::Events, 0, 0..3), segment(Topic::Access, 5, 3..4), segment(Topic::Events, 1, 4..9)];
        let bytes = encode(&segments);
        assert_eq!(decode(&bytes), Ok(segments.clone()));
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            assert_eq!(decode(&flipped), Err(BlockError), "byte {at}");
        }
        let open = OpenBlock::new(&segments);
        assert_eq!(open.get(Topic::Access, id(3)), Some((Position { partition: 5, offset: 7 }, Timestamp(9))));
        assert_eq!(open.get(Topic::Events, id(3)), None);
        assert_eq!(open.get(Topic::Events, id(6)), Some((Position { partition: 1, offset: 9 }, Timestamp(9))));
    }

    proptest! {
        /// Few distinct fingerprints, so that they collide, wrap around the end and survive growth.
        #[test]
        fn the_table_finds_every_commit_of_a_fingerprint(entries in proptest::collection::vec((0_u32..40, 0_u32..1000), 0..2000)) {
            let spread = |small: u32| if small < 20 { u32::MAX - small } else { small << 20 };
            let mut table = Fingerprints::with_capacity(0);
            for (print, commit) in &entries {
                table.insert(spread(*print), *commit);
            }
            for print in 0..41 {
                let mut found: Vec<u32> = table.find(spread(print)).collect();
                let mut expected: Vec<u32> = entries.iter().filter(|(p, _)| *p == print).map(|(_, c)| *c).collect();
                found.sort_unstable();
                expected.sort_unstable();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
