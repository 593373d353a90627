//! Texts into token ids, with the cut at 256 tokens.

use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use crate::ModelError;

/// Longest sequence that is embedded, in tokens, the two markers included. What follows is not seen by the model; the
/// reference implementation is published with the same length.
pub const TOKENS_MAX: usize = 256;

/// Length in bytes from which a text is first tried by its beginning alone: no ordinary text of this length has fewer than
/// [`TOKENS_MAX`] tokens, and splitting a quarter of a megabyte to throw all but a page away would be slow.
const HEAD_BYTES: usize = 8 * 1024;

/// The tokenizer of the model, without the truncation and padding that its file carries.
pub struct Tokens {
    tokenizer: Tokenizer,
    cls: u32,
    sep: u32,
}

impl Tokens {
    /// Reads tokenizer.json. `rows` is the number of embeddings: the tokenizer must not name one beyond them.
    pub fn new(path: &Path, json: &[u8], rows: usize) -> Result<Self, ModelError> {
        let damaged = |reason: String| ModelError::Damaged { path: PathBuf::from(path), reason };
        let mut tokenizer = Tokenizer::from_bytes(json).map_err(|e| damaged(e.to_string()))?;
        // The file asks for 128 tokens and for padding to 128: the model takes 256, and padding would cost time.
        tokenizer.with_truncation(None).map_err(|e| damaged(e.to_string()))?;
        tokenizer.with_padding(None);
        let id = |token: &str| tokenizer.token_to_id(token).ok_or_else(|| damaged(format!("it has no token {token}")));
        let (cls, sep) = (id("[CLS]")?, id("[SEP]")?);
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        if highest as usize >= rows {
            return Err(ModelError::AnotherModel {
                path: path.into(),
                what: "the highest token id".into(),
                found: highest.to_string(),
                expected: format!("less than {rows}"),
            });
        }
        Ok(Self { tokenizer, cls, sep })
    }

    /// `[CLS] ... [SEP]`: at least 2 ids, at most [`TOKENS_MAX`].
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        if let Some(head) = head(text) {
            let ids = self.split(head)?;
            if ids.len() >= TOKENS_MAX - 2 {
                return Ok(self.frame(&ids));
            }
        }
        Ok(self.frame(&self.split(text)?))
    }

    /// Tokens of a whole text, markers not counted. A text that cannot be split counts by its bytes.
    pub fn count(&self, text: &str) -> usize {
        self.tokenizer.encode_fast(text, false).map_or_else(|_| text.len().div_ceil(4), |encoding| encoding.len())
    }

    fn split(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|e| ModelError::Tokenize { bytes: text.len(), reason: e.to_string() })?;
        Ok(encoding.get_ids().to_vec())
    }

    fn frame(&self, ids: &[u32]) -> Vec<u32> {
        let kept = &ids[..ids.len().min(TOKENS_MAX - 2)];
        let mut framed = Vec::with_capacity(kept.len() + 2);
        framed.push(self.cls);
        framed.extend_from_slice(kept);
        framed.push(self.sep);
        framed
    }
}

/// The beginning of a long text up to white space, where words and therefore tokens end, if there is such a place.
fn head(text: &str) -> Option<&str> {
    let rest = text.as_bytes().get(HEAD_BYTES..)?;
    let space = rest.iter().position(|byte| matches!(byte, b' ' | b'\n'))?;
    Some(&text[..HEAD_BYTES + space])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_long_text_ends_at_a_space() {
        let long = format!("{} tail", "é".repeat(HEAD_BYTES));
        assert_eq!(head(&long), Some("é".repeat(HEAD_BYTES).as_str()));
        assert_eq!(head("short text"), None);
        assert_eq!(head(&"x".repeat(3 * HEAD_BYTES)), None);
    }
}
