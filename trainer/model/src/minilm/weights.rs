//! The model's files into tensors, refusing whatever is not all-MiniLM-L6-v2.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::{FEED_FORWARD, HEADS, HIDDEN, LAYERS, POSITIONS, TOKENS_MAX};
use crate::ModelError;

/// Largest model file that is read into memory; the real weights have 91 MB.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Numbers of all-MiniLM-L6-v2. Matrices are [inputs, outputs], the transpose of the file's.
pub struct Weights {
    /// [vocabulary, HIDDEN], row after row.
    pub words: Vec<f32>,
    /// [TOKENS_MAX, HIDDEN]: the embedding of the position plus that of token type 0, the only one used.
    pub positions: Vec<f32>,
    /// Normalisation of the embeddings.
    pub norm: Norm,
    /// The transformer's layers, first to last.
    pub layers: Vec<Layer>,
}

/// One transformer layer.
pub struct Layer {
    /// Query, key and value side by side: [HIDDEN, 3 * HIDDEN].
    pub qkv: Linear,
    /// [HIDDEN, HIDDEN].
    pub out: Linear,
    /// After attention.
    pub attention_norm: Norm,
    /// [HIDDEN, FEED_FORWARD].
    pub up: Linear,
    /// [FEED_FORWARD, HIDDEN].
    pub down: Linear,
    /// After the feed-forward part.
    pub output_norm: Norm,
}

/// y = x W + b.
pub struct Linear {
    /// [inputs, outputs].
    pub weight: Tensor<2>,
    /// [outputs].
    pub bias: Vec<f32>,
}

/// Gain and offset of a layer normalisation, HIDDEN numbers each.
pub struct Norm {
    /// Gain.
    pub gamma: Vec<f32>,
    /// Offset.
    pub beta: Vec<f32>,
}

/// The part of config.json that decides what the numbers mean.
#[derive(Deserialize)]
struct Config {
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    layer_norm_eps: f64,
    num_attention_heads: usize,
    num_hidden_layers: usize,
}

/// Reads a whole file of the model, unless it is far too large.
pub fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => ModelError::Missing { path: path.into() },
        _ => ModelError::Unreadable { path: path.into(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(ModelError::TooLarge { path: path.into(), bytes, bytes_max: FILE_BYTES_MAX });
    }
    let mut content = Vec::with_capacity(bytes as usize);
    file.take(FILE_BYTES_MAX).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// Refuses a config.json of another model.
pub fn check_config(path: &Path, json: &[u8]) -> Result<(), ModelError> {
    let config: Config =
        serde_json::from_slice(json).map_err(|e| ModelError::Damaged { path: path.into(), reason: e.to_string() })?;
    let expect = |what: &str, found: String, expected: String| match found == expected {
        true => Ok(()),
        false => Err(ModelError::AnotherModel { path: path.into(), what: what.into(), found, expected }),
    };
    expect("hidden_act", config.hidden_act, "gelu".into())?;
    expect("hidden_size", config.hidden_size.to_string(), HIDDEN.to_string())?;
    expect("intermediate_size", config.intermediate_size.to_string(), FEED_FORWARD.to_string())?;
    expect("layer_norm_eps", config.layer_norm_eps.to_string(), super::NORM_EPSILON.to_string())?;
    expect("num_attention_heads", config.num_attention_heads.to_string(), HEADS.to_string())?;
    expect("num_hidden_layers", config.num_hidden_layers.to_string(), LAYERS.to_string())
}

impl Weights {
    /// Takes the tensors out of the bytes of model.safetensors, checking every shape and every number.
    pub fn new(path: &Path, bytes: &[u8], device: &Device) -> Result<Self, ModelError> {
        let tensors =
            SafeTensors::deserialize(bytes).map_err(|e| ModelError::Damaged { path: path.into(), reason: e.to_string() })?;
        let source = Source { path, tensors, device };

        let vocabulary = source.shape("embeddings.word_embeddings.weight")?.first().copied().unwrap_or(0);
        let words = source.floats("embeddings.word_embeddings.weight", &[vocabulary, HIDDEN])?;
        let mut positions = source.floats("embeddings.position_embeddings.weight", &[POSITIONS, HIDDEN])?;
        let types = source.floats("embeddings.token_type_embeddings.weight", &[2, HIDDEN])?;
        positions.truncate(TOKENS_MAX * HIDDEN);
        for row in positions.chunks_exact_mut(HIDDEN) {
            row.iter_mut().zip(&types[..HIDDEN]).for_each(|(x, t)| *x += t);
        }
        let norm = source.norm("embeddings.LayerNorm")?;
        let layers = (0..LAYERS).map(|n| source.layer(&format!("encoder.layer.{n}"))).collect::<Result<_, _>>()?;
        Ok(Self { words, positions, norm, layers })
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.words.len() / HIDDEN
    }
}

/// An open model.safetensors.
struct Source<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
    device: &'a Device,
}

impl Source<'_> {
    fn layer(&self, name: &str) -> Result<Layer, ModelError> {
        let part = |part: &str| format!("{name}.{part}");
        let (q, k, v) = (part("attention.self.query"), part("attention.self.key"), part("attention.self.value"));
        Ok(Layer {
            qkv: self.linear(&[&q, &k, &v], HIDDEN, HIDDEN)?,
            out: self.linear(&[&part("attention.output.dense")], HIDDEN, HIDDEN)?,
            attention_norm: self.norm(&part("attention.output.LayerNorm"))?,
            up: self.linear(&[&part("intermediate.dense")], HIDDEN, FEED_FORWARD)?,
            down: self.linear(&[&part("output.dense")], FEED_FORWARD, HIDDEN)?,
            output_norm: self.norm(&part("output.LayerNorm"))?,
        })
    }

    /// Layers of the same shape side by side, so that one product computes them all.
    fn linear(&self, names: &[&str], inputs: usize, outputs: usize) -> Result<Linear, ModelError> {
        let columns = names.len() * outputs;
        let mut weight = vec![0.0f32; inputs * columns];
        let mut bias = Vec::with_capacity(columns);
        for (n, name) in names.iter().enumerate() {
            let rows = self.floats(&format!("{name}.weight"), &[outputs, inputs])?;
            for (output, row) in rows.chunks_exact(inputs).enumerate() {
                for (input, &value) in row.iter().enumerate() {
                    weight[input * columns + n * outputs + output] = value;
                }
            }
            bias.extend(self.floats(&format!("{name}.bias"), &[outputs])?);
        }
        let weight = Tensor::from_data(TensorData::new(weight, [inputs, columns]), self.device);
        Ok(Linear { weight, bias })
    }

    fn norm(&self, name: &str) -> Result<Norm, ModelError> {
        Ok(Norm {
            gamma: self.floats(&format!("{name}.weight"), &[HIDDEN])?,
            beta: self.floats(&format!("{name}.bias"), &[HIDDEN])?,
        })
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, ModelError> {
        let tensor = self.tensors.tensor(name).map_err(|_| self.another(name, "absent".into(), "present".into()))?;
        Ok(tensor.shape().to_vec())
    }

    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let tensor = self.tensors.tensor(name).map_err(|_| self.another(name, "absent".into(), format!("{shape:?}")))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            let found = format!("{:?} {:?}", tensor.dtype(), tensor.shape());
            return Err(self.another(name, found, format!("F32 {shape:?}")));
        }
        let (numbers, _) = tensor.data().as_chunks::<4>();
        let values: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        // One stray bit pattern would turn every vector into not-a-number, which no search recovers from.
        if !values.iter().all(|value| value.is_finite()) {
            let reason = format!("tensor {name} holds a number that is not finite");
            return Err(ModelError::Damaged { path: self.path.into(), reason });
        }
        Ok(values)
    }

    fn another(&self, name: &str, found: String, expected: String) -> ModelError {
        ModelError::AnotherModel { path: self.path.into(), what: format!("tensor {name}"), found, expected }
    }
}
