//! A pack of sequences through the layers, keeping what the backward pass needs.

use super::attention::{attend, mixed_to_rows, to_heads};
use super::group::qkv_width;
use super::kernels::{add_bias, rms_norm, swiglu};
use super::matrix::{Hands, Mat, MatMut, Onto, product};
use super::pack::Pack;
use super::weights::{Base, Matrices};
use cubelog_model::DecoderConfig;

/// What is kept of one layer: everything that cannot be had again by one pass over memory.
#[derive(Debug, Default)]
pub struct Kept {
    /// What went in: [rows, hidden].
    pub input: Vec<f32>,
    /// 1 / rms of it: [rows].
    pub input_inverse: Vec<f32>,
    /// Queries, keys and values by heads: [rows, q + k + v] numbers.
    pub heads: Vec<f32>,
    /// What attention gave, by heads: [rows, q] numbers.
    pub mixed: Vec<f32>,
    /// Logarithms of its sums: [rows, heads] numbers.
    pub log_sums: Vec<f32>,
    /// The stream after the attention: [rows, hidden].
    pub middle: Vec<f32>,
    /// 1 / rms of it: [rows].
    pub middle_inverse: Vec<f32>,
    /// Gate and up: [rows, 2 feed_forward].
    pub gate_up: Vec<f32>,
}

/// What a pass keeps, and memory that it works in; used again from step to step.
#[derive(Debug, Default)]
pub struct Pass {
    /// Layer by layer; one for all where nothing is kept.
    pub kept: Vec<Kept>,
    /// What came out of the last layer: [rows, hidden].
    pub output: Vec<f32>,
    /// 1 / rms of it: [rows].
    pub output_inverse: Vec<f32>,
    /// The same after the last norm: [rows, hidden].
    pub normed: Vec<f32>,
    pub(super) narrow: Vec<f32>,
    pub(super) wide: Vec<f32>,
    pub(super) attended: Vec<f32>,
}

/// Whether a backward pass follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Every layer's numbers stay.
    All,
    /// Each layer's numbers make room for the next one's.
    Nothing,
}

/// Numbers that are kept for one token of a pack when a backward pass follows.
pub fn kept_per_token(shape: &DecoderConfig) -> usize {
    let layer = 2 * shape.hidden + 2 + qkv_width(shape) + shape.q_width() + shape.heads + 2 * shape.feed_forward;
    shape.layers * layer
}

/// Gives a vector a length; what is in it is about to be written over.
pub(super) fn sized(data: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if data.len() < len {
        data.resize(len, 0.0);
    }
    &mut data[..len]
}

/// Runs `pack` through the layers with the given matrices (the base's own, or merged ones). The result is in
/// `pass.normed`: [rows, hidden]. `see` is told each layer's number and what is kept of it, as soon as it is there.
pub fn forward(base: &Base, matrices: &[Matrices], pack: &Pack, keep: Keep, pass: &mut Pass, mut see: impl FnMut(usize, &Kept)) {
    let shape = &base.shape;
    let (rows, d, ff, qkv) = (pack.rows(), shape.hidden, shape.feed_forward, qkv_width(shape));
    if pass.kept.len() < base.norms.len() {
        pass.kept.resize_with(base.norms.len(), Kept::default);
    }
    let Pass { kept, output, output_inverse, normed, narrow, wide, attended } = pass;
    let x = sized(output, rows * d);
    for (x, &token) in x.chunks_exact_mut(d).zip(&pack.tokens) {
        x.copy_from_slice(&base.embeddings[token as usize * d..][..d]);
    }
    for (n, (matrices, norms)) in matrices.iter().zip(&base.norms).enumerate() {
        let kept = &mut kept[if keep == Keep::All { n } else { 0 }];
        let input = sized(&mut kept.input, rows * d);
        input.copy_from_slice(x);
        let h = sized(narrow, rows * d);
        rms_norm(x, &norms.attention, shape.norm_epsilon as f32, h, sized(&mut kept.input_inverse, rows));
        let wide = sized(wide, rows * qkv.max(ff));
        let flat = &mut wide[..rows * qkv];
        multiply(flat, Onto::Nothing, h, &matrices.qkv, rows, d, qkv);
        if !norms.qkv_bias.is_empty() {
            add_bias(flat, &norms.qkv_bias);
        }
        let heads = sized(&mut kept.heads, rows * qkv);
        to_heads(base, pack, flat, heads);
        let mixed = sized(&mut kept.mixed, rows * shape.q_width());
        attend(shape, pack, heads, mixed, sized(&mut kept.log_sums, rows * shape.heads));
        let attended = sized(attended, rows * shape.q_width());
        mixed_to_rows(shape, pack, mixed, attended);
        multiply(x, Onto::Itself, attended, &matrices.out, rows, shape.q_width(), d);

        sized(&mut kept.middle, rows * d).copy_from_slice(x);
        rms_norm(x, &norms.feed_forward, shape.norm_epsilon as f32, h, sized(&mut kept.middle_inverse, rows));
        let gate_up = sized(&mut kept.gate_up, rows * 2 * ff);
        multiply(gate_up, Onto::Nothing, h, &matrices.gate_up, rows, d, 2 * ff);
        let a = &mut wide[..rows * ff];
        swiglu(gate_up, ff, a);
        multiply(x, Onto::Itself, a, &matrices.down, rows, ff, d);
        see(n, kept);
    }
    rms_norm(x, &base.norm, shape.norm_epsilon as f32, sized(normed, rows * d), sized(output_inverse, rows));
}

/// out (+)= x w, with x: [rows, input], w: [input, output].
fn multiply(out: &mut [f32], onto: Onto, x: &[f32], w: &[f32], rows: usize, input: usize, output: usize) {
    product(MatMut::new(out, rows, output), onto, 1.0, Mat::new(x, rows, input), Mat::new(w, input, output), Hands::All);
}
