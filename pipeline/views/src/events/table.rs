//! The flat table `events`: its columns, and how decoded events and their positions become its rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder, TimestampMicrosecondArray, UInt32Array, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use serde_json::Value;

use super::EventsError;
use super::scan::RawEvent;
use super::shape::{self, Shape};

/// Fields of a body that name the memory that the event is about, in order of preference. A block and a module are memories too.
const MEMORY_FIELDS: [&str; 5] = ["memory", "into", "from", "block", "module"];

/// One column that is made from the field of the same name of a decoded event.
#[derive(Debug)]
struct Part {
    name: String,
    shape: Shape,
}

/// The columns of `events`: position, the envelope, `kind` and `memory_id`, then one nullable struct for each kind of event.
#[derive(Debug)]
pub(super) struct EventTable {
    schema: SchemaRef,
    envelope: Vec<Part>,
    bodies: Vec<Part>,
}

impl EventTable {
    /// From the Avro schema of `Event` and the Arrow schema that it decodes to.
    pub fn new(avro: &Value, decoded: &Schema) -> Result<Self, EventsError> {
        let reason = |error: ArrowError| EventsError::Schema { reason: error.to_string() };
        let mut envelope = Vec::new();
        let mut bodies = Vec::new();
        let mut fields = vec![
            Field::new("log_partition", DataType::UInt32, false),
            Field::new("log_offset", DataType::UInt64, false),
            Field::new("recorded_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
        ];
        let mut body_fields = Vec::new();
        for (name, shape, is_body) in shape::of_event(avro).map_err(|reason| EventsError::Schema { reason })? {
            let source = decoded.field_with_name(&name).map_err(reason)?;
            let field =
                Field::new(&name, shape::data_type(source.data_type(), &shape).map_err(reason)?, is_body || source.is_nullable());
            if is_body {
                body_fields.push(field);
                bodies.push(Part { name, shape });
            } else {
                fields.push(field);
                envelope.push(Part { name, shape });
            }
            if fields.len() == 4 {
                fields.push(Field::new("kind", DataType::Utf8, true));
                fields.push(Field::new("memory_id", DataType::Utf8, true));
            }
        }
        fields.extend(body_fields);
        Ok(Self { schema: Arc::new(Schema::new(fields)), envelope, bodies })
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// The rows of `records`, which are what `decoded` was decoded from, in the same order.
    pub fn rows(&self, records: &[RawEvent], decoded: &RecordBatch) -> Result<RecordBatch, EventsError> {
        self.build(records, decoded).map_err(|error| EventsError::Table { reason: error.to_string() })
    }

    fn build(&self, records: &[RawEvent], decoded: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let part = |part: &Part| -> Result<ArrayRef, ArrowError> {
            let array = decoded
                .column_by_name(&part.name)
                .ok_or_else(|| ArrowError::SchemaError(format!("field {} was not decoded", part.name)))?;
            shape::column(array, &part.shape, None)
        };
        let bodies = self.bodies.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(UInt32Array::from_iter_values(records.iter().map(|record| record.position.partition))),
            Arc::new(UInt64Array::from_iter_values(records.iter().map(|record| record.position.offset))),
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(records.iter().map(|record| record.recorded_at.micros()))
                    .with_timezone("UTC"),
            ),
        ];
        for (index, envelope) in self.envelope.iter().enumerate() {
            columns.push(part(envelope)?);
            if index == 0 {
                let (kind, memory) = self.kind_and_memory(records.len(), &bodies);
                columns.push(kind);
                columns.push(memory);
            }
        }
        columns.extend(bodies);
        RecordBatch::try_new(self.schema.clone(), columns)
    }

    /// The name of each row's body, and the memory that the body names. A body of a kind that this program does not know reads
    /// as no body at all.
    fn kind_and_memory(&self, rows: usize, bodies: &[ArrayRef]) -> (ArrayRef, ArrayRef) {
        let mut body_of_row: Vec<Option<usize>> = vec![None; rows];
        for (index, body) in bodies.iter().enumerate().filter(|(_, body)| body.null_count() < body.len()) {
            for (row, of_row) in body_of_row.iter_mut().enumerate() {
                if of_row.is_none() && body.is_valid(row) {
                    *of_row = Some(index);
                }
            }
        }
        let memories: Vec<_> = bodies
            .iter()
            .map(|body| {
                let body = body.as_struct_opt()?;
                MEMORY_FIELDS.iter().find_map(|field| body.column_by_name(field)?.as_string_opt::<i32>())
            })
            .collect();
        let mut kind = StringBuilder::with_capacity(rows, rows * 16);
        let mut memory = StringBuilder::with_capacity(rows, rows * 36);
        for (row, body) in body_of_row.into_iter().enumerate() {
            kind.append_option(body.map(|body| &self.bodies[body].name));
            let ids = body.and_then(|body| memories[body]).filter(|ids| ids.is_valid(row));
            memory.append_option(ids.map(|ids| ids.value(row)));
        }
        (Arc::new(kind.finish()), Arc::new(memory.finish()))
    }
}
