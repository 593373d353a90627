//! An encoder without a model: words hashed into a fixed number of features.

use crate::{Encoder, ModelError};

const DIM: usize = 384;

/// Feature hashing of lower-cased words and pairs of neighbouring words, for tests and for benchmarks in which embedding
/// is not what is measured. Texts that share words are near one another; meaning plays no part.
#[derive(Debug, Clone, Copy, Default)]
pub struct HashEncoder;

impl Encoder for HashEncoder {
    fn identity(&self) -> &str {
        "hash-384/1"
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

/// Weight of a pair of words relative to a word: order matters, but less than the words themselves.
const PAIR_WEIGHT: f32 = 0.5;

fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0f32; DIM];
    let mut add = |hash: u64, weight: f32| {
        let mixed = mix(hash);
        // The sign comes from a bit that the index does not use, so that collisions cancel out on average.
        let sign = if mixed >> 63 == 0 { weight } else { -weight };
        vector[(mixed % DIM as u64) as usize] += sign;
    };
    let mut before = None;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash = fnv(word.chars().flat_map(char::to_lowercase));
        add(hash, 1.0);
        if let Some(before) = before {
            add(mix(before).wrapping_add(hash), PAIR_WEIGHT);
        }
        before = Some(hash);
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|x| *x /= norm);
    } else {
        // No words, or words that cancel out exactly: still a vector of length 1, and the same for all such texts.
        vector.fill(0.0);
        vector[0] = 1.0;
    }
    vector
}

/// FNV-1a over the scalar values of the characters.
fn fnv(characters: impl Iterator<Item = char>) -> u64 {
    characters.fold(0xcbf2_9ce4_8422_2325, |hash, c| (hash ^ u64::from(u32::from(c))).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finaliser of SplitMix64: spreads every bit over all others.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn every_text_gets_a_unit_vector() {
        for text in ["", " ", "!?", "word", "two words", "Ünïcode 東京 😍", "a a a a b"] {
            let v = vector(text);
            assert_eq!(v.len(), DIM);
            assert!((dot(&v, &v) - 1.0).abs() < 1e-5, "{text:?}");
        }
    }

    #[test]
    fn case_and_punctuation_do_not_count_but_words_and_their_order_do() {
        assert_eq!(vector("Spare KEY, under the mat!"), vector("spare key under the mat"));
        let near = dot(&vector("spare key under the mat"), &vector("the spare key is under the mat"));
        let far = dot(&vector("spare key under the mat"), &vector("she plays cello on thursdays"));
        let turned = dot(&vector("spare key under the mat"), &vector("mat the under key spare"));
        assert!(near > 0.6 && far < 0.3 && turned < 0.95, "{near} {far} {turned}");
    }

    #[test]
    fn numbers_are_fixed_for_ever() {
        // A change here changes stored vectors: it needs a new identity.
        let v = vector("memory is a log");
        let set: Vec<_> = v.iter().enumerate().filter(|(_, x)| **x != 0.0).map(|(i, x)| (i, (x * 1e4).round() as i32)).collect();
        assert_eq!(set, [(40, 2294), (116, 2294), (221, 4588), (304, 4588), (326, -2294), (357, -4588), (376, 4588)]);
    }
}
