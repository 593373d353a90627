//! One batch of token ids through the transformer.
//!
//! The texts of a batch lie one after the other, without padding: the matrix products run over all tokens at once, and
//! attention knows where a text begins and ends. So no mask is needed, no work is wasted, and a text's vector does not
//! depend on its neighbours.

use burn::tensor::{Device, Tensor, TensorData};

use super::HIDDEN;
use super::kernels::{self, Scratch};
use super::weights::{Linear, Weights};
use crate::ModelError;

/// Vectors of HIDDEN numbers, one for each text of the batch. Every text has at least one id and at most TOKENS_MAX.
pub fn forward(weights: &Weights, batch: &[&[u32]], device: &Device) -> Result<Vec<Vec<f32>>, ModelError> {
    let lengths: Vec<usize> = batch.iter().map(|ids| ids.len()).collect();
    let tokens: usize = lengths.iter().sum();
    let mut scratch = Scratch::default();

    let mut x = TensorData::new(embed(weights, batch), [tokens, HIDDEN]);
    for layer in &weights.layers {
        let (mut qkv, kept) = product(x, &layer.qkv, device)?;
        let mut attended = vec![0.0f32; tokens * HIDDEN];
        kernels::attention(floats(&mut qkv)?, &layer.qkv.bias, &lengths, &mut attended, &mut scratch);
        let (mut attended, _) = product(TensorData::new(attended, [tokens, HIDDEN]), &layer.out, device)?;
        x = kept;
        kernels::add_norm(floats(&mut x)?, floats(&mut attended)?, &layer.out.bias, &layer.attention_norm);

        let (mut middle, kept) = product(x, &layer.up, device)?;
        kernels::add_gelu(floats(&mut middle)?, &layer.up.bias);
        let (mut output, _) = product(middle, &layer.down, device)?;
        x = kept;
        kernels::add_norm(floats(&mut x)?, floats(&mut output)?, &layer.down.bias, &layer.output_norm);
    }

    let x = floats(&mut x)?;
    let mut first = 0;
    let pooled = lengths.iter().map(|length| {
        let rows = &x[first * HIDDEN..(first + length) * HIDDEN];
        first += length;
        kernels::pool(rows)
    });
    Ok(pooled.collect())
}

/// Word plus position plus type, normalised: [tokens, HIDDEN].
fn embed(weights: &Weights, batch: &[&[u32]]) -> Vec<f32> {
    let mut x = Vec::with_capacity(batch.iter().map(|ids| ids.len()).sum::<usize>() * HIDDEN);
    for ids in batch {
        for (&id, position) in ids.iter().zip(weights.positions.chunks_exact(HIDDEN)) {
            let word = &weights.words[id as usize * HIDDEN..][..HIDDEN];
            x.extend(word.iter().zip(position).map(|(w, p)| w + p));
        }
    }
    x.chunks_exact_mut(HIDDEN).for_each(|row| kernels::norm_row(row, &weights.norm));
    x
}

/// x W, without the bias, which the next kernel adds in its own pass; and x back, unchanged and not copied.
fn product(x: TensorData, linear: &Linear, device: &Device) -> Result<(TensorData, TensorData), ModelError> {
    let x: Tensor<2> = Tensor::from_data(x, device);
    let y = x.clone().matmul(linear.weight.clone());
    let read = |tensor: Tensor<2>| tensor.try_into_data().map_err(|e| ModelError::Compute { reason: e.to_string() });
    Ok((read(y)?, read(x)?))
}

fn floats(data: &mut TensorData) -> Result<&mut [f32], ModelError> {
    data.as_mut_slice().map_err(|e| ModelError::Compute { reason: e.to_string() })
}
