//! Matrix products on the CPU: of many tokens by blocks, of few by reading each row of the matrix once.

use rayon::prelude::*;

use super::super::weights::Matrix;
use super::kernels::add;
use super::packed::{Packed, Vectors, dot};
use crate::ModelError;

/// Up to so many tokens the matrix is read row by row; beyond, the blocked product is faster.
pub const FEW: usize = 8;
/// Fewest multiplications worth handing to another thread.
const SHARE: usize = 100_000;
/// Fewest multiplications for which the blocked product uses all threads, as burn has it.
const PARALLEL: usize = 192 * 192 * 192;

/// How a matrix lies in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// [outputs, inputs].
    Outputs,
    /// [inputs, outputs].
    Inputs,
}

/// y = x W^T (and the bias), or y += x W^T where `onto` says so. x: [tokens, inputs]; y: [tokens, outputs].
pub fn product(x: &[f32], matrix: &Matrix, y: &mut [f32], onto: bool) -> Result<(), ModelError> {
    let [outputs, inputs] = matrix.weight.dims();
    let tokens = x.len() / inputs;
    if tokens > FEW {
        blocked(x, matrix.numbers()?, y, [tokens, inputs, outputs], Rows::Outputs, onto);
    } else {
        few(x, tokens, inputs, outputs, matrix, y, onto)?;
    }
    if let Some(bias) = &matrix.bias {
        y.chunks_exact_mut(outputs).for_each(|row| add(row, &bias.numbers));
    }
    Ok(())
}

/// Logits: x [tokens, hidden] times the embeddings, or the output matrix.
pub fn score(x: &[f32], matrix: &Matrix) -> Result<Vec<f32>, ModelError> {
    let [outputs, inputs] = matrix.weight.dims();
    let mut y = vec![0.0; x.len() / inputs * outputs];
    product(x, matrix, &mut y, false)?;
    Ok(y)
}

/// y = x W or y += x W, by the same library that multiplies for burn, but into memory that is there already: fresh memory for
/// every product costs a sixth of the time in page faults.
#[expect(unsafe_code, reason = "the library takes pointers; the lengths behind them are checked first")]
pub fn blocked(x: &[f32], weight: &[f32], y: &mut [f32], sizes: [usize; 3], rows: Rows, onto: bool) {
    let [tokens, inputs, outputs] = sizes;
    assert!(x.len() == tokens * inputs && weight.len() == inputs * outputs && y.len() == tokens * outputs);
    let threads = if tokens * inputs * outputs < PARALLEL { gemm::Parallelism::None } else { gemm::Parallelism::Rayon(0) };
    let (inputs_by, outputs_by) = if rows == Rows::Outputs { (1, inputs as isize) } else { (outputs as isize, 1) };
    let keep = if onto { 1.0 } else { 0.0 };
    // SAFETY: the three slices are as long as the sizes and strides reach, and y overlaps neither of the others.
    unsafe {
        gemm::gemm(
            tokens,
            outputs,
            inputs,
            y.as_mut_ptr(),
            1,
            outputs as isize,
            onto,
            x.as_ptr(),
            1,
            inputs as isize,
            weight.as_ptr(),
            outputs_by,
            inputs_by,
            keep,
            1.0,
            false,
            false,
            false,
            threads,
        );
    }
}

fn few(
    x: &[f32],
    tokens: usize,
    inputs: usize,
    outputs: usize,
    matrix: &Matrix,
    y: &mut [f32],
    onto: bool,
) -> Result<(), ModelError> {
    let mut token = 0;
    while token < tokens {
        let at = |m: usize| &x[token * inputs..(token + m) * inputs];
        let y = &mut y[token * outputs..];
        token += match tokens - token {
            1 => by_rows::<1>(at(1), inputs, outputs, matrix, y, onto)?,
            2 | 3 => by_rows::<2>(at(2), inputs, outputs, matrix, y, onto)?,
            _ => by_rows::<4>(at(4), inputs, outputs, matrix, y, onto)?,
        };
    }
    Ok(())
}

/// M tokens; gives M.
fn by_rows<const M: usize>(
    x: &[f32],
    inputs: usize,
    outputs: usize,
    matrix: &Matrix,
    y: &mut [f32],
    onto: bool,
) -> Result<usize, ModelError> {
    let share = outputs.div_ceil(4 * rayon::current_num_threads()).max(SHARE.div_ceil(inputs * M));
    let mut out = vec![[0.0f32; M]; outputs];
    match &matrix.packed {
        Some(packed) => packed_rows(packed, x, inputs, share, &mut out),
        None => plain_rows(matrix.numbers()?, x, inputs, share, &mut out),
    }
    for (m, y) in y.chunks_exact_mut(outputs).take(M).enumerate() {
        if onto {
            y.iter_mut().zip(&out).for_each(|(y, out)| *y += out[m]);
        } else {
            y.iter_mut().zip(&out).for_each(|(y, out)| *y = out[m]);
        }
    }
    Ok(M)
}

fn packed_rows<const M: usize>(packed: &Packed, x: &[f32], inputs: usize, share: usize, out: &mut [[f32; M]]) {
    let x = Vectors::new(x, inputs);
    out.par_chunks_mut(share).enumerate().for_each(|(n, out)| packed.rows(n * share, &x, out));
}

fn plain_rows<const M: usize>(weight: &[f32], x: &[f32], inputs: usize, share: usize, out: &mut [[f32; M]]) {
    out.par_chunks_mut(share).zip(weight.par_chunks(share * inputs)).for_each(|(out, rows)| {
        for (out, row) in out.iter_mut().zip(rows.chunks_exact(inputs)) {
            *out = std::array::from_fn(|m| dot(row, &x[m * inputs..(m + 1) * inputs]));
        }
    });
}
