//! What lies between the matrix products, as loops that the compiler turns into vector instructions.

/// Numbers summed side by side in a reduction: four AVX2 registers of them, enough to hide the latency of an addition.
const LANES: usize = 32;

/// Root mean square normalisation: out = x / sqrt(mean(x^2) + epsilon) * gain, row by row.
pub fn norm(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]) {
    for (x, out) in x.chunks_exact(gain.len()).zip(out.chunks_exact_mut(gain.len())) {
        let scale = 1.0 / (squares(x) / gain.len() as f32 + epsilon).sqrt();
        for ((out, x), gain) in out.iter_mut().zip(x).zip(gain) {
            *out = x * scale * gain;
        }
    }
}

/// The same in place.
pub fn norm_in_place(x: &mut [f32], gain: &[f32], epsilon: f32) {
    for x in x.chunks_exact_mut(gain.len()) {
        let scale = 1.0 / (squares(x) / gain.len() as f32 + epsilon).sqrt();
        x.iter_mut().zip(gain).for_each(|(x, gain)| *x *= scale * gain);
    }
}

fn squares(row: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        lanes.iter_mut().zip(block).for_each(|(lane, x)| *lane = fma(*x, *x, *lane));
    }
    lanes.iter().sum::<f32>() + rest.iter().map(|x| x * x).sum::<f32>()
}

/// Turns the pairs (i, i + head / 2) of each head of a row. cos and sin: [head / 2].
pub fn turn(row: &mut [f32], head: usize, cos: &[f32], sin: &[f32]) {
    for x in row.chunks_exact_mut(head) {
        let (low, high) = x.split_at_mut(head / 2);
        for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
            (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
        }
    }
}

/// out = silu(gate) * up. `both`: gate and up of a token side by side, row by row; out: rows of half the width.
pub fn gated(both: &[f32], out: &mut [f32], width: usize) {
    for (both, out) in both.chunks_exact(2 * width).zip(out.chunks_exact_mut(width)) {
        let (gate, up) = both.split_at(width);
        for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
            *out = gate / (1.0 + exp(-gate)) * up;
        }
    }
}

/// x += y.
pub fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}

/// e to the power of x, relative error below 4e-7; of what is beyond the range of floats, as at its end.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its series; 2^n by writing n into the exponent.
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = fma(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma(n, -LN2_LOW, fma(n, -LN2_HIGH, x));
    let mut p = 1.0 / 5040.0;
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = fma(p, r, c);
    }
    p * f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23)
}

/// a * b + c, fused where the processor can: elsewhere `mul_add` would be a library call.
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { a.mul_add(b, c) } else { a * b + c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_float_precision() {
        for n in -870_000..=880_000 {
            let x = n as f32 / 10_000.0;
            assert!((f64::from(exp(x)) / f64::from(x).exp() - 1.0).abs() < 4e-7, "{x}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY).is_finite());
    }
}
