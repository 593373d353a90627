//! Which adapter each row of a batch wears.

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};

use super::{Adapter, Factor, Part};
use crate::ModelError;
use crate::decoder::{DecoderConfig, Step};

/// Which adapter, or none, each row of a batch wears. The base is the same for all and is never changed.
#[derive(Debug, Clone, Default)]
pub struct Worn<'a> {
    adapters: Vec<&'a Adapter>,
    choice: Choice,
}

#[derive(Debug, Clone, Default)]
enum Choice {
    #[default]
    None,
    All,
    Rows(Vec<Option<usize>>),
}

impl<'a> Worn<'a> {
    /// Every row is the base's.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every row wears the same adapter.
    pub fn all(adapter: &'a Adapter) -> Self {
        Self { adapters: vec![adapter], choice: Choice::All }
    }

    /// Each row wears an adapter of its own, or none.
    pub fn rows(rows: &[Option<&'a Adapter>]) -> Self {
        let mut adapters: Vec<&'a Adapter> = Vec::new();
        let choice = rows.iter().map(|row| {
            let adapter = (*row)?;
            Some(adapters.iter().position(|known| std::ptr::eq(*known, adapter)).unwrap_or_else(|| {
                adapters.push(adapter);
                adapters.len() - 1
            }))
        });
        let choice = Choice::Rows(choice.collect());
        Self { adapters, choice }
    }

    /// The adapter of a row.
    pub fn of(&self, row: usize) -> Option<&'a Adapter> {
        match &self.choice {
            Choice::None => None,
            Choice::All => self.adapters.first().copied(),
            Choice::Rows(rows) => rows.get(row).copied().flatten().and_then(|n| self.adapters.get(n).copied()),
        }
    }

    /// Refuses a choice for another number of rows, and adapters of another shape.
    pub(crate) fn check(&self, rows: usize, config: &DecoderConfig) -> Result<(), ModelError> {
        let wrong = |reason: String| Err(ModelError::Step { reason });
        if let Choice::Rows(choice) = &self.choice
            && choice.len() != rows
        {
            return wrong(format!("it has {rows} rows, and adapters were chosen for {}", choice.len()));
        }
        for adapter in &self.adapters {
            if adapter.layers.len() != config.layers {
                return wrong(format!("an adapter of {} layers is worn by a model of {}", adapter.layers.len(), config.layers));
            }
            for (layer, part, factor) in adapter.factors() {
                let ([inputs, rank], [b_rank, outputs]) = (factor.a.val().dims(), factor.b.val().dims());
                if (inputs, outputs) != part.widths(config) || rank != b_rank {
                    let name = part.name();
                    return wrong(format!(
                        "an adapter's {name} of layer {layer} is made for another model ({inputs} to {outputs})"
                    ));
                }
            }
        }
        Ok(())
    }

    /// y, and where an adapter is worn y + s (x A) B. x: [rows * columns, inputs], y: [rows * columns, outputs].
    pub(crate) fn add(&self, layer: usize, part: Part, x: &Tensor<2>, y: Tensor<2>, step: &Step) -> Tensor<2> {
        let factor = |adapter: &'a Adapter| Some((adapter.layers.get(layer)?.get(part)?, adapter.scale));
        match &self.choice {
            Choice::None => y,
            Choice::All => match self.adapters.first().and_then(|adapter| factor(adapter)) {
                Some((factor, scale)) => y + product(x.clone(), factor, scale),
                None => y,
            },
            Choice::Rows(rows) => self.adapters.iter().enumerate().fold(y, |y, (n, adapter)| {
                let Some((factor, scale)) = factor(adapter) else { return y };
                let of_row = |row: usize| (row * step.columns..(row + 1) * step.columns).map(|token| token as i64);
                let wearers = rows.iter().enumerate().filter(|(_, worn)| **worn == Some(n));
                let tokens: Vec<i64> = wearers.flat_map(|(row, _)| of_row(row)).collect();
                let count = tokens.len();
                let tokens: Tensor<1, Int> = Tensor::from_data(TensorData::new(tokens, [count]), &x.device());
                let added = product(x.clone().select(0, tokens.clone()), factor, scale);
                y.select_assign(0, tokens, added, IndexingUpdateOp::Add)
            }),
        }
    }
}

/// s (x A) B. The factors are kept in 32 bits; the product is computed in the precision of x.
fn product(x: Tensor<2>, factor: &Factor, scale: f64) -> Tensor<2> {
    let dtype = x.dtype();
    let cast = |factor: Tensor<2>| if factor.dtype() == dtype { factor } else { factor.cast(dtype) };
    x.matmul(cast(factor.a.val())).mul_scalar(scale).matmul(cast(factor.b.val()))
}
