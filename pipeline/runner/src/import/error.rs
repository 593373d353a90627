//! Why a line or a document of a conversation file cannot be imported: where, which field, and what is wrong with it.

use std::fmt;

use cubelog_memory::limits::LINE_BYTES_MAX;

use super::DOCUMENT_BYTES_MAX;

/// One thing that is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportError {
    /// From 1; for a value that spans several lines, the line on which it begins unless the kind knows better.
    pub line: u64,
    /// Path of the field within the line or the array's element, for example `messages[3].role`.
    pub field: Option<String>,
    pub kind: ImportErrorKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportErrorKind {
    #[error("malformed JSON at column {column}: {reason}")]
    Json { column: usize, reason: String },
    #[error("malformed JSON between values: {reason}")]
    Between { reason: String },
    #[error("is missing; it is required")]
    Missing,
    #[error("is {found}, expected {expected}")]
    Type { expected: &'static str, found: &'static str },
    #[error("invalid UTF-8 at byte {byte} of the line; save the file as UTF-8")]
    Utf8 { byte: usize },
    #[error("line is longer than {LINE_BYTES_MAX} bytes; split its text")]
    LineTooLong,
    #[error("value is longer than {DOCUMENT_BYTES_MAX} bytes; split it into several conversations")]
    DocumentTooLong,
    #[error("the file ends inside this value; it was cut off, get it whole")]
    Truncated,
    #[error("unknown kind {kind:?}; expected \"turn\" or \"question\"")]
    UnknownKind { kind: String },
    #[error("{text:?} is no RFC 3339 time such as 2026-03-01T09:30:00Z")]
    Time { text: String },
    #[error("{text:?} is no session time such as 1:56 pm on 8 May, 2023")]
    SessionTime { text: String },
    #[error("{seconds} is no time in seconds since 1970")]
    Epoch { seconds: String },
    #[error("names the message {id:?}, which is not in the conversation; export it again")]
    Dangling { id: String },
    #[error("leads in a circle at the message {id:?}; export the conversation again")]
    Circle { id: String },
    #[error("file cannot be read: {reason}")]
    Read { reason: String },
}

impl ImportError {
    pub(super) fn line(line: u64, kind: ImportErrorKind) -> Self {
        Self { line, field: None, kind }
    }

    /// An error of `serde_json` in a value that begins at `line` and `column`.
    pub(super) fn json(line: u64, column: usize, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // Its text ends with a position of its own, which counts from the value and not from the file.
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned();
        let lines_before = (error.line() as u64).saturating_sub(1);
        let columns_before = if lines_before == 0 { column - 1 } else { 0 };
        Self::line(line + lines_before, ImportErrorKind::Json { column: columns_before + error.column(), reason })
    }

    pub(super) fn read(line: u64, error: &std::io::Error) -> Self {
        Self::line(line, ImportErrorKind::Read { reason: error.to_string() })
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            None => write!(f, "line {}: {}", self.line, self.kind),
            Some(field) => write!(f, "line {}, field `{field}`: {}", self.line, self.kind),
        }
    }
}

impl std::error::Error for ImportError {}

/// Why the format of a file is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFormat {
    #[error("{name:?} is no import format; expected jsonl, locomo, openai or chatgpt")]
    Name { name: String },
    #[error(
        "cannot tell the format of {file:?} from its beginning; name one of jsonl, locomo, openai, chatgpt if it is one of these"
    )]
    Content { file: String },
    #[error("{file:?} is empty; there is nothing to import")]
    Empty { file: String },
}
