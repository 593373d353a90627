//! Ranking of search candidates: what is known of each in, the order with its reasons out. Every weight stands in `weights.rs`.

mod baselines;
mod diversity;
mod terms;
pub mod weights;

use crate::ids::MemoryId;
use crate::metadata::words;
use crate::position::Timestamp;

pub use diversity::diversify;
pub use terms::{TERMS, Term, Terms};

words!(
    /// How candidates are ordered.
    Method {
        /// By everything that is known of them.
        Hybrid = "cubelog",
        /// By words alone (BM25).
        Lexical = "bm25",
        /// By vectors alone.
        Dense = "dense",
        /// By both, fused by rank (Cormack, Clarke and Büttcher, 2009).
        ReciprocalRank = "rrf",
    }
);

/// How a text is said, as far as its words show it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Voice {
    /// Share of its words that stand in questions, 0 to 1.
    pub questions: f32,
    /// Whether a program said it.
    pub assistant: bool,
}

/// What is known of one memory in the light of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub memory: MemoryId,
    /// Cosine similarity to the query, -1 to 1; `None` without vectors.
    pub dense: Option<f32>,
    /// How much of the query's words it has, each by its weight and saturating when repeated, whatever the length of the text; by
    /// rule 0 to 1. `None` if no word of the query occurs.
    pub lexical: Option<f32>,
    /// BM25 as published, for the baselines; `None` if it is not among the best by words.
    pub bm25: Option<f32>,
    /// Memories of equal number were said in one session.
    pub session: Option<u32>,
    /// Candidates that stand beside it in its session: place in the pool, and distance (negative: said before).
    pub neighbours: Vec<(usize, i64)>,
    /// Whether the query names its speaker.
    pub named: bool,
    pub voice: Voice,
    /// Whether whoever asks said it or is named in it.
    pub of_asker: bool,
    /// Whether nothing that it says holds any more, going by what was said or settled since.
    pub outdated: bool,
    /// How strongly it is linked to the best candidates by what both mention, 0 to 1.
    pub linked: f32,
    /// Turns of its stream that came after it, where being new counts for the query.
    pub turns_ago: Option<u64>,
    pub stream_index: Option<u64>,
    pub valid_from: Timestamp,
    /// -100 to 100.
    pub priority: i32,
}

/// What the query asks for, as far as the order of the answer depends on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    pub method: Method,
    /// How many are wanted.
    pub k: usize,
    /// Times that the query speaks of: from inclusive, to exclusive.
    pub times: Vec<(Timestamp, Timestamp)>,
    /// Whether it asks about the past, so that what is outdated is as good an answer.
    pub past: bool,
    /// Whether what is linked to the best candidates by what both name comes in too.
    pub expand: bool,
    /// Terms that are left out, to see what they are worth.
    pub without: Terms,
    /// How much a memory loses for being like one before it, in units of the score; 0 for an order by worth alone.
    pub diversity: f32,
}

impl Ask {
    pub fn new(k: usize) -> Self {
        Self {
            method: Method::Hybrid,
            k,
            times: Vec::new(),
            past: false,
            expand: false,
            without: Terms::default(),
            diversity: 0.0,
        }
    }
}

/// One ranked memory with the terms that made its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Place in the pool.
    pub candidate: usize,
    pub memory: MemoryId,
    /// The sum of the terms.
    pub score: f32,
    pub terms: Vec<(Term, f32)>,
}

/// The best of the pool, best first. Ties fall to the earlier in the stream and then to the lower id, so that the order depends on
/// nothing else. Scores that are no numbers count as absent.
pub fn rank(pool: &[Candidate], ask: &Ask) -> Vec<Ranked> {
    let mut ranked: Vec<Ranked> = match ask.method {
        Method::Hybrid => terms::hybrid(pool, ask),
        Method::Lexical => baselines::lexical(pool),
        Method::Dense => baselines::dense(pool),
        Method::ReciprocalRank => baselines::reciprocal_rank(pool),
    };
    ranked.sort_by(|a, b| {
        let index = |ranked: &Ranked| pool[ranked.candidate].stream_index;
        b.score.total_cmp(&a.score).then_with(|| index(a).cmp(&index(b))).then_with(|| a.memory.cmp(&b.memory))
    });
    ranked.truncate(ask.k);
    ranked
}

fn ranked(pool: &[Candidate], candidate: usize, terms: Vec<(Term, f32)>) -> Ranked {
    Ranked { candidate, memory: pool[candidate].memory, score: terms.iter().map(|(_, value)| value).sum(), terms }
}

fn finite(score: Option<f32>) -> Option<f32> {
    score.filter(|score| score.is_finite())
}
