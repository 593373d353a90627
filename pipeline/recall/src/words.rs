//! The words of a part, and BM25 over them (Robertson and Zaragoza, 2009). What a word is worth is counted over the cubes that
//! are searched, so nobody's answer depends on somebody else's memories.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use cubelog_language::words::terms;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64};

use crate::admit::Admit;
use crate::memories::{Memories, Spot, best};

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
    pub fn add<'a>(&mut self, at: u32, cube: u32, stems: impl Iterator<Item = &'a str>) {
        let mut length = 0;
        for stem in stems {
            length += 1;
            let postings = self.postings.entry(xxh3_64(stem.as_bytes())).or_default();
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
    /// Best first.
    pub scores: Vec<(Spot, f32)>,
    /// The score that no memory can exceed for this query: the sum of its words' weights at endless repetition.
    pub limit: f32,
}

/// The `count` memories that match the words best.
pub fn search(memories: &Memories, query: &str, admit: &Admit, count: usize) -> Lexical {
    let mut stems: Vec<u64> = terms(query).iter().filter(|term| !term.stop).map(|term| xxh3_64(term.stem.as_bytes())).collect();
    stems.sort_unstable();
    stems.dedup();
    stems.truncate(QUERY_WORDS_MAX);
    let (mut all, mut words) = (0u64, 0u64);
    for (memories, length) in
        memories.parts.iter().flat_map(|part| admit.cubes().iter().filter_map(|cube| part.words.cubes.get(cube)))
    {
        all += memories;
        words += length;
    }
    if stems.is_empty() || all == 0 {
        return Lexical::default();
    }
    let average = (words as f32 / all as f32).max(1.0);
    let weights: Vec<f32> = stems
        .iter()
        .map(|stem| {
            let with: usize = memories
                .parts
                .iter()
                .filter_map(|part| Some((part, part.words.postings.get(stem)?)))
                .map(|(part, postings)| postings.iter().filter(|posting| admit.is_in_cubes(part.place(posting.at))).count())
                .sum();
            (1.0 + (all as f32 - with as f32 + 0.5) / (with as f32 + 0.5)).ln()
        })
        .collect();
    let mut scores = Vec::new();
    let mut sums: Vec<f32> = Vec::new();
    for (number, part) in memories.parts.iter().enumerate() {
        sums.clear();
        sums.resize(part.len(), 0.0);
        for (stem, weight) in stems.iter().zip(&weights) {
            for posting in part.words.postings.get(stem).into_iter().flatten() {
                let (count, length) = (f32::from(posting.count), part.words.lengths[posting.at as usize] as f32);
                sums[posting.at as usize] +=
                    weight * count * (BM25_K1 + 1.0) / (count + BM25_K1 * (1.0 - BM25_B + BM25_B * length / average));
            }
        }
        let matching = sums.iter().enumerate().filter(|(at, sum)| **sum > 0.0 && admit.passes(part.place(*at as u32)));
        scores.extend(matching.map(|(at, sum)| (Spot { part: number as u32, at: at as u32 }, *sum)));
    }
    Lexical { scores: best(scores, count), limit: weights.iter().sum::<f32>() * (BM25_K1 + 1.0) }
}
