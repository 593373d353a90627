//! The domain of Cubelog, pure: what a memory is, which events exist, how state follows from them.

pub mod access;
pub mod content;
pub mod event;
pub mod ids;
pub mod lifecycle;
pub mod limits;
pub mod metadata;
pub mod position;

pub use access::{Access, Purpose};
pub use content::{Content, ContentError, Fingerprint, Sealed};
pub use event::*;
pub use ids::*;
pub use lifecycle::Lifecycle;
pub use metadata::*;
pub use position::{Cut, Position, PositionError, Timestamp};
