//! What the server and its clients say to each other: requests, answers and problems as JSON, one module a family of verbs.
//!
//! Conventions: names are snake_case; times are RFC 3339 with `Z` and up to microseconds; ids are UUIDs in text form; a position
//! reads `partition:offset` (`0:1841`) and a cut or token joins the next offsets of all partitions (`0:1842,1:77`). Fields
//! that are absent in a request take their default; a field that a request does not know is refused.

pub mod audit;
pub mod beliefs;
pub mod context;
pub mod cubes;
pub mod dead;
pub mod ingest;
pub mod learn;
pub mod memories;
pub mod memory;
pub mod paths;
pub mod problem;
pub mod read;
pub mod replay;
pub mod search;
pub mod sql;
pub mod status;
pub mod upkeep;

pub use memory::{Memory, MemoryVersion, Validity, VersionRef};
pub use problem::{Code, Problem};
