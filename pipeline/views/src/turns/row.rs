//! `TurnRow` to Arrow and back.

use arrow_array::RecordBatch;

use super::schema::turns;
use crate::columns::{BatchReader, BatchWriter, maybe_text};
use crate::error::ViewError;
use crate::rows::TurnRow;

const TABLE: &str = "turns";

pub fn to_batch(rows: &[TurnRow]) -> Result<RecordBatch, ViewError> {
    let mut batch = BatchWriter::new(turns());
    batch.text("memory", rows.iter().map(|row| row.memory.to_string()));
    batch.cube(rows.iter().map(|row| &row.cube));
    batch.position(rows.iter().map(|row| row.position));
    batch.text("event", rows.iter().map(|row| row.event.to_string()));
    batch.u64("stream_index", rows.iter().map(|row| row.stream_index));
    batch.maybe_text("session", rows.iter().map(|row| row.session.as_deref()));
    batch.maybe_text("speaker", rows.iter().map(|row| row.speaker.as_deref()));
    batch.maybe_text("source", rows.iter().map(|row| row.source.as_deref()));
    batch.time("occurred_at", rows.iter().map(|row| row.occurred_at));
    batch.time("recorded_at", rows.iter().map(|row| row.recorded_at));
    batch.finish(TABLE)
}

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<TurnRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let memories = reader.ids("memory")?;
    let mut cubes = reader.cubes()?;
    let positions = reader.positions()?;
    let events = reader.ids("event")?;
    let stream_index = reader.u64("stream_index")?;
    let (session, speaker, source) = (reader.text("session")?, reader.text("speaker")?, reader.text("source")?);
    let (occurred_at, recorded_at) = (reader.time("occurred_at")?, reader.time("recorded_at")?);
    (0..reader.rows())
        .map(|row| {
            Ok(TurnRow {
                cube: cubes.get(row)?,
                memory: memories.memory(row)?,
                event: events.event(row)?,
                stream_index: stream_index.value(row),
                session: maybe_text(session, row),
                speaker: maybe_text(speaker, row),
                source: maybe_text(source, row),
                occurred_at: occurred_at.get(row),
                recorded_at: recorded_at.get(row),
                position: positions.get(row),
            })
        })
        .collect()
}
