//! Inference on the CPU: matrix products of many tokens by burn, everything between them and products of few tokens by kernels
//! of our own, several sequences at once without padding.

mod adapter;
mod attention;
mod cache;
mod forward;
mod kernels;
mod packed;
mod product;

pub use adapter::HostAdapter;
pub use cache::HostCache;
pub use forward::{HostSpan, forward};
pub use kernels::turn;
pub use packed::Packed;
pub use product::score;
