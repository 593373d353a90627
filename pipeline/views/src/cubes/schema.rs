//! Columns of `cubes`; the merge key stands first. Maps are JSON with sorted keys.

use arrow_schema::{DataType, SchemaRef};

use crate::columns::{maybe, schema, some, time_type};

pub fn cubes() -> SchemaRef {
    schema([
        some("tenant", DataType::Utf8),
        some("cube", DataType::Utf8),
        some("log_partition", DataType::UInt32),
        some("log_offset", DataType::UInt64),
        some("changed_at", time_type()),
        maybe("owner", DataType::Utf8),
        some("visibility", DataType::Utf8),
        some("auditable", DataType::Boolean),
        maybe("created_at", time_type()),
        some("grants", DataType::Utf8),
        some("policies", DataType::Utf8),
        some("holds", DataType::Utf8),
        some("erasures", DataType::Utf8),
        some("events", DataType::Utf8),
        // What the first views did not have stands at the end, where an older table gets it, and is null where there is none.
        maybe("modules", DataType::Utf8),
        maybe("blocks", DataType::Utf8),
        maybe("reviews", DataType::Utf8),
    ])
}
