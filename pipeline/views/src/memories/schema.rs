//! Columns of `memories`; the merge key stands first.

use arrow_schema::{DataType, SchemaRef};

use crate::columns::{maybe, schema, some, time_type, vector_type};
use crate::parts::{about_fields, content_fields, later_fields, packed_fields, state_fields};

/// `dim` numbers in a vector; stores without an encoder have no vector column.
pub fn memories(dim: Option<usize>) -> SchemaRef {
    let mut fields = vec![
        some("memory", DataType::Utf8),
        some("tenant", DataType::Utf8),
        some("cube", DataType::Utf8),
        some("log_partition", DataType::UInt32),
        some("log_offset", DataType::UInt64),
        some("changed_at", time_type()),
        // Whether ordinary reads see it: neither archived, merged nor expired.
        some("visible", DataType::Boolean),
    ];
    fields.extend(state_fields());
    fields.extend(about_fields(""));
    fields.extend([some("actor", DataType::Utf8), some("occurred_at", time_type())]);
    fields.extend(content_fields());
    fields.push(maybe("search_text", DataType::Utf8));
    fields.extend(dim.map(|dim| maybe("vector", vector_type(dim))));
    fields.extend(packed_fields());
    fields.extend(later_fields());
    schema(fields)
}
