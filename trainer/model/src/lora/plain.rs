//! The numbers of an adapter on the host, where files are read and adapters composed.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use super::{Adapter, Factor, LayerFactors, Part};
use crate::ModelError;

/// What is added to one linear layer: x A B, to be scaled.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Columns of A, rows of B.
    pub rank: usize,
    /// [inputs, rank], row after row.
    pub a: Vec<f32>,
    /// [rank, outputs], row after row.
    pub b: Vec<f32>,
}

impl Pair {
    /// Rows of A.
    pub fn inputs(&self) -> usize {
        self.a.len() / self.rank.max(1)
    }

    /// Columns of B.
    pub fn outputs(&self) -> usize {
        self.b.len() / self.rank.max(1)
    }
}

/// An adapter as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain {
    /// What every product is multiplied by: alpha / rank, or alpha / sqrt(rank) with rsLoRA.
    pub scale: f64,
    /// The factors by layer and part.
    pub pairs: BTreeMap<(usize, Part), Pair>,
}

impl Plain {
    /// The numbers of an adapter that lies on a device.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if the device does not give them.
    pub fn of(adapter: &Adapter) -> Result<Self, ModelError> {
        let numbers = |tensor: Tensor<2>| {
            let data = tensor.try_into_data().map_err(|e| ModelError::Compute { reason: e.to_string() })?;
            data.convert::<f32>().try_into_vec::<f32>().map_err(|e| ModelError::Compute { reason: format!("{e:?}") })
        };
        let pair = |factor: &Factor| -> Result<Pair, ModelError> {
            Ok(Pair { rank: factor.rank(), a: numbers(factor.a.val())?, b: numbers(factor.b.val())? })
        };
        let pairs = adapter.factors().map(|(layer, part, factor)| Ok(((layer, part), pair(factor)?)));
        Ok(Self { scale: adapter.scale, pairs: pairs.collect::<Result<_, ModelError>>()? })
    }

    /// The adapter on a device, for a model of so many layers.
    pub fn adapter(&self, layers: usize, device: &Device) -> Adapter {
        let factor = |layer: usize, part: Part| {
            let pair = self.pairs.get(&(layer, part))?;
            Some(Factor::from_numbers(pair.a.clone(), pair.b.clone(), [pair.inputs(), pair.rank, pair.outputs()], device))
        };
        let layer = |n: usize| {
            let made = LayerFactors::try_new(|part| Ok::<_, std::convert::Infallible>(factor(n, part)));
            made.unwrap_or_else(|never| match never {})
        };
        Adapter { layers: (0..layers).map(layer).collect(), scale: self.scale }
    }

    /// The parts that it adds to, ascending.
    pub fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = self.pairs.keys().map(|(_, part)| *part).collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    /// The rank, if it is the same everywhere.
    pub fn rank(&self) -> Option<usize> {
        let mut ranks = self.pairs.values().map(|pair| pair.rank);
        let first = ranks.next()?;
        ranks.all(|rank| rank == first).then_some(first)
    }
}

pub(super) fn transposed(numbers: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut out = vec![0.0; numbers.len()];
    for (i, row) in numbers.chunks_exact(columns.max(1)).take(rows).enumerate() {
        row.iter().enumerate().for_each(|(j, x)| out[j * rows + i] = *x);
    }
    out
}
