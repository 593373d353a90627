//! The runner: streams in, events on the log, rows in the views, answers out. Works over ports only.

pub mod access;
mod audit;
mod caller;
mod context;
mod cubelog;
mod dead;
mod error;
mod filter;
mod fold;
mod fold_log;
mod generations;
pub mod import;
mod ingest;
mod pending;
pub mod ports;
mod project;
mod read;
mod replay;
mod seal;
mod settings;
mod submit;
pub mod types;
mod understand;

pub use audit::{LogEvents, RawEvents};
pub use caller::Caller;
pub use context::Context;
pub use cubelog::{Cubelog, Parts, Role};
pub use error::RunError;
pub use fold_log::{Folded, fold_log};
pub use ingest::{IngestOptions, cube_of_conversation};
pub use pending::embedding_text;
pub use ports::*;
pub use read::differences;
pub use replay::{Until, VerifyReport};
pub use settings::Settings;
pub use types::*;
