//! Encoding and decoding of whole records: header, size limit, and the choice of the writer's schema.

use std::sync::LazyLock;

use cubelog_memory::limits::EVENT_BYTES_MAX;
use cubelog_memory::{Access, Content, Event};

use crate::error::{DecodeError, EncodeError};
use crate::releases::{
    ACCESS_FINGERPRINT, CONTENT_FINGERPRINT, EVENT_FINGERPRINT, HEADER_BYTES, released_access_schemas, released_content_schemas,
    released_event_schemas,
};
use crate::upcast::Upcast;
use crate::wire::{self, Reader, Writer};

const MAGIC: [u8; 2] = [0xC3, 0x01];

/// Appends `event` to `out`. On an error `out` is as it was.
pub fn encode_event(event: &Event, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode(EVENT_FINGERPRINT, out, |writer| wire::write_event(writer, event))
}

/// Appends `access` to `out`. On an error `out` is as it was.
pub fn encode_access(access: &Access, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode(ACCESS_FINGERPRINT, out, |writer| wire::write_access(writer, access))
}

/// Appends `content` to `out`, in clear: what is sealed next. On an error `out` is as it was.
pub fn encode_content(content: &Content, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    encode(CONTENT_FINGERPRINT, out, |writer| {
        wire::write_content(writer, content);
        Ok(())
    })
}

/// Reads one event; `bytes` is one record, neither less nor more. Never panics, and allocates in proportion to `bytes`.
pub fn decode_event(bytes: &[u8]) -> Result<Event, DecodeError> {
    static OLDER: LazyLock<Upcast> = LazyLock::new(|| Upcast::new("event", released_event_schemas()));
    decode(bytes, EVENT_FINGERPRINT, wire::read_event, &OLDER)
}

/// Reads one access, as [`decode_event`] reads an event.
pub fn decode_access(bytes: &[u8]) -> Result<Access, DecodeError> {
    static OLDER: LazyLock<Upcast> = LazyLock::new(|| Upcast::new("access", released_access_schemas()));
    decode(bytes, ACCESS_FINGERPRINT, wire::read_access, &OLDER)
}

/// Reads opened content, as [`decode_event`] reads an event.
pub fn decode_content(bytes: &[u8]) -> Result<Content, DecodeError> {
    static OLDER: LazyLock<Upcast> = LazyLock::new(|| Upcast::new("content", released_content_schemas()));
    decode(bytes, CONTENT_FINGERPRINT, wire::read_content, &OLDER)
}

/// The writer's schema that a record names in its header, without reading the rest.
pub fn fingerprint_of(bytes: &[u8]) -> Result<u64, DecodeError> {
    if let Some(found) = bytes.first_chunk::<2>()
        && *found != MAGIC
    {
        return Err(DecodeError::Magic { found: *found });
    }
    let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(DecodeError::Truncated { field: "header", at: bytes.len() })?;
    let [_, _, fingerprint @ ..] = *header;
    Ok(u64::from_le_bytes(fingerprint))
}

fn encode(
    fingerprint: u64,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&fingerprint.to_le_bytes());
    let written = write(&mut Writer::new(out)).and_then(|()| match out.len() - start {
        bytes if bytes > EVENT_BYTES_MAX => Err(EncodeError::Oversize { bytes }),
        _ => Ok(()),
    });
    if written.is_err() {
        out.truncate(start);
    }
    written
}

/// `current` is the fingerprint that `read` reads; others are brought to it by `older`.
pub(crate) fn decode<T>(
    bytes: &[u8],
    current: u64,
    read: fn(&mut Reader<'_>) -> Result<T, DecodeError>,
    older: &LazyLock<Upcast>,
) -> Result<T, DecodeError> {
    if bytes.len() > EVENT_BYTES_MAX {
        return Err(DecodeError::Oversize { bytes: bytes.len() });
    }
    let fingerprint = fingerprint_of(bytes)?;
    if fingerprint == current {
        return read_whole(bytes, HEADER_BYTES, read);
    }
    let upcast = older.to_current(fingerprint, &bytes[HEADER_BYTES..])?;
    read_whole(&upcast, 0, read)
}

fn read_whole<T>(bytes: &[u8], start: usize, read: fn(&mut Reader<'_>) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
    let mut reader = Reader::new(bytes, start);
    let value = read(&mut reader)?;
    match reader.left() {
        0 => Ok(value),
        bytes => Err(DecodeError::Trailing { bytes }),
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::Schema;
    use apache_avro::rabin::Rabin;
    use cubelog_memory::{Body, EventId};

    use super::*;
    use crate::releases::EVENT_SCHEMA;

    /// Event as it was before its last kind and its correlation came: what a second release looks like to its reader.
    fn before() -> (u64, String) {
        let mut json: serde_json::Value = serde_json::from_str(EVENT_SCHEMA).unwrap();
        let fields = json["fields"].as_array_mut().unwrap();
        fields.retain(|field| field["name"] != "module_rolled_back" && field["name"] != "correlation_id");
        let fingerprint = Schema::parse(&json).unwrap().fingerprint::<Rabin>().bytes;
        (u64::from_le_bytes(fingerprint.try_into().unwrap()), json.to_string())
    }

    static OLDER: LazyLock<Upcast> = LazyLock::new(|| {
        let (fingerprint, json) = before();
        Upcast::new("event", &[(fingerprint, &json), (EVENT_FINGERPRINT, EVENT_SCHEMA)])
    });

    fn decode_with_older(bytes: &[u8]) -> Result<Event, DecodeError> {
        decode(bytes, EVENT_FINGERPRINT, wire::read_event, &OLDER)
    }

    /// A golden event, and the same as the older writer would have written it.
    fn golden(kind: &str) -> (Event, Vec<u8>) {
        let path = format!("{}/avro/golden/v2/{kind}.bin", env!("CARGO_MANIFEST_DIR"));
        let mut event = decode_event(&std::fs::read(path).unwrap()).unwrap();
        event.envelope.correlation = Some(EventId::from_bytes([0xAB; 16]));
        let mut bytes = Vec::new();
        encode_event(&event, &mut bytes).unwrap();
        let correlation = bytes.windows(17).position(|window| window == [&[2][..], &[0xAB; 16]].concat()).unwrap();
        bytes.drain(correlation..correlation + 17);
        bytes.pop();
        bytes[2..HEADER_BYTES].copy_from_slice(&before().0.to_le_bytes());
        event.envelope.correlation = None;
        (event, bytes)
    }

    #[test]
    fn an_event_of_an_older_schema_reads_like_one_of_today() {
        for kind in ["turn_received", "memory_recorded", "memory_tagged", "dead_letter_handled"] {
            let (event, bytes) = golden(kind);
            assert_eq!(decode_with_older(&bytes).unwrap(), event);
        }
    }

    #[test]
    fn damage_to_an_event_of_an_older_schema_is_found() {
        let (event, bytes) = golden("memory_recorded");
        assert!(matches!(event.body, Body::MemoryRecorded(_)));
        for cut in HEADER_BYTES..bytes.len() {
            assert!(decode_with_older(&bytes[..cut]).is_err(), "cut to {cut} bytes");
        }
        assert_eq!(decode_with_older(&[&bytes[..], &[0]].concat()), Err(DecodeError::Trailing { bytes: 1 }));
        for place in HEADER_BYTES..bytes.len() {
            // 0x80 on a number makes it a longer form of the same number, which Avro allows.
            for flip in [0x01, 0x40, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[place] ^= flip;
                assert_ne!(decode_with_older(&damaged), Ok(event.clone()), "byte {place} ^ {flip:#x}");
            }
        }
        assert!(matches!(decode_event(&bytes), Err(DecodeError::UnknownFingerprint { .. })));
    }
}
