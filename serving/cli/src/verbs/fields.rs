//! The columns in which memories are shown, the same in all verbs.

use crate::output::{Column, Kind, col};

/// Columns of a memory that everybody wants in CSV, hidden in tables.
const fn hidden(pointer: &'static str) -> Column {
    col("", pointer, Kind::Hidden)
}

pub const HITS: [Column; 11] = [
    col("#", "/rank", Kind::Number),
    col("score", "/score", Kind::Number),
    col("memory", "/memory", Kind::Id),
    col("true since", "/valid/from", Kind::Time),
    col("cube", "/cube", Kind::Plain),
    col("speaker", "/speaker", Kind::Plain),
    col("text", "/text", Kind::Text),
    hidden("/version"),
    hidden("/session"),
    hidden("/source"),
    hidden("/terms"),
];

pub const HITS_EXPLAINED: [Column; 12] = [
    col("#", "/rank", Kind::Number),
    col("score", "/score", Kind::Number),
    col("because of", "/because", Kind::Text),
    hidden("/terms"),
    col("memory", "/memory", Kind::Id),
    col("cube", "/cube", Kind::Plain),
    col("speaker", "/speaker", Kind::Plain),
    col("text", "/text", Kind::Text),
    hidden("/version"),
    hidden("/session"),
    hidden("/source"),
    hidden("/valid/from"),
];

pub const STATE: [Column; 12] = [
    col("memory", "/memory", Kind::Id),
    col("v", "/version", Kind::Number),
    col("true since", "/valid/from", Kind::Time),
    col("speaker", "/speaker", Kind::Plain),
    col("position", "/position", Kind::Plain),
    col("text", "/text", Kind::Text),
    hidden("/valid/to"),
    hidden("/lifecycle"),
    hidden("/semantic"),
    hidden("/session"),
    hidden("/source"),
    hidden("/recorded_at"),
];

pub const HISTORY: [Column; 14] = [
    col("v", "/version", Kind::Number),
    col("change", "/change", Kind::Plain),
    col("recorded", "/recorded_at", Kind::Time),
    col("by", "/actor", Kind::Plain),
    col("position", "/position", Kind::Plain),
    col("conflict", "/conflict", Kind::Flag),
    col("text", "/text", Kind::Text),
    hidden("/current"),
    hidden("/valid/from"),
    hidden("/valid/to"),
    hidden("/lifecycle"),
    hidden("/occurred_at"),
    hidden("/event"),
    hidden("/reason"),
];

pub const MEMORY: [Column; 30] = [
    col("text", "/text", Kind::Plain),
    col("erased", "/erased", Kind::Flag),
    col("caption", "/caption", Kind::Plain),
    col("memory", "/memory", Kind::Id),
    col("cube", "/cube", Kind::Plain),
    col("version", "/version", Kind::Number),
    col("current", "/current", Kind::Number),
    col("in conflict", "/siblings", Kind::Plain),
    col("speaker", "/speaker", Kind::Plain),
    col("session", "/session", Kind::Plain),
    col("source", "/source", Kind::Plain),
    col("true from", "/valid/from", Kind::Time),
    col("true until", "/valid/to", Kind::Time),
    col("type", "/semantic", Kind::Plain),
    col("path", "/path", Kind::Plain),
    col("tags", "/tags", Kind::Plain),
    col("lifecycle", "/lifecycle", Kind::Plain),
    col("sensitivity", "/sensitivity", Kind::Plain),
    col("trust", "/trust", Kind::Plain),
    col("subject", "/subject", Kind::Plain),
    col("by", "/actor", Kind::Plain),
    col("change", "/change", Kind::Plain),
    col("occurred", "/occurred_at", Kind::Time),
    col("recorded", "/recorded_at", Kind::Time),
    col("position", "/position", Kind::Plain),
    col("event", "/event", Kind::Id),
    col("reason", "/reason", Kind::Plain),
    col("merged into", "/merged_into", Kind::Id),
    col("expired", "/expired_at", Kind::Time),
    hidden("/tenant"),
];

/// What became of a change.
pub const WRITTEN: [Column; 7] = [
    col("memory", "/memory", Kind::Id),
    col("version", "/version", Kind::Number),
    col("effect", "/effect", Kind::Plain),
    col("position", "/position", Kind::Plain),
    col("recorded", "/recorded_at", Kind::Time),
    col("event", "/event", Kind::Id),
    col("", "/token", Kind::Hidden),
];

/// What a replay did.
pub const REPLAYED: [Column; 8] = [
    col("records", "/records", Kind::Number),
    col("left out", "/left_out", Kind::Number),
    col("refused", "/refused", Kind::Number),
    col("dead", "/dead", Kind::Number),
    col("memories", "/memories", Kind::Number),
    col("up to", "/until", Kind::Plain),
    col("milliseconds", "/elapsed_ms", Kind::Number),
    col("into", "/into", Kind::Plain),
];
