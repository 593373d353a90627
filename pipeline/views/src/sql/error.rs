//! What can go wrong with a query, in one line for the person who wrote it.

use datafusion::common::utils::datafusion_strsim::normalized_levenshtein;
use datafusion::common::{DataFusionError, SchemaError};

use super::{EXPRESSION_DEPTH_MAX, QUERIES_AT_ONCE_MAX, SOURCES_MAX, SQL_BYTES_MAX};

/// Longest reason that is passed on, in characters: a fault of the engine may quote a whole plan.
const REASON_CHARS_MAX: usize = 600;

/// A query was refused, stopped or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    #[error("there is no statement; write one, for example SELECT * FROM memories LIMIT 10")]
    Empty,
    #[error("the statement has {bytes} bytes; at most {SQL_BYTES_MAX} are allowed")]
    TooLong { bytes: usize },
    #[error("expressions nest more than {EXPRESSION_DEPTH_MAX} deep; write x IN (…) for long chains of OR")]
    TooDeep,
    #[error("there are more than {SOURCES_MAX} SELECTs and tables in the statement; split it")]
    TooManySources,
    #[error("there are {count} statements; send them one by one")]
    Several { count: usize },
    #[error(
        "{what} is not allowed: sql only reads; write one SELECT, WITH, EXPLAIN, SHOW or DESCRIBE over the tables of SHOW TABLES"
    )]
    NotAllowed { what: String },
    #[error("syntax error: {reason}")]
    Syntax { reason: String },
    #[error("there is no table {name}; you can read {known}")]
    UnknownTable { name: String, known: String },
    #[error("there is no column {name}; {hint}")]
    UnknownColumn { name: String, hint: String },
    #[error("the query makes no sense as written: {reason}")]
    Invalid { reason: String },
    #[error("stopped after {limit_ms} ms; narrow the query with WHERE or LIMIT, or allow it more time")]
    Timeout { limit_ms: u128 },
    #[error("{QUERIES_AT_ONCE_MAX} queries are running already and none ended within {limit_ms} ms; try again later")]
    Busy { limit_ms: u128 },
    #[error("needs more than {limit_bytes} bytes of memory; ask for fewer columns or rows, or aggregate in smaller steps")]
    Memory { limit_bytes: usize },
    #[error("the query failed: {reason}")]
    Failed { reason: String },
}

impl SqlError {
    /// What the engine says while it plans.
    pub(super) fn planning(error: &DataFusionError, limit_bytes: usize) -> Self {
        match error.find_root() {
            DataFusionError::SchemaError(error, _) => schema_error(error),
            DataFusionError::SQL(error, _) => SqlError::Syntax { reason: one_line(&error.to_string()) },
            DataFusionError::ResourcesExhausted(_) => SqlError::Memory { limit_bytes },
            other => SqlError::Invalid { reason: reason(other) },
        }
    }

    /// What the engine says while it runs.
    pub(super) fn running(error: &DataFusionError, limit_bytes: usize) -> Self {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => SqlError::Memory { limit_bytes },
            other => SqlError::Failed { reason: reason(other) },
        }
    }
}

fn reason(error: &DataFusionError) -> String {
    one_line(&error.strip_backtrace())
}

fn schema_error(error: &SchemaError) -> SqlError {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        return SqlError::Invalid { reason: one_line(&error.to_string()) };
    };
    let mut known: Vec<&str> = valid_fields.iter().map(|column| column.name()).collect();
    known.dedup();
    let wanted = field.name().to_lowercase();
    let mut near: Vec<_> = known
        .iter()
        .map(|name| (normalized_levenshtein(&name.to_lowercase(), &wanted), *name))
        .filter(|(score, _)| *score >= 0.5)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.truncate(3);
    let hint = if !near.is_empty() {
        let names: Vec<_> = near.iter().map(|(_, name)| shown(name)).collect();
        format!("did you mean {}?", names.join(" or "))
    } else if known.is_empty() {
        "name a table with FROM".to_owned()
    } else {
        let more = if known.len() > 16 { ", …" } else { "" };
        let names: Vec<_> = known.iter().take(16).map(|name| shown(name)).collect();
        format!("there are {}{more}", names.join(", "))
    };
    SqlError::UnknownColumn { name: field.flat_name(), hint }
}

/// A name as it has to be written: unquoted names are read as lower case.
fn shown(name: &str) -> String {
    if name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

/// One line without the engine's own preambles.
pub(super) fn one_line(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    const PREAMBLES: [&str; 8] = [
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "SQL error: ",
        "ParserError: ",
        "This feature is not implemented: ",
        "sql parser error: ",
    ];
    while let Some(rest) = PREAMBLES.iter().find_map(|preamble| line.strip_prefix(preamble)) {
        line = rest.to_owned();
    }
    match line.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
