//! KV blocks: which spans of tokens have been computed, what they cost, how long they stay, and how they lie in memory and on disk.
//!
//! [`logical`] knows blocks by their tokens and everything that changes the numbers; it holds no numbers and does no I/O.
//! [`physical`] knows numbers and files: quantising, sealing, durable writing, reading layer by layer. [`tiers`] joins the two.
//! None of it knows a tensor.

pub mod logical;
pub mod physical;
pub mod tiers;
