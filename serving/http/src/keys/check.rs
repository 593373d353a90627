//! Checking keys in a running server: the file is read again whenever it has changed, so that a revoked key fails at once.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use cubelog_memory::{Origin, Timestamp};
use cubelog_runner::Caller;

use super::file::{KeyFile, KeyFileError, KeyInfo, Stored, StoredKey};
use super::text::{KeyText, PEPPER_BYTES};

/// The keys of an installation as a server checks them.
pub struct ApiKeys {
    file: KeyFile,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    /// What the file looked like when it was read.
    stamp: Option<Stamp>,
    table: Arc<Table>,
}

#[derive(Default)]
struct Table {
    pepper: [u8; PEPPER_BYTES],
    keys: HashMap<String, StoredKey>,
}

/// Tells one content of the file from another. Every change makes a new file, so its number tells even where times are coarse.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

/// Why a key opens nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeyRefusal {
    #[error("the key is none that this server made")]
    Unknown,
    #[error("key {id} has expired")]
    Expired { id: String },
    #[error("key {id} was revoked")]
    Revoked { id: String },
    #[error("keys cannot be checked: {0}")]
    Unreadable(#[from] KeyFileError),
}

impl ApiKeys {
    /// Reads the file for the first time, so that a broken one stops the server's start and not its first request.
    pub fn open(file: KeyFile) -> Result<Self, KeyFileError> {
        let stamp = stamp(&file)?;
        let table = Arc::new(Table::of(file.load()?));
        Ok(Self { file, loaded: Mutex::new(Loaded { stamp, table }) })
    }

    /// Who holds the key. Only the holder of the whole key learns whether it expired or was revoked.
    pub fn check(&self, key: &str, now: Timestamp) -> Result<(Caller, KeyInfo), KeyRefusal> {
        let key = KeyText::parse(key).ok_or(KeyRefusal::Unknown)?;
        let table = self.table()?;
        let stored = table.keys.get(&key.id).ok_or(KeyRefusal::Unknown)?;
        // Comparing two of these hashes takes the same time however alike they are.
        if key.hash(&table.pepper) != stored.hash {
            return Err(KeyRefusal::Unknown);
        }
        let info = &stored.info;
        if info.revoked_at.is_some() {
            return Err(KeyRefusal::Revoked { id: info.id.clone() });
        }
        if !info.is_usable(now) {
            return Err(KeyRefusal::Expired { id: info.id.clone() });
        }
        let caller =
            Caller { tenant: info.tenant.clone(), principal: info.principal.clone(), admin: info.admin, origin: Origin::Api };
        Ok((caller, info.clone()))
    }

    /// Whether any key opens anything now.
    pub fn any_usable(&self, now: Timestamp) -> Result<bool, KeyFileError> {
        Ok(self.table()?.keys.values().any(|key| key.info.is_usable(now)))
    }

    fn table(&self) -> Result<Arc<Table>, KeyFileError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.file)?;
        if now != loaded.stamp {
            // The stamp was taken before the file is read, so a change in between is noticed the next time.
            loaded.table = Arc::new(Table::of(self.file.load()?));
            loaded.stamp = now;
        }
        Ok(loaded.table.clone())
    }
}

impl Table {
    fn of(stored: Option<Stored>) -> Self {
        match stored {
            None => Self::default(),
            Some(Stored { pepper, keys }) => {
                Self { pepper, keys: keys.into_iter().map(|key| (key.info.id.clone(), key)).collect() }
            }
        }
    }
}

fn stamp(file: &KeyFile) -> Result<Option<Stamp>, KeyFileError> {
    let path = file.path();
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeyFileError::Io { action: "read", path, source }),
        Ok(metadata) => {
            #[cfg(unix)]
            let number = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let number = 0;
            Ok(Some(Stamp { modified: metadata.modified().ok(), length: metadata.len(), number }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::NewKey;
    use cubelog_memory::{PrincipalId, TenantId};

    fn new(principal: &str) -> NewKey {
        NewKey {
            tenant: TenantId::new("acme").unwrap(),
            principal: PrincipalId::new(principal).unwrap(),
            admin: false,
            expires_at: None,
        }
    }

    #[test]
    fn a_key_opens_until_it_expires() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        let created = file.create(NewKey { expires_at: Some(Timestamp(100)), ..new("ann") }, Timestamp(1)).unwrap();
        let keys = ApiKeys::open(file).unwrap();
        let (caller, info) = keys.check(&created.key, Timestamp(99)).unwrap();
        assert_eq!((caller.tenant.as_str(), caller.principal.as_str(), caller.admin), ("acme", "ann", false));
        assert_eq!(info, created.info);
        assert!(matches!(keys.check(&created.key, Timestamp(100)), Err(KeyRefusal::Expired { .. })));
        assert!(!keys.any_usable(Timestamp(100)).unwrap());
    }

    #[test]
    fn a_running_server_notices_new_and_revoked_keys() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        let keys = ApiKeys::open(file.clone()).unwrap();
        assert!(!keys.any_usable(Timestamp(1)).unwrap());
        let ann = file.create(new("ann"), Timestamp(1)).unwrap();
        let bob = file.create(new("bob"), Timestamp(2)).unwrap();
        keys.check(&ann.key, Timestamp(3)).unwrap();
        file.revoke(&ann.info.id, Timestamp(3)).unwrap();
        assert!(matches!(keys.check(&ann.key, Timestamp(3)), Err(KeyRefusal::Revoked { .. })));
        keys.check(&bob.key, Timestamp(3)).unwrap();
        assert!(matches!(file.revoke("nobody", Timestamp(3)), Err(KeyFileError::Unknown { .. })));
    }

    #[test]
    fn only_the_whole_key_opens() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        let [ann, bob] = ["ann", "bob"].map(|name| file.create(new(name), Timestamp(1)).unwrap());
        let keys = ApiKeys::open(file).unwrap();
        let secret_of_bob = bob.key.rsplit_once('_').unwrap().1;
        let mixed = format!("clk_{}_{secret_of_bob}", ann.info.id);
        let last = if ann.key.ends_with('0') { '1' } else { '0' };
        let flipped = format!("{}{last}", &ann.key[..ann.key.len() - 1]);
        for bad in ["", "clk_x_y", &mixed, &flipped] {
            assert!(matches!(keys.check(bad, Timestamp(1)), Err(KeyRefusal::Unknown)), "{bad:?}");
        }
    }

    #[test]
    fn the_files_tell_no_key_and_nobody_else_may_read_them() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        let created = file.create(new("ann"), Timestamp(1)).unwrap();
        let secret = created.key.rsplit_once('_').unwrap().1;
        for entry in fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            assert!(!text.contains(secret), "{}", path.display());
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
            }
        }
        assert!(!format!("{created:?}").contains(secret));
    }

    #[test]
    fn a_file_that_cannot_be_trusted_opens_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = KeyFile::in_directory(directory.path());
        let created = file.create(new("ann"), Timestamp(1)).unwrap();
        let keys = ApiKeys::open(file.clone()).unwrap();
        let path = directory.path().join("keys.json");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(keys.check(&created.key, Timestamp(1)), Err(KeyRefusal::Unreadable(KeyFileError::Malformed { .. }))));
        assert!(file.create(new("bob"), Timestamp(1)).is_err(), "a broken file is not overwritten");
        fs::write(&path, String::from_utf8(whole.clone()).unwrap().replace("\"format\": 1", "\"format\": 2")).unwrap();
        assert!(matches!(file.list(), Err(KeyFileError::NewerFormat { found: 2, .. })));
        fs::write(&path, &whole).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(file.list(), Err(KeyFileError::Exposed { .. })));
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        keys.check(&created.key, Timestamp(1)).unwrap();
        fs::remove_file(directory.path().join("keys.pepper")).unwrap();
        assert!(matches!(file.list(), Err(KeyFileError::NoPepper { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(keys.check(&created.key, Timestamp(1)), Err(KeyRefusal::Unknown)));
    }
}
