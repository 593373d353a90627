//! The stored form of consecutive records of one partition: one frame is one value in the file, with its own checksum.
//!
//! ```text
//! magic "CLF1" | crc32c of all that follows | topic u8 | 3 zero bytes | partition u32 | base offset u64 | recorded at i64 (µs)
//! | records u32 | then for each record: key bytes u16, payload bytes u32, key, payload            (integers little-endian)
//! ```
//! All records of a frame were taken by the log at the same instant. The engine checks no page when it reads, so the checksum
//! here is what keeps a flipped bit from being served.

use bytes::Bytes;
use cubelog_memory::{Position, Timestamp};

use crate::port::{Record, Topic};

const MAGIC: &[u8; 4] = b"CLF1";
const HEADER_BYTES: usize = 36;
const RECORD_HEADER_BYTES: usize = 6;

/// Longest key of a record, in bytes.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// A frame is closed before it grows beyond this. Values take power-of-two multiples of 4 KiB, the leaf around the value included:
/// this stays just below 64 KiB. A larger record gets a frame of its own.
pub const FRAME_BYTES_TARGET: usize = 64 * 1024 - 128;

/// Number that stands for a topic in the file; never change one.
pub const fn topic_code(topic: Topic) -> u8 {
    match topic {
        Topic::Events => 0,
        Topic::Access => 1,
    }
}

/// Bytes that a record takes in a frame.
pub const fn record_bytes(key: usize, payload: usize) -> usize {
    RECORD_HEADER_BYTES + key + payload
}

/// Collects records into a frame.
#[derive(Debug)]
pub struct FrameBuilder {
    bytes: Vec<u8>,
    records: u32,
}

impl FrameBuilder {
    pub fn new() -> Self {
        let mut bytes = Vec::with_capacity(FRAME_BYTES_TARGET);
        bytes.resize(HEADER_BYTES, 0);
        Self { bytes, records: 0 }
    }

    /// Whether a record of this size belongs into the next frame.
    pub fn is_full_for(&self, record_bytes: usize) -> bool {
        self.records > 0 && self.bytes.len() + record_bytes > FRAME_BYTES_TARGET
    }

    /// `key` has at most [`KEY_BYTES_MAX`] bytes, checked at the log's entrance.
    pub fn push(&mut self, key: &[u8], payload: &[u8]) {
        debug_assert!(key.len() <= KEY_BYTES_MAX, "the entrance checks keys");
        self.bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(payload);
        self.records += 1;
    }

    /// Writes header and checksum and hands the bytes over; the builder is empty afterwards.
    pub fn finish(&mut self, topic: Topic, base: Position, recorded_at: Timestamp) -> Vec<u8> {
        let Self { mut bytes, records } = std::mem::replace(self, Self::new());
        bytes[..4].copy_from_slice(MAGIC);
        bytes[8] = topic_code(topic);
        bytes[12..16].copy_from_slice(&base.partition.to_le_bytes());
        bytes[16..24].copy_from_slice(&base.offset.to_le_bytes());
        bytes[24..32].copy_from_slice(&recorded_at.0.to_le_bytes());
        bytes[32..36].copy_from_slice(&records.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

/// Why stored bytes are no frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("the frame is cut short")]
    Short,
    #[error("the frame does not begin with its mark")]
    Magic,
    #[error("the frame's checksum does not match")]
    Checksum,
    #[error("the frame belongs to another place")]
    Misplaced,
    #[error("the frame's records do not add up")]
    Records,
}

/// A stored frame whose checksum and place have been verified.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    pub base: Position,
    pub recorded_at: Timestamp,
    pub records: u32,
}

impl<'a> Frame<'a> {
    /// Verifies bytes found under the key (`topic`, `base`).
    pub fn verify(bytes: &'a [u8], topic: Topic, base: Position) -> Result<Self, FrameError> {
        let header: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(FrameError::Short)?;
        if &header[..4] != MAGIC {
            return Err(FrameError::Magic);
        }
        if le_u32(&header[4..8]) != crc32c::crc32c(&bytes[8..]) {
            return Err(FrameError::Checksum);
        }
        let stored = Position { partition: le_u32(&header[12..16]), offset: le_u64(&header[16..24]) };
        if header[8] != topic_code(topic) || stored != base {
            return Err(FrameError::Misplaced);
        }
        let records = le_u32(&header[32..36]);
        if records == 0 {
            return Err(FrameError::Records);
        }
        Ok(Self { bytes, base, recorded_at: Timestamp(le_u64(&header[24..32]) as i64), records })
    }

    /// First offset after the frame.
    pub fn next(&self) -> u64 {
        self.base.offset + u64::from(self.records)
    }

    /// Appends the records with offsets in `from..until` to `out`; they share one copy of the frame.
    pub fn records_into(&self, from: u64, until: u64, out: &mut Vec<Record>) -> Result<(), FrameError> {
        let shared = Bytes::copy_from_slice(self.bytes);
        let mut at = HEADER_BYTES;
        for index in 0..self.records {
            let header = self.bytes.get(at..at + RECORD_HEADER_BYTES).ok_or(FrameError::Records)?;
            let key_at = at + RECORD_HEADER_BYTES;
            let payload_at = key_at + usize::from(u16::from_le_bytes([header[0], header[1]]));
            let end = payload_at + le_u32(&header[2..6]) as usize;
            if end > self.bytes.len() {
                return Err(FrameError::Records);
            }
            let offset = self.base.offset + u64::from(index);
            if offset >= until {
                return Ok(());
            }
            if offset >= from {
                out.push(Record {
                    position: Position { partition: self.base.partition, offset },
                    recorded_at: self.recorded_at,
                    key: shared.slice(key_at..payload_at),
                    payload: shared.slice(payload_at..end),
                });
            }
            at = end;
        }
        if at == self.bytes.len() { Ok(()) } else { Err(FrameError::Records) }
    }
}

/// Reads a little-endian number from exactly four bytes.
pub fn le_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// Reads a little-endian number from exactly eight bytes.
pub fn le_u64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: Position = Position { partition: 3, offset: 70 };

    fn frame(records: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
        let mut builder = FrameBuilder::new();
        for (key, payload) in records {
            builder.push(key, payload);
        }
        builder.finish(Topic::Access, BASE, Timestamp(-5))
    }

    fn records() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
        let bytes = |max| proptest::collection::vec(any::<u8>(), 0..max);
        proptest::collection::vec((bytes(20), bytes(200)), 1..20)
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(records in records(), skip in 0_u64..25, take in 0_u64..25) {
            let bytes = frame(&records);
            let frame = Frame::verify(&bytes, Topic::Access, BASE).unwrap();
            prop_assert_eq!(frame.next(), BASE.offset + records.len() as u64);
            let (from, until) = (BASE.offset + skip, BASE.offset + skip + take);
            let mut out = Vec::new();
            frame.records_into(from, until, &mut out).unwrap();
            let expected: Vec<_> = records.iter().enumerate().map(|(i, r)| (BASE.offset + i as u64, r))
                .filter(|(o, _)| (from..until).contains(o)).collect();
            prop_assert_eq!(out.len(), expected.len());
            for (record, (offset, (key, payload))) in out.iter().zip(expected) {
                prop_assert_eq!(record.position, Position { partition: 3, offset });
                prop_assert_eq!(record.recorded_at, Timestamp(-5));
                prop_assert_eq!(&record.key[..], &key[..]);
                prop_assert_eq!(&record.payload[..], &payload[..]);
            }
        }

        #[test]
        fn a_flipped_bit_or_a_lost_tail_is_noticed(records in records(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let good = frame(&records);
            let mut flipped = good.clone();
            let index = at.index(flipped.len());
            flipped[index] ^= 1_u8 << bit;
            prop_assert!(Frame::verify(&flipped, Topic::Access, BASE).is_err());
            prop_assert!(Frame::verify(&good[..index], Topic::Access, BASE).is_err());
        }
    }

    #[test]
    fn a_frame_of_another_place_is_refused() {
        let bytes = frame(&[(b"k".to_vec(), b"v".to_vec())]);
        let other = Position { partition: 3, offset: 71 };
        assert_eq!(Frame::verify(&bytes, Topic::Access, other).unwrap_err(), FrameError::Misplaced);
        assert_eq!(Frame::verify(&bytes, Topic::Events, BASE).unwrap_err(), FrameError::Misplaced);
    }
}
