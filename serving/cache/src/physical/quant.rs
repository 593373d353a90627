//! Eight bits for a key or a value: pure functions over slices.
//!
//! Codes are symmetric, `code = round(x / scale)` with `scale = max|x| / 127`, so that no number is further from itself than half its
//! scale. Channels of keys differ much in size and the same ones are large for all tokens, so keys have a scale per channel, for every
//! [`GROUP_TOKENS`] tokens; values have one per token. (Liu et al., "KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache",
//! ICML 2024, section 3, for which axis suits which.)

use super::shape::LayerShape;
use super::span::Number;

/// Tokens that share the scales of key channels. A first token that is far larger than others spoils no more than its group.
pub const GROUP_TOKENS: usize = 128;

/// Numbers that are no numbers cannot be kept; something went wrong before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{half} of head {head} hold infinity or NaN near token {token}; compute them again, and look at the layers before")]
pub struct NotFinite {
    /// `keys` or `values`.
    pub half: &'static str,
    pub head: usize,
    pub token: usize,
}

/// How many groups `tokens` make, the last of which may be short.
pub const fn groups(tokens: usize, group: usize) -> usize {
    tokens.div_ceil(group)
}

/// Adding and subtracting it rounds a float below 2^22 to the nearest integer, half to even, and leaves that in the low bits.
const ROUND: f32 = 12_582_912.0;

fn code(x: f32, inverse: f32) -> u8 {
    // Within 127 by the choice of the scale, up to a rounding that stays below 127.5.
    (x * inverse + ROUND).to_bits() as u8
}

/// Scale and its inverse for numbers up to `most` in size. Numbers too small for a normal scale become zero, at an error below 1.5e-36.
fn scale(most: f32) -> (f32, f32) {
    let scale = most / 127.0;
    if scale < f32::MIN_POSITIVE {
        return (0.0, 0.0);
    }
    // At the very end of the range the product may round up to infinity.
    let scale = if (scale * 127.0).is_finite() { scale } else { f32::from_bits(scale.to_bits() - 1) };
    (scale, 127.0 / most)
}

/// Quantises keys.
///
/// - `keys`, `codes`: `[kv_heads, tokens, head_dim]`
/// - `scales`: `[kv_heads, groups, head_dim]`
///
/// # Panics
///
/// If a slice has another length.
pub fn quantise_keys<N: Number>(keys: &[N], shape: LayerShape, codes: &mut [u8], scales: &mut [f32]) -> Result<(), NotFinite> {
    assert_eq!((keys.len(), codes.len(), scales.len()), (shape.half(), shape.half(), shape.key_scales()), "lengths of {shape:?}");
    let (channels, head) = (shape.head_dim, shape.tokens * shape.head_dim);
    let mut inverses = vec![0.0; channels];
    let mut scales = scales.chunks_exact_mut(channels);
    for (index, (keys, codes)) in keys.chunks_exact(head).zip(codes.chunks_exact_mut(head)).enumerate() {
        let groups = keys.chunks(GROUP_TOKENS * channels).zip(codes.chunks_mut(GROUP_TOKENS * channels));
        for (number, ((keys, codes), scales)) in groups.zip(&mut scales).enumerate() {
            let mut sum = 0.0;
            scales.fill(0.0);
            for row in keys.chunks_exact(channels) {
                for (most, key) in scales.iter_mut().zip(row) {
                    let size = key.get().abs();
                    *most = most.max(size);
                    // NaN is lost by `max`, but not by a product.
                    sum += size * 0.0;
                }
            }
            if sum.is_nan() {
                return Err(NotFinite { half: "keys", head: index, token: number * GROUP_TOKENS });
            }
            for (most, inverse) in scales.iter_mut().zip(&mut inverses) {
                (*most, *inverse) = scale(*most);
            }
            for (row, codes) in keys.chunks_exact(channels).zip(codes.chunks_exact_mut(channels)) {
                for ((key, inverse), out) in row.iter().zip(&inverses).zip(codes) {
                    *out = code(key.get(), *inverse);
                }
            }
        }
    }
    Ok(())
}

/// The reverse of [`quantise_keys`], with the same shapes.
///
/// # Panics
///
/// If a slice has another length.
pub fn dequantise_keys<N: Number>(codes: &[u8], scales: &[f32], shape: LayerShape, keys: &mut [N]) {
    assert_eq!((keys.len(), codes.len(), scales.len()), (shape.half(), shape.half(), shape.key_scales()), "lengths of {shape:?}");
    let (channels, head) = (shape.head_dim, shape.tokens * shape.head_dim);
    let mut scales = scales.chunks_exact(channels);
    for (codes, keys) in codes.chunks_exact(head).zip(keys.chunks_exact_mut(head)) {
        let groups = codes.chunks(GROUP_TOKENS * channels).zip(keys.chunks_mut(GROUP_TOKENS * channels));
        for ((codes, keys), scales) in groups.zip(&mut scales) {
            for (codes, row) in codes.chunks_exact(channels).zip(keys.chunks_exact_mut(channels)) {
                for ((code, scale), key) in codes.iter().zip(scales).zip(row) {
                    *key = N::of(f32::from(*code as i8) * scale);
                }
            }
        }
    }
}

/// Quantises values.
///
/// - `values`, `codes`: `[kv_heads, tokens, head_dim]`
/// - `scales`: `[kv_heads, tokens]`
///
/// # Panics
///
/// If a slice has another length.
pub fn quantise_values<N: Number>(
    values: &[N],
    shape: LayerShape,
    codes: &mut [u8],
    scales: &mut [f32],
) -> Result<(), NotFinite> {
    assert_eq!(
        (values.len(), codes.len(), scales.len()),
        (shape.half(), shape.half(), shape.value_scales()),
        "lengths of {shape:?}"
    );
    let rows = values.chunks_exact(shape.head_dim).zip(codes.chunks_exact_mut(shape.head_dim));
    for (index, ((row, codes), out)) in rows.zip(scales).enumerate() {
        // Sixteen running maxima, so that they can be found side by side.
        let (mut most, mut sum) = ([0.0f32; 16], [0.0f32; 16]);
        for part in row.chunks(16) {
            for ((value, most), sum) in part.iter().zip(&mut most).zip(&mut sum) {
                let size = value.get().abs();
                *most = most.max(size);
                *sum += size * 0.0;
            }
        }
        if sum.iter().any(|sum| sum.is_nan()) {
            return Err(NotFinite { half: "values", head: index / shape.tokens, token: index % shape.tokens });
        }
        let (scale, inverse) = scale(most.into_iter().fold(0.0, f32::max));
        *out = scale;
        for (value, out) in row.iter().zip(codes) {
            *out = code(value.get(), inverse);
        }
    }
    Ok(())
}

/// The reverse of [`quantise_values`], with the same shapes.
///
/// # Panics
///
/// If a slice has another length.
pub fn dequantise_values<N: Number>(codes: &[u8], scales: &[f32], shape: LayerShape, values: &mut [N]) {
    assert_eq!(
        (values.len(), codes.len(), scales.len()),
        (shape.half(), shape.half(), shape.value_scales()),
        "lengths of {shape:?}"
    );
    let rows = codes.chunks_exact(shape.head_dim).zip(values.chunks_exact_mut(shape.head_dim));
    for ((codes, row), scale) in rows.zip(scales) {
        for (code, value) in codes.iter().zip(row) {
            *value = N::of(f32::from(*code as i8) * scale);
        }
    }
}
