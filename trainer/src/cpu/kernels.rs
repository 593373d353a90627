//! The element-wise parts of a Llama layer and of their gradients, each one pass over memory.
//!
//! Loops are written over fixed-size arrays so that the compiler turns them into vector instructions.

use rayon::prelude::*;

/// Numbers summed side by side in a reduction: four AVX2 registers of them, enough to hide the latency of an addition.
const LANES: usize = 32;
/// Rows that a thread takes at a time.
const SHARE_ROWS: usize = 32;

/// Sum of f(x, y) over two rows of one length, in an order that depends on the length alone.
#[inline(always)]
fn sum(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in xs.iter().zip(ys) {
        for ((lane, &x), &y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += f(x, y);
        }
    }
    let rest: f32 = x_rest.iter().zip(y_rest).map(|(&x, &y)| f(x, y)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// x · y.
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    sum(x, y, |x, y| x * y)
}

/// a * b + c, fused where the processor can: elsewhere `mul_add` would be a library call.
#[inline(always)]
fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_feature = "fma", target_arch = "aarch64")) { a.mul_add(b, c) } else { a * b + c }
}

/// e to the power of x, relative error below 2e-7 for x between -87 and 88, which x is clamped to.
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

/// out = x / rms(x) · gain, row by row, and 1 / rms of each row. x, out: [rows, gain.len()]; inverse: [rows].
///
/// # Reference
/// Zhang and Sennrich 2019, "Root Mean Square Layer Normalization"; `epsilon` is added to the mean square.
pub fn rms_norm(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32], inverse: &mut [f32]) {
    let d = gain.len();
    let shares = out.par_chunks_mut(SHARE_ROWS * d).zip(inverse.par_chunks_mut(SHARE_ROWS)).zip(x.par_chunks(SHARE_ROWS * d));
    shares.for_each(|((out, inverse), x)| {
        for ((out, inverse), x) in out.chunks_exact_mut(d).zip(inverse).zip(x.chunks_exact(d)) {
            *inverse = 1.0 / (dot(x, x) / d as f32 + epsilon).sqrt();
            for ((out, x), gain) in out.iter_mut().zip(x).zip(gain) {
                *out = x * *inverse * gain;
            }
        }
    });
}

/// The rows of a norm again, where 1 / rms is known.
pub fn rms_norm_again(x: &[f32], gain: &[f32], inverse: &[f32], out: &mut [f32]) {
    let d = gain.len();
    let shares = out.par_chunks_mut(SHARE_ROWS * d).zip(inverse.par_chunks(SHARE_ROWS)).zip(x.par_chunks(SHARE_ROWS * d));
    shares.for_each(|((out, inverse), x)| {
        for ((out, inverse), x) in out.chunks_exact_mut(d).zip(inverse).zip(x.chunks_exact(d)) {
            for ((out, x), gain) in out.iter_mut().zip(x).zip(gain) {
                *out = x * *inverse * gain;
            }
        }
    });
}

/// dx += the gradient of a norm: with y = x r g, dx = r (g dy) - x r³ / d · Σ x g dy. All: [rows, gain.len()].
pub fn rms_norm_back(x: &[f32], gain: &[f32], inverse: &[f32], dy: &[f32], dx: &mut [f32]) {
    let d = gain.len();
    let shares = dx.par_chunks_mut(SHARE_ROWS * d).zip(dy.par_chunks(SHARE_ROWS * d)).zip(x.par_chunks(SHARE_ROWS * d));
    shares.zip(inverse.par_chunks(SHARE_ROWS)).for_each(|(((dx, dy), x), inverse)| {
        let rows = dx.chunks_exact_mut(d).zip(dy.chunks_exact(d)).zip(x.chunks_exact(d)).zip(inverse);
        for (((dx, dy), x), &r) in rows {
            let mut lanes = [0.0f32; LANES];
            let ((xs, x_rest), (ys, y_rest), (gs, g_rest)) =
                (x.as_chunks::<LANES>(), dy.as_chunks::<LANES>(), gain.as_chunks::<LANES>());
            for ((x, y), g) in xs.iter().zip(ys).zip(gs) {
                for (((lane, x), y), g) in lanes.iter_mut().zip(x).zip(y).zip(g) {
                    *lane += x * y * g;
                }
            }
            let rest: f32 = x_rest.iter().zip(y_rest).zip(g_rest).map(|((x, y), g)| x * y * g).sum();
            let pull = (lanes.iter().sum::<f32>() + rest) * r * r * r / d as f32;
            for (((dx, dy), x), g) in dx.iter_mut().zip(dy).zip(x).zip(gain) {
                *dx += r * g * dy - x * pull;
            }
        }
    });
}

/// out = silu(gate) · up. gate_up: [rows, 2 ff], the gate's columns first; out: [rows, ff].
pub fn swiglu(gate_up: &[f32], ff: usize, out: &mut [f32]) {
    let shares = out.par_chunks_mut(SHARE_ROWS * ff).zip(gate_up.par_chunks(SHARE_ROWS * 2 * ff));
    shares.for_each(|(out, gate_up)| {
        for (out, gate_up) in out.chunks_exact_mut(ff).zip(gate_up.chunks_exact(2 * ff)) {
            let (gate, up) = gate_up.split_at(ff);
            for ((out, &gate), &up) in out.iter_mut().zip(gate).zip(up) {
                *out = gate / (1.0 + exp(-gate)) * up;
            }
        }
    });
}

/// The gradients of gate and up, written over them, from that of silu(gate) · up. da: [rows, ff].
pub fn swiglu_back(gate_up: &mut [f32], ff: usize, da: &[f32]) {
    let shares = gate_up.par_chunks_mut(SHARE_ROWS * 2 * ff).zip(da.par_chunks(SHARE_ROWS * ff));
    shares.for_each(|(gate_up, da)| {
        for (gate_up, da) in gate_up.chunks_exact_mut(2 * ff).zip(da.chunks_exact(ff)) {
            let (gate, up) = gate_up.split_at_mut(ff);
            for ((gate, up), &da) in gate.iter_mut().zip(up).zip(da) {
                let sigmoid = 1.0 / (1.0 + exp(-*gate));
                let silu = *gate * sigmoid;
                let d_gate = da * *up * sigmoid * (1.0 + *gate * (1.0 - sigmoid));
                *up = da * silu;
                *gate = d_gate;
            }
        }
    });
}

/// Turns the pairs (x[i], x[i + half]) of a head's numbers by the angles of its position; `back` turns them the other way.
#[inline(always)]
pub fn rotate(x: &[f32], cos: &[f32], sin: &[f32], back: bool, out: &mut [f32]) {
    let half = cos.len();
    let ((low, high), (out_low, out_high)) = (x.split_at(half), out.split_at_mut(half));
    let sign = if back { -1.0 } else { 1.0 };
    for i in 0..half {
        let s = sin[i] * sign;
        out_low[i] = low[i] * cos[i] - high[i] * s;
        out_high[i] = high[i] * cos[i] + low[i] * s;
    }
}

/// The highest number of a row.
pub fn highest(row: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (blocks, rest) = row.as_chunks::<LANES>();
    for block in blocks {
        for (lane, &x) in lanes.iter_mut().zip(block) {
            *lane = if x > *lane { x } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |a, &b| if b > a { b } else { a })
}

/// Each x of a row into e^(x - shift); gives their sum.
pub fn exponentials(row: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (blocks, rest) = row.as_chunks_mut::<LANES>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *x = exp(*x - shift);
            *lane += *x;
        }
    }
    let mut sum = lanes.iter().sum::<f32>();
    for x in rest {
        *x = exp(*x - shift);
        sum += *x;
    }
    sum
}

/// x += bias, row by row.
pub fn add_bias(x: &mut [f32], bias: &[f32]) {
    x.par_chunks_mut(bias.len()).for_each(|x| x.iter_mut().zip(bias).for_each(|(x, b)| *x += b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_exact_to_float_precision() {
        for n in -870_000..=880_000 {
            let x = n as f32 / 10_000.0;
            let expected = f64::from(x).exp();
            assert!((f64::from(exp(x)) / expected - 1.0).abs() < 4e-7, "{x}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
        assert!(exp(f32::NAN).is_nan(), "a broken number must not look like a sound one");
    }

    #[test]
    fn sums_and_maxima_are_right_for_rows_of_any_length() {
        for n in [1, 31, 32, 33, 64, 100] {
            let x: Vec<f32> = (0..n).map(|i| (i as f32 * 0.7).sin()).collect();
            assert!((dot(&x, &x) - x.iter().map(|x| x * x).sum::<f32>()).abs() < 1e-4);
            assert_eq!(highest(&x), x.iter().copied().fold(f32::MIN, f32::max));
            let mut e = x.clone();
            assert!((exponentials(&mut e, 0.5) - x.iter().map(|x| (x - 0.5).exp()).sum::<f32>()).abs() < 1e-4);
        }
    }
}
