//! What is known about a memory beside its text, in the three groups of the MemOS paper: descriptive, governance, behavioural.
//! Behavioural values (accesses, heat) are derived from the access log and never part of an event.

use std::collections::BTreeSet;

use crate::ids::{NameError, Tag};
use crate::position::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $type { $($(#[$vdoc])* $variant),+ }

        impl $type {
            /// Every value, in declaration order.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];
            /// The word that stands for the value in events, rows and interfaces.
            pub const fn word(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some($type::$variant),)+ _ => None }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words!(
    /// The form that a memory has.
    Kind { Plaintext = "plaintext", Activation = "activation", Parametric = "parametric" }
);
words!(
    /// What a memory says, by sort.
    SemanticType {
        /// A turn of a conversation, word for word.
        Turn = "turn",
        Fact = "fact",
        Preference = "preference",
        Event = "event",
        Profile = "profile",
        Procedure = "procedure",
        Note = "note",
    }
);
words!(
    /// How far content may travel.
    Sensitivity { Public = "public", Internal = "internal", Personal = "personal", Secret = "secret" }
);
words!(
    /// How far a source is believed; untrusted memories are only ever quoted as data.
    Trust { Untrusted = "untrusted", Unverified = "unverified", Trusted = "trusted" }
);
words!(
    /// How an event came to be.
    Origin { Ingest = "ingest", Api = "api", Cli = "cli", Mcp = "mcp", Job = "job", Extraction = "extraction", System = "system" }
);
words!(
    /// A directed relation between two memories.
    Relation {
        DerivedFrom = "derived-from",
        Follows = "follows",
        Related = "related",
        Mentions = "mentions",
        Contradicts = "contradicts",
        Supports = "supports",
    }
);

/// Where a memory belongs: task / concept / fact, at most three segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Vec<Tag>);

/// Why a text is no path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("path {text:?} has {segments} segments; write one to three: task/concept/fact")]
    Depth { text: String, segments: usize },
    #[error("path segment: {0}")]
    Segment(#[from] NameError),
}

impl Path {
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let segments = text.split('/').map(Tag::new).collect::<Result<Vec<_>, _>>()?;
        if segments.len() > 3 {
            return Err(PathError::Depth { text: text.chars().take(80).collect(), segments: segments.len() });
        }
        Ok(Self(segments))
    }
    pub fn segments(&self) -> &[Tag] {
        &self.0
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            f.write_str(segment.as_str())?;
        }
        Ok(())
    }
}

/// How long a memory may live. Decay and time to live are carried out by jobs, which append events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifespan {
    /// Until somebody says otherwise.
    #[default]
    Keep,
    /// Until an instant in the world: a time to live, counted from when it was set.
    Until(Timestamp),
    /// As long as it is used: its worth halves in this many seconds without use, and a policy says how little is too little.
    Decay { half_life_s: u64 },
}

/// When a statement holds in the world: `from` inclusive, `to` exclusive, open if `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

impl Validity {
    pub const fn since(from: Timestamp) -> Self {
        Self { from, to: None }
    }
    pub fn holds_at(&self, time: Timestamp) -> bool {
        self.from <= time && self.to.is_none_or(|to| time < to)
    }
}

/// Descriptive group, given when a memory is recorded. Labels stand in clear on the log: they classify, they do not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptive {
    pub semantic: SemanticType,
    pub path: Option<Path>,
    pub tags: BTreeSet<Tag>,
}

impl Descriptive {
    pub fn of(semantic: SemanticType) -> Self {
        Self { semantic, path: None, tags: BTreeSet::new() }
    }
}

/// Governance group, given when a memory is recorded; all but the watermark can be changed later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governance {
    pub sensitivity: Sensitivity,
    pub trust: Trust,
    /// -100 (least) to 100 (most); 0 is ordinary.
    pub priority: i32,
    pub lifespan: Lifespan,
    /// Does not expire until it is unpinned, whatever its lifespan says.
    pub pinned: bool,
    /// Mark carried into everything derived from the memory, for example a licence or a contract number.
    pub watermark: Option<Tag>,
}

impl Default for Governance {
    fn default() -> Self {
        Self {
            sensitivity: Sensitivity::Internal,
            trust: Trust::Unverified,
            priority: 0,
            lifespan: Lifespan::Keep,
            pinned: false,
            watermark: None,
        }
    }
}
