//! Records of older schemas: resolved to the current one by apache-avro, then read like any other.
//!
//! This way is slow and general; a log holds old records once, and every record of today takes the fast way.

use std::collections::HashMap;
use std::io::Read;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;

use crate::error::DecodeError;

/// Bound on what one length or count may make apache-avro allocate, in bytes; far above what a record can need.
const ALLOCATION_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) struct Upcast {
    record: &'static str,
    older: HashMap<u64, Schema>,
    /// `None` if a released schema does not parse, which a test rules out.
    current: Option<Schema>,
}

impl Upcast {
    /// From every released schema with its fingerprint, oldest first; the last is current.
    pub(crate) fn new(record: &'static str, releases: &[(u64, &str)]) -> Self {
        apache_avro::util::max_allocation_bytes(ALLOCATION_BYTES_MAX);
        let mut parsed: Vec<(u64, Schema)> =
            releases.iter().filter_map(|(fingerprint, json)| Some((*fingerprint, Schema::parse_str(json).ok()?))).collect();
        let current = parsed.pop().map(|(_, schema)| schema);
        Self { record, older: parsed.into_iter().collect(), current }
    }

    /// The same record, without header, as the current schema writes it.
    pub(crate) fn to_current(&self, fingerprint: u64, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let unknown = DecodeError::UnknownFingerprint { record: self.record, fingerprint };
        let (Some(older), Some(current)) = (self.older.get(&fingerprint), &self.current) else { return Err(unknown) };
        let reason = |error: apache_avro::Error| DecodeError::Upcast { reason: error.to_string() };

        let mut source = Source { rest: bytes, exhausted: false };
        let value = GenericDatumReader::builder(older).build().and_then(|reader| reader.read_value(&mut source));
        // Asked first: apache-avro takes a string or a union that lies past the end for null, and calls that success.
        if source.exhausted {
            return Err(DecodeError::Truncated { field: self.record, at: bytes.len() });
        }
        let value = value.map_err(reason)?;
        if !source.rest.is_empty() {
            return Err(DecodeError::Trailing { bytes: source.rest.len() });
        }
        value.resolve(current).and_then(|value| write(current, value)).map_err(reason)
    }
}

/// Bytes that know whether more was asked of them than there is.
struct Source<'a> {
    rest: &'a [u8],
    exhausted: bool,
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.exhausted |= buffer.len() > self.rest.len();
        self.rest.read(buffer)
    }
}

fn write(schema: &Schema, value: apache_avro::types::Value) -> Result<Vec<u8>, apache_avro::Error> {
    GenericDatumWriter::builder(schema).build()?.write_value_to_vec(value)
}
