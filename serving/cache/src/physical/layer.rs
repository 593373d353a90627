//! One layer between numbers and the bytes of a file's part.
//!
//! Exact: the numbers, `[2, kv_heads, tokens, head_dim]`. Int8: scales of the keys and scales of the values (f32), then codes of the
//! keys and codes of the values. The shapes of the scales are in quant.rs.

use super::quant::{NotFinite, dequantise_keys, dequantise_values, quantise_keys, quantise_values};
use super::shape::LayerShape;
use super::span::Number;
use crate::logical::Coding;

/// Appends the bytes of a layer.
pub(crate) fn encode<N: Number>(numbers: &[N], shape: LayerShape, coding: Coding, bytes: &mut Vec<u8>) -> Result<(), NotFinite> {
    match coding {
        Coding::Exact => N::write(numbers, bytes),
        Coding::Int8 => {
            let (keys, values) = numbers.split_at(shape.half());
            let mut scales = vec![0.0f32; shape.key_scales() + shape.value_scales()];
            let (key_scales, value_scales) = scales.split_at_mut(shape.key_scales());
            let mut codes = vec![0; shape.numbers()];
            let (key_codes, value_codes) = codes.split_at_mut(shape.half());
            quantise_keys(keys, shape, key_codes, key_scales)?;
            quantise_values(values, shape, value_codes, value_scales)?;
            f32::write(&scales, bytes);
            bytes.extend_from_slice(&codes);
        }
    }
    Ok(())
}

/// The reverse. `bytes` has the length that [`LayerShape::stored_bytes`] says, and `numbers` that of the layer. Says whether all scales
/// are such as quantising makes.
pub(crate) fn decode<N: Number>(bytes: &[u8], shape: LayerShape, coding: Coding, numbers: &mut [N]) -> bool {
    match coding {
        Coding::Exact => {
            N::read(bytes, numbers);
            true
        }
        Coding::Int8 => {
            let count = shape.key_scales() + shape.value_scales();
            let (scale_bytes, codes) = bytes.split_at(count * 4);
            let mut scales = vec![0.0f32; count];
            f32::read(scale_bytes, &mut scales);
            let (key_scales, value_scales) = scales.split_at(shape.key_scales());
            let (key_codes, value_codes) = codes.split_at(shape.half());
            let (keys, values) = numbers.split_at_mut(shape.half());
            dequantise_keys(key_codes, key_scales, shape, keys);
            dequantise_values(value_codes, value_scales, shape, values);
            scales.iter().all(|scale| scale.is_finite() && *scale >= 0.0)
        }
    }
}
