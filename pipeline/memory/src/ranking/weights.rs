//! Every weight of retrieval, in units of cosine similarity and bounded, so that no single term decides alone. They were chosen
//! together over five sets of conversations (LoCoMo, RealMem, MADial, two of PrefEval), tuned on half of the conversations of each and
//! tested on the other half, and once with each set left out altogether; `cubelog eval retrieval --without TERM` shows what one is worth.

/// Worth of the words.
pub const WORDS: f32 = 1.0;
/// What one word of a query brings at most, as a share of the logarithm of the number of memories: BM25's saturation times the
/// usual share of the highest weight that a query's word has.
pub const WORD_WEIGHT: f32 = 1.43;
/// Worth of the better neighbour in the session: an answer stands beside its question.
pub const BESIDE: f32 = 0.3;
/// What a neighbour's neighbour counts of that.
pub const BESIDE_FADES: f32 = 0.8;
/// A memory without neighbours is taken to have one of this share of its own score, so that streams and single notes compare.
pub const ALONE: f32 = 0.7;
/// Worth of the best memory near it in its session.
pub const SESSION: f32 = 0.5;
/// What that loses with every place of distance, and how far it reaches.
pub const SESSION_FADES: f32 = 0.95;
pub const SESSION_REACH: u64 = 14;
/// Worth of being said by whom the query names.
pub const NAMED: f32 = 0.3;
/// Worth of being said by, or telling of, whoever asks.
pub const ASKER: f32 = 0.3;
/// Worth of lying in a time that the query names.
pub const TIME: f32 = 0.5;
/// Days before a named time in which that fades to a third: people tell of plans ahead of time.
pub const TIME_BEFORE_DAYS: f32 = 7.0;
/// And days after it: people tell of what was.
pub const TIME_AFTER_DAYS: f32 = 21.0;
/// Cost of being a question: it asks for what others hold.
pub const QUESTION: f32 = 0.2;
/// Cost of being said by a program: it repeats what people said.
pub const ASSISTANT: f32 = 0.15;
/// Worth of being new, where people ask about themselves.
pub const RECENT: f32 = 0.1;
/// Turns in which that fades to a third.
pub const RECENT_TURNS: f32 = 200.0;
/// Cost of being outdated where the query asks for what is: less than a good match is worth, so that what was is still found.
pub const OUTDATED: f32 = 0.2;
/// Worth of naming whom or what the best candidates name, where a search asks for that (`expand`). With it, R@1 / R@5 / R@10 / R@20 went
/// from 45.0/73.8/82.4/87.2 to 45.3/74.1/82.4/87.2 on LoCoMo, 34.9/62.5/73.4/86.6 to 35.1/63.0/73.7/86.7 on MADial, 8.9/26.8/36.5/48.7 to
/// 9.2/27.1/36.9/48.5 on RealMem and 33.4/91.8/98.4/100 to 34.0/91.5/98.3/100 on PrefEval: well within what chance does, so nobody pays for
/// reading entities unless they ask. At 0.2 or from 20 candidates it took from PrefEval and RealMem what it gave to MADial, and with
/// things in small letters linking too it took from all.
pub const LINKED: f32 = 0.1;
/// Worth of the highest priority, and cost of the lowest.
pub const PRIORITY: f32 = 0.1;
/// The constant of reciprocal rank fusion, as published.
pub const RANK_OFFSET: f32 = 60.0;
