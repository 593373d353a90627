//! The file of wrapped data keys: a header, then frames. A frame is what one call appended; a torn last one was never used.
//!
//! Header: magic, version u16, keyring 16 bytes, epoch u64, wrapped pepper, CRC-32C of all before. Frame: length u32, CRC-32C of the
//! payload, CRC-32C of those eight bytes, payload. Payload: entries of kind u8, subject length u8, subject, number u32, and for a key
//! the wrapped key. Numbers are little-endian.

use std::path::Path;

use cubelog_memory::SubjectId;

use crate::crypto::WRAPPED_BYTES;
use crate::error::KeyError;

const MAGIC: &[u8; 8] = b"CLOGKEYS";
const VERSION: u16 = 1;
const CHECKED_BYTES: usize = 8 + 2 + 16 + 8 + WRAPPED_BYTES;
pub(crate) const HEADER_BYTES: usize = CHECKED_BYTES + 4;
const FRAME_HEADER_BYTES: usize = 12;
const KEY: u8 = 1;
const DESTROYED: u8 = 2;
/// Entries of one frame when the file is written anew.
const FRAME_ENTRIES_MAX: usize = 1_024;

pub(crate) struct Header {
    pub(crate) keyring: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) pepper: [u8; WRAPPED_BYTES],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    Key {
        subject: SubjectId,
        number: u32,
        wrapped: [u8; WRAPPED_BYTES],
    },
    /// Data keys up to `number` were destroyed.
    Destroyed {
        subject: SubjectId,
        number: u32,
    },
}

/// Entries of the whole frames, and where the last of them ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frames {
    pub(crate) entries: Vec<Entry>,
    pub(crate) end: u64,
}

/// A whole file.
pub(crate) fn print(header: &Header, entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + entries.len() * 128);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&header.keyring);
    out.extend_from_slice(&header.epoch.to_le_bytes());
    out.extend_from_slice(&header.pepper);
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    for chunk in entries.chunks(FRAME_ENTRIES_MAX) {
        out.extend_from_slice(&print_frame(chunk));
    }
    out
}

pub(crate) fn print_frame(entries: &[Entry]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(entries.len() * 128);
    for entry in entries {
        let (kind, subject, number) = match entry {
            Entry::Key { subject, number, .. } => (KEY, subject, number),
            Entry::Destroyed { subject, number } => (DESTROYED, subject, number),
        };
        // A name has at most 128 bytes, so its length fits.
        payload.extend_from_slice(&[kind, subject.as_str().len() as u8]);
        payload.extend_from_slice(subject.as_str().as_bytes());
        payload.extend_from_slice(&number.to_le_bytes());
        if let Entry::Key { wrapped, .. } = entry {
            payload.extend_from_slice(wrapped);
        }
    }
    let mut frame = Vec::with_capacity(FRAME_HEADER_BYTES + payload.len());
    frame.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    frame.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
    frame.extend_from_slice(&crc32c::crc32c(&frame).to_le_bytes());
    frame.extend_from_slice(&payload);
    frame
}

pub(crate) fn parse_header(bytes: &[u8], path: &Path) -> Result<Header, KeyError> {
    let damaged = |what| KeyError::Damaged { path: path.to_owned(), offset: 0, what };
    let mut rest = Taker(bytes);
    let magic = rest.chunk::<8>();
    if magic != Some(MAGIC) {
        return Err(damaged("it is no file of data keys"));
    }
    let version = rest.chunk().map(|bytes| u16::from_le_bytes(*bytes));
    if let Some(version) = version.filter(|version| *version > VERSION) {
        return Err(KeyError::NewerVersion { path: path.to_owned(), version });
    }
    let header = || {
        let keyring = *rest.chunk::<16>()?;
        let epoch = u64::from_le_bytes(*rest.chunk()?);
        let pepper = *rest.chunk::<WRAPPED_BYTES>()?;
        let check = u32::from_le_bytes(*rest.chunk()?);
        (check == crc32c::crc32c(&bytes[..CHECKED_BYTES])).then_some(Header { keyring, epoch, pepper })
    };
    let mut header = header;
    header().ok_or_else(|| damaged("the header does not fit its check"))
}

/// Parses the frames in `bytes`, which lie from `start` on in the file and go to its end.
pub(crate) fn parse_frames(bytes: &[u8], start: u64, path: &Path) -> Result<Frames, KeyError> {
    let mut entries = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let damaged = |what| KeyError::Damaged { path: path.to_owned(), offset: start + at as u64, what };
        let rest = &bytes[at..];
        // Whoever was stopped while appending left a beginning, or zeros where the file system had only made room.
        let Some((head, body)) = rest.split_at_checked(FRAME_HEADER_BYTES) else { break };
        if rest.iter().all(|byte| *byte == 0) {
            break;
        }
        let mut head_fields = Taker(head);
        let mut number = || head_fields.chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let (length, payload_check, head_check) = (number() as usize, number(), number());
        if head_check != crc32c::crc32c(&head[..8]) {
            return Err(damaged("a frame's header does not fit its check"));
        }
        let Some(payload) = body.get(..length) else { break };
        if payload_check != crc32c::crc32c(payload) {
            let last = body.len() == length;
            if last && payload.ends_with(&[0; 16]) {
                break;
            }
            return Err(damaged("a frame does not fit its check"));
        }
        parse_entries(payload, &mut entries).ok_or_else(|| damaged("a frame holds no entries"))?;
        at += FRAME_HEADER_BYTES + length;
    }
    Ok(Frames { entries, end: start + at as u64 })
}

fn parse_entries(payload: &[u8], entries: &mut Vec<Entry>) -> Option<()> {
    let mut rest = Taker(payload);
    while !rest.0.is_empty() {
        let [kind, length] = *rest.chunk()?;
        let subject = SubjectId::new(std::str::from_utf8(rest.take(length.into())?).ok()?).ok()?;
        let number = u32::from_le_bytes(*rest.chunk()?);
        entries.push(match kind {
            KEY => Entry::Key { subject, number, wrapped: *rest.chunk()? },
            DESTROYED => Entry::Destroyed { subject, number },
            _ => return None,
        });
    }
    Some(())
}

struct Taker<'a>(&'a [u8]);

impl<'a> Taker<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }
    fn chunk<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry() -> impl Strategy<Value = Entry> {
        ("[a-z0-9_][a-z0-9.-]{0,40}", any::<u32>(), proptest::option::of(any::<u8>())).prop_map(|(name, number, key)| {
            let subject = SubjectId::new(name).unwrap();
            match key {
                Some(byte) => Entry::Key { subject, number, wrapped: [byte; WRAPPED_BYTES] },
                None => Entry::Destroyed { subject, number },
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed(
            frames in proptest::collection::vec(proptest::collection::vec(entry(), 1..5), 0..5),
            start in 0..1_000_000u64,
        ) {
            let bytes = frames.iter().flat_map(|frame| print_frame(frame)).collect::<Vec<_>>();
            let expected = Frames { entries: frames.concat(), end: start + bytes.len() as u64 };
            prop_assert_eq!(parse_frames(&bytes, start, Path::new("keys")).unwrap(), expected);
        }

        #[test]
        fn any_bytes_are_frames_or_damage(mut bytes in proptest::collection::vec(any::<u8>(), 0..400), framed in any::<bool>()) {
            if framed && bytes.len() >= FRAME_HEADER_BYTES {
                let payload = bytes.split_off(FRAME_HEADER_BYTES);
                bytes = [(payload.len() as u32).to_le_bytes(), crc32c::crc32c(&payload).to_le_bytes()].concat();
                bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
                bytes.extend(payload);
            }
            let _ = parse_header(&bytes, Path::new("keys"));
            if let Ok(frames) = parse_frames(&bytes, 0, Path::new("keys")) {
                prop_assert!(frames.end <= bytes.len() as u64);
            }
        }
    }
}
