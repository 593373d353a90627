//! A decoder's numbers, put together from its files.

use burn::tensor::{Device, Tensor, TensorData};

use super::DecoderConfig;
use crate::ModelError;
use crate::weights::Tensors;

/// A linear layer, or several of the same inputs side by side.
pub struct Matrix {
    /// [outputs, inputs], as in the files.
    pub weight: Tensor<2>,
    /// [outputs].
    pub bias: Option<Tensor<1>>,
}

/// One transformer layer.
pub struct Layer {
    /// [hidden].
    pub attention_norm: Tensor<1>,
    /// Query, key and value.
    pub qkv: Matrix,
    /// For each head of q and k: [head].
    pub qk_norm: Option<[Tensor<1>; 2]>,
    /// Back from the heads.
    pub o: Matrix,
    /// [hidden].
    pub feed_forward_norm: Tensor<1>,
    /// Gate and up.
    pub gate_up: Matrix,
    /// Back from the middle.
    pub down: Matrix,
}

/// Takes tensors out of a model's files onto a device.
pub struct Loader<'a> {
    /// The files.
    pub tensors: &'a dyn Tensors,
    /// The sizes that they must have.
    pub config: &'a DecoderConfig,
    /// Where to.
    pub device: &'a Device,
}

impl Loader<'_> {
    /// A tensor of one dimension.
    pub fn vector(&self, name: &str, length: usize) -> Result<Tensor<1>, ModelError> {
        let numbers = self.tensors.floats(name, &[length], None)?;
        Ok(Tensor::from_data(TensorData::new(numbers, [length]), self.device))
    }

    /// A tensor of two dimensions.
    pub fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Tensor<2>, ModelError> {
        let numbers = self.tensors.floats(name, &shape, None)?;
        Ok(Tensor::from_data(TensorData::new(numbers, shape), self.device))
    }

    /// A transformer layer.
    pub fn layer(&self, n: usize) -> Result<Layer, ModelError> {
        let config = self.config;
        let name = |part: &str| format!("model.layers.{n}.{part}");
        let (hidden, width) = (config.hidden, config.feed_forward);
        let (q, kv) = (config.q_width(), config.kv_width());
        let norm = |part: &str| self.vector(&name(&format!("self_attn.{part}.weight")), config.head);
        let qkv = [
            ("self_attn.q_proj", q, Some(config.heads)),
            ("self_attn.k_proj", kv, Some(config.kv_heads)),
            ("self_attn.v_proj", kv, None),
        ];
        Ok(Layer {
            attention_norm: self.vector(&name("input_layernorm.weight"), hidden)?,
            qkv: self.linear(n, &qkv, hidden, config.qkv_bias)?,
            qk_norm: if config.qk_norm { Some([norm("q_norm")?, norm("k_norm")?]) } else { None },
            o: self.linear(n, &[("self_attn.o_proj", hidden, None)], q, false)?,
            feed_forward_norm: self.vector(&name("post_attention_layernorm.weight"), hidden)?,
            gate_up: self.linear(n, &[("mlp.gate_proj", width, None), ("mlp.up_proj", width, None)], hidden, false)?,
            down: self.linear(n, &[("mlp.down_proj", hidden, None)], width, false)?,
        })
    }

    /// Linear layers of the same inputs one below the other, so that one product computes them all.
    fn linear(&self, n: usize, parts: &[(&str, usize, Option<usize>)], inputs: usize, bias: bool) -> Result<Matrix, ModelError> {
        let outputs: usize = parts.iter().map(|(_, outputs, _)| outputs).sum();
        let (mut rows, mut biases) = (Vec::new(), Vec::new());
        for (part, outputs, heads) in parts {
            let name = format!("model.layers.{n}.{part}");
            let numbers = self.tensors.floats(&format!("{name}.weight"), &[*outputs, inputs], *heads)?;
            if rows.is_empty() {
                rows = numbers
            } else {
                rows.extend(numbers)
            }
            if bias {
                biases.extend(self.tensors.floats(&format!("{name}.bias"), &[*outputs], None)?);
            }
        }
        let weight = Tensor::from_data(TensorData::new(rows, [outputs, inputs]), self.device);
        let bias = bias.then(|| Tensor::from_data(TensorData::new(biases, [outputs]), self.device));
        Ok(Matrix { weight, bias })
    }
}
