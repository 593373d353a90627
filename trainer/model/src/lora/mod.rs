//! LoRA (Hu et al. 2021, arXiv 2106.09685): low-rank additions y = x W + s (x A) B to the linear layers of a frozen base.

mod adapter;
mod algebra;
pub mod compose;
mod error;
pub mod int8;
pub mod peft;
mod plain;
mod worn;

pub use adapter::{Adapter, Factor, LayerFactors, Part};
pub use error::AdapterError;
pub use plain::{Pair, Plain};
pub use worn::Worn;
