//! `DeadRow` to Arrow and back.

use arrow_array::RecordBatch;

use super::schema::dead;
use crate::columns::{BatchReader, BatchWriter};
use crate::error::ViewError;
use crate::rows::{DeadRow, DeadStatus};

const TABLE: &str = "dead";

pub fn to_batch(rows: &[DeadRow]) -> Result<RecordBatch, ViewError> {
    let mut batch = BatchWriter::new(dead());
    batch.position(rows.iter().map(|row| row.position));
    batch.time("recorded_at", rows.iter().map(|row| row.recorded_at));
    batch.text("record_key", rows.iter().map(|row| row.key.as_str()));
    batch.text("reason", rows.iter().map(|row| row.reason.as_str()));
    batch.text("status", rows.iter().map(|row| row.status.word()));
    batch.maybe_time("handled_at", rows.iter().map(|row| row.handled_at));
    batch.finish(TABLE)
}

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<DeadRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let positions = reader.positions()?;
    let (recorded_at, handled_at) = (reader.time("recorded_at")?, reader.time("handled_at")?);
    let (key, reason, status) = (reader.text("record_key")?, reader.text("reason")?, reader.text("status")?);
    (0..reader.rows())
        .map(|row| {
            let word = status.value(row);
            Ok(DeadRow {
                position: positions.get(row),
                recorded_at: recorded_at.get(row),
                key: key.value(row).to_owned(),
                reason: reason.value(row).to_owned(),
                status: DeadStatus::from_word(word).ok_or_else(|| reader.damaged(format_args!("unknown status {word:?}")))?,
                handled_at: handled_at.maybe(row),
            })
        })
        .collect()
}
