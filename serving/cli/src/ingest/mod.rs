//! Conversation files on their way in: opened, told apart by format, checked as a whole, and put together by conversation.

pub mod check;
pub mod groups;
pub mod source;
