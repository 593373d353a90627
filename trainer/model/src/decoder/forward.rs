//! A forward pass in tensor operations: on every device, and with gradients.

use burn::tensor::activation::{silu, softmax};
use burn::tensor::{DType, Tensor, TensorData};

use super::rope::turns;
use super::weights::{Layer, Matrix};
use super::{Decoder, KvCache, Step};
use crate::ModelError;
use crate::lora::{Part, Worn};

impl Decoder {
    /// The last layer's vectors, normalised: [rows, columns, hidden].
    ///
    /// With a cache, the step's tokens come after those that it holds (see [`Step::after`]). The adapters that are worn may
    /// carry gradients; the base never does. Use [`logits`](Self::logits) on those positions that are wanted.
    ///
    /// # Errors
    /// [`ModelError::Step`] if the step names tokens or positions that the model or the cache does not have.
    pub fn forward(&self, step: &Step, cache: Option<&mut KvCache>, worn: &Worn<'_>) -> Result<Tensor<3>, ModelError> {
        self.check(step, cache.as_deref(), worn)?;
        let (rows, columns, config) = (step.rows, step.columns, &self.config);
        let pass = Pass { decoder: self, step, worn, mask: step.mask(&self.device), turns: self.turns(step) };
        let mut cache = cache;
        let mut x = self.embeddings.weight.clone().select(0, step.ids(&self.device));
        for (n, layer) in self.layers.iter().enumerate() {
            let normed = self.norm(x.clone(), &layer.attention_norm.tensor);
            x = x + pass.attention(n, layer, normed, cache.as_deref_mut());
            let normed = self.norm(x.clone(), &layer.feed_forward_norm.tensor);
            x = x + pass.feed_forward(n, layer, normed);
        }
        Ok(self.norm(x, &self.norm.tensor).reshape([rows, columns, config.hidden]))
    }

    /// How likely each token is to come next, as logits: [n, hidden] to [n, vocabulary].
    pub fn logits(&self, hidden: Tensor<2>) -> Tensor<2> {
        hidden.matmul(self.output().weight.clone().transpose())
    }

    fn check(&self, step: &Step, cache: Option<&KvCache>, worn: &Worn<'_>) -> Result<(), ModelError> {
        let wrong = |reason: String| Err(ModelError::Step { reason });
        let tokens = step.rows * step.columns;
        if tokens == 0 {
            return wrong("it has no tokens".into());
        }
        if step.ids.len() != tokens || step.positions.len() != tokens || step.hidden_keys.len() != tokens * step.keys {
            return wrong("its ids, positions and mask do not have its size".into());
        }
        if step.starts.len() != step.rows {
            return wrong(format!("it has {} rows and the starts of {}", step.rows, step.starts.len()));
        }
        if let Some(id) = step.ids.iter().find(|id| **id as usize >= self.config.vocabulary) {
            return wrong(format!("token {id} is not among the {} of the vocabulary", self.config.vocabulary));
        }
        if let Some(cache) = cache {
            let most = step.starts.iter().max().map_or(0, |start| start + step.columns);
            if most > cache.capacity() || step.keys > cache.capacity() || step.rows != cache.rows() {
                let (rows, capacity) = (cache.rows(), cache.capacity());
                return wrong(format!("{} rows up to token {most} do not fit {rows} rows of {capacity}", step.rows));
            }
        } else if step.keys != step.columns || step.starts.iter().any(|start| *start != 0) {
            return wrong("it continues sequences, and there is no cache that holds them".into());
        }
        worn.check(step.rows, &self.config)
    }

    /// Root mean square normalisation in 32 bits: [n, width].
    pub(super) fn norm<const D: usize>(&self, x: Tensor<D>, gain: &Tensor<1>) -> Tensor<D> {
        let dtype = x.dtype();
        let x = in_f32(x);
        let scale = x.clone().square().mean_dim(D - 1).add_scalar(self.config.norm_epsilon).sqrt();
        let normed = x.div(scale);
        let gain = in_f32(gain.clone()).unsqueeze::<D>();
        back(normed.mul(gain), dtype)
    }

    /// Cosines and sines of the step's positions, each half twice: [rows, 1, columns, head].
    fn turns(&self, step: &Step) -> [Tensor<4>; 2] {
        let turns = turns(&self.frequencies, self.config.rope.amplitude(), step.positions.iter().copied());
        let half = self.config.head / 2;
        let shape = [step.rows, 1, step.columns, half];
        [turns.cos, turns.sin].map(|numbers| {
            let half: Tensor<4> = Tensor::from_data(TensorData::new(numbers, shape), &self.device);
            Tensor::cat(vec![half.clone(), half], 3)
        })
    }
}

/// What all layers of one forward pass share.
struct Pass<'a> {
    decoder: &'a Decoder,
    step: &'a Step,
    worn: &'a Worn<'a>,
    /// [rows, 1, 1, columns, keys].
    mask: Tensor<5>,
    /// Cosines and sines: [rows, 1, columns, head].
    turns: [Tensor<4>; 2],
}

impl Pass<'_> {
    /// x: [rows * columns, hidden], normalised.
    fn attention(&self, n: usize, layer: &Layer, x: Tensor<2>, cache: Option<&mut KvCache>) -> Tensor<2> {
        let config = &self.decoder.config;
        let (rows, columns, keys, head) = (self.step.rows, self.step.columns, self.step.keys, config.head);
        let (q_width, kv_width, group) = (config.q_width(), config.kv_width(), config.group());

        let qkv = product(x.clone(), &layer.qkv);
        let part = |at: usize, width: usize, part: Part| self.worn.add(n, part, &x, qkv.clone().narrow(1, at, width), self.step);
        let q = part(0, q_width, Part::Q);
        let k = part(q_width, kv_width, Part::K);
        let v = part(q_width + kv_width, kv_width, Part::V);

        let heads = |x: Tensor<2>, heads: usize| x.reshape([rows, columns, heads, head]).swap_dims(1, 2);
        let (mut q, mut k, v) = (heads(q, config.heads), heads(k, config.kv_heads), heads(v, config.kv_heads));
        if let Some([q_norm, k_norm]) = &layer.qk_norm {
            q = self.decoder.norm(q, &q_norm.tensor);
            k = self.decoder.norm(k, &k_norm.tensor);
        }
        let (q, k) = (self.turn(q), self.turn(k));
        let [k, v] = match cache {
            Some(cache) => cache.append(n, &self.step.starts, [k, v], keys),
            None => [k, v],
        };

        // The query heads of a group lie one below the other, so that no key is copied.
        let dtype = q.dtype();
        let q = q.mul_scalar(1.0 / (head as f64).sqrt()).reshape([rows, config.kv_heads, group * columns, head]);
        let scores = in_f32(q.matmul(k.transpose())).reshape([rows, config.kv_heads, group, columns, keys]);
        let weights = softmax(scores + self.mask.clone(), 4).reshape([rows, config.kv_heads, group * columns, keys]);
        let mixed = back(weights, dtype).matmul(v).reshape([rows, config.heads, columns, head]);
        let mixed = mixed.swap_dims(1, 2).reshape([rows * columns, q_width]);
        let out = product(mixed.clone(), &layer.o);
        self.worn.add(n, Part::O, &mixed, out, self.step)
    }

    /// x: [rows * columns, hidden], normalised.
    fn feed_forward(&self, n: usize, layer: &Layer, x: Tensor<2>) -> Tensor<2> {
        let width = self.decoder.config.feed_forward;
        let both = product(x.clone(), &layer.gate_up);
        let gate = self.worn.add(n, Part::Gate, &x, both.clone().narrow(1, 0, width), self.step);
        let up = self.worn.add(n, Part::Up, &x, both.narrow(1, width, width), self.step);
        let middle = silu(gate) * up;
        let out = product(middle.clone(), &layer.down);
        self.worn.add(n, Part::Down, &middle, out, self.step)
    }

    /// Turns each pair (i, i + head / 2) of every head by its position: [rows, heads, columns, head].
    fn turn(&self, x: Tensor<4>) -> Tensor<4> {
        let half = self.decoder.config.head / 2;
        let dtype = x.dtype();
        let x = in_f32(x);
        let turned = Tensor::cat(vec![x.clone().narrow(3, half, half).neg(), x.clone().narrow(3, 0, half)], 3);
        let [cos, sin] = self.turns.clone();
        back(x * cos + turned * sin, dtype)
    }
}

/// x W, and the bias where there is one.
fn product(x: Tensor<2>, matrix: &Matrix) -> Tensor<2> {
    let y = x.matmul(matrix.weight.clone().transpose());
    match &matrix.bias {
        Some(bias) => y + bias.tensor.clone().unsqueeze::<2>(),
        None => y,
    }
}

fn in_f32<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    if x.dtype() == DType::F32 { x } else { x.cast(DType::F32) }
}

fn back<const D: usize>(x: Tensor<D>, dtype: DType) -> Tensor<D> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}
