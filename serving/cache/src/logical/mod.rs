//! The logical cache: a radix tree over token blocks, without tensors, clocks or I/O.
//!
//! Start with `cache.rs` (what others call), then `core.rs` (the tree). Blocks of one scope hang under their parents by their exact
//! tokens; no hash stands in for them, so nothing can collide. Only whole blocks have children, so a removed block takes with it
//! what was computed from it.

mod audit;
mod block;
mod cache;
mod core;
mod evict;
mod insert;
mod invalidate;
mod key;
mod lookup;
mod options;
mod runs;
mod score;
mod stats;

pub use block::{Building, Complete, NotBuilt, Origin, Payload, Registered, Slot, Standing};
pub use cache::Cache;
pub use insert::{Refused, WhyRefused};
pub use invalidate::{Fence, Invalidated, StaleBy, Target};
pub use key::{Adapter, Coding, Dtype, Rope, Scope, Setting, Token};
pub use lookup::{Found, Match};
pub use options::{Budgets, CacheOptions};
pub use runs::{RestoreError, RestoredBlock, Run};
pub use stats::Stats;
