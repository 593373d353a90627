//! The physical cache: numbers of blocks in memory, and files of block runs that are sealed, durable and read layer by layer.
//!
//! `file.rs` describes the format. A file that is damaged, foreign, of another version or erased is a [`Miss`], never a panic and never
//! other numbers: every part is authenticated, and bound to what the file says of itself.

mod carry;
mod file;
mod layer;
mod manifest;
mod quant;
mod read;
mod shape;
mod span;
mod store;
mod stream;
mod write;

pub use carry::CarryError;
pub use file::Miss;
pub use quant::{GROUP_TOKENS, NotFinite, dequantise_keys, dequantise_values, groups, quantise_keys, quantise_values};
pub use read::RunReader;
pub use shape::{LayerShape, Shape, ShapeError};
pub use span::{KvSpan, Number, Numbers, join_layer};
pub use store::{Store, StoreError};
pub use stream::Layers;
pub use write::{Draft, Written};
