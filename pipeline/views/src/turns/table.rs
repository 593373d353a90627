//! Queries of `turns`; the stream is read through SQL and by the comparison.

/// What tells one row from another.
pub const KEY: &[&str] = &["memory", "event"];
