//! `memories`: what is believed now, one row a memory.

pub mod row;
pub mod schema;
pub mod table;
