//! What can be wrong with an adapter's files.

use std::path::PathBuf;

use crate::ModelError;

/// Why an adapter was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdapterError {
    /// A file of the adapter is not there.
    #[error("adapter file {} is missing: name a directory with adapter_config.json and adapter_model.safetensors", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A file of the adapter is not in its format: truncated, damaged, or made to harm.
    #[error("adapter file {} is damaged ({reason}): export the adapter anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The adapter does something that is not LoRA as it is computed here.
    #[error("adapter {} uses {what} {found}, and only {supported} is computed here: train or export it without", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which setting.
        what: String,
        /// What it is.
        found: String,
        /// What it may be.
        supported: String,
    },
    /// The adapter was made for another base.
    #[error("adapter {} is for another base ({what} is {found}, expected {expected}): load it over the model that it was trained on", path.display())]
    AnotherBase {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
        /// What the adapter has.
        found: String,
        /// What the base needs.
        expected: String,
    },
    /// Adapters cannot be composed in the way asked for.
    #[error("the adapters cannot be composed: {reason}")]
    Compose {
        /// Why not.
        reason: String,
    },
    /// A file could not be read, or the tensor library failed.
    #[error(transparent)]
    Model(ModelError),
}

impl From<ModelError> for AdapterError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Missing { path } => AdapterError::Missing { path },
            ModelError::Damaged { path, reason } => AdapterError::Damaged { path, reason },
            ModelError::AnotherModel { path, what, found, expected } => AdapterError::AnotherBase { path, what, found, expected },
            other => AdapterError::Model(other),
        }
    }
}
