//! The models that Cubelog runs itself: sentence encoders with their cache, and decoders of the Llama family with LoRA.
//!
//! - [`Encoder`] is the port; [`MiniLm`] is the real one, [`HashEncoder`] stands in where no model is wanted, and
//!   [`CachedEncoder`] puts a [`VectorCache`] in front of either.
//! - [`decoder`] computes a Llama-family model, [`lora`] holds what is added to one.
//! - [`text`] turns texts into a decoder's tokens and conversations into texts, [`weights`] reads GGUF and safetensors.
//! - [`catalogue`] keeps the models of this machine, each with a manifest of what belongs to it.
//! - [`locate`] says where models lie on this machine; `deploy/models/fetch` brings them there.

mod cache;
mod cached;
pub mod catalogue;
pub mod decoder;
mod encoder;
mod error;
mod hash;
mod locate;
pub mod lora;
mod minilm;
pub mod text;
pub mod weights;

pub use cache::{Key, VectorCache};
pub use cached::{CacheCounts, CachedEncoder};
pub use decoder::{Decoder, DecoderConfig, KvCache, Step};
pub use encoder::Encoder;
pub use error::ModelError;
pub use hash::HashEncoder;
pub use locate::locate;
pub use lora::{Adapter, Worn};
pub use minilm::MiniLm;
pub use text::Tokenizer;
