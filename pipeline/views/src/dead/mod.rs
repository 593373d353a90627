//! `dead`: records of the log that could not be decoded, and what became of them.

pub mod row;
pub mod schema;
pub mod table;
