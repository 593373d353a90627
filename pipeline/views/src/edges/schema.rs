//! Columns of `edges`.

use arrow_schema::{DataType, SchemaRef};

use crate::columns::{schema, some, time_type};

pub fn edges() -> SchemaRef {
    schema([
        some("from_memory", DataType::Utf8),
        some("to_memory", DataType::Utf8),
        some("relation", DataType::Utf8),
        some("tenant", DataType::Utf8),
        some("cube", DataType::Utf8),
        some("log_partition", DataType::UInt32),
        some("log_offset", DataType::UInt64),
        some("weight", DataType::Float32),
        some("withdrawn", DataType::Boolean),
        some("event", DataType::Utf8),
        some("recorded_at", time_type()),
    ])
}
