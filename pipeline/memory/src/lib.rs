//! The domain of Cubelog, pure: what a memory is, which events exist, how state follows from them.

pub mod ids;
pub mod limits;
pub mod position;

pub use ids::*;
pub use position::{Cut, Position, PositionError, Timestamp};
