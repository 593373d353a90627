//! `VersionRow` to Arrow and back.

use arrow_array::RecordBatch;
use cubelog_memory::{MemoryId, PrincipalId, VersionRef};
use serde::{Deserialize, Serialize};

use super::schema::versions;
use crate::columns::{BatchReader, BatchWriter, maybe_text};
use crate::error::ViewError;
use crate::parts::*;
use crate::rows::VersionRow;

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
    batch.text("parents", rows.iter().map(|row| parents_text(&row.parents)));
    batch.maybe_text("reason", rows.iter().map(|row| row.reason.as_deref()));
    write_about(&mut batch, "", rows.iter().map(|row| (&row.subject, &row.fingerprint, &row.valid)));
    write_content(&mut batch, rows.iter().map(|row| &row.content));
    write_state(&mut batch, states.clone());
    write_about(&mut batch, "memory_", states.map(|memory| (&memory.subject, &memory.fingerprint, &memory.valid)));
    batch.finish(TABLE)
}

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<VersionRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let mut cubes = reader.cubes()?;
    let positions = reader.positions()?;
    let version = reader.u32("version")?;
    let events = reader.ids("event")?;
    let change = reader.text("change")?;
    let recorded_at = reader.time("recorded_at")?;
    let occurred_at = reader.time("occurred_at")?;
    let actors = reader.text("actor")?;
    let conflict = reader.flag("conflict")?;
    let parents = reader.text("parents")?;
    let reason = reader.text("reason")?;
    let about = AboutContent::of(TABLE, batch, "")?;
    let contents = ContentColumns::of(&reader)?;
    let states = StateColumns::of(TABLE, batch)?;
    let current = AboutContent::of(TABLE, batch, "memory_")?;
    (0..reader.rows())
        .map(|row| {
            let (position, recorded_at) = (positions.get(row), recorded_at.get(row));
            let about = about.get(row)?;
            Ok(VersionRow {
                cube: cubes.get(row)?,
                event: events.event(row)?,
                change: change.value(row).to_owned(),
                actor: PrincipalId::new(actors.value(row)).map_err(|error| reader.damaged(error))?,
                occurred_at: occurred_at.get(row),
                recorded_at,
                position,
                memory: states.get(row, current.get(row)?, position, recorded_at)?,
                version: version.value(row),
                parents: parents_from(parents.value(row)).map_err(|error| reader.damaged(error))?,
                conflict: conflict.value(row),
                subject: about.subject,
                fingerprint: about.fingerprint,
                valid: about.valid,
                content: contents.get(row),
                reason: maybe_text(reason, row),
            })
        })
        .collect()
}

#[derive(Serialize, Deserialize)]
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

fn parents_from(text: &str) -> Result<Vec<VersionRef>, serde_json::Error> {
    if text == "[]" {
        return Ok(Vec::new());
    }
    let rows: Vec<ParentJson> = serde_json::from_str(text)?;
    Ok(rows.into_iter().map(|row| VersionRef { memory: MemoryId::new(row.memory), version: row.version }).collect())
}
