//! The port `Extractor`: a window of turns in, what a model or a rule set put out about them out.

use async_trait::async_trait;
use cubelog_memory::Timestamp;

use crate::output::OutputError;

/// A turn as an extractor sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Empty where nobody said who spoke.
    pub speaker: String,
    pub said_at: Timestamp,
    pub text: String,
    /// Said by the one whom the window is about. Only such turns are sources; the others are there to be understood by.
    pub own: bool,
}

/// Turns of one conversation in order, and the speaker whom statements are wanted about.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    pub about: String,
    pub turns: Vec<Turn>,
}

impl Window {
    /// The turns that statements may come from; sources of statements are indices into these.
    pub fn own(&self) -> impl Iterator<Item = &Turn> {
        self.turns.iter().filter(|turn| turn.own)
    }
}

/// What an extractor put out, word for word; [`crate::read_output`] reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub raw: String,
    /// As the endpoint counted them; where it does not count, one for four bytes. 0 where no model was asked.
    pub tokens_in: u64,
    pub tokens_out: u64,
}

/// What extraction has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests sent, repetitions included.
    pub calls: u64,
    /// Requests that repeated one which had failed.
    pub retries: u64,
    /// Tokens of every answer, useful or not.
    pub tokens_in: u64,
    pub tokens_out: u64,
}

/// Why a window has no output.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    #[error("{0}")]
    Settings(String),
    #[error("the endpoint {url} cannot be reached: {reason}; start it, or name another")]
    Unreachable { url: String, reason: String },
    #[error("the endpoint refused with {status}: {body}")]
    Refused { status: u16, body: String },
    #[error("no answer within {seconds} s; allow more time, or take a faster model")]
    TimedOut { seconds: u64 },
    #[error("the endpoint was busy every time ({status}); try again later, what is done is kept")]
    Busy { status: u16 },
    #[error("the endpoint's answer is no chat completion: {0}")]
    Protocol(String),
    #[error(transparent)]
    Output(#[from] OutputError),
}

impl ExtractError {
    /// Whether other windows would fare no better, so that going on only costs time.
    pub fn is_fatal(&self) -> bool {
        match self {
            ExtractError::Settings(_) | ExtractError::Unreachable { .. } | ExtractError::Busy { .. } => true,
            // A window may be too long for a model (400, 413, 422); a wrong key or address meets every window.
            ExtractError::Refused { status, .. } => !matches!(status, 400 | 413 | 422),
            ExtractError::TimedOut { .. } | ExtractError::Protocol(_) | ExtractError::Output(_) => false,
        }
    }
}

/// Finds what is worth remembering in turns.
#[async_trait]
pub trait Extractor: Send + Sync + 'static {
    /// Names the extractor on the log: its sort, a dot, and everything that changes what it says. Letters, digits and `. _ - @ +`.
    fn identity(&self) -> &str;

    /// Asks once for one window, repetitions after passing failures included. An output that comes back can be read.
    async fn extract(&self, window: &Window) -> Result<Output, ExtractError>;

    /// Windows that may be under way at once.
    fn at_once(&self) -> usize {
        1
    }

    /// Whether turns leave this process, so that what is secret must stay behind.
    fn leaves_process(&self) -> bool {
        false
    }

    /// What it has cost so far.
    fn counts(&self) -> Counts {
        Counts::default()
    }
}
