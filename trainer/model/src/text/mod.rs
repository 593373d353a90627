//! Texts into a decoder's tokens and back, and conversations into the one text that a chat model reads.

mod bpe;
mod chat;
mod tokenizer;

pub use chat::{ChatTemplate, Message};
pub use tokenizer::Tokenizer;
