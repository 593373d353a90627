//! The shape of a Llama-family decoder, and what in it changes the numbers; read from `config.json` or from GGUF metadata.

use std::path::Path;

use serde_json::Value;

use super::rope::{Rope, RopeScaling, yarn_amplitude};
use crate::ModelError;
use crate::weights::Metadata;

/// Sizes beyond these are of no model of this family: a file that asks for them is damaged or hostile. They bound every
/// allocation that a file's header can cause.
mod most {
    pub const LAYERS: usize = 256;
    pub const HIDDEN: usize = 32_768;
    pub const FEED_FORWARD: usize = 131_072;
    pub const HEADS: usize = 512;
    pub const HEAD: usize = 512;
    pub const VOCABULARY: usize = 1 << 20;
    pub const CONTEXT: usize = 1 << 24;
}

/// A decoder's sizes and settings.
#[derive(Debug, Clone, PartialEq)]
pub struct DecoderConfig {
    /// The family, as the model's files name it: `llama`, `qwen2` or `qwen3`.
    pub family: String,
    /// Transformer layers.
    pub layers: usize,
    /// Numbers in a token's vector.
    pub hidden: usize,
    /// Attention heads that ask.
    pub heads: usize,
    /// Attention heads that are asked; each serves `heads / kv_heads` of the former.
    pub kv_heads: usize,
    /// Numbers that a head sees.
    pub head: usize,
    /// Numbers in the middle of the feed-forward part.
    pub feed_forward: usize,
    /// Tokens that have an embedding.
    pub vocabulary: usize,
    /// Longest sequence that the model was made for, in tokens.
    pub context: usize,
    /// Added to a mean square before its root is taken.
    pub norm_epsilon: f64,
    /// How positions turn the heads.
    pub rope: Rope,
    /// Whether the embeddings are also the last matrix.
    pub tied: bool,
    /// Whether the q, k and v projections add a bias (Qwen2).
    pub qkv_bias: bool,
    /// Whether each head of q and k is normalised before it is turned (Qwen3).
    pub qk_norm: bool,
    /// Tokens that end an answer.
    pub ends: Vec<u32>,
    /// The token that a sequence begins with, where the model wants one.
    pub begin: Option<u32>,
}

impl DecoderConfig {
    /// Query heads that share one key and value head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Width of all query heads side by side.
    pub fn q_width(&self) -> usize {
        self.heads * self.head
    }

    /// Width of all key heads (or all value heads) side by side.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head
    }

    /// Numbers in the model.
    pub fn parameters(&self) -> usize {
        let attention = self.hidden * (2 * self.q_width() + 2 * self.kv_width());
        let biases = if self.qkv_bias { self.q_width() + 2 * self.kv_width() } else { 0 };
        let norms = 2 * self.hidden + if self.qk_norm { 2 * self.head } else { 0 };
        let layer = attention + biases + norms + 3 * self.hidden * self.feed_forward;
        let ends = self.vocabulary * self.hidden * if self.tied { 1 } else { 2 };
        self.layers * layer + ends + self.hidden
    }

    /// Reads Hugging Face's `config.json`; `path` is only named in errors.
    ///
    /// # Errors
    /// [`ModelError::Damaged`] if it is not such a file or its sizes contradict one another, [`ModelError::Unsupported`]
    /// if it is of a model that this decoder would compute wrongly.
    pub fn from_json(path: &Path, json: &[u8]) -> Result<Self, ModelError> {
        let value: Value =
            serde_json::from_slice(json).map_err(|e| ModelError::Damaged { path: path.into(), reason: e.to_string() })?;
        let fields = Fields { path, value: &value };
        let family = fields.text("model_type")?;
        let known = ["llama", "qwen2", "qwen3"];
        if !known.contains(&family) {
            return Err(fields.unsupported("model_type", family, "llama, qwen2 or qwen3"));
        }
        for (name, wanted) in [("hidden_act", "silu")] {
            let found = fields.value[name].as_str().unwrap_or(wanted);
            if found != wanted {
                return Err(fields.unsupported(name, found, wanted));
            }
        }
        for name in ["mlp_bias", "use_sliding_window"] {
            if fields.flag(name, false) {
                return Err(fields.unsupported(name, "true", "false"));
            }
        }
        // Llama's own flag also gives the o projection a bias, which nobody has published; Qwen2 has biases unasked.
        if family != "qwen2" && fields.flag("attention_bias", false) {
            return Err(fields.unsupported("attention_bias", "true", "false"));
        }
        let (hidden, heads) = (fields.size("hidden_size")?, fields.size("num_attention_heads")?);
        let config = Self {
            family: family.into(),
            layers: fields.size("num_hidden_layers")?,
            hidden,
            heads,
            kv_heads: fields.size_or("num_key_value_heads", heads)?,
            head: fields.size_or("head_dim", hidden / heads.max(1))?,
            feed_forward: fields.size("intermediate_size")?,
            vocabulary: fields.size("vocab_size")?,
            context: fields.size("max_position_embeddings")?,
            norm_epsilon: fields.number("rms_norm_eps")?.unwrap_or(1e-6),
            rope: fields.rope()?,
            tied: fields.flag("tie_word_embeddings", false),
            qkv_bias: family == "qwen2",
            qk_norm: family == "qwen3",
            ends: fields.ids("eos_token_id"),
            begin: fields.ids("bos_token_id").first().copied(),
        };
        config.checked(path)
    }

    /// Reads the metadata of a GGUF file. `tied`: whether the file has no matrix of its own for the output.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_gguf(path: &Path, metadata: &Metadata, vocabulary: usize, tied: bool) -> Result<Self, ModelError> {
        let missing = |key: &str| ModelError::Damaged { path: path.into(), reason: format!("it has no {key}") };
        let unsupported = |what: &str, found: &str, supported: &str| ModelError::Unsupported {
            path: path.into(),
            what: what.into(),
            found: found.into(),
            supported: supported.into(),
        };
        let family = metadata.text("general.architecture").ok_or_else(|| missing("general.architecture"))?;
        if !["llama", "qwen2", "qwen3"].contains(&family) {
            return Err(unsupported("general.architecture", family, "llama, qwen2 or qwen3"));
        }
        let size = |name: &str| -> Result<usize, ModelError> {
            let key = format!("{family}.{name}");
            metadata.size(&key).ok_or_else(|| missing(&key))
        };
        let (hidden, heads) = (size("embedding_length")?, size("attention.head_count")?);
        let number = |name: &str| metadata.number(&format!("{family}.{name}"));
        let head = size("attention.key_length").unwrap_or(hidden / heads.max(1));
        if size("rope.dimension_count").is_ok_and(|turned| turned != head) {
            return Err(unsupported("rope.dimension_count", "a part of each head", "the whole head"));
        }
        let scaling = match metadata.text(&format!("{family}.rope.scaling.type")) {
            None | Some("none") => RopeScaling::None,
            Some("linear") => RopeScaling::Linear { factor: number("rope.scaling.factor").unwrap_or(1.0) },
            Some("yarn") => RopeScaling::yarn(
                number("rope.scaling.factor").unwrap_or(1.0),
                size("rope.scaling.original_context_length")? as f64,
            ),
            Some(other) => return Err(unsupported("rope.scaling.type", other, "none, linear or yarn")),
        };
        let id = |name: &str| metadata.size(&format!("tokenizer.ggml.{name}")).and_then(|id| u32::try_from(id).ok());
        let mut ends: Vec<u32> = [id("eos_token_id"), id("eot_token_id")].into_iter().flatten().collect();
        ends.dedup();
        let config = Self {
            family: family.into(),
            layers: size("block_count")?,
            hidden,
            heads,
            kv_heads: size("attention.head_count_kv").unwrap_or(heads),
            head,
            feed_forward: size("feed_forward_length")?,
            vocabulary,
            context: size("context_length")?,
            norm_epsilon: number("attention.layer_norm_rms_epsilon").unwrap_or(1e-6),
            rope: Rope { theta: number("rope.freq_base").unwrap_or(10_000.0), scaling },
            tied,
            qkv_bias: family == "qwen2",
            qk_norm: family == "qwen3",
            ends,
            begin: id("bos_token_id").filter(|_| metadata.flag("tokenizer.ggml.add_bos_token").unwrap_or(family == "llama")),
        };
        config.checked(path)
    }

    /// Refuses sizes that contradict one another or that no model has.
    fn checked(self, path: &Path) -> Result<Self, ModelError> {
        let damaged = |reason: String| Err(ModelError::Damaged { path: path.into(), reason });
        for (what, value, most) in [
            ("layers", self.layers, most::LAYERS),
            ("numbers in a vector", self.hidden, most::HIDDEN),
            ("numbers in the feed-forward part", self.feed_forward, most::FEED_FORWARD),
            ("heads", self.heads, most::HEADS),
            ("key heads", self.kv_heads, most::HEADS),
            ("numbers in a head", self.head, most::HEAD),
            ("tokens in the vocabulary", self.vocabulary, most::VOCABULARY),
            ("positions", self.context, most::CONTEXT),
        ] {
            if value == 0 || value > most {
                return damaged(format!("it has {value} {what}, where 1 to {most} are possible"));
            }
        }
        if self.heads % self.kv_heads != 0 {
            return damaged(format!("{} heads cannot share {} key heads evenly", self.heads, self.kv_heads));
        }
        if self.head % 2 != 0 {
            return damaged(format!("heads of {} numbers cannot be turned in pairs", self.head));
        }
        if !(self.norm_epsilon > 0.0 && self.norm_epsilon < 1.0) {
            return damaged(format!("its norm epsilon is {}", self.norm_epsilon));
        }
        if !(self.rope.theta.is_finite() && self.rope.theta > 1.0) {
            return damaged(format!("its rope base is {}", self.rope.theta));
        }
        if let Some(id) = self.ends.iter().chain(&self.begin).find(|id| **id as usize >= self.vocabulary) {
            return damaged(format!("its special token {id} is not among {} tokens", self.vocabulary));
        }
        Ok(self)
    }
}

/// The fields of a config.json, with errors that name them.
struct Fields<'a> {
    path: &'a Path,
    value: &'a Value,
}

impl Fields<'_> {
    fn damaged(&self, reason: String) -> ModelError {
        ModelError::Damaged { path: self.path.into(), reason }
    }

    fn unsupported(&self, what: &str, found: &str, supported: &str) -> ModelError {
        let (what, found, supported) = (what.into(), found.into(), supported.into());
        ModelError::Unsupported { path: self.path.into(), what, found, supported }
    }

    fn text(&self, name: &str) -> Result<&str, ModelError> {
        self.value[name].as_str().ok_or_else(|| self.damaged(format!("it has no {name}")))
    }

    fn flag(&self, name: &str, default: bool) -> bool {
        self.value[name].as_bool().unwrap_or(default)
    }

    fn number(&self, name: &str) -> Result<Option<f64>, ModelError> {
        match &self.value[name] {
            Value::Null => Ok(None),
            value => value.as_f64().map(Some).ok_or_else(|| self.damaged(format!("{name} is not a number"))),
        }
    }

    fn size(&self, name: &str) -> Result<usize, ModelError> {
        let size = self.value[name].as_u64().and_then(|n| usize::try_from(n).ok());
        size.ok_or_else(|| self.damaged(format!("it has no {name}, or one that is no size")))
    }

    fn size_or(&self, name: &str, default: usize) -> Result<usize, ModelError> {
        if self.value[name].is_null() { Ok(default) } else { self.size(name) }
    }

    /// One id or a list of them; absent, none.
    fn ids(&self, name: &str) -> Vec<u32> {
        let one = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
        match &self.value[name] {
            Value::Array(ids) => ids.iter().filter_map(one).collect(),
            id => one(id).into_iter().collect(),
        }
    }

    /// `rope_theta` with `rope_scaling`, or both within `rope_parameters` (transformers 5).
    fn rope(&self) -> Result<Rope, ModelError> {
        let nested = &self.value["rope_parameters"];
        let scaling = if nested.is_object() { nested } else { &self.value["rope_scaling"] };
        let theta = nested["rope_theta"].as_f64().or(self.number("rope_theta")?).unwrap_or(10_000.0);
        let number = |name: &str| scaling[name].as_f64();
        let need = |name: &str| number(name).ok_or_else(|| self.damaged(format!("its rope scaling has no {name}")));
        let kind = scaling["rope_type"].as_str().or(scaling["type"].as_str()).unwrap_or("default");
        let scaling = match kind {
            "default" => RopeScaling::None,
            "linear" => RopeScaling::Linear { factor: need("factor")? },
            "llama3" => RopeScaling::Llama3 {
                factor: need("factor")?,
                low: need("low_freq_factor")?,
                high: need("high_freq_factor")?,
                original: need("original_max_position_embeddings")?,
            },
            "yarn" => {
                let original = number("original_max_position_embeddings").or(self.number("max_position_embeddings")?);
                let original = original.ok_or_else(|| self.damaged("its rope scaling has no original context".into()))?;
                let factor = need("factor")?;
                RopeScaling::Yarn {
                    factor,
                    original,
                    fast: number("beta_fast").unwrap_or(32.0),
                    slow: number("beta_slow").unwrap_or(1.0),
                    attention: number("attention_factor").unwrap_or_else(|| yarn_amplitude(factor)),
                }
            }
            other => return Err(self.unsupported("rope scaling", other, "linear, llama3 or yarn")),
        };
        Ok(Rope { theta, scaling })
    }
}
