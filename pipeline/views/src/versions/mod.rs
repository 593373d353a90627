//! `versions`: every state that every memory ever had, append-only.

pub mod choose;
pub mod row;
pub mod schema;
pub mod table;
