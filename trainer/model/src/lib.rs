//! The models that Cubelog runs itself: sentence encoders, and the cache that makes replays free of re-embedding.
//!
//! - [`Encoder`] is the port; [`MiniLm`] is the real one, [`HashEncoder`] stands in where no model is wanted, and
//!   [`CachedEncoder`] puts a [`VectorCache`] in front of either.
//! - [`locate`] says where models lie on this machine; `deploy/models/fetch` brings them there.

mod cache;
mod cached;
mod encoder;
mod error;
mod hash;
mod locate;
mod minilm;

pub use cache::{Key, VectorCache};
pub use cached::{CacheCounts, CachedEncoder};
pub use encoder::Encoder;
pub use error::ModelError;
pub use hash::HashEncoder;
pub use locate::locate;
pub use minilm::MiniLm;
