//! The element-wise parts of the encoder, each one pass over memory.
//!
//! The matrix products are burn's. These parts are here because burn-flex runs them one operation at a time, with a new
//! buffer each, and takes the error function from a scalar library.
//! Loops are written over fixed-size arrays so that the compiler turns them into vector instructions.

use super::weights::Norm;
use super::{HEAD, HEADS, HIDDEN, NORM_EPSILON};

/// Numbers summed side by side in a reduction: four AVX2 registers of them, enough to hide the latency of an addition.
const LANES: usize = 32;
/// Keys scored at once in attention. With 16 the compiler unrolls the innermost loop into scalars and attention takes twice
/// the time.
const KEYS: usize = 32;

/// x = layer norm of (x + y + bias), row by row. x and y: [rows, HIDDEN]; bias: [HIDDEN].
pub fn add_norm(x: &mut [f32], y: &[f32], bias: &[f32], norm: &Norm) {
    for (x, y) in x.chunks_exact_mut(HIDDEN).zip(y.chunks_exact(HIDDEN)) {
        for ((x, y), b) in x.iter_mut().zip(y).zip(bias) {
            *x += y + b;
        }
        norm_row(x, norm);
    }
}

/// Layer norm of one row, in place: [HIDDEN].
pub fn norm_row(row: &mut [f32], norm: &Norm) {
    let mean = sum(row, |x| x) / HIDDEN as f32;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / HIDDEN as f32;
    let scale = 1.0 / (variance + NORM_EPSILON as f32).sqrt();
    for ((x, g), b) in row.iter_mut().zip(&norm.gamma).zip(&norm.beta) {
        *x = (*x - mean) * scale * g + b;
    }
}

/// Sum of f(x) over a row whose length is a multiple of LANES.
fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, _) = row.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane += f(x);
        }
    }
    lanes.iter().sum()
}

/// x = GELU(x + bias), row by row; x: [rows, bias.len()].
pub fn add_gelu(x: &mut [f32], bias: &[f32]) {
    for row in x.chunks_exact_mut(bias.len()) {
        for (x, b) in row.iter_mut().zip(bias) {
            *x = gelu(*x + b);
        }
    }
}

/// The exact GELU, x/2 (1 + erf(x / sqrt 2)).
#[inline(always)]
fn gelu(x: f32) -> f32 {
    0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// The error function by a rational approximation, error below 5e-7 (a test compares it with a reference), without the
/// branches and the exponential of the usual one.
#[inline(always)]
fn erf(x: f32) -> f32 {
    // Beyond this, erf rounds to one.
    const CLAMP: f32 = 3.832_507;
    let x = x.clamp(-CLAMP, CLAMP);
    let x2 = x * x;
    let mut p = 0.000_229_050_66;
    p = fma(p, x2, 0.003_408_291_1);
    p = fma(p, x2, 0.050_955_694);
    p = fma(p, x2, 0.185_208_32);
    p = fma(p, x2, std::f32::consts::FRAC_2_SQRT_PI);
    let mut q = -1.179_160_3e-7;
    q = fma(q, x2, 2.354_796_7e-5);
    q = fma(q, x2, 0.001_017_962_5);
    q = fma(q, x2, 0.014_070_47);
    q = fma(q, x2, 0.110_985_05);
    q = fma(q, x2, 0.497_469_25);
    q = fma(q, x2, 1.0);
    x * p / q
}

/// e to the power of x for x <= 0, relative error below 2e-7; 0 for very negative x.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its series; 2^n by writing n into the exponent.
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.max(-87.0);
    let shifted = fma(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma(n, -LN2_LOW, fma(n, -LN2_HIGH, x));
    let mut p = 1.0 / 5040.0;
    p = fma(p, r, 1.0 / 720.0);
    p = fma(p, r, 1.0 / 120.0);
    p = fma(p, r, 1.0 / 24.0);
    p = fma(p, r, 1.0 / 6.0);
    p = fma(p, r, 0.5);
    p = fma(p, r, 1.0);
    p = fma(p, r, 1.0);
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    p * power
}

/// a * b + c, fused where the processor can: elsewhere `mul_add` would be a library call.
#[inline(always)]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { a.mul_add(b, c) } else { a * b + c }
}

/// Memory that attention reuses from head to head and from text to text.
#[derive(Default)]
pub struct Scratch {
    /// Keys of one head, KEYS of them side by side and padded with zeros: [blocks, HEAD, KEYS].
    keys: Vec<[f32; KEYS]>,
    /// Values of one head: [tokens, HEAD].
    values: Vec<f32>,
    /// Scores of one query: [KEYS * blocks].
    scores: Vec<f32>,
}

/// Attention of every token to the tokens of its own text.
///
/// qkv: [tokens, 3 * HIDDEN], the texts one after the other, `lengths` tokens each; bias: [3 * HIDDEN], added first;
/// out: [tokens, HIDDEN]. There is no padding and therefore no mask.
pub fn attention(qkv: &mut [f32], bias: &[f32], lengths: &[usize], out: &mut [f32], scratch: &mut Scratch) {
    for row in qkv.chunks_exact_mut(3 * HIDDEN) {
        row.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
    }
    let mut first = 0;
    for &length in lengths {
        let qkv = &qkv[first * 3 * HIDDEN..(first + length) * 3 * HIDDEN];
        let out = &mut out[first * HIDDEN..(first + length) * HIDDEN];
        for head in 0..HEADS {
            attend(qkv, head, out, scratch);
        }
        first += length;
    }
}

/// Attention within one text and one head. qkv: [tokens, 3 * HIDDEN]; out: [tokens, HIDDEN], of which this head's HEAD
/// columns are written.
fn attend(qkv: &[f32], head: usize, out: &mut [f32], scratch: &mut Scratch) {
    let length = qkv.len() / (3 * HIDDEN);
    let padded = length.next_multiple_of(KEYS);
    let (q_at, k_at, v_at) = (head * HEAD, HIDDEN + head * HEAD, 2 * HIDDEN + head * HEAD);
    let Scratch { keys, values, scores } = scratch;

    keys.clear();
    keys.resize(HEAD * padded / KEYS, [0.0; KEYS]);
    values.clear();
    for (token, row) in qkv.chunks_exact(3 * HIDDEN).enumerate() {
        for (d, &k) in row[k_at..k_at + HEAD].iter().enumerate() {
            keys[token / KEYS * HEAD + d][token % KEYS] = k;
        }
        values.extend_from_slice(&row[v_at..v_at + HEAD]);
    }
    scores.clear();
    scores.resize(padded, 0.0);

    let scale = 1.0 / (HEAD as f32).sqrt();
    for (row, out) in qkv.chunks_exact(3 * HIDDEN).zip(out.chunks_exact_mut(HIDDEN)) {
        let mut query = [0.0f32; HEAD];
        query.iter_mut().zip(&row[q_at..q_at + HEAD]).for_each(|(q, x)| *q = x * scale);
        score(&query, keys, scores);
        let total = soften(scores, length);
        let mix = mix(&scores[..length], values);
        for (out, x) in out[q_at..q_at + HEAD].iter_mut().zip(mix) {
            *out = x / total;
        }
    }
}

/// scores[j] = query . key j, KEYS at a time.
#[inline(always)]
fn score(query: &[f32; HEAD], keys: &[[f32; KEYS]], scores: &mut [f32]) {
    let ((blocks, _), (scores, _)) = (keys.as_chunks::<HEAD>(), scores.as_chunks_mut::<KEYS>());
    for (block, scores) in blocks.iter().zip(scores) {
        let mut sums = [0.0f32; KEYS];
        for (q, keys) in query.iter().zip(block) {
            for (sum, k) in sums.iter_mut().zip(keys) {
                *sum = fma(*q, *k, *sum);
            }
        }
        *scores = sums;
    }
}

/// The first `length` scores into unnormalised probabilities, the rest into 0; gives their sum.
#[inline(always)]
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
    sums.iter().sum()
}

/// The values weighted by the probabilities: [HEAD].
#[inline(always)]
fn mix(probabilities: &[f32], values: &[f32]) -> [f32; HEAD] {
    let (values, _) = values.as_chunks::<HEAD>();
    let mut sums = [0.0f32; HEAD];
    for (p, values) in probabilities.iter().zip(values) {
        for (sum, v) in sums.iter_mut().zip(values) {
            *sum = fma(*p, *v, *sum);
        }
    }
    sums
}

/// The mean of a text's token vectors, scaled to length 1. x: [tokens, HIDDEN].
pub fn pool(x: &[f32]) -> Vec<f32> {
    let mut mean = vec![0.0f32; HIDDEN];
    for row in x.chunks_exact(HIDDEN) {
        mean.iter_mut().zip(row).for_each(|(m, x)| *m += x);
    }
    // Dividing by the number of tokens is left out: the scaling undoes it.
    let norm = sum(&mean, |x| x * x).sqrt().max(1e-12);
    mean.iter_mut().for_each(|x| *x /= norm);
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    /// erf by its series in f64, exact to far below f32.
    fn erf_reference(x: f64) -> f64 {
        let mut term = x;
        let mut sum = x;
        for n in 1..200 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    #[test]
    fn gelu_is_exact_to_float_precision() {
        for n in -50_000..=50_000 {
            let x = n as f32 / 10_000.0;
            let expected = 0.5 * f64::from(x) * (1.0 + erf_reference(f64::from(x) * std::f64::consts::FRAC_1_SQRT_2));
            assert!((f64::from(gelu(x)) - expected).abs() < 1e-6, "{x}");
        }
        assert_eq!((gelu(-40.0), gelu(40.0)), (0.0, 40.0));
    }

    #[test]
    fn exp_is_exact_to_float_precision() {
        for n in 0..=870_000 {
            let x = -(n as f32) / 10_000.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 4e-7, "{x}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn attention_agrees_with_its_definition_for_texts_side_by_side() {
        let lengths = [1, 2, 15, 16, 17, 40];
        let tokens: usize = lengths.iter().sum();
        let number = |n: usize| ((n * 2_654_435_761) % 1000) as f32 / 500.0 - 1.0;
        let mut qkv: Vec<f32> = (0..tokens * 3 * HIDDEN).map(number).collect();
        let bias: Vec<f32> = (0..3 * HIDDEN).map(|n| number(n + 7)).collect();
        let input: Vec<f64> = qkv.iter().enumerate().map(|(n, x)| f64::from(x + bias[n % bias.len()])).collect();
        let mut out = vec![0.0; tokens * HIDDEN];
        attention(&mut qkv, &bias, &lengths, &mut out, &mut Scratch::default());

        let at = |token: usize, part: usize, column: usize| input[token * 3 * HIDDEN + part * HIDDEN + column];
        let mut first = 0;
        for length in lengths {
            let text = first..first + length;
            for (token, head) in text.clone().flat_map(|token| (0..HEADS).map(move |head| (token, head))) {
                let columns = head * HEAD..(head + 1) * HEAD;
                let dot = |other: usize| columns.clone().map(|c| at(token, 0, c) * at(other, 1, c)).sum::<f64>();
                let weights: Vec<f64> = text.clone().map(|other| (dot(other) / (HEAD as f64).sqrt()).exp()).collect();
                for column in columns.clone() {
                    let mixed: f64 = text.clone().zip(&weights).map(|(other, w)| w * at(other, 2, column)).sum();
                    let expected = mixed / weights.iter().sum::<f64>();
                    assert!((f64::from(out[token * HIDDEN + column]) - expected).abs() < 1e-5);
                }
            }
            first += length;
        }
    }
}
