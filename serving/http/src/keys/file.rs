//! The file of keys in the data directory: `keys.json`, with its pepper beside it; only the owner may read either.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cubelog_memory::{PrincipalId, TenantId, Timestamp};
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};

use super::text::{KeyText, PEPPER_BYTES};

/// Version of the file's form that this program writes.
const FORMAT: u32 = 1;

/// Where the keys of an installation are kept.
#[derive(Debug, Clone)]
pub struct KeyFile {
    directory: PathBuf,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub tenant: TenantId,
    pub principal: PrincipalId,
    /// It administers the installation.
    pub admin: bool,
    /// It stops being valid then.
    pub expires_at: Option<Timestamp>,
}

/// A key that was made. `key` is shown once and kept nowhere.
#[derive(Clone)]
pub struct CreatedKey {
    pub key: String,
    pub info: KeyInfo,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreatedKey").field("info", &self.info).finish_non_exhaustive()
    }
}

/// What may be known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// The part between `clk_` and the secret.
    pub id: String,
    pub tenant: TenantId,
    pub principal: PrincipalId,
    pub admin: bool,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl KeyInfo {
    /// Whether it opens anything at `now`.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| now < expires)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{action} {}: {source}; check that the directory exists and belongs to you", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is no file of API keys: {reason}; restore it from a copy, or remove it and make new keys", path.display())]
    Malformed { path: PathBuf, reason: String },
    #[error("{} has format {found}, this program knows up to {FORMAT}; use a newer cubelog", path.display())]
    NewerFormat { path: PathBuf, found: u32 },
    #[error("others may read {}; run `chmod 600` on it, and revoke its keys if others use this machine", path.display())]
    Exposed { path: PathBuf },
    #[error("{} is missing, so that no key can be checked; restore it from a copy, or remove keys.json and make new keys", path.display())]
    NoPepper { path: PathBuf },
    #[error("there is no key {id}; `cubelog key list` shows them")]
    Unknown { id: String },
    #[error("the operating system gives no random bytes: {0}")]
    Random(String),
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    keys: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    /// BLAKE3 of the key under the pepper, in hexadecimal.
    hash: String,
    tenant: String,
    principal: String,
    admin: bool,
    /// Microseconds since 1970, as all times here.
    created_at: i64,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// A key of the file with its hash.
#[derive(Debug, Clone)]
pub(super) struct StoredKey {
    pub hash: blake3::Hash,
    pub info: KeyInfo,
}

/// Everything that checking needs.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub pepper: [u8; PEPPER_BYTES],
    pub keys: Vec<StoredKey>,
}

impl KeyFile {
    /// The keys of a data directory, which exists.
    pub fn in_directory(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.join("keys.json")
    }

    fn pepper_path(&self) -> PathBuf {
        self.directory.join("keys.pepper")
    }

    /// Makes a key.
    pub fn create(&self, new: NewKey, now: Timestamp) -> Result<CreatedKey, KeyFileError> {
        self.change(|stored| {
            let key = KeyText::random(fill)?;
            let NewKey { tenant, principal, admin, expires_at } = new;
            let info = KeyInfo { id: key.id.clone(), tenant, principal, admin, created_at: now, expires_at, revoked_at: None };
            stored.keys.push(StoredKey { hash: key.hash(&stored.pepper), info: info.clone() });
            Ok(CreatedKey { key: key.reveal(), info })
        })
    }

    /// Every key, oldest first, revoked and expired ones too.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeyFileError> {
        Ok(self.load()?.map_or_else(Vec::new, |stored| stored.keys.into_iter().map(|key| key.info).collect()))
    }

    /// Ends a key. A key that was revoked before stays as it is.
    pub fn revoke(&self, id: &str, now: Timestamp) -> Result<KeyInfo, KeyFileError> {
        self.change(|stored| {
            let key = stored.keys.iter_mut().find(|key| key.info.id == id);
            let key = key.ok_or_else(|| KeyFileError::Unknown { id: id.chars().take(64).collect() })?;
            key.info.revoked_at.get_or_insert(now);
            Ok(key.info.clone())
        })
    }

    /// What is stored; `None` if there was never a key.
    pub(super) fn load(&self) -> Result<Option<Stored>, KeyFileError> {
        let path = self.path();
        let Some(bytes) = read_private(&path)? else { return Ok(None) };
        let malformed = |reason: String| KeyFileError::Malformed { path: path.clone(), reason };
        let document: Document = serde_json::from_slice(&bytes).map_err(|error| malformed(error.to_string()))?;
        if document.format > FORMAT {
            return Err(KeyFileError::NewerFormat { path, found: document.format });
        }
        let pepper = self.pepper()?.ok_or_else(|| KeyFileError::NoPepper { path: self.pepper_path() })?;
        let keys = document.keys.into_iter().map(read_entry).collect::<Result<_, _>>().map_err(malformed)?;
        Ok(Some(Stored { pepper, keys }))
    }

    fn pepper(&self) -> Result<Option<[u8; PEPPER_BYTES]>, KeyFileError> {
        let path = self.pepper_path();
        let Some(bytes) = read_private(&path)? else { return Ok(None) };
        let mut pepper = [0; PEPPER_BYTES];
        hex::decode_to_slice(bytes.trim_ascii(), &mut pepper)
            .map_err(|error| KeyFileError::Malformed { path, reason: error.to_string() })?;
        Ok(Some(pepper))
    }

    /// Reads, changes and writes the file; changes of several processes follow one another.
    fn change<T>(&self, change: impl FnOnce(&mut Stored) -> Result<T, KeyFileError>) -> Result<T, KeyFileError> {
        let path = self.directory.join("keys.lock");
        let failed = |action| {
            let path = path.clone();
            move |source| KeyFileError::Io { action, path, source }
        };
        let lock = private().create(true).truncate(false).open(&path).map_err(failed("open"))?;
        // Held until the file is dropped.
        lock.lock().map_err(failed("lock"))?;
        let mut stored = match self.load()? {
            Some(stored) => stored,
            None => Stored { pepper: self.make_pepper()?, keys: Vec::new() },
        };
        let answer = change(&mut stored)?;
        let document = Document { format: FORMAT, keys: stored.keys.iter().map(write_entry).collect() };
        let bytes = serde_json::to_vec_pretty(&document)
            .map_err(|error| KeyFileError::Malformed { path: self.path(), reason: error.to_string() })?;
        write_private(&self.path(), &bytes)?;
        Ok(answer)
    }

    fn make_pepper(&self) -> Result<[u8; PEPPER_BYTES], KeyFileError> {
        if let Some(pepper) = self.pepper()? {
            return Ok(pepper);
        }
        let mut pepper = [0; PEPPER_BYTES];
        fill(&mut pepper)?;
        write_private(&self.pepper_path(), hex::encode(pepper).as_bytes())?;
        Ok(pepper)
    }
}

fn fill(bytes: &mut [u8]) -> Result<(), KeyFileError> {
    OsRng.try_fill_bytes(bytes).map_err(|error| KeyFileError::Random(error.to_string()))
}

fn read_entry(entry: Entry) -> Result<StoredKey, String> {
    let hash = blake3::Hash::from_hex(&entry.hash).map_err(|error| format!("hash of key {}: {error}", entry.id))?;
    let info = KeyInfo {
        tenant: TenantId::new(&entry.tenant).map_err(|error| error.to_string())?,
        principal: PrincipalId::new(&entry.principal).map_err(|error| error.to_string())?,
        admin: entry.admin,
        created_at: Timestamp(entry.created_at),
        expires_at: entry.expires_at.map(Timestamp),
        revoked_at: entry.revoked_at.map(Timestamp),
        id: entry.id,
    };
    Ok(StoredKey { hash, info })
}

fn write_entry(key: &StoredKey) -> Entry {
    let info = &key.info;
    Entry {
        id: info.id.clone(),
        hash: key.hash.to_hex().to_string(),
        tenant: info.tenant.to_string(),
        principal: info.principal.to_string(),
        admin: info.admin,
        created_at: info.created_at.micros(),
        expires_at: info.expires_at.map(Timestamp::micros),
        revoked_at: info.revoked_at.map(Timestamp::micros),
    }
}

/// Options for a file that only its owner may use.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The file's bytes; `None` if there is none.
fn read_private(path: &Path) -> Result<Option<Vec<u8>>, KeyFileError> {
    let failed = |source| KeyFileError::Io { action: "read", path: path.to_owned(), source };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        #[cfg(unix)]
        Ok(metadata) if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 => {
            return Err(KeyFileError::Exposed { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    fs::read(path).map(Some).map_err(failed)
}

/// Replaces the file as a whole: a crash leaves the old one or the new one.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let temporary = path.with_extension("tmp");
    let write = || -> io::Result<()> {
        // One that a crash left behind may have other rights.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().create_new(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(directory) => File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    };
    write().map_err(|source| KeyFileError::Io { action: "write", path: path.to_owned(), source })
}
