//! What can go wrong between memories and a published module.

use std::path::PathBuf;

use cubelog_model::ModelError;

use crate::evaluate::Evaluation;

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistillError {
    /// Nothing among the memories can be distilled.
    #[error(
        "nothing to distil: of {memories} memories, {refused} may not be distilled and in {unread} no statement about anybody or \
         anything named was found; choose other memories, or admit more of them"
    )]
    Nothing {
        /// Memories that were offered.
        memories: usize,
        /// Memories that policy keeps out.
        refused: usize,
        /// Memories that say nothing that can be asked for.
        unread: usize,
    },
    /// A setting that cannot be.
    #[error("the recipe's {what} is {found}: {wanted}")]
    Recipe {
        /// Which setting.
        what: &'static str,
        /// What it is.
        found: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// The run does not fit into the memory that it was given.
    #[error(
        "training needs at least {needed_bytes} bytes of memory and may use {allowed_bytes}: allow more, choose a smaller model, or \
         a lower rank"
    )]
    Memory {
        /// With the smallest micro-batch.
        needed_bytes: usize,
        /// What was allowed.
        allowed_bytes: usize,
    },
    /// The loss is not a number any more.
    #[error("the loss of step {step} is not a number; {}: lower the learning rate (it is {rate})", match checkpoint { Some(path) => format!("the state before it is kept in {}", path.display()), None => "no checkpoint was written yet".to_owned() })]
    NotANumber {
        /// Where.
        step: usize,
        /// The rate at that step.
        rate: f32,
        /// The last good state.
        checkpoint: Option<PathBuf>,
    },
    /// Somebody asked for an end.
    #[error("stopped before step {step}; run the same job again to go on from there")]
    Stopped {
        /// Steps that are done.
        step: usize,
    },
    /// What was trained failed its gates. It is kept beside its report and must not serve.
    #[error("the module was rejected: {}; it is kept with its report in {}", evaluation.failures.join("; "), dir.display())]
    Rejected {
        /// Where it is kept.
        dir: PathBuf,
        /// What was measured.
        evaluation: Box<Evaluation>,
    },
    /// A checkpoint is of another run or damaged.
    #[error("checkpoint {} cannot be used ({reason}): remove it to begin anew", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The model could not be read or run.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An adapter could not be read or written.
    #[error("the adapter in {} cannot be used", path.display())]
    Adapter {
        /// Its directory.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<cubelog_model::lora::AdapterError>,
    },
    /// A file could not be written or read. What was being published is not there at all.
    #[error("{} could not be {doing}: check its rights and the space on the disk", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// "written" or "read".
        doing: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
