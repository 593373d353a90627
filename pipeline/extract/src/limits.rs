//! Every maximum of extraction, with its unit, in one place.

/// Turns of the speaker in one window; their ids stand in the extraction event, which holds at most 64.
pub const WINDOW_TURNS_MAX: usize = 16;
/// Bytes of the speaker's turns in one window: about 4,000 tokens, which small models still read with care.
pub const WINDOW_BYTES_MAX: usize = 16_000;
/// Bytes of one turn that are handed over; statements about oneself stand in turns, not in pasted documents.
pub const TURN_BYTES_MAX: usize = 8_000;
/// Turns of others in one window, the latest before each of the speaker's own.
pub const CONTEXT_TURNS_MAX: usize = 24;
/// Bytes of one turn of somebody else: enough to understand an answer by.
pub const CONTEXT_BYTES_MAX: usize = 600;

/// Longest answer of an endpoint, in bytes, with all that stands around the output.
pub const RESPONSE_BYTES_MAX: usize = 1024 * 1024;
/// Longest output that is read and logged, in bytes; the content of an event holds at most 256 KiB.
pub const OUTPUT_BYTES_MAX: usize = 128 * 1024;
/// Tokens that a model may write for one window.
pub const OUTPUT_TOKENS_MAX: u32 = 2_048;
/// Statements that are taken from one output; a model that says more about 16 turns repeats itself.
pub const STATEMENTS_MAX: usize = 64;
/// Longest statement, in bytes; what is longer is a copy of the conversation.
pub const STATEMENT_BYTES_MAX: usize = 1_000;

/// Claims that the rules are less sure of are left alone: hedged ones, and what stands in pasted text.
pub const RULES_CONFIDENCE_MIN: f32 = 0.7;
