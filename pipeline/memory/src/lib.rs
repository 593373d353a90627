//! The domain of Cubelog, pure: what a memory is, which events exist, how state follows from them.

pub mod access;
pub mod apply;
pub mod carrier;
pub mod content;
pub mod context;
pub mod decide;
pub mod event;
pub mod forgetting;
pub mod ids;
pub mod lifecycle;
pub mod limits;
pub mod metadata;
pub mod module;
pub mod position;
pub mod ranking;
pub mod state;
pub mod vectors;

pub use access::{Access, Purpose};
pub use apply::{Applied, At, Change, ContentFrom, Edge, Refusal, Verdict, VersionChange, apply};
pub use carrier::{Block, Carrier, Module, Review, Sources, Stale, StaleCause};
pub use content::{Content, ContentError, Digest, Fingerprint, Sealed};
pub use decide::{Command, Decision, Rejection, decide};
pub use event::*;
pub use ids::*;
pub use lifecycle::Lifecycle;
pub use metadata::*;
pub use module::Stage;
pub use position::{Cut, Position, PositionError, Timestamp};
pub use state::{CubeState, Erasure, IdMap, IdSet, Memory, Sibling, Superseded};
