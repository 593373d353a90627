//! The six tables by name, and the schema of each.

use arrow_schema::SchemaRef;

/// In the order in which a batch is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    Versions,
    Turns,
    Edges,
    Cubes,
    Dead,
    Memories,
}

/// Number of tables.
pub const TABLES: usize = 6;

impl Table {
    pub const ALL: [Table; TABLES] = [Table::Versions, Table::Turns, Table::Edges, Table::Cubes, Table::Dead, Table::Memories];

    pub const fn index(self) -> usize {
        self as usize
    }

    pub const fn name(self) -> &'static str {
        match self {
            Table::Versions => "versions",
            Table::Turns => "turns",
            Table::Edges => "edges",
            Table::Cubes => "cubes",
            Table::Dead => "dead",
            Table::Memories => "memories",
        }
    }

    /// `dim` is the length of vectors; without an encoder there is no vector column.
    pub fn schema(self, dim: Option<usize>) -> SchemaRef {
        match self {
            Table::Versions => crate::versions::schema::versions(),
            Table::Turns => crate::turns::schema::turns(),
            Table::Edges => crate::edges::schema::edges(),
            Table::Cubes => crate::cubes::schema::cubes(),
            Table::Dead => crate::dead::schema::dead(),
            Table::Memories => crate::memories::schema::memories(dim),
        }
    }
}
