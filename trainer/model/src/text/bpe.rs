//! The tokenizer that a GGUF file's metadata describes, put together from its tokens and merges.

use std::path::Path;

use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use crate::ModelError;
use crate::weights::Metadata;

/// How Llama 3 and Qwen cut a text before its bytes are merged; they differ in how many digits stay together.
macro_rules! words {
    ($digits:literal) => {
        concat!(
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|",
            $digits,
            r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        )
    };
}

/// Kinds of tokens in `tokenizer.ggml.token_type`.
const CONTROL: f64 = 3.0;
const USER_DEFINED: f64 = 4.0;

/// The tokenizer of a GGUF file of model `gpt2`, which is the byte-level BPE of GPT-2, SmolLM, Qwen and Llama 3.
pub fn build(path: &Path, metadata: &Metadata) -> Result<Tokenizer, ModelError> {
    let damaged = |reason: String| ModelError::Damaged { path: path.into(), reason };
    let unsupported = |what: &str, found: &str, supported: &str| ModelError::Unsupported {
        path: path.into(),
        what: what.into(),
        found: found.into(),
        supported: supported.into(),
    };
    let missing = |key: &str| damaged(format!("it has no {key}"));
    let model = metadata.text("tokenizer.ggml.model").ok_or_else(|| missing("tokenizer.ggml.model"))?;
    if model != "gpt2" {
        return Err(unsupported("tokenizer.ggml.model", model, "gpt2 (or a directory with tokenizer.json)"));
    }
    let tokens = metadata.texts("tokenizer.ggml.tokens").ok_or_else(|| missing("tokenizer.ggml.tokens"))?;
    let merges = metadata.texts("tokenizer.ggml.merges").ok_or_else(|| missing("tokenizer.ggml.merges"))?;
    let kinds = metadata.numbers("tokenizer.ggml.token_type").unwrap_or_default();
    let vocabulary: Vocab = tokens.iter().cloned().zip(0..).collect();
    let pairs: Option<Merges> = merges.iter().map(|m| m.split_once(' ').map(|(a, b)| (a.into(), b.into()))).collect();
    let pairs = pairs.ok_or_else(|| damaged("a merge of its tokenizer is not two tokens".into()))?;

    let pre = metadata.text("tokenizer.ggml.pre").unwrap_or("gpt-2");
    let bytes = |words: bool| PreTokenizerWrapper::from(ByteLevel::new(false, true, words));
    let cut = |pattern: &str| -> Result<PreTokenizerWrapper, ModelError> {
        let split = Split::new(SplitPattern::Regex(pattern.into()), SplitDelimiterBehavior::Isolated, false);
        Ok(split.map_err(|e| damaged(e.to_string()))?.into())
    };
    let (steps, whole_words) = match pre {
        "smollm" => (vec![PreTokenizerWrapper::from(Digits::new(true)), bytes(true)], false),
        "qwen2" | "deepseek-r1-qwen" => (vec![cut(words!(r"\p{N}"))?, bytes(false)], false),
        "llama-bpe" | "llama3" | "llama-v3" => (vec![cut(words!(r"\p{N}{1,3}"))?, bytes(false)], true),
        "gpt-2" | "gpt2" | "default" => (vec![bytes(true)], false),
        other => return Err(unsupported("tokenizer.ggml.pre", other, "smollm, qwen2, llama-bpe or gpt-2")),
    };
    let bpe = BPE::builder().vocab_and_merges(vocabulary, pairs);
    let bpe = bpe.ignore_merges(whole_words).build().map_err(|e| damaged(format!("its tokenizer: {e}")))?;
    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(steps)));
    tokenizer.with_decoder(Some(ByteLevel::default()));
    if pre.contains("qwen") {
        tokenizer.with_normalizer(Some(NFC)).map_err(|e| damaged(e.to_string()))?;
    }
    let of_kind = |kind: f64| tokens.iter().zip(kinds).filter(move |(_, k)| **k == kind).map(|(text, _)| text.clone());
    let added = |text: String, special: bool| AddedToken::from(text, special).normalized(false);
    let result = tokenizer
        .add_special_tokens(of_kind(CONTROL).map(|text| added(text, true)).collect::<Vec<_>>())
        .and_then(|_| tokenizer.add_tokens(of_kind(USER_DEFINED).map(|text| added(text, false)).collect::<Vec<_>>()));
    result.map_err(|e| damaged(format!("its tokenizer: {e}")))?;
    Ok(tokenizer)
}
