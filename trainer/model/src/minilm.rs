//! all-MiniLM-L6-v2: a sentence encoder of six transformer layers, on the CPU.

mod forward;
mod kernels;
mod tokens;
mod weights;
mod workers;

use std::path::Path;

use burn::tensor::Device;

use self::forward::forward;
use self::tokens::{TOKENS_MAX, Tokens};
use self::weights::Weights;
use self::workers::Workers;
use crate::{Encoder, ModelError};

/// Numbers in a token's vector, and in a text's.
const HIDDEN: usize = 384;
/// Attention heads.
const HEADS: usize = 12;
/// Numbers that a head sees.
const HEAD: usize = HIDDEN / HEADS;
/// Numbers in the middle of the feed-forward part.
const FEED_FORWARD: usize = 1536;
/// Transformer layers.
const LAYERS: usize = 6;
/// Positions that the model has embeddings for, of which [`TOKENS_MAX`] are used.
const POSITIONS: usize = 512;
/// Added to a variance before its root is taken.
const NORM_EPSILON: f64 = 1e-12;

/// Most tokens in one batch. Measured on conversation turns: with 256 the weights are prepared for the product too often
/// (1 % slower), with 2048 the numbers in between no longer stay in a core's cache (12 % slower).
const BATCH_TOKENS_MAX: usize = 512;
/// Fewest tokens for which a batch is split among workers: below, reading the weights twice costs more than it gains.
const BATCH_TOKENS_MIN: usize = 64;

/// The encoder all-MiniLM-L6-v2 (BERT, 6 layers of 384, mean pooling, vectors of length 1), cut at 256 tokens.
///
/// It may be used from several threads at once. It owns one worker thread for each processor, which end with it.
pub struct MiniLm {
    identity: String,
    tokens: Tokens,
    weights: Weights,
    workers: Workers,
    device: Device,
}

impl MiniLm {
    /// Name of the model, and of its folder in the directory that [`locate`](crate::locate) gives.
    pub const NAME: &str = "all-MiniLM-L6-v2";

    /// Reads `config.json`, `tokenizer.json` and `model.safetensors` from `dir`.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if the model was never fetched; another variant if its files are unreadable, damaged or
    /// of another model.
    pub fn load(dir: &Path) -> Result<Self, ModelError> {
        let path = |name: &str| dir.join(name);
        weights::check_config(&path("config.json"), &weights::read(&path("config.json"))?)?;
        let device = Device::flex();
        let bytes = weights::read(&path("model.safetensors"))?;
        let weights = Weights::new(&path("model.safetensors"), &bytes, &device)?;
        let json = weights::read(&path("tokenizer.json"))?;
        let tokens = Tokens::new(&path("tokenizer.json"), &json, weights.vocabulary())?;

        let digest = blake3::Hasher::new().update(&bytes).update(&json).finalize().to_hex();
        let identity = format!("{}/{HIDDEN}/{}/{TOKENS_MAX}", Self::NAME, &digest[..16]);
        Ok(Self { identity, tokens, weights, workers: Workers::start()?, device })
    }

    /// Names the model and everything else that changes the numbers: folder, dimensions, the first 16 hexadecimal digits
    /// of the BLAKE3 hash over weights and tokenizer, longest sequence.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Numbers in a vector: 384.
    pub fn dim(&self) -> usize {
        HIDDEN
    }

    /// One vector of 384 numbers and length 1 for every text, in the order of the texts. Any text is fine: an empty one
    /// has a vector too, and of a long one the first 256 tokens count.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`] if a text cannot be split into tokens.
    pub fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let ids = self.tokenize(texts)?;
        let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
        let batches = batches(&lengths, self.workers.len());
        let encoded = self.workers.run(batches.len(), |n| {
            let batch: Vec<&[u32]> = batches[n].iter().map(|&text| ids[text].as_slice()).collect();
            forward(&self.weights, &batch, &self.device)
        })?;

        let mut vectors = vec![Vec::new(); texts.len()];
        for (batch, encoded) in batches.iter().zip(encoded) {
            for (&text, vector) in batch.iter().zip(encoded?) {
                vectors[text] = vector;
            }
        }
        Ok(vectors)
    }

    fn tokenize(&self, texts: &[&str]) -> Result<Vec<Vec<u32>>, ModelError> {
        /// Texts that a worker takes at a time; a few texts are not worth waking one.
        const SHARE: usize = 64;
        let shares: Vec<&[&str]> = texts.chunks(SHARE).collect();
        let split = self.workers.run(shares.len(), |n| shares[n].iter().map(|text| self.tokens.ids(text)).collect())?;
        let split: Vec<Vec<Vec<u32>>> = split.into_iter().collect::<Result<_, _>>()?;
        Ok(split.into_iter().flatten().collect())
    }
}

impl Encoder for MiniLm {
    fn identity(&self) -> &str {
        self.identity()
    }

    fn dim(&self) -> usize {
        self.dim()
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.encode(texts)
    }

    fn tokens(&self, text: &str) -> usize {
        self.tokens.count(text)
    }
}

/// Groups texts, given by their lengths in tokens, into batches: indices of texts, longest first, so that the workers
/// finish together. Every text is in exactly one batch.
fn batches(lengths: &[usize], workers: usize) -> Vec<Vec<usize>> {
    let total: usize = lengths.iter().sum();
    let most = total.div_ceil(workers.max(1)).clamp(BATCH_TOKENS_MIN, BATCH_TOKENS_MAX);
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&text| std::cmp::Reverse(lengths[text]));

    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut room = 0;
    for text in order {
        match batches.last_mut() {
            Some(batch) if lengths[text] <= room => batch.push(text),
            _ => {
                batches.push(vec![text]);
                room = most.max(lengths[text]);
            }
        }
        room -= lengths[text];
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_in_one_batch_and_batches_are_bounded() {
        for lengths in [vec![], vec![2], vec![256; 9], (2..=256).collect(), vec![2; 5000], vec![10, 3, 3]] {
            for workers in [1, 2, 7] {
                let batches = batches(&lengths, workers);
                let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
                seen.sort_unstable();
                assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
                for batch in &batches {
                    assert!(!batch.is_empty());
                    assert!(batch.iter().map(|&text| lengths[text]).sum::<usize>() <= BATCH_TOKENS_MAX);
                }
            }
        }
    }
}
