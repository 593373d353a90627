//! The same step by burn's autodiff over the decoder in tensor operations: for devices that the passes by hand do not run on,
//! and what those are held to.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData};
use cubelog_model::{Decoder, ModelError, Step, Worn};

use crate::cpu::factors::Layout;
use crate::distil::plain;
use crate::engine::{Losses, Steps, Weights};
use crate::error::DistillError;
use crate::samples::{Hold, Sample};

/// Computes steps on the decoder's device. Only the factors carry gradients.
pub struct Autodiff {
    decoder: Decoder,
    /// Sequences of like length that are computed side by side, padded to the longest.
    rows: usize,
}

impl Autodiff {
    /// Steps over `decoder`, `rows` sequences at a time.
    pub fn new(decoder: Decoder, rows: usize) -> Self {
        Self { decoder, rows: rows.max(1) }
    }

    /// The summed loss of each sort of some samples, weighted for the gradient; and the plain sums.
    fn losses(&self, worn: &Worn<'_>, samples: &[&Sample], each: [f32; 3]) -> Result<(Option<Tensor<1>>, [f64; 3]), ModelError> {
        let hidden = self.decoder.config().hidden;
        let ids: Vec<&[u32]> = samples.iter().map(|sample| sample.ids.as_slice()).collect();
        let step = Step::padded(&ids);
        let adapted = self.decoder.forward(&step, None, worn)?;
        let of_base = match samples.iter().any(|sample| matches!(sample.hold, Hold::Keep | Hold::Replay)) {
            true => Some(self.decoder.forward(&step, None, &Worn::none())?.detach()),
            false => None,
        };
        let mut sums = [0.0; 3];
        let mut total: Option<Tensor<1>> = None;
        for (row, sample) in samples.iter().enumerate() {
            let (first, tokens) = (sample.from - 1, sample.answer_tokens());
            let logs = |of: &Tensor<3>| {
                let rows = of.clone().narrow(0, row, 1).narrow(1, first, tokens).reshape([tokens, hidden]);
                log_softmax(self.decoder.logits(rows), 1)
            };
            let said = |ids: Vec<i64>, width: usize| -> Tensor<2, Int> {
                Tensor::from_data(TensorData::new(ids, [tokens, width]), self.decoder.device())
            };
            let logs_worn = logs(&adapted);
            let (sort, loss) = match (&sample.hold, &of_base) {
                (Hold::Keep | Hold::Replay, Some(of_base)) => {
                    let logs_base = logs(of_base);
                    let loss = (logs_base.clone().exp() * (logs_base - logs_worn)).sum();
                    (if matches!(sample.hold, Hold::Keep) { 1 } else { 2 }, loss)
                }
                (Hold::Match(likely), _) if likely.len() == tokens => {
                    let width = likely.iter().map(Vec::len).max().unwrap_or(1);
                    let padded = |of: fn(&(u32, f32)) -> f32| -> Vec<f32> {
                        likely.iter().flat_map(|row| (0..width).map(move |n| row.get(n).map_or(0.0, of))).collect()
                    };
                    let ids = padded(|(id, _)| *id as f32).into_iter().map(|id| id as i64).collect();
                    let q: Tensor<2> =
                        Tensor::from_data(TensorData::new(padded(|(_, q)| *q), [tokens, width]), self.decoder.device());
                    let entropy: f32 = likely.iter().flatten().map(|(_, q)| q * q.max(f32::MIN_POSITIVE).ln()).sum();
                    (0, (q * logs_worn.gather(1, said(ids, width))).sum().neg().add_scalar(entropy))
                }
                _ => {
                    let ids = sample.ids[sample.from..].iter().map(|id| i64::from(*id)).collect();
                    (0, logs_worn.gather(1, said(ids, 1)).sum().neg())
                }
            };
            sums[sort] += f64::from(numbers(loss.clone())?.first().copied().unwrap_or(f32::NAN));
            let loss = loss.mul_scalar(each[sort]);
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
        Ok((total, sums))
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    let data = tensor.try_into_data().map_err(|e| ModelError::Compute { reason: e.to_string() })?;
    data.convert::<f32>().try_into_vec::<f32>().map_err(|e| ModelError::Compute { reason: format!("{e:?}") })
}

impl Steps for Autodiff {
    fn step(
        &mut self,
        layout: &Layout,
        factors: &[f32],
        samples: &[Sample],
        weights: Weights,
        gradients: &mut [f32],
    ) -> Result<Losses, DistillError> {
        let numbers_of = plain(layout, factors);
        let counts = Losses::counts(samples);
        let each = weights.each(counts);
        let mut order: Vec<&Sample> = samples.iter().collect();
        order.sort_by_key(|sample| sample.ids.len());
        gradients.fill(0.0);
        let mut sums = [0.0; 3];
        for some in order.chunks(self.rows) {
            // A backward pass uses up the leaves that it began from, so each has its own.
            let adapter = numbers_of.adapter(layout.layers(), &self.decoder.device().clone().autodiff());
            let (total, of_some) = self.losses(&Worn::all(&adapter), some, each)?;
            sums.iter_mut().zip(of_some).for_each(|(sum, x)| *sum += x);
            let Some(total) = total else { continue };
            let found = total.backward();
            let mut at = 0;
            for (_, _, factor) in adapter.factors() {
                for tensor in [factor.a.val(), factor.b.val()] {
                    let len = tensor.dims().iter().product::<usize>();
                    if let Some(gradient) = tensor.grad(&found) {
                        gradients[at..at + len].iter_mut().zip(numbers(gradient)?).for_each(|(sum, x)| *sum += x);
                    }
                    at += len;
                }
            }
        }
        Ok(Losses::mean(sums, counts))
    }
}
