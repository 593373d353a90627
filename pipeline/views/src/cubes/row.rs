//! `CubeRow` to Arrow and back.

use std::collections::BTreeMap;

use arrow_array::{Array, RecordBatch, StringArray};
use cubelog_memory::{CubeState, Erasure, ErasureId, EventId, HoldId, MemoryId, PrincipalId, Right, SubjectId, Tag, Visibility};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::carriers;
use super::schema::cubes;
use crate::columns::{BatchReader, BatchWriter, maybe_text};
use crate::error::ViewError;
use crate::rows::CubeRow;

const TABLE: &str = "cubes";

#[derive(Serialize, Deserialize)]
struct ErasureJson {
    subject: String,
    completed: bool,
}

/// Maps are ordered, so equal maps give equal text.
fn json<K: Serialize + Ord, V: Serialize>(entries: impl Iterator<Item = (K, V)>) -> String {
    serde_json::to_string(&entries.collect::<BTreeMap<K, V>>()).unwrap_or_default()
}

pub fn to_batch(rows: &[CubeRow]) -> Result<RecordBatch, ViewError> {
    let mut batch = BatchWriter::new(cubes());
    let states = rows.iter().map(|row| &row.state);
    batch.cube(states.clone().map(|state| &state.key));
    batch.position(rows.iter().map(|row| row.changed));
    batch.time("changed_at", rows.iter().map(|row| row.changed_at));
    batch.maybe_text("owner", states.clone().map(|state| state.owner.as_ref().map(PrincipalId::as_str)));
    batch.text("visibility", states.clone().map(|state| state.visibility.word()));
    batch.flag("auditable", states.clone().map(|state| state.auditable));
    batch.maybe_time("created_at", states.clone().map(|state| state.created_at));
    batch.text("grants", states.clone().map(|state| json(state.grants.iter().map(|(who, right)| (who.as_str(), right.word())))));
    batch.text("policies", states.clone().map(|state| json(state.policies.iter().map(|(name, text)| (name.as_str(), text)))));
    batch.text(
        "holds",
        states.clone().map(|state| json(state.holds.iter().map(|(hold, held)| (hold.uuid(), held.map(|held| held.uuid()))))),
    );
    batch.text(
        "erasures",
        states.clone().map(|state| {
            json(state.erasures.iter().map(|(id, (subject, erasure))| {
                let completed = *erasure == Erasure::Completed;
                (id.uuid(), ErasureJson { subject: subject.to_string(), completed })
            }))
        }),
    );
    batch.maybe_text("modules", states.clone().map(|state| carriers::modules_text(&state.modules)));
    batch.maybe_text("blocks", states.clone().map(|state| carriers::blocks_text(&state.blocks)));
    batch.maybe_text("reviews", states.clone().map(|state| carriers::reviews_text(&state.reviews)));
    batch.text(
        "events",
        states.map(|state| {
            let events: Vec<Uuid> = state.cube_events.iter().map(|event| event.uuid()).collect();
            serde_json::to_string(&events).unwrap_or_default()
        }),
    );
    batch.finish(TABLE)
}

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<CubeRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let mut cubes = reader.cubes()?;
    let positions = reader.positions()?;
    let (changed_at, created_at) = (reader.time("changed_at")?, reader.time("created_at")?);
    let (owner, visibility, auditable) = (reader.text("owner")?, reader.text("visibility")?, reader.flag("auditable")?);
    let (grants, policies) = (reader.text("grants")?, reader.text("policies")?);
    let (holds, erasures, events) = (reader.text("holds")?, reader.text("erasures")?, reader.text("events")?);
    // A table that an older program made, and that nobody has opened for writing since, lacks these.
    let later = |name: &str| if reader.has(name) { reader.text(name).map(Some) } else { Ok(None) };
    let (modules, blocks, reviews) = (later("modules")?, later("blocks")?, later("reviews")?);
    let damaged = |error: &dyn std::fmt::Display| reader.damaged(error);
    (0..reader.rows())
        .map(|row| {
            let mut state = CubeState::new(cubes.get(row)?);
            if owner.is_valid(row) {
                state.owner = Some(PrincipalId::new(owner.value(row)).map_err(|e| damaged(&e))?);
            }
            state.visibility = Visibility::from_word(visibility.value(row)).ok_or_else(|| damaged(&"unknown visibility"))?;
            state.auditable = auditable.value(row);
            state.created_at = created_at.maybe(row);
            let grants: BTreeMap<String, String> = serde_json::from_str(grants.value(row)).map_err(|e| damaged(&e))?;
            for (principal, right) in grants {
                let principal = PrincipalId::new(principal).map_err(|e| damaged(&e))?;
                state.grants.insert(principal, Right::from_word(&right).ok_or_else(|| damaged(&"unknown right"))?);
            }
            let policies: BTreeMap<String, String> = serde_json::from_str(policies.value(row)).map_err(|e| damaged(&e))?;
            for (name, document) in policies {
                state.policies.insert(Tag::new(name).map_err(|e| damaged(&e))?, document);
            }
            let holds: BTreeMap<Uuid, Option<Uuid>> = serde_json::from_str(holds.value(row)).map_err(|e| damaged(&e))?;
            state.holds = holds.into_iter().map(|(hold, held)| (HoldId::new(hold), held.map(MemoryId::new))).collect();
            let erasures: BTreeMap<Uuid, ErasureJson> = serde_json::from_str(erasures.value(row)).map_err(|e| damaged(&e))?;
            for (id, erasure) in erasures {
                let subject = SubjectId::new(erasure.subject).map_err(|e| damaged(&e))?;
                let status = if erasure.completed { Erasure::Completed } else { Erasure::Requested };
                state.erasures.insert(ErasureId::new(id), (subject, status));
            }
            let events: Vec<Uuid> = serde_json::from_str(events.value(row)).map_err(|e| damaged(&e))?;
            state.cube_events = events.into_iter().map(EventId::new).collect();
            let text = |column: Option<&StringArray>| column.and_then(|column| maybe_text(column, row));
            if let Some(text) = text(modules) {
                state.modules = carriers::modules_from(&text).map_err(|e| damaged(&e))?;
            }
            if let Some(text) = text(blocks) {
                state.blocks = carriers::blocks_from(&text).map_err(|e| damaged(&e))?;
            }
            if let Some(text) = text(reviews) {
                state.reviews = carriers::reviews_from(&text).map_err(|e| damaged(&e))?;
            }
            Ok(CubeRow { state, changed_at: changed_at.get(row), changed: positions.get(row) })
        })
        .collect()
}
