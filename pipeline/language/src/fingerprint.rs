//! When two texts say the same: an exact form, a SimHash for near duplicates, overlap of their terms.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use xxhash_rust::xxh3::xxh3_64;

use crate::limits::readable;
use crate::words::{Term, terms};

/// A text as exact duplicates are compared: case, white space and punctuation do not count.
///
/// Kept are letters, digits and the marks on them, signs that change what a number or a name says (`+`, `#`, `%`, currencies,
/// a minus or a decimal point beside a digit), and a final question mark: a question does not restate its answer. A text of
/// nothing but punctuation or emoji is its own form, trimmed.
pub fn exact_form(text: &str) -> String {
    let folded: Vec<char> = readable(text).nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let mut form = String::with_capacity(folded.len());
    // Whether the character before was dropped, and whether it parted two words.
    let (mut dropped, mut gap) = (true, false);
    for (at, &c) in folded.iter().enumerate() {
        let next_is_digit = folded.get(at + 1).is_some_and(|next| next.is_numeric());
        let after_digit = at > 0 && folded[at - 1].is_numeric();
        let after_word = at > 0 && folded[at - 1].is_alphanumeric();
        let kept = match c {
            c if c.is_alphanumeric() => true,
            // A mark stands on the letter before it or nowhere.
            c if is_combining_mark(c) => !dropped,
            '+' | '#' | '%' | '$' | '\u{20ac}' | '\u{a3}' | '\u{a5}' | '\u{b0}' => true,
            '-' | '\u{2212}' => next_is_digit && !after_word,
            '.' | ':' => next_is_digit && after_digit,
            _ => false,
        };
        if !kept {
            // An apostrophe or a thousands separator joins what it stands in.
            let joins = matches!(c, '\'' | '\u{2019}') || is_combining_mark(c) || (c == ',' && next_is_digit && after_digit);
            gap |= !joins;
            dropped = true;
            continue;
        }
        if gap && !form.is_empty() {
            form.push(' ');
        }
        (dropped, gap) = (false, false);
        form.push(c);
    }
    if form.is_empty() {
        return folded.iter().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    }
    if folded.iter().rfind(|c| !c.is_whitespace()).is_some_and(|last| *last == '?') {
        form.push('?');
    }
    form
}

/// 64 bits in which similar texts differ little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SimHash(pub u64);

impl SimHash {
    /// Over stems and pairs of neighbouring stems, stop words left out (negations are none). `None` for a text without
    /// terms, which resembles nothing.
    pub fn of(text: &str) -> Option<Self> {
        let stems: Vec<String> = content(text).map(|term| term.stem).collect();
        let mut balance = [0_i64; 64];
        let mut count = |shingle: &str| {
            let hash = xxh3_64(shingle.as_bytes());
            for (bit, balance) in balance.iter_mut().enumerate() {
                *balance += if hash >> bit & 1 == 1 { 1 } else { -1 };
            }
        };
        stems.iter().for_each(|stem| count(stem));
        stems.windows(2).for_each(|pair| count(&format!("{} {}", pair[0], pair[1])));
        let bits = balance.iter().enumerate().filter(|(_, balance)| **balance > 0).fold(0, |bits, (bit, _)| bits | 1 << bit);
        (!stems.is_empty()).then_some(Self(bits))
    }

    /// In how many of 64 bits two texts differ; unrelated ones in about 32.
    pub fn distance(self, other: Self) -> u32 {
        (self.0 ^ other.0).count_ones()
    }
}

/// The distinct stems of a text as a set of hashes, for comparing many texts with each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TermSet(Vec<u64>);

impl TermSet {
    /// Stop words are left out (negations are none).
    pub fn of(text: &str) -> Self {
        let mut hashes: Vec<u64> = content(text).map(|term| xxh3_64(term.stem.as_bytes())).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn shared(&self, other: &Self) -> usize {
        self.0.iter().filter(|hash| other.0.binary_search(hash).is_ok()).count()
    }

    /// Shared terms over all terms, 0 to 1; 0 where either has none.
    pub fn jaccard(&self, other: &Self) -> f32 {
        let shared = self.shared(other);
        ratio(shared, self.len() + other.len() - shared)
    }

    /// The share of these terms that `whole` has too, 0 to 1: 1 where `whole` says all of this and maybe more.
    pub fn contained_in(&self, whole: &Self) -> f32 {
        ratio(self.shared(whole), self.len())
    }
}

fn ratio(part: usize, whole: usize) -> f32 {
    if whole == 0 { 0.0 } else { part as f32 / whole as f32 }
}

fn content(text: &str) -> impl Iterator<Item = Term> {
    terms(text).into_iter().filter(|term| !term.stop)
}
