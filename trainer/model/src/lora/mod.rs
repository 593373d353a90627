//! LoRA (Hu et al. 2021, arXiv 2106.09685): low-rank additions y = x W + s (x A) B to the linear layers of a frozen base.

mod adapter;
mod worn;

pub use adapter::{Adapter, Factor, LayerFactors, Part};
pub use worn::Worn;
