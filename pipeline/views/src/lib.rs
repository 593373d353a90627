//! Materialized views of the log in LanceDB: disposable, rebuildable, and provably equal to a fresh replay.

pub mod error;
pub mod port;
pub mod rows;

pub use error::ViewError;
pub use port::*;
pub use rows::*;
