//! Columns of `versions`. The columns `subject` to `valid_to` speak of the content that the row shows; `memory_…` of the
//! memory's current content, which is another for a sibling in conflict.

use arrow_schema::{DataType, SchemaRef};

use crate::columns::{maybe, schema, some, time_type};
use crate::parts::{about_fields, content_fields, later_fields, packed_fields, state_fields};

pub fn versions() -> SchemaRef {
    let mut fields = vec![
        some("memory", DataType::Utf8),
        some("tenant", DataType::Utf8),
        some("cube", DataType::Utf8),
        some("log_partition", DataType::UInt32),
        some("log_offset", DataType::UInt64),
        some("version", DataType::UInt32),
        some("event", DataType::Utf8),
        some("change", DataType::Utf8),
        some("recorded_at", time_type()),
        some("occurred_at", time_type()),
        some("actor", DataType::Utf8),
        some("conflict", DataType::Boolean),
        // Whether ordinary reads saw the memory after this.
        some("visible", DataType::Boolean),
        some("parents", DataType::Utf8),
        maybe("reason", DataType::Utf8),
    ];
    fields.extend(about_fields(""));
    fields.extend(content_fields());
    fields.extend(state_fields());
    fields.extend(about_fields("memory_"));
    fields.extend(packed_fields());
    fields.extend(later_fields());
    schema(fields)
}
