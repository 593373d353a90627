//! Weight files: GGUF and safetensors, read tensor by tensor and checked before anything is allocated.

mod blocks;
mod drawn;
mod gguf;
mod metadata;
mod shards;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

pub use blocks::Packing;
pub use drawn::Drawn;
pub use gguf::Gguf;
pub use metadata::Metadata;
pub use shards::Shards;

use crate::ModelError;

/// Most numbers in one tensor: more than the embeddings of any model of the family have.
pub const NUMBERS_MAX: usize = 1 << 33;

/// A set of tensors under Hugging Face's names, in Hugging Face's layout: matrices are [outputs, inputs].
pub trait Tensors {
    /// Whether there is a tensor of this name.
    fn has(&self, name: &str) -> bool;

    /// The sizes of a tensor, outermost first.
    ///
    /// # Errors
    /// [`ModelError::AnotherModel`] if there is none of this name.
    fn shape(&self, name: &str) -> Result<Vec<usize>, ModelError>;

    /// The numbers of a tensor of exactly this shape, row after row; `heads` is how many heads the rows of a q or k
    /// projection are divided into, for files that keep them in another order.
    ///
    /// # Errors
    /// [`ModelError::AnotherModel`] if the tensor is absent or has another shape, [`ModelError::Damaged`] if a number in it
    /// is not finite, [`ModelError::Unreadable`] if the file cannot be read.
    fn floats(&self, name: &str, shape: &[usize], heads: Option<usize>) -> Result<Vec<f32>, ModelError>;

    /// The same as it is packed in the file, rows in the same order; none where the file does not pack it.
    ///
    /// # Errors
    /// As [`floats`](Self::floats), but what the bytes hold is not looked at.
    fn packed(&self, name: &str, shape: &[usize], heads: Option<usize>) -> Result<Option<(Packing, Vec<u8>)>, ModelError> {
        let _ = (name, shape, heads);
        Ok(None)
    }
}

/// Largest file of settings (config, tokenizer, index) that is read; real ones have up to 20 MB.
const TEXT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Reads a whole small file of a model.
///
/// # Errors
/// [`ModelError::Missing`], [`ModelError::Unreadable`] or [`ModelError::TooLarge`].
pub fn read_small(path: &Path) -> Result<Vec<u8>, ModelError> {
    let (file, bytes) = open(path)?;
    if bytes > TEXT_BYTES_MAX {
        return Err(ModelError::TooLarge { path: path.into(), bytes, bytes_max: TEXT_BYTES_MAX });
    }
    let mut content = Vec::with_capacity(bytes as usize);
    file.take(TEXT_BYTES_MAX).read_to_end(&mut content).map_err(|source| ModelError::Unreadable { path: path.into(), source })?;
    Ok(content)
}

/// Opens a file and tells its length.
pub(crate) fn open(path: &Path) -> Result<(File, u64), ModelError> {
    let failed = |source: std::io::Error| match source.kind() {
        ErrorKind::NotFound => ModelError::Missing { path: path.into() },
        _ => ModelError::Unreadable { path: path.into(), source },
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(ModelError::Damaged { path: path.into(), reason: "it is not a file".into() });
    }
    Ok((file, metadata.len()))
}

/// How many numbers a shape has, if no more than any tensor may have.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size)).filter(|n| *n <= NUMBERS_MAX)
}

/// Refuses numbers that are not finite: one would turn every answer into not-a-number.
pub(crate) fn finite(path: &Path, name: &str, numbers: Vec<f32>) -> Result<Vec<f32>, ModelError> {
    if numbers.iter().all(|number| number.is_finite()) {
        return Ok(numbers);
    }
    Err(ModelError::Damaged { path: path.into(), reason: format!("tensor {name} holds a number that is not finite") })
}
