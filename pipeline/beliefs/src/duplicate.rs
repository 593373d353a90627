//! Whether two texts are one statement: the same, nearly the same, or restated. A decisive difference always wins over likeness.

use std::collections::BTreeSet;

use cubelog_memory::Timestamp;

use crate::belief::{Verdict, compare};
use crate::claim::{Claim, Modality};
use crate::lexicon::listed;
use crate::limits::{NEAR_BITS_MAX, RESTATED_COSINE_MIN, SAME_CLAIMS_COSINE_MIN, SAME_CLAIMS_OVERLAP_MIN};
use crate::normal::{number, singular, spelling};
use crate::read::claims;
use crate::words::{Word, words};

/// What the decision is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Equal but for case, punctuation and spelling variants.
    pub exact: bool,
    /// Bits of 64 in which the SimHashes differ.
    pub simhash_bits: u32,
    /// Cosine of the embeddings, where there are any.
    pub cosine: Option<f32>,
    /// Claims of the one that the other restates.
    pub claims_shared: usize,
    /// Claims of either that the other does not make, or makes otherwise.
    pub claims_apart: usize,
    pub numbers_differ: bool,
    pub negation_differs: bool,
    pub names_differ: bool,
    /// Each has content words that the other lacks: something was replaced, not merely added.
    pub words_replaced: bool,
    /// Share of content words in common, 0 to 1.
    pub overlap: f32,
    pub speaker_differs: bool,
    /// One is asked, supposed or quoted where the other is asserted.
    pub modality_differs: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Likeness {
    Different,
    /// Other words, the same claims.
    Restated,
    /// The same words but for trifles.
    Near,
    Same,
}

impl Likeness {
    /// The word that stands for it in interfaces.
    pub const fn word(self) -> &'static str {
        match self {
            Likeness::Different => "different",
            Likeness::Restated => "restated",
            Likeness::Near => "near",
            Likeness::Same => "same",
        }
    }
}

/// Decides; thresholds are in `limits.rs`.
pub fn duplicate(features: &Features) -> Likeness {
    if features.speaker_differs || features.modality_differs {
        return Likeness::Different;
    }
    if features.exact {
        return Likeness::Same;
    }
    if features.numbers_differ || features.names_differ || features.claims_apart > 0 {
        return Likeness::Different;
    }
    let enough = features.cosine.map_or(features.overlap >= SAME_CLAIMS_OVERLAP_MIN, |cosine| cosine >= SAME_CLAIMS_COSINE_MIN);
    if features.claims_shared > 0 && enough {
        let near = features.simhash_bits <= NEAR_BITS_MAX && !features.words_replaced;
        return if near { Likeness::Near } else { Likeness::Restated };
    }
    // From here on no claim vouches for the meaning, so every word counts.
    if features.negation_differs || features.words_replaced {
        return Likeness::Different;
    }
    if features.simhash_bits <= NEAR_BITS_MAX {
        return Likeness::Near;
    }
    match features.cosine {
        Some(cosine) if cosine >= RESTATED_COSINE_MIN => Likeness::Restated,
        _ => Likeness::Different,
    }
}

/// A statement with its circumstances, as duplicates are sought among.
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    pub text: &'a str,
    pub speaker: &'a str,
    pub said_at: Timestamp,
}

impl Features {
    /// Everything that the texts themselves tell; the cosine comes from whoever has an encoder.
    pub fn of(a: Statement<'_>, b: Statement<'_>, cosine: Option<f32>) -> Self {
        let (words_a, words_b) = (words(a.text), words(b.text));
        let (claims_a, claims_b) = (claims(a.text, a.speaker, a.said_at), claims(b.text, b.speaker, b.said_at));
        let (content_a, content_b) = (content(&words_a), content(&words_b));
        let common = content_a.intersection(&content_b).count();
        let all = content_a.union(&content_b).count();
        let (shared, apart) = claims_in_common(&claims_a, &claims_b);
        Self {
            exact: plain(&words_a) == plain(&words_b),
            simhash_bits: (simhash(&words_a) ^ simhash(&words_b)).count_ones(),
            cosine: cosine.filter(|cosine| cosine.is_finite()),
            claims_shared: shared,
            claims_apart: apart,
            numbers_differ: numbers(&words_a) != numbers(&words_b),
            negation_differs: negations(&words_a) % 2 != negations(&words_b) % 2,
            names_differ: names_differ(&words_a, &words_b) || names_differ(&words_b, &words_a),
            words_replaced: common < content_a.len() && common < content_b.len(),
            overlap: if all == 0 { 1.0 } else { common as f32 / all as f32 },
            speaker_differs: a.speaker.to_lowercase() != b.speaker.to_lowercase(),
            modality_differs: modalities(&claims_a) != modalities(&claims_b) || asks(&words_a) != asks(&words_b),
        }
    }
}

fn asks(words: &[Word]) -> bool {
    words.last().is_some_and(|word| word.text == "?")
}

fn modalities(claims: &[Claim]) -> BTreeSet<Modality> {
    claims.iter().map(|claim| claim.modality).collect()
}

fn claims_in_common(a: &[Claim], b: &[Claim]) -> (usize, usize) {
    let restated = |claim: &Claim, others: &[Claim]| others.iter().any(|other| same(claim, other));
    let shared = a.iter().filter(|claim| restated(claim, b)).count();
    let apart = a.len() - shared + b.iter().filter(|claim| !restated(claim, a)).count();
    (shared, apart)
}

/// The same claim, said once more; one that is over is not one that holds.
fn same(a: &Claim, b: &Claim) -> bool {
    a.is_past() == b.is_past()
        && (compare(a, b).verdict == Verdict::Restates && a.answer() == b.answer()
            || b.negated && a.negated && a.value == b.value && a.attribute == b.attribute && a.subject == b.subject)
}

pub(crate) fn plain(words: &[Word]) -> Vec<&str> {
    words.iter().filter(|word| !word.is_mark()).map(|word| spelling(&word.text)).collect()
}

/// Numbers as values, so that "three" is "3", and "4th" is "4".
fn numbers(words: &[Word]) -> BTreeSet<String> {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let value = |word: &Word| {
        Some(digits(&word.text)).filter(|digits| !digits.is_empty()).or_else(|| number(&word.text).map(|n| n.to_string()))
    };
    let mut run = String::new();
    let mut out = BTreeSet::new();
    // Groups of one telephone number are one number.
    for word in words.iter().filter(|word| !["no", "one"].contains(&word.text.as_str())) {
        match value(word) {
            Some(next) if word.text.chars().all(|c| !c.is_alphabetic()) && !next.is_empty() => run.push_str(&next),
            other => {
                out.extend((!run.is_empty()).then(|| std::mem::take(&mut run)));
                out.extend(other);
            }
        }
    }
    out.extend((!run.is_empty()).then_some(run));
    out
}

fn negations(words: &[Word]) -> usize {
    words
        .iter()
        .filter(|word| ["not", "never", "no", "without", "none", "nobody", "nothing"].contains(&word.text.as_str()))
        .count()
}

/// Whether `a` has a proper name that `b` lacks. The first word of a sentence is capitalised anyway and proves nothing.
fn names_differ(a: &[Word], b: &[Word]) -> bool {
    (1..a.len()).any(|at| {
        let named = a[at].capital && a[at].text != "i" && !a[at - 1].is_mark();
        named && !b.iter().any(|word| word.text == a[at].text)
    })
}

const SMALL: &str = "\
    a, an, the, i, am, is, are, was, be, been, my, me, we, our, it, its, 's, to, of, in, on, at, for, and, or, so, do, \
    does, have, has, had, got, really, very, just, also, that, this, with, as, you, now, well, oh, yes, yeah, too, where, \
    by, can, not, never, no";

pub(crate) fn content(words: &[Word]) -> BTreeSet<String> {
    words
        .iter()
        .filter(|word| !word.is_mark() && !listed(SMALL, word.text.as_str()))
        .map(|word| match number(&word.text) {
            Some(n) => n.to_string(),
            None => singular(spelling(&word.text)),
        })
        .collect()
}

/// 64-bit SimHash over words and pairs of words (FNV-1a, so that it is the same everywhere and for ever).
pub fn simhash(words: &[Word]) -> u64 {
    let plain = plain(words);
    let mut sums = [0i32; 64];
    let mut add = |parts: &[&str]| {
        let bytes = parts.iter().flat_map(|part| part.bytes().chain([b' ']));
        let mut hash =
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        // FNV's high bits are poor for short input.
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        hash ^= hash >> 29;
        for (bit, sum) in sums.iter_mut().enumerate() {
            *sum = sum.saturating_add(if hash >> bit & 1 == 1 { 1 } else { -1 });
        }
    };
    plain.iter().for_each(|word| add(&[word]));
    plain.windows(2).for_each(&mut add);
    sums.iter().enumerate().fold(0, |hash, (bit, sum)| hash | u64::from(*sum > 0) << bit)
}
