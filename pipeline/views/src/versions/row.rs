//! `VersionRow` to Arrow and back.

use arrow_array::RecordBatch;
use cubelog_memory::VersionRef;
use serde::Serialize;

use super::schema::versions;
use crate::columns::{BatchReader, BatchWriter};
use crate::error::ViewError;
use crate::pack;
use crate::parts::*;
use crate::rows::{Shown, VersionRow};

const TABLE: &str = "versions";

/// A row is the memory after its event, so where the memory last changed is where the row stands in the log.
pub fn to_batch(rows: &[VersionRow]) -> Result<RecordBatch, ViewError> {
    debug_assert!(rows.iter().all(|row| row.memory.changed == row.position && row.memory.changed_at == row.recorded_at));
    let mut batch = BatchWriter::new(versions());
    let states = rows.iter().map(|row| &row.memory);
    batch.text("memory", states.clone().map(|memory| memory.id.to_string()));
    batch.cube(rows.iter().map(|row| &row.cube));
    batch.position(rows.iter().map(|row| row.position));
    batch.u32("version", rows.iter().map(|row| row.version));
    batch.text("event", rows.iter().map(|row| row.event.to_string()));
    batch.text("change", rows.iter().map(|row| row.change.as_str()));
    batch.time("recorded_at", rows.iter().map(|row| row.recorded_at));
    batch.time("occurred_at", rows.iter().map(|row| row.occurred_at));
    batch.text("actor", rows.iter().map(|row| row.actor.as_str()));
    batch.flag("conflict", rows.iter().map(|row| row.conflict));
    batch.flag("visible", states.clone().map(|memory| memory.is_visible()));
    batch.text("parents", rows.iter().map(|row| parents_text(&row.parents)));
    batch.maybe_text("reason", rows.iter().map(|row| row.reason.as_deref()));
    write_about(&mut batch, "", rows.iter().map(|row| (&row.subject, &row.fingerprint, &row.valid)));
    write_content(&mut batch, rows.iter().map(|row| &row.content));
    write_state(&mut batch, states.clone());
    write_later(&mut batch, states.clone());
    write_about(&mut batch, "memory_", states.map(|memory| (&memory.subject, &memory.fingerprint, &memory.valid)));
    batch.binary(PACKED_STATE, rows.iter().map(|row| Some(pack::version_row(row))));
    batch.binary(PACKED_CONTENT, rows.iter().map(|row| pack::content(&row.content)));
    batch.finish(TABLE)
}

/// Columns that [`from_batch`] reads.
pub const COLUMNS: &[&str] = &[PACKED_STATE, PACKED_CONTENT];

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<VersionRow>, ViewError> {
    let mut rows = without_content(batch)?;
    for (row, content) in rows.iter_mut().zip(contents(batch)?) {
        row.content = content;
    }
    Ok(rows)
}

/// The contents alone.
pub fn contents(batch: &RecordBatch) -> Result<Vec<Shown>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let contents = reader.binary(PACKED_CONTENT)?;
    contents.iter().map(|content| pack::to_content(content).map_err(|error| reader.damaged(error))).collect()
}

/// The rows with their content as if erased; needs the first column only.
pub fn without_content(batch: &RecordBatch) -> Result<Vec<VersionRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let states = reader.binary(PACKED_STATE)?;
    states.iter().flatten().map(|state| pack::to_version_row(state).map_err(|error| reader.damaged(error))).collect()
}

#[derive(Serialize)]
struct ParentJson {
    memory: uuid::Uuid,
    version: u32,
}

fn parents_text(parents: &[VersionRef]) -> String {
    if parents.is_empty() {
        return "[]".to_owned();
    }
    let rows: Vec<ParentJson> =
        parents.iter().map(|parent| ParentJson { memory: parent.memory.uuid(), version: parent.version }).collect();
    serde_json::to_string(&rows).unwrap_or_default()
}
