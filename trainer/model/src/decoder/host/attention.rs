//! Attention of some tokens of one sequence to those in its cache.

use rayon::prelude::*;

use super::cache::{HostCache, KEYS};
use super::kernels::{exp, fma};

/// Tokens whose queries one thread takes at a time.
const TILE: usize = 16;

/// q: [tokens, heads * head], turned; the first of them has slot `start`. out: the same shape. A token sees the slots up to
/// its own.
pub fn attention(cache: &HostCache, layer: usize, q: &[f32], start: usize, heads: usize, out: &mut [f32]) {
    let width = heads * cache.head;
    let tiles = q.par_chunks(TILE * width).zip(out.par_chunks_mut(TILE * width)).enumerate();
    tiles.for_each(|(tile, (q, out))| {
        let mut scores = Vec::new();
        for (n, (q, out)) in q.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
            token(cache, layer, q, start + tile * TILE + n + 1, heads, out, &mut scores);
        }
    });
}

/// One token that sees `length` slots. q and out: [heads * head].
fn token(cache: &HostCache, layer: usize, q: &[f32], length: usize, heads: usize, out: &mut [f32], scores: &mut Vec<f32>) {
    let (head, group) = (cache.head, heads / cache.kv_heads);
    let (numbers, layer) = (cache.capacity() * head, &cache.layers[layer]);
    let scale = 1.0 / (head as f32).sqrt();
    scores.clear();
    scores.resize(length.next_multiple_of(KEYS), 0.0);
    for (n, (q, out)) in q.chunks_exact(head).zip(out.chunks_exact_mut(head)).enumerate() {
        let first = n / group * numbers;
        let keys = &layer.keys[first..][..scores.len() * head];
        score(q, scale, keys, scores);
        let total = soften(scores, length);
        mix(&scores[..length], &layer.values[first..][..length * head], 1.0 / total, out);
    }
}

/// scores[j] = scale * query . key j, KEYS at a time. keys: [blocks, head, KEYS].
fn score(query: &[f32], scale: f32, keys: &[f32], scores: &mut [f32]) {
    let ((keys, _), (scores, _)) = (keys.as_chunks::<KEYS>(), scores.as_chunks_mut::<KEYS>());
    for (block, scores) in keys.chunks_exact(query.len()).zip(scores) {
        let mut sums = [0.0f32; KEYS];
        for (q, keys) in query.iter().zip(block) {
            for (sum, k) in sums.iter_mut().zip(keys) {
                *sum = fma(*q, *k, *sum);
            }
        }
        *scores = sums.map(|sum| sum * scale);
    }
}

/// The first `length` scores into unnormalised probabilities, the rest into 0; gives their sum.
fn soften(scores: &mut [f32], length: usize) -> f32 {
    scores[length..].fill(f32::NEG_INFINITY);
    let (blocks, _) = scores.as_chunks_mut::<KEYS>();
    let mut highest = [f32::NEG_INFINITY; KEYS];
    for block in blocks.iter() {
        for (highest, &x) in highest.iter_mut().zip(block) {
            *highest = if x > *highest { x } else { *highest };
        }
    }
    let highest = highest.into_iter().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    let mut sums = [0.0f32; KEYS];
    for block in blocks.iter_mut() {
        for (sum, x) in sums.iter_mut().zip(block) {
            *x = exp(*x - highest);
            *sum += *x;
        }
    }
    // What is beyond the length became e^-87, which is far below what a sum of floats can tell from nothing.
    scores[length..].fill(0.0);
    sums.iter().sum()
}

/// out = scale * the values weighted by the probabilities. values: [keys, head]; out: [head].
fn mix(probabilities: &[f32], values: &[f32], scale: f32, out: &mut [f32]) {
    let head = out.len();
    let mut column = 0;
    while column < head {
        column += match head - column {
            64.. => columns::<64>(probabilities, values, scale, column, out),
            16.. => columns::<16>(probabilities, values, scale, column, out),
            _ => columns::<1>(probabilities, values, scale, column, out),
        };
    }
}

#[inline(always)]
fn columns<const C: usize>(probabilities: &[f32], values: &[f32], scale: f32, column: usize, out: &mut [f32]) -> usize {
    let mut sums = [0.0f32; C];
    for (p, values) in probabilities.iter().zip(values.chunks_exact(out.len())) {
        if let Some(values) = values[column..].first_chunk::<C>() {
            for (sum, v) in sums.iter_mut().zip(values) {
                *sum = fma(*p, *v, *sum);
            }
        }
    }
    for (out, sum) in out[column..].iter_mut().zip(sums) {
        *out = sum * scale;
    }
    C
}
