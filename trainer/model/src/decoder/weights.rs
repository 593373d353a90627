//! A decoder's numbers, put together from its files.

use burn::tensor::{Bytes, DType, Device, Tensor, TensorData};

use super::DecoderConfig;
use super::host::Packed;
use crate::ModelError;
use crate::weights::Tensors;

/// A linear layer, or several of the same inputs side by side.
pub struct Matrix {
    /// [outputs, inputs], as in the files.
    pub weight: Tensor<2>,
    /// [outputs].
    pub bias: Option<Vector>,
    /// The tensor's own memory, where the CPU computes.
    memory: Option<TensorData>,
    /// The same numbers as small as they are in the file, where the CPU computes and they are kept so.
    pub packed: Option<Packed>,
}

impl Matrix {
    /// The numbers, row after row.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if they are not in this machine's memory as 32-bit floats.
    pub fn numbers(&self) -> Result<&[f32], ModelError> {
        let memory = self.memory.as_ref().ok_or_else(|| ModelError::Compute { reason: "weights are not on the CPU".into() })?;
        memory.as_slice().map_err(|e| ModelError::Compute { reason: e.to_string() })
    }
}

/// Some numbers, on the device and in memory.
pub struct Vector {
    /// On the device.
    pub tensor: Tensor<1>,
    /// In memory.
    pub numbers: Vec<f32>,
}

/// One transformer layer.
pub struct Layer {
    /// [hidden].
    pub attention_norm: Vector,
    /// Query, key and value.
    pub qkv: Matrix,
    /// For each head of q and k: [head].
    pub qk_norm: Option<[Vector; 2]>,
    /// Back from the heads.
    pub o: Matrix,
    /// [hidden].
    pub feed_forward_norm: Vector,
    /// Gate and up.
    pub gate_up: Matrix,
    /// Back from the middle.
    pub down: Matrix,
}

/// The name and shape of every tensor of a model of these sizes.
pub fn tensor_shapes(config: &DecoderConfig) -> Vec<(String, Vec<usize>)> {
    let (hidden, width) = (config.hidden, config.feed_forward);
    let (q, kv) = (config.q_width(), config.kv_width());
    let mut shapes = vec![("model.embed_tokens.weight".into(), vec![config.vocabulary, hidden])];
    for n in 0..config.layers {
        let mut add = |part: &str, shape: &[usize]| shapes.push((format!("model.layers.{n}.{part}"), shape.to_vec()));
        add("input_layernorm.weight", &[hidden]);
        add("post_attention_layernorm.weight", &[hidden]);
        for (part, outputs, inputs) in [("q", q, hidden), ("k", kv, hidden), ("v", kv, hidden), ("o", hidden, q)] {
            add(&format!("self_attn.{part}_proj.weight"), &[outputs, inputs]);
            if config.qkv_bias && part != "o" {
                add(&format!("self_attn.{part}_proj.bias"), &[outputs]);
            }
            if config.qk_norm && matches!(part, "q" | "k") {
                add(&format!("self_attn.{part}_norm.weight"), &[config.head]);
            }
        }
        for (part, outputs, inputs) in [("gate", width, hidden), ("up", width, hidden), ("down", hidden, width)] {
            add(&format!("mlp.{part}_proj.weight"), &[outputs, inputs]);
        }
    }
    shapes.push(("model.norm.weight".into(), vec![hidden]));
    if !config.tied {
        shapes.push(("lm_head.weight".into(), vec![config.vocabulary, hidden]));
    }
    shapes
}

/// Takes tensors out of a model's files onto a device.
pub struct Loader<'a> {
    /// The files.
    pub tensors: &'a dyn Tensors,
    /// The sizes that they must have.
    pub config: &'a DecoderConfig,
    /// Where to.
    pub device: &'a Device,
    /// Whether the CPU computes, in 32-bit floats.
    pub host: bool,
}

/// A part of a matrix: name, outputs, and the heads of a q or k projection.
type Part<'a> = (&'a str, usize, Option<usize>);

impl Loader<'_> {
    /// A tensor of one dimension.
    pub fn vector(&self, name: &str, length: usize) -> Result<Vector, ModelError> {
        Ok(self.vector_of(self.tensors.floats(name, &[length], None)?))
    }

    fn vector_of(&self, numbers: Vec<f32>) -> Vector {
        let data = TensorData::new(numbers.clone(), [numbers.len()]);
        Vector { tensor: Tensor::from_data(data, self.device), numbers }
    }

    /// A tensor of two dimensions, by its whole name.
    pub fn table(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, ModelError> {
        let name = name.strip_suffix(".weight").unwrap_or(name);
        self.matrix(&[(name, rows, None)], columns, false)
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

    fn linear(&self, n: usize, parts: &[Part<'_>], inputs: usize, bias: bool) -> Result<Matrix, ModelError> {
        let names: Vec<String> = parts.iter().map(|(part, _, _)| format!("model.layers.{n}.{part}")).collect();
        let parts: Vec<Part<'_>> = names.iter().zip(parts).map(|(name, part)| (name.as_str(), part.1, part.2)).collect();
        self.matrix(&parts, inputs, bias)
    }

    /// Linear layers of the same inputs one below the other, so that one product computes them all.
    fn matrix(&self, parts: &[Part<'_>], inputs: usize, bias: bool) -> Result<Matrix, ModelError> {
        let (mut rows, mut biases, mut packed) = (Vec::new(), Vec::new(), Vec::new());
        for (name, outputs, heads) in parts {
            let (weight, shape) = (format!("{name}.weight"), [*outputs, inputs]);
            let numbers = self.tensors.floats(&weight, &shape, *heads)?;
            if rows.is_empty() {
                rows = numbers
            } else {
                rows.extend(numbers)
            }
            if bias {
                biases.extend(self.tensors.floats(&format!("{name}.bias"), &[*outputs], None)?);
            }
            if self.host {
                packed.extend(self.tensors.packed(&weight, &shape, *heads)?);
            }
        }
        let outputs = parts.iter().map(|(_, outputs, _)| outputs).sum::<usize>();
        let data = TensorData::from_bytes(Bytes::from_elems(rows).shared(), [outputs, inputs], DType::F32);
        Ok(Matrix {
            memory: self.host.then(|| data.clone()),
            weight: Tensor::from_data(data, self.device),
            bias: bias.then(|| self.vector_of(biases)),
            packed: if packed.len() == parts.len() { Packed::new(&packed, inputs) } else { None },
        })
    }
}
