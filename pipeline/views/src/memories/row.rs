//! `MemoryRow` to Arrow and back.

use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use cubelog_memory::Memory;

use super::schema::memories;
use crate::columns::{BatchReader, BatchWriter};
use crate::error::ViewError;
use crate::pack;
use crate::parts::*;
use crate::rows::{MemoryRow, Shown};

const TABLE: &str = "memories";

/// Vectors must have `dim` numbers, all finite; in a store without an encoder they are left out.
pub fn to_batch(rows: &[MemoryRow], dim: Option<usize>) -> Result<RecordBatch, ViewError> {
    let mut batch = BatchWriter::new(memories(dim));
    let states = rows.iter().map(|row| &row.memory);
    batch.text("memory", states.clone().map(|memory| memory.id.to_string()));
    batch.cube(rows.iter().map(|row| &row.cube));
    batch.position(states.clone().map(|memory| memory.changed));
    batch.time("changed_at", states.clone().map(|memory| memory.changed_at));
    batch.flag("visible", states.clone().map(|memory| memory.is_visible()));
    write_state(&mut batch, states.clone());
    write_later(&mut batch, states.clone());
    write_about(&mut batch, "", states.map(|memory| (&memory.subject, &memory.fingerprint, &memory.valid)));
    batch.text("actor", rows.iter().map(|row| row.actor.as_str()));
    batch.time("occurred_at", rows.iter().map(|row| row.occurred_at));
    write_content(&mut batch, rows.iter().map(|row| &row.content));
    batch.maybe_text("search_text", rows.iter().map(|row| row.content.clear().map(search_text)));
    if let Some(dim) = dim {
        let vectors = rows.iter().map(|row| match row.content {
            Shown::Clear(_) => row.vector.as_deref(),
            Shown::Erased => None,
        });
        for vector in vectors.clone().flatten() {
            if vector.len() != dim || !vector.iter().all(|number| number.is_finite()) {
                let reason = format!("a vector has {} numbers or is not finite, the views hold {dim}", vector.len());
                return Err(ViewError::Query(reason));
            }
        }
        batch.vectors("vector", dim, vectors);
    }
    batch.binary(PACKED_STATE, rows.iter().map(|row| Some(pack::memory_row(row))));
    batch.binary(PACKED_CONTENT, rows.iter().map(|row| pack::content(&row.content)));
    batch.finish(TABLE)
}

/// Columns that [`from_batch`] reads; without the second content is erased, without the third there are no vectors.
pub const COLUMNS: &[&str] = &[PACKED_STATE, PACKED_CONTENT, "vector"];

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<MemoryRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let (states, contents) = (reader.binary(PACKED_STATE)?, reader.binary(PACKED_CONTENT)?);
    let vectors = reader.vectors("vector")?;
    (0..reader.rows())
        .map(|row| {
            let content = contents.is_valid(row).then(|| contents.value(row));
            Ok(MemoryRow {
                content: pack::to_content(content).map_err(|error| reader.damaged(error))?,
                vector: vectors.as_ref().and_then(|vectors| vectors.get(row)).map(Arc::from),
                ..pack::to_memory_row(states.value(row)).map_err(|error| reader.damaged(error))?
            })
        })
        .collect()
}

/// The states alone; needs the first column only.
pub fn states_from_batch(batch: &RecordBatch) -> Result<Vec<Memory>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let states = reader.binary(PACKED_STATE)?;
    states.iter().flatten().map(|state| pack::to_memory(state).map_err(|error| reader.damaged(error))).collect()
}
