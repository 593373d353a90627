//! Columns of `turns`.

use arrow_schema::{DataType, SchemaRef};

use crate::columns::{maybe, schema, some, time_type};

pub fn turns() -> SchemaRef {
    schema([
        some("memory", DataType::Utf8),
        some("tenant", DataType::Utf8),
        some("cube", DataType::Utf8),
        some("log_partition", DataType::UInt32),
        some("log_offset", DataType::UInt64),
        some("event", DataType::Utf8),
        some("stream_index", DataType::UInt64),
        maybe("session", DataType::Utf8),
        maybe("speaker", DataType::Utf8),
        maybe("source", DataType::Utf8),
        some("occurred_at", time_type()),
        some("recorded_at", time_type()),
    ])
}
