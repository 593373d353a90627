//! Every weight of retrieval, chosen together over five sets of conversations of which each half was held out in turn. All terms
//! are in units of cosine similarity and bounded, so that no single one can decide alone.

/// Worth of the words: a memory that has all that the query could find by words gains this.
pub const WORDS: f32 = 1.0;
/// Worth of the better neighbour in the session: an answer stands beside its question.
pub const BESIDE: f32 = 0.3;
/// What a neighbour's neighbour counts of that.
pub const BESIDE_FADES: f32 = 0.8;
/// A memory without neighbours is taken to have one of this share of its own score, so that streams and single notes compare.
pub const ALONE: f32 = 0.7;
/// Worth of the best memory of the session.
pub const SESSION: f32 = 0.5;
/// Worth of being said by whom the query names.
pub const NAMED: f32 = 0.3;
/// Worth of lying in a time that the query names.
pub const TIME: f32 = 0.4;
/// A time before the named one fades by half a decade in this many days: people tell of plans ahead of time.
pub const TIME_BEFORE_DAYS: f32 = 7.0;
/// And after it: people tell of what was.
pub const TIME_AFTER_DAYS: f32 = 21.0;
/// Cost of being a question: it asks for what others hold.
pub const QUESTIONS: f32 = 0.15;
/// Cost of being said by a program: it repeats what people said.
pub const ASSISTANT: f32 = 0.15;
/// Worth of having something to say, at `LENGTH_WORDS` words and more.
pub const LENGTH: f32 = 0.15;
pub const LENGTH_WORDS: f32 = 20.0;
/// Worth of being new, where people ask about themselves.
pub const RECENT: f32 = 0.1;
/// Sessions in which that fades to a third.
pub const RECENT_SESSIONS: f32 = 30.0;
/// Worth of the highest priority, and cost of the lowest.
pub const PRIORITY: f32 = 0.1;
/// The constant of reciprocal rank fusion, as published.
pub const RANK_OFFSET: f32 = 60.0;
