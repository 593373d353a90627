//! Columns of `dead`; the merge key stands first.

use arrow_schema::{DataType, SchemaRef};

use crate::columns::{maybe, schema, some, time_type};

pub fn dead() -> SchemaRef {
    schema([
        some("log_partition", DataType::UInt32),
        some("log_offset", DataType::UInt64),
        some("recorded_at", time_type()),
        some("record_key", DataType::Utf8),
        some("reason", DataType::Utf8),
        some("status", DataType::Utf8),
        maybe("handled_at", time_type()),
    ])
}
