//! Matrix products on the CPU: of many tokens by burn, of few by reading each row of the matrix once.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::super::weights::Matrix;
use super::packed::{Packed, Vectors, dot};
use crate::ModelError;

/// Up to so many tokens the matrix is read row by row; beyond, burn's blocked product is faster.
const FEW: usize = 8;
/// Fewest multiplications worth handing to another thread.
const SHARE: usize = 100_000;

/// x W^T (and the bias): x [tokens, inputs] to [tokens, outputs]. Gives x back, unchanged and not copied.
pub fn product(x: Vec<f32>, matrix: &Matrix, device: &Device) -> Result<(Vec<f32>, Vec<f32>), ModelError> {
    let [outputs, inputs] = matrix.weight.dims();
    let tokens = x.len() / inputs;
    let (mut y, x) = if tokens <= FEW {
        (few(&x, tokens, inputs, outputs, matrix)?, x)
    } else {
        many(x, [tokens, inputs], matrix.weight.clone().transpose(), device)?
    };
    if let Some(bias) = &matrix.bias {
        y.chunks_exact_mut(outputs).for_each(|row| super::kernels::add(row, &bias.numbers));
    }
    Ok((y, x))
}

/// x W for a tensor W, with x back.
pub fn many(x: Vec<f32>, shape: [usize; 2], weight: Tensor<2>, device: &Device) -> Result<(Vec<f32>, Vec<f32>), ModelError> {
    let failed = |reason: String| ModelError::Compute { reason };
    let x: Tensor<2> = Tensor::from_data(TensorData::new(x, shape), device);
    let y = x.clone().matmul(weight);
    let read = |tensor: Tensor<2>| tensor.try_into_vec_as::<f32>().map_err(|e| failed(e.to_string()));
    Ok((read(y)?, read(x)?))
}

/// Logits: x [tokens, hidden] times the embeddings, or the output matrix.
pub fn score(x: &[f32], matrix: &Matrix, device: &Device) -> Result<Vec<f32>, ModelError> {
    Ok(product(x.to_vec(), matrix, device)?.0)
}

fn few(x: &[f32], tokens: usize, inputs: usize, outputs: usize, matrix: &Matrix) -> Result<Vec<f32>, ModelError> {
    let mut y = vec![0.0; tokens * outputs];
    let mut token = 0;
    while token < tokens {
        let at = |m: usize| &x[token * inputs..(token + m) * inputs];
        let y = &mut y[token * outputs..];
        token += match tokens - token {
            1 => by_rows::<1>(at(1), inputs, outputs, matrix, y)?,
            2 | 3 => by_rows::<2>(at(2), inputs, outputs, matrix, y)?,
            _ => by_rows::<4>(at(4), inputs, outputs, matrix, y)?,
        };
    }
    Ok(y)
}

/// M tokens; gives M.
fn by_rows<const M: usize>(
    x: &[f32],
    inputs: usize,
    outputs: usize,
    matrix: &Matrix,
    y: &mut [f32],
) -> Result<usize, ModelError> {
    let share = outputs.div_ceil(4 * rayon::current_num_threads()).max(SHARE.div_ceil(inputs * M));
    let mut out = vec![[0.0f32; M]; outputs];
    match &matrix.packed {
        Some(packed) => packed_rows(packed, x, inputs, share, &mut out),
        None => plain_rows(matrix.numbers()?, x, inputs, share, &mut out),
    }
    for (m, y) in y.chunks_exact_mut(outputs).take(M).enumerate() {
        y.iter_mut().zip(&out).for_each(|(y, out)| *y = out[m]);
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
