//! Why something cannot be written, and why bytes cannot be read.

use cubelog_memory::limits::EVENT_BYTES_MAX;
use cubelog_memory::{NameError, PathError};

/// Why an event, an access or content is not written.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EncodeError {
    #[error("encoded record has {bytes} bytes; at most {EVENT_BYTES_MAX} are allowed: shorten its text or its lists")]
    Oversize { bytes: usize },
    #[error("{field} is {value}; the written form holds at most 2^63 - 1")]
    Range { field: &'static str, value: u64 },
    #[error("weight is {weight}; give a number from 0 to 1")]
    Weight { weight: f32 },
    #[error("{field} is {value}; give a finite number")]
    NotFinite { field: &'static str, value: f32 },
}

/// Why bytes are no event, access or content. The bytes are at fault, never the moment: trying again gives the same answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    #[error("record has {bytes} bytes; at most {EVENT_BYTES_MAX} are allowed")]
    Oversize { bytes: usize },
    #[error(
        "record starts with {found:02x?} instead of c3 01, so it is not in Avro's single-object encoding; check who writes to the topic"
    )]
    Magic { found: [u8; 2] },
    #[error(
        "schema fingerprint {fingerprint:016x} is of no released {record}; a newer cubelog may have written it: upgrade this one"
    )]
    UnknownFingerprint { record: &'static str, fingerprint: u64 },
    #[error("record ends at byte {at} inside {field}")]
    Truncated { field: &'static str, at: usize },
    #[error("record goes on for {bytes} bytes after its end")]
    Trailing { bytes: usize },
    #[error("{field} has a number of more than 64 bits at byte {at}")]
    Varint { field: &'static str, at: usize },
    #[error("{field} has a length or a count of {value}")]
    Length { field: &'static str, value: i64 },
    #[error("{field} takes branch {branch} of null and a value")]
    Branch { field: &'static str, branch: i64 },
    #[error("{field} is {value}, which is out of range")]
    Range { field: &'static str, value: i64 },
    #[error("{field} is {value:#04x} instead of true or false")]
    Boolean { field: &'static str, value: u8 },
    #[error("{field} is not valid UTF-8 from byte {at} on")]
    Utf8 { field: &'static str, at: usize },
    #[error("{field}: {reason}")]
    Name { field: &'static str, reason: NameError },
    #[error("{field}: {reason}")]
    Path { field: &'static str, reason: PathError },
    #[error("{field} is {word:?}, a word that this version does not know")]
    Word { field: &'static str, word: String },
    #[error("weight is {weight}, not a number from 0 to 1")]
    Weight { weight: f32 },
    #[error("{field} is {value}, not a finite number")]
    NotFinite { field: &'static str, value: f32 },
    #[error("event has no body of a kind that this version knows")]
    NoBody,
    #[error("event has two bodies, {first} and {second}")]
    TwoBodies { first: &'static str, second: &'static str },
    #[error("record of an older schema cannot be read: {reason}")]
    Upcast { reason: String },
}
