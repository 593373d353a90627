//! Avro's binary form of exactly the current schemas, written and read without a schema in between.
//!
//! apache-avro goes through a tree of values and takes several microseconds an event; a replay decodes millions. Tests prove
//! both ways equal, byte for byte. Each file writes and reads its records in one place each, in the order of the `.avsc`.

mod access;
mod affairs;
mod bodies;
mod content;
mod event;
mod memories;
mod modules;
mod parts;
mod reader;
mod tiers;
mod writer;

pub(crate) use access::{read_access, write_access};
pub(crate) use content::{read_content, write_content};
pub(crate) use event::{read_event, write_event};
pub(crate) use reader::Reader;
pub(crate) use writer::Writer;
