//! `EdgeRow` to Arrow and back.

use arrow_array::RecordBatch;
use cubelog_memory::{Edge, Relation};

use super::schema::edges;
use crate::columns::{BatchReader, BatchWriter};
use crate::error::ViewError;
use crate::rows::EdgeRow;

const TABLE: &str = "edges";

pub fn to_batch(rows: &[EdgeRow]) -> Result<RecordBatch, ViewError> {
    let mut batch = BatchWriter::new(edges());
    batch.text("from_memory", rows.iter().map(|row| row.edge.from.to_string()));
    batch.text("to_memory", rows.iter().map(|row| row.edge.to.to_string()));
    batch.text("relation", rows.iter().map(|row| row.edge.relation.word()));
    batch.cube(rows.iter().map(|row| &row.cube));
    batch.position(rows.iter().map(|row| row.position));
    batch.f32("weight", rows.iter().map(|row| row.edge.weight));
    batch.flag("withdrawn", rows.iter().map(|row| row.edge.withdrawn));
    batch.text("event", rows.iter().map(|row| row.event.to_string()));
    batch.time("recorded_at", rows.iter().map(|row| row.recorded_at));
    batch.finish(TABLE)
}

pub fn from_batch(batch: &RecordBatch) -> Result<Vec<EdgeRow>, ViewError> {
    let reader = BatchReader::new(TABLE, batch);
    let (from, to, relation) = (reader.ids("from_memory")?, reader.ids("to_memory")?, reader.text("relation")?);
    let mut cubes = reader.cubes()?;
    let positions = reader.positions()?;
    let (weight, withdrawn) = (reader.f32("weight")?, reader.flag("withdrawn")?);
    let (events, recorded_at) = (reader.ids("event")?, reader.time("recorded_at")?);
    (0..reader.rows())
        .map(|row| {
            let word = relation.value(row);
            let relation = Relation::from_word(word).ok_or_else(|| reader.damaged(format_args!("unknown relation {word:?}")))?;
            Ok(EdgeRow {
                cube: cubes.get(row)?,
                edge: Edge {
                    from: from.memory(row)?,
                    to: to.memory(row)?,
                    relation,
                    weight: weight.value(row),
                    withdrawn: withdrawn.value(row),
                },
                event: events.event(row)?,
                recorded_at: recorded_at.get(row),
                position: positions.get(row),
            })
        })
        .collect()
}
