//! A decoder's tokenizer, with the chat template that came with it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::bpe;
use super::chat::ChatTemplate;
use crate::ModelError;
use crate::decoder::WeightFiles;
use crate::weights::{Gguf, read_small};

/// Texts into token ids and back.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// The same, but for marks of control in a text: here they are a text like any other.
    plain: tokenizers::Tokenizer,
    chat: Option<ChatTemplate>,
    begin: Option<u32>,
    ends: Vec<u32>,
    identity: String,
}

impl Tokenizer {
    /// Reads the tokenizer of the model at `path`: `tokenizer.json` with `tokenizer_config.json` (and `chat_template.jinja`,
    /// `generation_config.json` where they are), or the metadata of the GGUF file.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if there is none, another variant if it is damaged or of a kind that is not known.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        match WeightFiles::find(path)? {
            WeightFiles::Gguf(file) => Self::from_gguf(&Gguf::open(&file)?),
            WeightFiles::Directory(dir) => Self::from_dir(&dir),
        }
    }

    /// The tokenizer in a GGUF file's metadata.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_gguf(gguf: &Gguf) -> Result<Self, ModelError> {
        let metadata = gguf.metadata();
        let inner = bpe::build(gguf.path(), metadata)?;
        let id = |name: &str| metadata.size(&format!("tokenizer.ggml.{name}")).and_then(|id| u32::try_from(id).ok());
        let begins = metadata.flag("tokenizer.ggml.add_bos_token").unwrap_or(false);
        let word = |id: Option<u32>| id.and_then(|id| inner.id_to_token(id)).unwrap_or_default();
        let (bos, eos) = (word(id("bos_token_id")), word(id("eos_token_id")));
        let template = metadata.text("tokenizer.chat_template");
        let chat = template.map(|source| ChatTemplate::new(gguf.path(), source, &bos, &eos)).transpose()?;
        let mut ends: Vec<u32> = [id("eos_token_id"), id("eot_token_id")].into_iter().flatten().collect();
        ends.dedup();
        Self::new(gguf.path(), inner, chat, id("bos_token_id").filter(|_| begins), ends)
    }

    fn from_dir(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("tokenizer.json");
        let damaged = |path: &Path, reason: String| ModelError::Damaged { path: path.into(), reason };
        let mut inner = tokenizers::Tokenizer::from_bytes(read_small(&path)?).map_err(|e| damaged(&path, e.to_string()))?;
        inner.with_truncation(None).map_err(|e| damaged(&path, e.to_string()))?;
        inner.with_padding(None);

        let optional = |name: &str| -> Result<Value, ModelError> {
            let path = dir.join(name);
            match read_small(&path) {
                Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| damaged(&path, e.to_string())),
                Err(ModelError::Missing { .. }) => Ok(Value::Null),
                Err(error) => Err(error),
            }
        };
        let settings = optional("tokenizer_config.json")?;
        // A token is written as its text or as an object around it.
        let word = |name: &str| settings[name].as_str().or(settings[name]["content"].as_str()).unwrap_or_default();
        let (bos, eos) = (word("bos_token"), word("eos_token"));
        let file = dir.join("chat_template.jinja");
        let own = if file.is_file() { Some(String::from_utf8_lossy(&read_small(&file)?).into_owned()) } else { None };
        let template = own.as_deref().or(settings["chat_template"].as_str());
        let chat = template.map(|source| ChatTemplate::new(dir, source, bos, eos)).transpose()?;

        let mut ends: Vec<u32> = inner.token_to_id(eos).into_iter().collect();
        for name in ["generation_config.json", "config.json"] {
            let ids = optional(name)?;
            let listed = ids["eos_token_id"].as_array().cloned().unwrap_or_else(|| vec![ids["eos_token_id"].clone()]);
            ends.extend(listed.iter().filter_map(Value::as_u64).filter_map(|id| u32::try_from(id).ok()));
        }
        ends.sort_unstable();
        ends.dedup();
        // What the post-processor puts in front of a text says whether the model wants its sequences to begin with it.
        let framed = inner.encode_fast("", true).map_err(|e| damaged(&path, e.to_string()))?;
        let begin = framed.get_ids().first().copied().filter(|id| inner.token_to_id(bos) == Some(*id));
        Self::new(&path, inner, chat, begin, ends)
    }

    fn new(
        path: &Path,
        inner: tokenizers::Tokenizer,
        chat: Option<ChatTemplate>,
        begin: Option<u32>,
        ends: Vec<u32>,
    ) -> Result<Self, ModelError> {
        let json = inner.to_string(false).map_err(|e| ModelError::Damaged { path: path.into(), reason: e.to_string() })?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(json.as_bytes());
        hasher.update(chat.as_ref().map_or("", |chat| chat.source()).as_bytes());
        let identity = hasher.finalize().to_hex()[..32].to_owned();
        let mut plain = inner.clone();
        plain.set_encode_special_tokens(true);
        Ok(Self { inner, plain, chat, begin, ends, identity })
    }

    /// The ids of a text in which marks of control count, as in what a chat template gives. Nothing is put in front.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`] if the text cannot be split.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        split(&self.inner, text)
    }

    /// The ids of a text of anybody's: marks of control in it are split like other words, so that it cannot end its turn.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`] if the text cannot be split.
    pub fn plain_ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        split(&self.plain, text)
    }

    /// The text of ids, control tokens included. Ids without a token are left out.
    pub fn text(&self, ids: &[u32]) -> String {
        self.inner.decode(ids, false).unwrap_or_default()
    }

    /// The text of ids without control tokens: what a model answered.
    pub fn answer(&self, ids: &[u32]) -> String {
        self.inner.decode(ids, true).unwrap_or_default()
    }

    /// The token that a sequence begins with, where the model wants one.
    pub fn begin(&self) -> Option<u32> {
        self.begin
    }

    /// Tokens that end an answer.
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// How conversations are written for this model, where it is a chat model.
    pub fn chat(&self) -> Option<&ChatTemplate> {
        self.chat.as_ref()
    }

    /// One more than the highest id.
    pub fn size(&self) -> usize {
        self.inner.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1)
    }

    /// 32 hexadecimal digits of the BLAKE3 hash over the tokenizer and the chat template.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Refuses a tokenizer that names tokens which the model does not have. `path` is only named in the error.
    ///
    /// # Errors
    /// [`ModelError::AnotherModel`].
    pub fn check(&self, path: &Path, vocabulary: usize) -> Result<(), ModelError> {
        if self.size() <= vocabulary {
            return Ok(());
        }
        Err(ModelError::AnotherModel {
            path: PathBuf::from(path),
            what: "the tokenizer's highest token id".into(),
            found: (self.size() - 1).to_string(),
            expected: format!("less than {vocabulary}"),
        })
    }
}

fn split(tokenizer: &tokenizers::Tokenizer, text: &str) -> Result<Vec<u32>, ModelError> {
    let encoding = tokenizer.encode_fast(text, false);
    let encoding = encoding.map_err(|e| ModelError::Tokenize { bytes: text.len(), reason: e.to_string() })?;
    Ok(encoding.get_ids().to_vec())
}
