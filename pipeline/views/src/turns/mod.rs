//! `turns`: the conversation stream itself, append-only.

pub mod row;
pub mod schema;
pub mod table;
