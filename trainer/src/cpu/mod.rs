//! A Llama-family decoder forward and backward on the CPU, written out by hand.
//!
//! burn's CPU backend runs element-wise operations one at a time with a new buffer each, and its autodiff keeps what a
//! frozen weight does not need. The architecture is fixed, so here only the matrix products are a library's; the rest is
//! fused passes. A test holds the gradients to burn's.

mod attention;
pub mod backward;
pub mod decode;
pub mod factors;
pub mod forward;
pub mod group;
pub mod head;
mod kernels;
mod matrix;
pub mod pack;
pub mod weights;

#[cfg(test)]
mod tests;
