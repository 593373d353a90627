//! What can go wrong with a model: on the way from its files into memory, and while it runs.

use std::path::PathBuf;

/// Why a model could not be loaded or a text not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// No directory for models can be named.
    #[error(
        "no directory for models: neither CUBELOG_MODELS nor HOME is set; set CUBELOG_MODELS to the directory that holds them"
    )]
    NoDirectory,
    /// A file of the model is not there.
    #[error("model file {} is missing: run `deploy/models/fetch all` or `cubelog model add`, or set CUBELOG_MODELS to the directory that holds the models", path.display())]
    Missing {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// A file of the model is there and cannot be read.
    #[error("model file {} cannot be read: check its rights and the disk", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of the model is larger than any real one, so it is not read into memory.
    #[error("model file {} has {bytes} bytes, more than the {bytes_max} allowed: it is no such file of a model; remove it and run `deploy/models/fetch all` or `cubelog model add`", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size that is read.
        bytes_max: u64,
    },
    /// A file of the model is not in its format: truncated, damaged, or another kind of file.
    #[error("model file {} is damaged ({reason}): remove it and run `deploy/models/fetch all` or `cubelog model add`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is well-formed and describes another model.
    #[error("model file {} is of another model ({what} is {found}, expected {expected}): remove it and run `deploy/models/fetch all` or `cubelog model add`", path.display())]
    AnotherModel {
        /// The file.
        path: PathBuf,
        /// The setting or tensor that differs.
        what: String,
        /// What the file says.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The model is of a kind that would be computed wrongly.
    #[error("model file {} has {what} {found}, and only {supported} can be computed: take another model", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The setting.
        what: String,
        /// What the file says.
        found: String,
        /// What can be computed.
        supported: String,
    },
    /// A forward pass was asked for that does not fit the model, the cache or the adapters worn.
    #[error("the step does not fit: {reason}")]
    Step {
        /// What does not fit.
        reason: String,
    },
    /// The worker threads could not be started.
    #[error("worker threads of the encoder could not be started: the limit on threads of this process may be too low")]
    Threads {
        /// What the system said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text could not be split into tokens.
    #[error("text of {bytes} bytes could not be split into tokens: {reason}")]
    Tokenize {
        /// Size of the text; its content is not repeated, for it may be private.
        bytes: usize,
        /// What the tokenizer said.
        reason: String,
    },
    /// Vectors were to be removed from the cache, and may still be there.
    #[error("vectors may still be in the cache file {} or in the same name with .damaged ({reason}): delete both; a cache is made anew", path.display())]
    NotForgotten {
        /// The cache's file.
        path: PathBuf,
        /// What the system or the store said.
        reason: String,
    },
    /// A model cannot have this name.
    #[error("a model cannot be called {name:?}: take letters, digits, '-', '_' and '.', not beginning with a dot")]
    Name {
        /// The name.
        name: String,
    },
    /// There is a model of this name already.
    #[error("there is a model at {} already: verify it with `cubelog model verify`, or remove it first", path.display())]
    Exists {
        /// Its folder.
        path: PathBuf,
    },
    /// A model could not be written.
    #[error("the model at {} cannot be written: check the rights of the directory, and whether the disk is full", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A conversation could not be written in the model's form.
    #[error("the model's chat template does not take this conversation: {reason}")]
    Template {
        /// What the template said.
        reason: String,
    },
    /// The tensor library failed while computing, which no input should be able to cause.
    #[error("the encoder failed while computing: {reason}; this is a bug, please report it")]
    Compute {
        /// What the library said.
        reason: String,
    },
}
