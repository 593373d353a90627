//! An adapter's factors in the CPU's memory.

use burn::tensor::Tensor;

use super::kernels::{add, fma};
use super::product::{FEW, Rows, blocked};
use crate::ModelError;
use crate::lora::{Adapter, Part};

/// An adapter that products on the CPU can add.
pub struct HostAdapter {
    /// By layer and part.
    layers: Vec<[Option<HostFactor>; Part::ALL.len()]>,
}

struct HostFactor {
    /// [inputs, rank].
    a: Vec<f32>,
    /// Scaled: [rank, outputs].
    b: Vec<f32>,
    rank: usize,
}

impl HostAdapter {
    /// Copies an adapter's numbers.
    pub fn new(adapter: &Adapter) -> Result<Self, ModelError> {
        let read = |tensor: Tensor<2>| {
            tensor.without_autodiff().try_into_vec_as::<f32>().map_err(|e| ModelError::Compute { reason: e.to_string() })
        };
        let mut layers: Vec<[Option<HostFactor>; Part::ALL.len()]> =
            adapter.layers.iter().map(|_| std::array::from_fn(|_| None)).collect();
        for (layer, part, factor) in adapter.factors() {
            let b = read(factor.b.val())?.into_iter().map(|b| b * adapter.scale as f32).collect();
            layers[layer][part as usize] = Some(HostFactor { a: read(factor.a.val())?, b, rank: factor.rank() });
        }
        Ok(Self { layers })
    }

    /// y += s (x A) B, where `part` is worn. x: [tokens, inputs]; y: rows of `stride` numbers, of which those from `column` on
    /// are the part's.
    pub fn add(&self, layer: usize, part: Part, x: &[f32], inputs: usize, y: &mut [f32], (stride, column): (usize, usize)) {
        let Some(factor) = self.layers.get(layer).and_then(|parts| parts[part as usize].as_ref()) else { return };
        let (tokens, rank) = (x.len() / inputs, factor.rank);
        let outputs = factor.b.len() / rank.max(1);
        if tokens > FEW {
            let (mut narrow, mut wide) = (vec![0.0; tokens * rank], vec![0.0; tokens * outputs]);
            blocked(x, &factor.a, &mut narrow, [tokens, inputs, rank], Rows::Inputs, false);
            blocked(&narrow, &factor.b, &mut wide, [tokens, rank, outputs], Rows::Inputs, false);
            for (y, wide) in y.chunks_exact_mut(stride).zip(wide.chunks_exact(outputs)) {
                add(&mut y[column..column + outputs], wide);
            }
            return;
        }
        let mut narrow = vec![0.0f32; rank];
        for (x, y) in x.chunks_exact(inputs).zip(y.chunks_exact_mut(stride)) {
            narrow.fill(0.0);
            for (x, a) in x.iter().zip(factor.a.chunks_exact(rank)) {
                narrow.iter_mut().zip(a).for_each(|(sum, a)| *sum = fma(*x, *a, *sum));
            }
            for (x, b) in narrow.iter().zip(factor.b.chunks_exact(outputs)) {
                y[column..column + outputs].iter_mut().zip(b).for_each(|(y, b)| *y = fma(*x, *b, *y));
            }
        }
    }
}
