//! PEFT's files: `adapter_config.json` and `adapter_model.safetensors`, as Hugging Face's library (0.21) reads and writes them.
//!
//! PEFT keeps A as [rank, inputs] and B as [outputs, rank]: the transposes of what is multiplied here.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::Part;
use super::error::AdapterError;
use super::plain::{Pair, Plain, transposed};
use crate::DecoderConfig;
use crate::weights::{Shards, Tensors, read_small};

/// File with the settings.
pub const CONFIG: &str = "adapter_config.json";
/// File with the factors.
pub const WEIGHTS: &str = "adapter_model.safetensors";
/// Largest rank that is read: more columns than any linear layer that LoRA is used on has use for.
const RANK_MAX: usize = 4096;
/// Largest file of settings.
const CONFIG_BYTES_MAX: usize = 1 << 20;

/// How factors are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// 32 bits: exact.
    F32,
    /// 16 bits, for half the size.
    F16,
}

/// The two files of an adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Content of [`CONFIG`].
    pub config: Vec<u8>,
    /// Content of [`WEIGHTS`].
    pub weights: Vec<u8>,
}

/// Writes an adapter. `base` is the base model's name as Hugging Face has it (or a path); `notes` go into the metadata of the
/// weights. The same adapter gives the same bytes.
///
/// # Errors
/// [`AdapterError::Compose`] if its ranks differ: PEFT's other readers take one rank per adapter.
pub fn write(plain: &Plain, base: &str, notes: &BTreeMap<String, String>, stored: Stored) -> Result<Files, AdapterError> {
    let rank = plain.rank().ok_or_else(|| AdapterError::Compose {
        reason: "it has no factors, or of different ranks; compact it to one rank first".into(),
    })?;
    let targets: Vec<&str> = plain.parts().into_iter().map(Part::name).collect();
    let config = json!({
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": plain.scale * rank as f64,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": false,
        "target_modules": targets,
        "modules_to_save": null,
        "use_rslora": false,
        "use_dora": false,
        "inference_mode": true,
        "init_lora_weights": true,
        "rank_pattern": {},
        "alpha_pattern": {},
        "layers_to_transform": null,
    });
    let config = serde_json::to_vec_pretty(&config).map_err(|e| AdapterError::Compose { reason: e.to_string() })?;

    let mut tensors: BTreeMap<String, ([usize; 2], Vec<f32>)> = BTreeMap::new();
    for ((layer, part), pair) in &plain.pairs {
        let (inputs, outputs) = (pair.inputs(), pair.outputs());
        tensors.insert(key(*layer, *part, 'A'), ([rank, inputs], transposed(&pair.a, inputs, rank)));
        tensors.insert(key(*layer, *part, 'B'), ([outputs, rank], transposed(&pair.b, rank, outputs)));
    }
    let mut metadata = notes.clone();
    metadata.insert("format".into(), "pt".into());
    Ok(Files { config, weights: safetensors(&tensors, &metadata, stored) })
}

fn key(layer: usize, part: Part, factor: char) -> String {
    format!("base_model.model.model.layers.{layer}.{}.{}.lora_{factor}.weight", part.block(), part.name())
}

/// Safetensors with everything in the order of names, so that the same numbers are the same bytes. (The library keeps metadata
/// in a map without an order.)
fn safetensors(
    tensors: &BTreeMap<String, ([usize; 2], Vec<f32>)>,
    metadata: &BTreeMap<String, String>,
    stored: Stored,
) -> Vec<u8> {
    let (dtype, width) = match stored {
        Stored::F32 => ("F32", 4),
        Stored::F16 => ("F16", 2),
    };
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".into(), json!(metadata));
    let mut at = 0;
    for (name, (shape, numbers)) in tensors {
        let end = at + numbers.len() * width;
        header.insert(name.clone(), json!({ "dtype": dtype, "shape": shape, "data_offsets": [at, end] }));
        at = end;
    }
    let mut data = Vec::with_capacity(at);
    for (_, numbers) in tensors.values() {
        match stored {
            Stored::F32 => data.extend(numbers.iter().flat_map(|x| x.to_le_bytes())),
            Stored::F16 => data.extend(numbers.iter().flat_map(|x| burn::tensor::f16::from_f32(*x).to_le_bytes())),
        }
    }
    framed(header, data)
}

/// A header and what it describes, as safetensors: the header's length, the header, the data.
pub(super) fn framed(header: serde_json::Map<String, Value>, data: Vec<u8>) -> Vec<u8> {
    let mut header = Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    bytes
}

/// Reads an adapter from its directory, for a base of this shape.
///
/// # Errors
/// [`AdapterError`]: what is wrong, in which file; nothing is allocated for sizes that the base does not have.
pub fn read(dir: &Path, base: &DecoderConfig) -> Result<Plain, AdapterError> {
    let path = dir.join(CONFIG);
    let settings = Settings::read(&path)?;
    let weights = dir.join(WEIGHTS);
    let shards = Shards::open(std::slice::from_ref(&weights))?;
    let mut pairs = BTreeMap::new();
    let mut names: Vec<&str> = shards.names().collect();
    names.sort_unstable();
    for name in names {
        let Some((layer, part, factor)) = place(name) else {
            return Err(AdapterError::Unsupported {
                path: weights,
                what: "tensor".into(),
                found: name.chars().take(120).collect(),
                supported: "LoRA on the linear layers of the transformer".into(),
            });
        };
        if factor == 'B' {
            if !shards.has(&key(layer, part, 'A')) {
                return Err(AdapterError::Damaged { path: weights, reason: format!("{name} comes without its A") });
            }
            continue;
        }
        if layer >= base.layers {
            return Err(AdapterError::AnotherBase {
                path: weights,
                what: "the number of layers".into(),
                found: format!("at least {}", layer.saturating_add(1)),
                expected: base.layers.to_string(),
            });
        }
        let (inputs, outputs) = part.widths(base);
        let rank = settings.rank;
        // Shapes are compared before anything is read.
        let a = shards.floats(name, &[rank, inputs], None)?;
        let b = shards.floats(&key(layer, part, 'B'), &[outputs, rank], None)?;
        let pair = Pair { rank, a: transposed(&a, rank, inputs), b: transposed(&b, outputs, rank) };
        pairs.insert((layer, part), pair);
    }
    if pairs.is_empty() {
        return Err(AdapterError::Damaged { path: weights, reason: "it has no factors".into() });
    }
    Ok(Plain { scale: settings.scale, pairs })
}

/// Layer, part and factor of a tensor's name.
fn place(name: &str) -> Option<(usize, Part, char)> {
    let rest = name.strip_prefix("base_model.model.model.layers.")?;
    let (layer, rest) = rest.split_once('.')?;
    let (block, rest) = rest.split_once('.')?;
    let (part, rest) = rest.split_once('.')?;
    let factor = match rest {
        "lora_A.weight" => 'A',
        "lora_B.weight" => 'B',
        _ => return None,
    };
    let part = Part::of_name(part).filter(|part| part.block() == block)?;
    // "07" would name a layer a second time.
    let number: usize = layer.parse().ok()?;
    (number.to_string() == layer).then_some((number, part, factor))
}

struct Settings {
    rank: usize,
    scale: f64,
}

impl Settings {
    fn read(path: &Path) -> Result<Self, AdapterError> {
        let damaged = |reason: String| AdapterError::Damaged { path: path.into(), reason };
        let bytes = read_small(path)?;
        if bytes.len() > CONFIG_BYTES_MAX {
            return Err(damaged(format!("it has {} bytes", bytes.len())));
        }
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
        let unsupported = |what: &str, supported: &str| AdapterError::Unsupported {
            path: path.into(),
            what: what.into(),
            found: value[what].to_string().chars().take(120).collect(),
            supported: supported.into(),
        };
        if value["peft_type"].as_str() != Some("LORA") {
            return Err(unsupported("peft_type", "LORA"));
        }
        let off = |what: &str| matches!(&value[what], Value::Null | Value::Bool(false));
        let empty = |what: &str| match &value[what] {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(list) => list.is_empty(),
            _ => false,
        };
        for what in ["use_dora", "fan_in_fan_out", "lora_bias"] {
            if !off(what) {
                return Err(unsupported(what, "false"));
            }
        }
        for what in ["rank_pattern", "alpha_pattern", "modules_to_save", "alora_invocation_tokens", "trainable_token_indices"] {
            if !empty(what) {
                return Err(unsupported(what, "none"));
            }
        }
        if !matches!(value["bias"].as_str(), None | Some("none")) {
            return Err(unsupported("bias", "none"));
        }
        let rank = value["r"].as_u64().and_then(|rank| usize::try_from(rank).ok()).filter(|rank| (1..=RANK_MAX).contains(rank));
        let rank = rank.ok_or_else(|| damaged(format!("its rank r is {}, and 1 to {RANK_MAX} are possible", value["r"])))?;
        let alpha = value["lora_alpha"].as_f64().filter(|alpha| alpha.is_finite());
        let alpha = alpha.ok_or_else(|| damaged(format!("its lora_alpha is {}", value["lora_alpha"])))?;
        let divisor = if off("use_rslora") { rank as f64 } else { (rank as f64).sqrt() };
        Ok(Self { rank, scale: alpha / divisor })
    }
}
