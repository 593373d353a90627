//! An encoder that looks into the vector cache first.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Encoder, Key, ModelError, VectorCache};

/// Texts that are encoded and stored at a time, so that a long call that is interrupted has not worked in vain.
const SHARE_TEXTS: usize = 1024;

/// Embeds only the texts that the cache does not know, and tells it about them.
pub struct CachedEncoder {
    encoder: Arc<dyn Encoder>,
    cache: VectorCache,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How many texts were answered how, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Texts whose vector was in the cache, or earlier in the same call.
    pub hits: u64,
    /// Texts that were embedded.
    pub misses: u64,
}

impl CachedEncoder {
    /// Puts `cache` in front of `encoder`. One cache may serve several encoders one after the other: their identities
    /// keep their vectors apart.
    pub fn new(encoder: Arc<dyn Encoder>, cache: VectorCache) -> Self {
        Self { encoder, cache, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The cache, for removing vectors of erased texts and for flushing.
    pub fn cache(&self) -> &VectorCache {
        &self.cache
    }

    /// The key under which the cache has the vector of `text`.
    pub fn key(&self, text: &str) -> Key {
        Key::new(self.encoder.identity(), text)
    }

    /// Hits and misses since the start.
    pub fn counts(&self) -> CacheCounts {
        CacheCounts { hits: self.hits.load(Ordering::Relaxed), misses: self.misses.load(Ordering::Relaxed) }
    }

    fn encode_share(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let keys: Vec<Key> = texts.iter().map(|text| self.key(text)).collect();
        let mut vectors = self.cache.get_many(&keys);
        // A vector of another length is damage, or a clash of identities: embed anew.
        vectors.iter_mut().for_each(|found| drop(found.take_if(|vector| vector.len() != self.dim())));

        // The same text twice is embedded once.
        let mut missing: HashMap<Key, usize> = HashMap::new();
        let mut asked = Vec::new();
        for (n, key) in keys.iter().enumerate().filter(|(n, _)| vectors[*n].is_none()) {
            missing.entry(*key).or_insert_with(|| {
                asked.push(n);
                asked.len() - 1
            });
        }
        let embedded = match asked.is_empty() {
            true => Vec::new(),
            false => self.encoder.encode(&asked.iter().map(|&n| texts[n]).collect::<Vec<_>>())?,
        };
        if embedded.len() != asked.len() {
            let reason = format!("{} vectors for {} texts", embedded.len(), asked.len());
            return Err(ModelError::Compute { reason });
        }
        let entries: Vec<(Key, &[f32])> = asked.iter().zip(&embedded).map(|(&n, v)| (keys[n], v.as_slice())).collect();
        self.cache.put_many(&entries);
        self.misses.fetch_add(asked.len() as u64, Ordering::Relaxed);
        self.hits.fetch_add((texts.len() - asked.len()) as u64, Ordering::Relaxed);

        let found = vectors.into_iter().zip(&keys);
        Ok(found.map(|(vector, key)| vector.unwrap_or_else(|| embedded[missing[key]].clone())).collect())
    }
}

impl Encoder for CachedEncoder {
    fn identity(&self) -> &str {
        self.encoder.identity()
    }

    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn tokens(&self, text: &str) -> usize {
        self.encoder.tokens(text)
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for share in texts.chunks(SHARE_TEXTS) {
            vectors.extend(self.encode_share(share)?);
        }
        Ok(vectors)
    }
}
