//! `MemoryRow` to Arrow and back.

use std::sync::Arc;

use arrow_array::RecordBatch;
use cubelog_memory::{Memory, PrincipalId};

use super::schema::memories;
use crate::columns::{BatchReader, BatchWriter};
use crate::error::ViewError;
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
    batch.finish(TABLE)
}

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<MemoryRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let mut cubes = reader.cubes()?;
    let positions = reader.positions()?;
    let changed_at = reader.time("changed_at")?;
    let states = StateColumns::of(TABLE, batch)?;
    let about = AboutContent::of(TABLE, batch, "")?;
    let actors = reader.text("actor")?;
    let occurred_at = reader.time("occurred_at")?;
    let contents = ContentColumns::of(&reader)?;
    let vectors = reader.vectors("vector")?;
    (0..reader.rows())
        .map(|row| {
            Ok(MemoryRow {
                cube: cubes.get(row)?,
                memory: states.get(row, about.get(row)?, positions.get(row), changed_at.get(row))?,
                content: contents.get(row),
                actor: PrincipalId::new(actors.value(row)).map_err(|error| reader.damaged(error))?,
                occurred_at: occurred_at.get(row),
                vector: vectors.as_ref().and_then(|vectors| vectors.get(row)).map(Arc::from),
            })
        })
        .collect()
}

/// Columns that [`states_from_batch`] needs.
pub fn state_columns() -> Vec<String> {
    let left_out = ["visible", "actor", "occurred_at", "search_text", "vector", "tenant", "cube"];
    let content: Vec<String> = content_fields().iter().map(|field| field.name().clone()).collect();
    memories(None)
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .filter(|name| !left_out.contains(&name.as_str()) && !content.contains(name))
        .collect()
}

/// The states alone, without content.
pub fn states_from_batch(batch: &RecordBatch) -> Result<Vec<Memory>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let positions = reader.positions()?;
    let changed_at = reader.time("changed_at")?;
    let states = StateColumns::of(TABLE, batch)?;
    let about = AboutContent::of(TABLE, batch, "")?;
    (0..reader.rows()).map(|row| states.get(row, about.get(row)?, positions.get(row), changed_at.get(row))).collect()
}
