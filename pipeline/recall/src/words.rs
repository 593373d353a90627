//! The words of a part, and BM25 over them (Robertson and Zaragoza, 2009). What a word is worth is counted over all cubes of
//! the tenant, so that small cubes profit from large ones and no tenant's answer depends on another's memories.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use cubelog_language::words::{Term, terms};
use cubelog_memory::ranking::weights::WORD_WEIGHT;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::admit::{Admit, Mask};
use crate::memories::{Best, Memories, Spot};
use crate::part::Part;

/// How soon a word's repetition stops to count.
pub const BM25_K1: f32 = 1.2;
/// How much a long text is discounted.
pub const BM25_B: f32 = 0.75;
/// Most different words of a query that are looked for; the rest of a long one adds time and no precision.
const QUERY_WORDS_MAX: usize = 64;

/// A word in one memory.
#[derive(Debug, Clone, Copy)]
struct Posting {
    at: u32,
    count: u16,
}

/// Words by the hash of their stems.
#[derive(Debug, Default)]
pub struct Words {
    postings: HashMap<u64, Vec<Posting>, BuildHasherDefault<Xxh3Default>>,
    /// Words of each memory.
    lengths: Vec<u32>,
    /// Memories with words, and their words, by cube.
    cubes: HashMap<u32, (u64, u64)>,
}

impl Words {
    /// Adds the words of one memory: stop words count for its length alone.
    pub fn add(&mut self, at: u32, cube: u32, terms: &[Term]) {
        let length = terms.len() as u32;
        for term in terms.iter().filter(|term| !term.stop) {
            let postings = self.postings.entry(xxh3_64(term.stem.as_bytes())).or_default();
            match postings.last_mut() {
                Some(last) if last.at == at => last.count = last.count.saturating_add(1),
                _ => postings.push(Posting { at, count: 1 }),
            }
        }
        self.lengths.push(length);
        let (memories, words) = self.cubes.entry(cube).or_default();
        *memories += 1;
        *words += u64::from(length);
    }

    pub fn finish(&mut self) {
        self.postings.values_mut().for_each(Vec::shrink_to_fit);
    }

    pub fn bytes(&self) -> usize {
        self.postings.values().map(|postings| 40 + postings.len() * size_of::<Posting>()).sum::<usize>() + self.lengths.len() * 4
    }
}

/// What the words of a query found.
#[derive(Debug, Default)]
pub struct Lexical {
    /// The best by BM25, best first.
    pub best: Vec<(Spot, f32)>,
    /// The query's words with their weights, as shares of what could be reached; empty if it was searched elsewhere.
    stems: Vec<(u64, f32)>,
}

impl Lexical {
    /// Scores that were found elsewhere.
    pub fn elsewhere(best: Vec<(Spot, f32)>) -> Self {
        Self { best, stems: Vec::new() }
    }

    /// How much of the query's words a memory has, whatever its length; `None` for nothing.
    pub fn share(&self, memories: &Memories, spot: Spot) -> Option<f32> {
        let share =
            if self.stems.is_empty() { self.share_of_best(spot) } else { self.share_of_words(memories.part(spot), spot.at) };
        (share > 0.0).then_some(share)
    }

    fn share_of_words(&self, part: &Part, at: u32) -> f32 {
        let share = |(stem, weight): &(u64, f32)| {
            let count = part.count_of(*stem, at);
            weight * count * (BM25_K1 + 1.0) / (count + BM25_K1)
        };
        self.stems.iter().map(share).sum()
    }

    /// How much could have been reached is not known of a search elsewhere, so the best stands for it.
    fn share_of_best(&self, spot: Spot) -> f32 {
        let limit = self.best.iter().map(|(_, score)| *score).fold(f32::MIN_POSITIVE, f32::max);
        self.best.iter().find(|(found, _)| *found == spot).map_or(0.0, |(_, score)| score / limit)
    }
}

impl Part {
    /// How often a memory has a word of this stem.
    fn count_of(&self, stem: u64, at: u32) -> f32 {
        let Some(postings) = self.words.postings.get(&stem) else { return 0.0 };
        postings.binary_search_by_key(&at, |posting| posting.at).map_or(0.0, |place| f32::from(postings[place].count))
    }

    /// Whether a memory has a word of this stem.
    pub(crate) fn has_stem(&self, stem: u64, at: u32) -> bool {
        self.count_of(stem, at) > 0.0
    }
}

/// What the words of a text are held by, in its order.
pub(crate) fn all_stems(text: &str) -> Vec<u64> {
    terms(text).iter().filter(|term| !term.stop).map(|term| xxh3_64(term.stem.as_bytes())).collect()
}

/// What a word is looked up by.
pub fn stems(text: &str) -> Vec<u64> {
    let mut stems = all_stems(text);
    stems.sort_unstable();
    stems.dedup();
    stems.truncate(QUERY_WORDS_MAX);
    stems
}

/// The `count` memories that match the words best by BM25, and the share of all.
pub(crate) fn search(memories: &Memories, query: &str, admit: &Admit, masks: &[Mask], count: usize) -> Lexical {
    let stems = stems(query);
    let (mut all, mut words) = (0u64, 0u64);
    for (memories, length) in
        memories.parts.iter().flat_map(|part| admit.counted().iter().filter_map(|cube| part.words.cubes.get(cube)))
    {
        all += memories;
        words += length;
    }
    if stems.is_empty() || all == 0 {
        return Lexical::default();
    }
    let average = (words as f32 / all as f32).max(1.0);
    let limit = stems.len() as f32 * WORD_WEIGHT * (1.0 + all as f32).ln();
    let weights = weights(memories, &stems, admit, all as f32);
    let mut best = Best::new(count);
    let mut sums: Vec<f32> = Vec::new();
    for ((number, part), mask) in memories.parts.iter().enumerate().zip(masks) {
        sums.clear();
        sums.resize(part.len(), 0.0);
        for (stem, weight) in stems.iter().zip(&weights) {
            for posting in part.words.postings.get(stem).into_iter().flatten() {
                let (at, count) = (posting.at as usize, f32::from(posting.count));
                let length = part.words.lengths[at] as f32 / average;
                sums[at] += weight * count * (BM25_K1 + 1.0) / (count + BM25_K1 * (1.0 - BM25_B + BM25_B * length));
            }
        }
        for (at, sum) in sums.iter().enumerate() {
            if *sum > 0.0 && mask.has(at as u32) {
                best.offer(Spot { part: number as u32, at: at as u32 }, *sum);
            }
        }
    }
    let stems = stems.into_iter().zip(weights).map(|(stem, weight)| (stem, weight / limit)).collect();
    Lexical { best: best.finish(), stems }
}

/// Inverse document frequencies of words over the counted cubes.
fn weights(memories: &Memories, stems: &[u64], admit: &Admit, all: f32) -> Vec<f32> {
    let mut with = vec![0usize; stems.len()];
    for part in &memories.parts {
        let mask = admit.mask_of_counted(part);
        for (stem, with) in stems.iter().zip(&mut with) {
            let postings = part.words.postings.get(stem).map_or(&[][..], Vec::as_slice);
            *with += match &mask {
                Mask::All => postings.len(),
                Mask::None => 0,
                Mask::Some(_) => postings.iter().filter(|posting| mask.has(posting.at)).count(),
            };
        }
    }
    with.into_iter().map(|with| (1.0 + (all - with as f32 + 0.5) / (with as f32 + 0.5)).ln()).collect()
}
