//! The gradients of a module's factors from that of the last norm's output. Frozen weights get none.

use super::attention::{attend_back, from_heads_back, mixed_to_rows, rows_to_mixed};
use super::factors::Layout;
use super::forward::{Pass, sized};
use super::group::{Group, qkv_width};
use super::kernels::{rms_norm_again, rms_norm_back, swiglu, swiglu_back};
use super::matrix::{Hands, Mat, MatMut, Onto, product};
use super::pack::Pack;
use super::weights::{Base, Matrices};
use cubelog_model::DecoderConfig;

/// Memory that the backward pass works in; used again from step to step.
#[derive(Debug, Default)]
pub struct Back {
    stream: Vec<f32>,
    narrow: Vec<f32>,
    wide: Vec<f32>,
    wider: Vec<f32>,
    heads: Vec<f32>,
    lora: Lora,
}

/// Numbers that the backward pass works in for one token of a pack.
pub fn back_per_token(shape: &DecoderConfig, rank: usize) -> usize {
    2 * shape.hidden + qkv_width(shape) + 2 * shape.feed_forward.max(qkv_width(shape)) + 6 * rank
}

/// Adds the gradients of the factors to `gradients`.
///
/// `pass` is what [`forward`](super::forward::forward) kept of `pack` with the same `matrices`; `gate_up` in it is written
/// over. `d_normed`: [rows, hidden], the gradient of what the forward pass gave.
#[expect(clippy::too_many_arguments, reason = "a pass over what lies elsewhere")]
pub fn backward(
    base: &Base,
    matrices: &[Matrices],
    pack: &Pack,
    (layout, factors): (&Layout, &[f32]),
    pass: &mut Pass,
    d_normed: &[f32],
    back: &mut Back,
    gradients: &mut [f32],
) {
    let shape = &base.shape;
    let (rows, d, ff) = (pack.rows(), shape.hidden, shape.feed_forward);
    let (q, qkv) = (shape.q_width(), qkv_width(shape));
    let room = ff.max(qkv).max(d);
    let Back { stream, narrow, wide, wider, heads, lora } = back;
    let dx = sized(stream, rows * d);
    dx.fill(0.0);
    rms_norm_back(&pass.output[..rows * d], &base.norm, &pass.output_inverse[..rows], d_normed, dx);

    for (n, (matrices, norms)) in matrices.iter().zip(&base.norms).enumerate().rev() {
        let kept = &mut pass.kept[n];
        let mut group = |group: Group, input: &[f32], dy: &[f32], d_input: Option<&mut [f32]>| {
            let (from, to) = group.size(shape);
            if let Some(d_input) = d_input {
                let (dy, w) = (Mat::new(dy, rows, to), Mat::new(matrices.of(group), from, to));
                product(MatMut::new(d_input, rows, from), Onto::Nothing, 1.0, dy, w.t(), Hands::All);
            }
            lora.gradients(shape, layout, factors, (n, group), rows, input, dy, gradients);
        };
        let narrow = sized(narrow, rows * d);

        // The feed-forward part.
        let gate_up = &mut kept.gate_up[..rows * 2 * ff];
        let a = sized(wide, rows * room);
        swiglu(gate_up, ff, &mut a[..rows * ff]);
        let da = sized(wider, rows * room);
        group(Group::Down, &a[..rows * ff], dx, Some(&mut da[..rows * ff]));
        swiglu_back(gate_up, ff, &da[..rows * ff]);
        let (middle, inverse) = (&kept.middle[..rows * d], &kept.middle_inverse[..rows]);
        rms_norm_again(middle, &norms.feed_forward, inverse, narrow);
        let dh = &mut a[..rows * d];
        group(Group::GateUp, narrow, gate_up, Some(dh));
        rms_norm_back(middle, &norms.feed_forward, inverse, dh, dx);

        // Attention.
        let (mixed, d_mixed) = (&kept.mixed[..rows * q], sized(heads, rows * (q + qkv)));
        let (d_mixed, d_heads) = d_mixed.split_at_mut(rows * q);
        let (attended, d_attended) = (&mut a[..rows * q], &mut da[..rows * q]);
        mixed_to_rows(shape, pack, mixed, attended);
        group(Group::Out, attended, dx, Some(d_attended));
        rows_to_mixed(shape, pack, d_attended, d_mixed);
        let log_sums = &kept.log_sums[..rows * shape.heads];
        attend_back(shape, pack, &kept.heads[..rows * qkv], mixed, log_sums, d_mixed, d_heads);
        let d_flat = &mut a[..rows * qkv];
        from_heads_back(base, pack, d_heads, d_flat);
        let (input, inverse) = (&kept.input[..rows * d], &kept.input_inverse[..rows]);
        rms_norm_again(input, &norms.attention, inverse, narrow);
        // Nothing trained stands before the first layer.
        let dh = &mut da[..rows * d];
        group(Group::Qkv, narrow, d_flat, (n > 0).then_some(&mut *dh));
        if n > 0 {
            rms_norm_back(input, &norms.attention, inverse, dh, dx);
        }
    }
}

/// Memory for the narrow products.
#[derive(Debug, Default)]
struct Lora {
    a: Vec<f32>,
    xa: Vec<f32>,
    dyb: Vec<f32>,
    da: Vec<f32>,
}

impl Lora {
    /// With y = x W + s (x A) B: dB += s (x A)ᵀ dy and dA += xᵀ (s dy Bᵀ), for the layers of one group, whose A stand side by
    /// side so that x is read twice and not twice for each.
    #[expect(clippy::too_many_arguments, reason = "a pass over what lies elsewhere")]
    fn gradients(
        &mut self,
        shape: &DecoderConfig,
        layout: &Layout,
        factors: &[f32],
        (layer, group): (usize, Group),
        rows: usize,
        x: &[f32],
        dy: &[f32],
        gradients: &mut [f32],
    ) {
        let r = layout.rank;
        let (input, width) = group.size(shape);
        let mut column = 0;
        let mut pairs = Vec::with_capacity(3);
        for &target in group.targets() {
            pairs.extend(layout.pair(layer, target).map(|pair| (pair, column)));
            column += target.widths(shape).1;
        }
        if pairs.is_empty() {
            return;
        }
        let all = r * pairs.len();
        let a = sized(&mut self.a, input * all);
        for (n, (pair, _)) in pairs.iter().enumerate() {
            for (to, from) in a.chunks_exact_mut(all).zip(factors[pair.a.clone()].chunks_exact(r)) {
                to[n * r..][..r].copy_from_slice(from);
            }
        }
        let xa = sized(&mut self.xa, rows * all);
        product(MatMut::new(xa, rows, all), Onto::Nothing, 1.0, Mat::new(x, rows, input), Mat::new(a, input, all), Hands::All);
        let dyb = sized(&mut self.dyb, rows * all);
        for (n, (pair, column)) in pairs.iter().enumerate() {
            let dy = Mat::strided(&dy[*column..], rows, pair.output, width);
            let b = Mat::new(&factors[pair.b.clone()], r, pair.output);
            product(MatMut::strided(&mut dyb[n * r..], rows, r, all), Onto::Nothing, layout.scale, dy, b.t(), Hands::All);
            let d_b = MatMut::new(&mut gradients[pair.b.clone()], r, pair.output);
            product(d_b, Onto::Itself, layout.scale, Mat::strided(&xa[n * r..], rows, r, all).t(), dy, Hands::All);
        }
        let da = sized(&mut self.da, input * all);
        product(
            MatMut::new(da, input, all),
            Onto::Nothing,
            1.0,
            Mat::new(x, rows, input).t(),
            Mat::new(dyb, rows, all),
            Hands::All,
        );
        for (n, (pair, _)) in pairs.iter().enumerate() {
            for (to, from) in gradients[pair.a.clone()].chunks_exact_mut(r).zip(da.chunks_exact(all)) {
                to.iter_mut().zip(&from[n * r..]).for_each(|(to, x)| *to += x);
            }
        }
    }
}
