//! Whether the files of a model are all there and fit one another, without reading their numbers.

use std::path::Path;

use super::Kind;
use crate::decoder::{DecoderConfig, WeightFiles, tensor_shapes};
use crate::text::Tokenizer;
use crate::weights::{Gguf, Shards, Tensors, read_small};
use crate::{MiniLm, ModelError};

/// What kind of model lies in a directory, by its files alone.
pub fn kind(dir: &Path) -> Option<Kind> {
    match WeightFiles::find(dir).ok()? {
        WeightFiles::Gguf(_) => Some(Kind::Decoder),
        WeightFiles::Directory(dir) => {
            let config: serde_json::Value = serde_json::from_slice(&read_small(&dir.join("config.json")).ok()?).ok()?;
            Some(if config["model_type"] == "bert" { Kind::Encoder } else { Kind::Decoder })
        }
    }
}

/// Checks settings, tokenizer, and the name and shape of every tensor. Gives the kind of the model and, for a decoder, the
/// identity of its tokenizer.
pub fn check(dir: &Path) -> Result<(Kind, Option<String>), ModelError> {
    if kind(dir) == Some(Kind::Encoder) {
        MiniLm::load(dir)?;
        return Ok((Kind::Encoder, None));
    }
    let config = match WeightFiles::find(dir)? {
        WeightFiles::Gguf(file) => {
            let gguf = Gguf::open(&file)?;
            let vocabulary = gguf.shape("model.embed_tokens.weight")?.first().copied().unwrap_or(0);
            let config = DecoderConfig::from_gguf(&file, gguf.metadata(), vocabulary, !gguf.has("lm_head.weight"))?;
            shapes(&file, &config, &gguf)?;
            config
        }
        WeightFiles::Directory(dir) => {
            let path = dir.join("config.json");
            let config = DecoderConfig::from_json(&path, &read_small(&path)?)?;
            shapes(&dir, &config, &Shards::open_dir(&dir)?)?;
            config
        }
    };
    let tokenizer = Tokenizer::load(dir)?;
    tokenizer.check(dir, config.vocabulary)?;
    Ok((Kind::Decoder, Some(tokenizer.identity().to_owned())))
}

fn shapes(path: &Path, config: &DecoderConfig, tensors: &dyn Tensors) -> Result<(), ModelError> {
    for (name, shape) in tensor_shapes(config) {
        let found = tensors.shape(&name)?;
        if found != shape {
            let (what, found, expected) = (format!("tensor {name}"), format!("{found:?}"), format!("{shape:?}"));
            return Err(ModelError::AnotherModel { path: path.into(), what, found, expected });
        }
    }
    Ok(())
}
