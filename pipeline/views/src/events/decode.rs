//! Bulk decoding of raw events: one Avro decoder for each writer schema, and one bad record costs itself only.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_avro::codec::Tz;
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{AvroSchema, Fingerprint, SchemaStore};
use cubelog_memory::Position;

use super::EventsError;
use super::scan::RawEvent;
use super::table::EventTable;

/// Most rows of a decoded batch.
const BATCH_ROWS_MAX: usize = 8_192;
/// `C3 01` and the fingerprint.
const HEADER_BYTES: usize = 10;

/// The schemas that events on the log were written with: Rabin fingerprint and JSON text with every named type resolved.
#[derive(Debug, Clone)]
pub struct EventSchemas {
    /// What this program writes; everything is read as this.
    pub current: (u64, String),
    /// What earlier programs wrote.
    pub older: Vec<(u64, String)>,
}

impl EventSchemas {
    /// Every schema of `Event` that was ever released.
    pub fn released() -> Self {
        let all = cubelog_schemas::released_event_schemas();
        let older = all.iter().map(|(fingerprint, json)| (*fingerprint, (*json).to_owned()));
        let older = older.filter(|(fingerprint, _)| *fingerprint != cubelog_schemas::EVENT_FINGERPRINT).collect();
        Self { current: (cubelog_schemas::EVENT_FINGERPRINT, cubelog_schemas::EVENT_SCHEMA.to_owned()), older }
    }
}

/// A record that could not be decoded, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEvent {
    pub position: Position,
    pub reason: String,
}

/// Rows of `events` in the order of the records, and the records that are not among them.
#[derive(Debug, Default)]
pub struct Decoded {
    pub batches: Vec<RecordBatch>,
    pub bad: Vec<BadEvent>,
}

/// Decodes raw events into rows of the table `events`.
#[derive(Debug)]
pub struct EventDecoder {
    table: EventTable,
    writers: HashMap<u64, Writer>,
}

/// How to read what one schema wrote. The decoder is kept between batches; after an error its state is unknown and it is made anew.
#[derive(Debug)]
struct Writer {
    fingerprint: u64,
    json: String,
    /// The schema to read as, where it differs from the writer's.
    reader: Option<String>,
    decoder: Option<Decoder>,
}

impl EventDecoder {
    pub fn new(schemas: &EventSchemas) -> Result<Self, EventsError> {
        let (current, json) = &schemas.current;
        let mut writers = HashMap::new();
        let older = schemas.older.iter().map(|(fingerprint, older)| (*fingerprint, older, Some(json.clone())));
        for (fingerprint, json, reader) in older.chain([(*current, json, None)]) {
            writers.insert(fingerprint, Writer { fingerprint, json: json.clone(), reader, decoder: None });
        }
        let mut schema = None;
        for writer in writers.values_mut() {
            let decoder = writer.take()?;
            if writer.fingerprint == *current {
                schema = Some(decoder.schema());
            }
            writer.decoder = Some(decoder);
        }
        let schema = schema.ok_or_else(|| EventsError::Schema { reason: "no current schema".into() })?;
        let avro = serde_json::from_str(json).map_err(|error| EventsError::Schema { reason: error.to_string() })?;
        Ok(Self { table: EventTable::new(&avro, &schema)?, writers })
    }

    /// The schema of `events`.
    pub fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    /// Decodes `records`. A batch ends where the writer's schema changes, at a bad record, and after 8,192 rows.
    pub fn decode(&mut self, records: &[RawEvent]) -> Result<Decoded, EventsError> {
        let mut decoded = Decoded::default();
        for run in records.chunk_by(|a, b| fingerprint(&a.payload) == fingerprint(&b.payload)) {
            let writer = fingerprint(&run[0].payload).map(|fingerprint| (fingerprint, self.writers.get_mut(&fingerprint)));
            match writer {
                Some((_, Some(writer))) => {
                    for chunk in run.chunks(BATCH_ROWS_MAX) {
                        decode_run(&self.table, writer, chunk, &mut decoded)?;
                    }
                }
                Some((unknown, None)) => {
                    decoded.bad.extend(run.iter().map(|record| {
                        bad(record, format!("written with schema {unknown:016x}, which this program does not know"))
                    }))
                }
                None => decoded.bad.extend(run.iter().map(|record| bad(record, "not in Avro single-object encoding".into()))),
            }
        }
        decoded.bad.sort_by_key(|bad| bad.position);
        Ok(decoded)
    }
}

fn bad(record: &RawEvent, reason: String) -> BadEvent {
    BadEvent { position: record.position, reason }
}

/// The writer's fingerprint, if the payload has the header of single-object encoding.
fn fingerprint(payload: &[u8]) -> Option<u64> {
    let header = payload.get(..HEADER_BYTES)?.strip_prefix(&[0xC3, 0x01])?;
    Some(u64::from_le_bytes(header.try_into().ok()?))
}

impl Writer {
    /// The decoder, made if there is none. It must be given back only if everything fed to it was good.
    fn take(&mut self) -> Result<Decoder, EventsError> {
        if let Some(decoder) = self.decoder.take() {
            return Ok(decoder);
        }
        let reason = |error: arrow::error::ArrowError| EventsError::Schema { reason: error.to_string() };
        let mut store = SchemaStore::new();
        store.set(Fingerprint::Rabin(self.fingerprint), AvroSchema::new(self.json.clone())).map_err(reason)?;
        let mut builder = ReaderBuilder::new()
            .with_writer_schema_store(store)
            .with_batch_size(BATCH_ROWS_MAX)
            .with_tz(Tz::Utc)
            .with_utf8_view(false);
        if let Some(reader) = &self.reader {
            builder = builder.with_reader_schema(AvroSchema::new(reader.clone()));
        }
        builder.build_decoder().map_err(reason)
    }
}

/// Decodes a run of records of one schema, at most a batch of them.
fn decode_run(table: &EventTable, writer: &mut Writer, run: &[RawEvent], decoded: &mut Decoded) -> Result<(), EventsError> {
    let mut rest = run;
    while !rest.is_empty() {
        let mut decoder = writer.take()?;
        let fault = rest.iter().enumerate().find_map(|(index, record)| Some((index, feed(&mut decoder, &record.payload)?)));
        let Some((index, reason)) = fault else {
            return flush(table, writer, decoder, rest, decoded);
        };
        // What the decoder has taken in is in doubt now; the records before the bad one are decoded again by a new one.
        drop(decoder);
        let (good, from_bad) = rest.split_at(index);
        if !good.is_empty() {
            decode_run(table, writer, good, decoded)?;
        }
        decoded.bad.push(bad(&from_bad[0], reason));
        rest = &from_bad[1..];
    }
    Ok(())
}

/// Feeds one record; answers what is wrong with it, after which the decoder must not be used.
fn feed(decoder: &mut Decoder, payload: &[u8]) -> Option<String> {
    let before = decoder.capacity();
    match decoder.decode(payload) {
        Ok(consumed) if consumed == payload.len() && before.checked_sub(decoder.capacity()) == Some(1) => None,
        Ok(HEADER_BYTES) => Some("ends before the event does".into()),
        Ok(consumed) => Some(format!("has {} bytes after the event", payload.len().saturating_sub(consumed))),
        Err(error) => Some(error.to_string()),
    }
}

/// Turns what the decoder holds into rows. Some faults (text that is not UTF-8) show only here and for the batch as a whole;
/// halving finds the record.
fn flush(
    table: &EventTable,
    writer: &mut Writer,
    mut decoder: Decoder,
    run: &[RawEvent],
    decoded: &mut Decoded,
) -> Result<(), EventsError> {
    let reason = match decoder.flush() {
        Ok(Some(batch)) if batch.num_rows() == run.len() => {
            decoded.batches.push(table.rows(run, &batch)?);
            writer.decoder = Some(decoder);
            return Ok(());
        }
        Ok(_) => "decodes to another number of events than one".to_owned(),
        Err(error) => error.to_string(),
    };
    drop(decoder);
    if let [record] = run {
        decoded.bad.push(bad(record, reason));
        return Ok(());
    }
    let (left, right) = run.split_at(run.len() / 2);
    decode_run(table, writer, left, decoded)?;
    decode_run(table, writer, right, decoded)
}
