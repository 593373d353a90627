//! What belongs to a model, and how each file is told from any other.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ModelError;
use crate::weights::read_small;

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Texts to vectors.
    Encoder,
    /// Tokens to the next token.
    Decoder,
}

/// A file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHash {
    /// Its name within the model's folder.
    pub name: String,
    /// Its length; not known from a list of checksums.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256, as Hugging Face and package indexes publish it: 64 hexadecimal digits.
    pub sha256: String,
    /// BLAKE3: 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

/// What belongs to a model; written once, when it is added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The model's name.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Where it came from, as it was asked for.
    pub source: String,
    /// When it was added, RFC 3339.
    pub added: String,
    /// BLAKE3 over the hashes of the files that hold numbers and settings: what a module was trained upon.
    pub base: String,
    /// The tokenizer's identity, for a decoder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<String>,
    /// Its files, by name.
    pub files: Vec<FileHash>,
}

/// The checksums of what `deploy/models/fetch` brings.
const FETCHED: &str = include_str!("../../../../deploy/models/SHA256SUMS");

impl Manifest {
    /// The manifest of a model of these files.
    pub fn new(name: &str, kind: Kind, source: &str, added: &str, files: Vec<FileHash>, tokenizer: Option<String>) -> Self {
        let mut base = blake3::Hasher::new();
        for file in files.iter().filter(|file| is_weights(&file.name) || file.name == "config.json") {
            base.update(file.name.as_bytes());
            base.update(&[0]);
            base.update(file.sha256.as_bytes());
        }
        let base = base.finalize().to_hex().to_string();
        Self { name: name.into(), kind, source: source.into(), added: added.into(), base, tokenizer, files }
    }

    /// The manifest at `path`, if there is one.
    pub fn read(path: &Path) -> Result<Option<Self>, ModelError> {
        let bytes = match read_small(path) {
            Err(ModelError::Missing { .. }) => return Ok(None),
            bytes => bytes?,
        };
        let manifest = serde_json::from_slice(&bytes);
        manifest.map(Some).map_err(|e| ModelError::Damaged { path: path.into(), reason: e.to_string() })
    }

    /// Writes it, down to the disk.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = File::create(path)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.sync_all()
    }
}

fn is_weights(name: &str) -> bool {
    name.ends_with(".safetensors") || name.ends_with(".gguf") || name.ends_with(".safetensors.index.json")
}

/// Whether a file of this name belongs to a model. Others (pictures, other frameworks' weights, code) are not taken along.
pub fn is_model_file(name: &str) -> bool {
    const SETTINGS: [&str; 9] = [
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "chat_template.jinja",
        "LICENSE",
        "LICENSE.md",
        "LICENSE.txt",
    ];
    SETTINGS.contains(&name) || is_weights(name) && !name.starts_with('.') && !name.starts_with("adapter_")
}

/// The files of a model with their lengths, by name.
pub fn files(dir: &Path) -> Result<Vec<(String, u64)>, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: dir.into(), source };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let metadata = fs::metadata(entry.path()).map_err(unreadable)?;
        if is_model_file(&name) && metadata.is_file() {
            files.push((name, metadata.len()));
        }
    }
    files.sort();
    Ok(files)
}

/// The files of a model with their hashes, by name; each is on the disk then.
pub fn hashes(dir: &Path) -> Result<Vec<FileHash>, ModelError> {
    files(dir)?.into_iter().map(|(name, _)| hash(&dir.join(&name), name)).collect()
}

fn hash(path: &Path, name: String) -> Result<FileHash, ModelError> {
    let unreadable = |source| ModelError::Unreadable { path: path.into(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    file.sync_all().map_err(unreadable)?;
    let (mut sha256, mut blake3, mut bytes) = (Sha256::new(), blake3::Hasher::new(), 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(unreadable)?;
        if read == 0 {
            break;
        }
        sha256.update(&buffer[..read]);
        blake3.update(&buffer[..read]);
        bytes += read as u64;
    }
    let sha256 = sha256.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(FileHash { name, bytes: Some(bytes), sha256, blake3: Some(blake3.finalize().to_hex().to_string()) })
}

/// How the files in a folder differ from those that should be there.
pub fn differences(dir: &Path, known: &[FileHash]) -> Result<Vec<String>, ModelError> {
    let there = hashes(dir)?;
    let mut wrong = Vec::new();
    for file in known {
        match there.iter().find(|found| found.name == file.name) {
            None => wrong.push(format!("{} is gone", file.name)),
            Some(found) if found.sha256 != file.sha256 => {
                wrong.push(format!("{} was changed: its SHA-256 is {}, and was {}", file.name, found.sha256, file.sha256));
            }
            Some(_) => {}
        }
    }
    let own = |name: &str| known.iter().any(|file| file.name == name);
    wrong.extend(there.iter().filter(|found| !own(&found.name)).map(|found| format!("{} does not belong to it", found.name)));
    Ok(wrong)
}

/// The files of a model that `deploy/models/fetch` brings, if it is one.
pub fn fetched(model: &str) -> Option<Vec<FileHash>> {
    let files: Vec<FileHash> = FETCHED
        .lines()
        .filter_map(|line| {
            let (sha256, path) = line.split_once("  ")?;
            let name = path.strip_prefix(model)?.strip_prefix('/')?;
            Some(FileHash { name: name.into(), bytes: None, sha256: sha256.into(), blake3: None })
        })
        .collect();
    (!files.is_empty()).then_some(files)
}
