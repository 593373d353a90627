//! A keyring in a temporary directory, and things to seal.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cubelog_keyring::*;
use cubelog_memory::{CubeKey, CubeName, EventId, Sealed, SubjectId, TenantId};

pub fn cube(name: &str) -> CubeKey {
    CubeKey::new(TenantId::new("acme").unwrap(), CubeName::new(name).unwrap())
}

pub fn subject(name: &str) -> SubjectId {
    SubjectId::new(name).unwrap()
}

pub fn event(n: u8) -> EventId {
    EventId::from_bytes([n; 16])
}

/// Seals for event 1 of the cube `c`.
pub fn seal(keyring: &Keyring, who: &str, text: &[u8]) -> Sealed {
    let cube = cube("c");
    keyring.seal(&subject(who), &SealContext { event: event(1), cube: &cube, field: "content" }, text).unwrap()
}

pub fn unseal(keyring: &Keyring, sealed: &Sealed) -> Opened {
    let cube = cube("c");
    keyring.unseal(sealed, &SealContext { event: event(1), cube: &cube, field: "content" }).unwrap()
}

pub fn clear(text: &[u8]) -> Opened {
    Opened::Clear(text.to_vec())
}

pub fn keys_file(dir: &Path) -> PathBuf {
    dir.join("subjects.keys")
}

pub fn master_file(dir: &Path) -> PathBuf {
    dir.join("master.key")
}

/// All files of a keyring with their bytes.
pub fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Real random bytes, and a record of all that were given out.
#[derive(Default)]
pub struct Recorded(pub Mutex<Vec<Vec<u8>>>);

impl Entropy for Recorded {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        SystemEntropy.fill(bytes)?;
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(())
    }
}

impl Recorded {
    /// The secrets that were drawn so far: what is 32 bytes long.
    pub fn secrets(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().iter().filter(|bytes| bytes.len() == 32).cloned().collect()
    }
}

pub fn recorded(dir: &Path) -> (Keyring, Arc<Recorded>) {
    let entropy = Arc::new(Recorded::default());
    (Keyring::create_with(&dir.into(), entropy.clone()).unwrap(), entropy)
}
