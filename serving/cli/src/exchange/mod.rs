//! The graph of a cube as other programs take it: sheets of nodes and of edges, written as CSV or Cypher for Neo4j and read back. Pure:
//! the same graph gives the same bytes, and whatever stands in a text stays text.

pub mod csv;
pub mod cypher;
pub mod sheets;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::Value;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Text,
    Whole,
    Real,
    Truth,
    /// Texts without semicolons.
    Texts,
}

/// Nodes of one label, or edges between nodes of two labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Nodes(&'static str),
    Edges(&'static str, &'static str),
}

/// A table of nodes or edges. Nodes have a column `id`; edges have `from`, `to` and `type`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Also the name of its file.
    pub name: &'static str,
    pub shape: Shape,
    pub columns: &'static [(&'static str, Type)],
    /// As many values as there are columns; null for what is absent.
    pub rows: Vec<Vec<Value>>,
}

/// A row as it was read back: its values by column, without those that are absent.
pub type Row = BTreeMap<String, Value>;

/// What an import finds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    pub memories: Vec<Row>,
    /// Edges between memories: `from`, `to`, `type`, `weight`.
    pub edges: Vec<Row>,
}

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Unreadable {
    pub line: u64,
    pub what: String,
}

/// The form in which Neo4j's users write types of edges.
pub fn type_name(kind: &str) -> String {
    kind.to_uppercase().replace('-', "_")
}

/// And back.
pub fn kind_of(type_name: &str) -> String {
    type_name.to_lowercase().replace('_', "-")
}
