//! What a search needs of every memory, held in memory: its place in the stream, its words, its claims, its vector as bytes. Pure:
//! memories come in as parts that never change, candidates for the ranking come out.

mod admit;
mod claims;
mod linked;
mod listing;
mod memories;
mod names;
mod part;
mod place;
mod pool;
mod stream;
mod topics;
mod words;

pub use admit::Admit;
pub use claims::{NOBODY, asserted};
pub use listing::{About, Topic};
pub use memories::{Memories, Spot};
pub use names::Names;
pub use part::{Entry, NONE, Part, PartBuilder, Place};
pub use place::{Spoken, place};
pub use pool::{Search, Side, find};
pub use topics::{Mention, ReadTopic, TopicEntry, Topics, entity_name, kind_word};
pub use words::{BM25_B, BM25_K1};
