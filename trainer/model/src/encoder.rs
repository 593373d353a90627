//! The port through which texts become vectors.

use std::sync::Arc;

use crate::ModelError;

/// Turns texts into vectors of unit length.
///
/// The same text under the same identity always gives the same vector, up to rounding of the last bits: it does not
/// matter which other texts are in the call. Calls block (they compute); from asynchronous code, make them on a blocking
/// thread.
pub trait Encoder: Send + Sync {
    /// Names everything that changes the numbers: two encoders with the same identity are interchangeable, and vectors
    /// of different identities must not be compared.
    fn identity(&self) -> &str;

    /// Numbers in a vector.
    fn dim(&self) -> usize;

    /// One vector of [`dim`](Self::dim) numbers and length 1 for every text, in the order of the texts.
    ///
    /// # Errors
    /// [`ModelError::Tokenize`] if a text cannot be split into tokens; then no text has a vector.
    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError>;

    /// Tokens of a text, however long it is and without the markers around it; about one for four bytes without a tokenizer.
    fn tokens(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }
}

impl<E: Encoder + ?Sized> Encoder for Arc<E> {
    fn identity(&self) -> &str {
        (**self).identity()
    }

    fn dim(&self) -> usize {
        (**self).dim()
    }

    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        (**self).encode(texts)
    }

    fn tokens(&self, text: &str) -> usize {
        (**self).tokens(text)
    }
}
