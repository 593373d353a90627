//! The models on this machine: one directory each, with a manifest of what belongs to it.
//!
//! A model is put together in a directory beside the others ([`Catalogue::stage`]), checked, hashed and then renamed into place
//! ([`Staged::publish`]), so that it is whole or absent. Nothing is ever changed in a published model.

mod manifest;
mod whole;

use std::fs;
use std::path::{Path, PathBuf};

pub use manifest::{FileHash, Kind, Manifest, is_model_file};

use crate::ModelError;

/// The name of a manifest within its model's directory.
const MANIFEST: &str = "manifest.json";
/// What names of directories begin with while models are put together in them.
const STAGED: &str = ".add-";

/// The directory that holds one folder for each model.
#[derive(Debug, Clone)]
pub struct Catalogue {
    dir: PathBuf,
}

/// One model on this machine.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name, which is its folder's.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// What belongs to it; none where `deploy/models/fetch` brought it.
    pub manifest: Option<Manifest>,
    /// What kind of model lies there, by its files.
    pub kind: Option<Kind>,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A model that is being put together. It vanishes when it is dropped, unless it was published.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    target: PathBuf,
    name: String,
}

impl Catalogue {
    /// The models in a directory, which need not exist; see [`locate`](crate::locate).
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.into() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All models, by name. Folders that hold none are passed over.
    ///
    /// # Errors
    /// [`ModelError::Unreadable`] if the directory cannot be read, [`ModelError::Damaged`] if a manifest is no manifest.
    pub fn list(&self) -> Result<Vec<Entry>, ModelError> {
        let unreadable = |source| ModelError::Unreadable { path: self.dir.clone(), source };
        let folders = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            folders => folders.map_err(unreadable)?,
        };
        let mut entries = Vec::new();
        for folder in folders {
            let folder = folder.map_err(unreadable)?;
            let name = folder.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && folder.path().is_dir() {
                entries.extend(Self::entry(name, folder.path())?);
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// The model of this name.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if there is none; otherwise as [`list`](Self::list).
    pub fn get(&self, name: &str) -> Result<Entry, ModelError> {
        let path = self.dir.join(checked(name)?);
        Self::entry(name.into(), path.clone())?.ok_or(ModelError::Missing { path })
    }

    fn entry(name: String, path: PathBuf) -> Result<Option<Entry>, ModelError> {
        let manifest = Manifest::read(&path.join(MANIFEST))?;
        let files = manifest::files(&path)?;
        let bytes = files.iter().map(|(_, bytes)| bytes).sum();
        let kind = whole::kind(&path);
        Ok((manifest.is_some() || kind.is_some()).then_some(Entry { name, path, manifest, kind, bytes }))
    }

    /// What is wrong with a model: files that are gone, changed or not its own, by the manifest or, for those that
    /// `deploy/models/fetch` brings, by its list of checksums. Empty: nothing.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if there is no such model; [`ModelError::Unreadable`] if a file of it cannot be read.
    pub fn verify(&self, name: &str) -> Result<Vec<String>, ModelError> {
        let entry = self.get(name)?;
        let known = entry.manifest.map(|manifest| manifest.files).or_else(|| manifest::fetched(name));
        let mut wrong = match known {
            Some(known) => manifest::differences(&entry.path, &known)?,
            None => vec!["it has no manifest, so what its files should be is not known: add it again".into()],
        };
        if wrong.is_empty()
            && let Err(error) = whole::check(&entry.path)
        {
            wrong.push(error.to_string());
        }
        Ok(wrong)
    }

    /// Begins to put together a model of this name in a directory of its own. `unique` tells it from others that are being put
    /// together at the same time.
    ///
    /// # Errors
    /// [`ModelError::Name`] if the name cannot be a folder's, [`ModelError::Exists`] if there is such a model,
    /// [`ModelError::Unwritable`] if the directory cannot be made.
    pub fn stage(&self, name: &str, unique: u64) -> Result<Staged, ModelError> {
        let target = self.dir.join(checked(name)?);
        if target.exists() {
            return Err(ModelError::Exists { path: target });
        }
        let path = self.dir.join(format!("{STAGED}{unique:016x}"));
        fs::create_dir_all(&path).map_err(|source| ModelError::Unwritable { path: path.clone(), source })?;
        Ok(Staged { path, target, name: name.into() })
    }
}

impl Staged {
    /// Where the model's files are to be put.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks that the model is whole and of a kind that can be computed, hashes its files, writes the manifest and moves the model
    /// into place. `source` says where it came from, `added` when.
    ///
    /// # Errors
    /// What loading its settings, tokenizer and tensors says; [`ModelError::Exists`] if somebody was faster;
    /// [`ModelError::Unwritable`] if the disk is full or not to be written. Nothing is left then.
    pub fn publish(self, source: &str, added: &str) -> Result<Manifest, ModelError> {
        let unwritable = |source| ModelError::Unwritable { path: self.path.clone(), source };
        let (kind, tokenizer) = whole::check(&self.path)?;
        let files = manifest::hashes(&self.path)?;
        let manifest = Manifest::new(&self.name, kind, source, added, files, tokenizer);
        manifest.write(&self.path.join(MANIFEST)).map_err(unwritable)?;
        sync(&self.path).map_err(unwritable)?;
        if self.target.exists() {
            return Err(ModelError::Exists { path: self.target.clone() });
        }
        fs::rename(&self.path, &self.target).map_err(unwritable)?;
        if let Some(parent) = self.target.parent() {
            sync(parent).map_err(unwritable)?;
        }
        Ok(manifest)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After publishing the directory has another name and nothing is here.
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a half-made model could not be removed");
        }
    }
}

/// Puts the names in a directory on the disk.
fn sync(dir: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    fs::File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

/// Refuses names that are no plain folder names.
fn checked(name: &str) -> Result<&str, ModelError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 128 || name.starts_with('.') || !name.chars().all(plain) {
        return Err(ModelError::Name { name: name.chars().take(140).collect() });
    }
    Ok(name)
}
