//! The Llama-family decoder: grouped-query attention, rotary positions, RMS norms and SwiGLU.
//!
//! - [`DecoderConfig`] says what shape a model has, [`Decoder::load`] reads one from its files.
//! - [`Step`] is what one forward pass reads; [`Decoder::forward`] computes it in tensor operations, on every device and
//!   with gradients for the adapters that are worn.
//! - [`KvCache`] keeps keys and values between the steps of a sequence.
//! - [`Decoder::extend`] is inference: the next tokens of several sequences, each with its own [`Cache`] and adapter, by
//!   kernels of our own where the CPU computes.

mod cache;
mod config;
mod forward;
mod host;
mod rope;
mod sequence;
mod step;
mod weights;

use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device};

pub use cache::KvCache;
pub use config::DecoderConfig;
pub use rope::{Rope, RopeScaling};
pub use sequence::{Cache, Fitted, Span, most_likely};
pub use step::Step;
pub(crate) use weights::tensor_shapes;

use self::weights::{Layer, Loader, Matrix, Vector};
use crate::ModelError;
use crate::weights::{Gguf, Shards, Tensors, read_small};

/// A decoder of the Llama family. Its numbers are read once and never changed.
pub struct Decoder {
    config: DecoderConfig,
    /// [vocabulary, hidden].
    embeddings: Matrix,
    layers: Vec<Layer>,
    /// [hidden].
    norm: Vector,
    /// [vocabulary, hidden], unless it is the embeddings.
    head: Option<Matrix>,
    /// Radians per position of each pair of a head.
    frequencies: Vec<f64>,
    device: Device,
    /// Whether the CPU computes, in 32-bit floats.
    host: bool,
}

/// Where the numbers of a model lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightFiles {
    /// One GGUF file that also holds settings and tokenizer.
    Gguf(PathBuf),
    /// A directory with config.json and safetensors.
    Directory(PathBuf),
}

impl WeightFiles {
    /// The files that lie in a model's directory: `config.json` with safetensors, else the one `*.gguf` in it. A path to
    /// a GGUF file itself is fine too.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if there are none, [`ModelError::Damaged`] if there are several GGUF files.
    pub fn find(path: &Path) -> Result<Self, ModelError> {
        let is_gguf = |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
        if is_gguf(path) {
            return Ok(Self::Gguf(path.into()));
        }
        if path.join("config.json").is_file() {
            return Ok(Self::Directory(path.into()));
        }
        let missing = || ModelError::Missing { path: path.join("config.json") };
        let entries = std::fs::read_dir(path).map_err(|_| missing())?;
        let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_gguf(path)).collect();
        match (found.pop(), found.is_empty()) {
            (Some(file), true) => Ok(Self::Gguf(file)),
            (Some(_), false) => {
                let reason = "several GGUF files lie in it: name one of them".into();
                Err(ModelError::Damaged { path: path.into(), reason })
            }
            (None, _) => Err(missing()),
        }
    }
}

impl Decoder {
    /// Loads a model onto the CPU, for those who know no devices.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_on_cpu(path: &Path) -> Result<Self, ModelError> {
        Self::load(path, &Device::flex())
    }

    /// Reads a model's numbers from its directory (or from a GGUF file) onto a device.
    ///
    /// Numbers are unpacked to the float type that the device was configured for (32 bits unless said otherwise).
    ///
    /// # Errors
    /// [`ModelError::Missing`] if there is no model; another variant if its files are unreadable, damaged, or of a family
    /// that this decoder does not compute.
    pub fn load(path: &Path, device: &Device) -> Result<Self, ModelError> {
        match WeightFiles::find(path)? {
            WeightFiles::Gguf(file) => {
                let gguf = Gguf::open(&file)?;
                let vocabulary = gguf.shape("model.embed_tokens.weight")?.first().copied().unwrap_or(0);
                let mut config = DecoderConfig::from_gguf(&file, gguf.metadata(), vocabulary, !gguf.has("lm_head.weight"))?;
                if gguf.has("rope_freqs.weight") {
                    let divisors = gguf.floats("rope_freqs.weight", &[config.head / 2], None)?;
                    config.rope.scaling = RopeScaling::Divisors(divisors);
                }
                Self::assemble(config, &gguf, device)
            }
            WeightFiles::Directory(dir) => {
                let path = dir.join("config.json");
                let config = DecoderConfig::from_json(&path, &read_small(&path)?)?;
                Self::assemble(config, &Shards::open_dir(&dir)?, device)
            }
        }
    }

    /// Puts a decoder together from tensors under Hugging Face's names.
    ///
    /// # Errors
    /// [`ModelError::AnotherModel`] if a tensor is absent or has another shape than the settings ask for.
    pub fn assemble(config: DecoderConfig, tensors: &dyn Tensors, device: &Device) -> Result<Self, ModelError> {
        let device = device.clone().without_autodiff();
        let host = device == Device::flex() && DType::from(device.settings().float_dtype) == DType::F32;
        let loader = Loader { tensors, config: &config, device: &device, host };
        let table = |name: &str| loader.table(name, config.vocabulary, config.hidden);
        let embeddings = table("model.embed_tokens.weight")?;
        let layers = (0..config.layers).map(|n| loader.layer(n)).collect::<Result<_, _>>()?;
        let norm = loader.vector("model.norm.weight", config.hidden)?;
        let head = if config.tied { None } else { Some(table("lm_head.weight")?) };
        let frequencies = config.rope.frequencies(config.head);
        Ok(Self { embeddings, layers, norm, head, frequencies, device, host, config })
    }

    /// The matrix that gives logits.
    fn output(&self) -> &Matrix {
        self.head.as_ref().unwrap_or(&self.embeddings)
    }

    /// Its sizes and settings.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }
}
