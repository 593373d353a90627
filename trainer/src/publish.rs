//! A module as a directory that is named by its content and never changes: whole, or absent.

use std::fs;
use std::path::{Path, PathBuf};

use cubelog_model::lora::peft::{self, Files};
use serde::{Deserialize, Serialize};

use crate::curve::{self, Point};
use crate::dataset::{DataManifest, Named};
use crate::digest::sha256;
use crate::disk;
use crate::error::DistillError;
use crate::evaluate::{Answered, Evaluation};
use crate::gates::Gates;
use crate::recipe::Recipe;

/// Where a module comes from and what it was found to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name that versions of a module share.
    pub name: String,
    /// The module that it takes the place of: the SHA-256 that names it.
    pub parent: Option<String>,
    /// SHA-256 of the file with the factors; the directory's name.
    pub weights: String,
    /// SHA-256 over the base model's files.
    pub base: String,
    /// Digest of its tokenizer and chat template.
    pub tokenizer: String,
    /// Every version of a memory that it holds.
    pub sources: Vec<Named>,
    /// What it was trained on.
    pub data: DataManifest,
    /// How it was trained.
    pub recipe: Recipe,
    /// Steps that were done.
    pub steps: usize,
    /// What it had to reach.
    pub gates: Gates,
    /// What was measured.
    pub evaluation: Evaluation,
    /// Version of the code that made it.
    pub code: String,
}

/// What is written into a module's directory.
pub struct Parts<'a> {
    /// Adapter files.
    pub files: &'a Files,
    /// The manifest.
    pub manifest: &'a Manifest,
    /// The data set, one JSON object a line.
    pub data: &'a str,
    /// How the losses went.
    pub curve: &'a [Point],
}

/// File with the manifest.
pub const MANIFEST: &str = "manifest.json";

/// Writes a module's directory below `into`, under the SHA-256 of its weights. If it is there already it is left as it is, for
/// the same content has the same name.
///
/// # Errors
/// [`DistillError::Io`]; the directory is then absent.
pub fn publish(into: &Path, parts: &Parts<'_>) -> Result<PathBuf, DistillError> {
    let name = sha256(&parts.files.weights);
    let place = into.join(&name);
    if place.join(MANIFEST).is_file() {
        return Ok(place);
    }
    disk::make_dir(into)?;
    // Beside its place, so that moving it there is one step of the file system. What an interrupted call left is written over.
    let beside = into.join(format!(".{name}.part"));
    disk::remove_dir(&beside)?;
    let write = || -> Result<(), DistillError> {
        disk::make_dir(&beside)?;
        let json = |value: serde_json::Result<Vec<u8>>| {
            value.map_err(|error| DistillError::Io { path: place.clone(), doing: "written", source: error.into() })
        };
        disk::write(&beside.join(peft::CONFIG), &parts.files.config)?;
        disk::write(&beside.join(peft::WEIGHTS), &parts.files.weights)?;
        disk::write(&beside.join("data.jsonl"), parts.data.as_bytes())?;
        disk::write(&beside.join("curve.json"), &json(serde_json::to_vec(parts.curve))?)?;
        disk::write(&beside.join("curve.svg"), curve::svg(parts.curve).as_bytes())?;
        disk::write(&beside.join(MANIFEST), &json(serde_json::to_vec_pretty(parts.manifest))?)?;
        let moved = fs::rename(&beside, &place).and_then(|()| disk::sync_dir(into));
        moved.map_err(|source| DistillError::Io { path: place.clone(), doing: "written", source })
    };
    write().inspect_err(|_| drop(disk::remove_dir(&beside)))?;
    Ok(place)
}

/// Reads the manifest of a module's directory, and checks that the weights are those that it names.
///
/// # Errors
/// [`DistillError::Io`] if it cannot be read or is not what it says.
pub fn open(dir: &Path) -> Result<Manifest, DistillError> {
    let path = dir.join(MANIFEST);
    let wrong = |path: &Path, reason: String| {
        let source = std::io::Error::new(std::io::ErrorKind::InvalidData, reason);
        DistillError::Io { path: path.into(), doing: "read", source }
    };
    let bytes = disk::read(&path)?.ok_or_else(|| wrong(&path, "there is none".into()))?;
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| wrong(&path, error.to_string()))?;
    let weights = dir.join(peft::WEIGHTS);
    let bytes = disk::read(&weights)?.ok_or_else(|| wrong(&weights, "there is none".into()))?;
    if sha256(&bytes) != manifest.weights {
        return Err(wrong(&weights, "its SHA-256 is not the one in the manifest".into()));
    }
    Ok(manifest)
}

impl Manifest {
    /// The questions that it was judged by, each with the value that an answer must contain.
    pub fn questions(&self) -> Vec<(String, String)> {
        let pair = |answered: &Answered| (answered.question.clone(), answered.value.clone());
        self.evaluation.held_out.iter().map(pair).collect()
    }
}
