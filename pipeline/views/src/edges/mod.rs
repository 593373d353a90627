//! `edges`: relations between memories, append-only; the newest row of a relation holds.

pub mod row;
pub mod schema;
pub mod table;
