//! The pure reading of text, with no model: words, dates, names, questions, entities, fingerprints.
//!
//! Everything here is a function of its arguments: no clock, no randomness, no I/O. Every function reads at most
//! [`limits::TEXT_BYTES_MAX`] bytes of a text, takes time linear in what it reads, and gives spans as byte ranges of the
//! text it was handed, on character boundaries.

pub mod dates;
pub mod entities;
pub mod fingerprint;
pub mod limits;
pub mod names;
pub mod question;
mod sentence;
pub mod tasks;
mod vocabulary;
pub mod voice;
pub mod words;

pub use dates::{DateMention, Grounding, Leaning, Precision};
pub use entities::{Entity, EntityKind};
pub use fingerprint::{SimHash, TermSet};
pub use names::{NameMention, Participants};
pub use question::{Asks, Freshness, Question};
pub use words::{Term, Word};
