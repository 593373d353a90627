//! The keyring itself: opening, creating, making data keys, and noticing what other processes did.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::hmac;
use cubelog_memory::{CubeKey, SubjectId};

use crate::crypto::{self, DataKey, derive, join, short};
use crate::disk::{self, Access, DirLock};
use crate::entropy::{Entropy, SystemEntropy};
use crate::erase;
use crate::error::KeyError;
use crate::keyfile::{self, Entry};
use crate::load::{self, Paths, State, about_key};

/// Where a keyring lies.
#[derive(Debug, Clone)]
pub struct KeyringOptions {
    /// The directory of the data keys.
    pub dir: PathBuf,
    /// The master key's file; `None` is `master.key` in `dir`. It is replaced at every erasure, so its directory must be writable.
    pub master: Option<PathBuf>,
}

impl<P: AsRef<Path> + ?Sized> From<&P> for KeyringOptions {
    fn from(dir: &P) -> Self {
        Self { dir: dir.as_ref().to_owned(), master: None }
    }
}

impl KeyringOptions {
    fn paths(&self) -> Paths {
        Paths {
            dir: self.dir.clone(),
            keys: self.dir.join("subjects.keys"),
            master: self.master.clone().unwrap_or_else(|| self.dir.join("master.key")),
        }
    }
}

/// The data keys of all subjects. Shared by threads; several processes may have the same one open.
///
/// Lock order: `disk`, then the lock of the directory, then `state`.
pub struct Keyring {
    pub(crate) paths: Paths,
    pub(crate) entropy: Arc<dyn Entropy>,
    id: [u8; 16],
    pseudonyms: hmac::Key,
    queries: hmac::Key,
    state: RwLock<State>,
    /// One thread at a time reads or changes the files.
    disk: Mutex<()>,
    generation: AtomicU64,
}

impl Keyring {
    /// Opens a keyring that was created before.
    pub fn open(options: impl Into<KeyringOptions>) -> Result<Self, KeyError> {
        Self::open_with(&options.into(), Arc::new(SystemEntropy))
    }

    /// Creates a keyring; refuses if there is one, so that no key is ever lost to a second creation.
    pub fn create(options: impl Into<KeyringOptions>) -> Result<Self, KeyError> {
        Self::create_with(&options.into(), Arc::new(SystemEntropy))
    }

    /// Opens the keyring, or creates it if there is none.
    pub fn open_or_create(options: impl Into<KeyringOptions>) -> Result<Self, KeyError> {
        let options = options.into();
        match Self::create(options.clone()) {
            Err(KeyError::Exists { .. }) => Self::open(options),
            created => created,
        }
    }

    /// [`Keyring::open`] with a given source of random bytes.
    pub fn open_with(options: &KeyringOptions, entropy: Arc<dyn Entropy>) -> Result<Self, KeyError> {
        let paths = options.paths();
        let state = load::load(&paths)?;
        let pseudonyms = derive(&state.pepper, "cubelog subjects 1");
        let queries = derive(&state.pepper, "cubelog queries 1");
        Ok(Self {
            id: state.keyring,
            pseudonyms: hmac::Key::new(hmac::HMAC_SHA256, &pseudonyms[..]),
            queries: hmac::Key::new(hmac::HMAC_SHA256, &queries[..]),
            generation: AtomicU64::new(state.epoch),
            state: RwLock::new(state),
            disk: Mutex::new(()),
            paths,
            entropy,
        })
    }

    /// [`Keyring::create`] with a given source of random bytes.
    pub fn create_with(options: &KeyringOptions, entropy: Arc<dyn Entropy>) -> Result<Self, KeyError> {
        let paths = options.paths();
        disk::create_dir(&paths.dir)?;
        {
            let _lock = DirLock::take(&paths.dir, Access::Change)?;
            if load::there(&paths.keys)? {
                return Err(KeyError::Exists { path: paths.keys });
            }
            if load::there(&paths.master)? {
                return Err(KeyError::MissingKeys { path: paths.keys });
            }
            erase::begin(&paths, entropy.as_ref())?;
        }
        Self::open_with(options, entropy)
    }

    /// Sixteen random bytes that name the keyring for ever. A log that keeps them can tell a wrong keyring from erased content.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Pseudonym of somebody named `name` in a cube: stable, and telling nothing without this keyring.
    pub fn subject_of(&self, cube: &CubeKey, name: &str) -> SubjectId {
        let parts = join(&[cube.tenant.as_str().as_bytes(), cube.cube.as_str().as_bytes(), name.as_bytes()]);
        let text = format!("s-{}", hex::encode(short(&hmac::sign(&self.pseudonyms, &parts))));
        #[expect(clippy::expect_used, reason = "letters, a dash and digits are always a name")]
        SubjectId::new(text).expect("a valid name")
    }

    /// Fingerprint of a query in a cube: equal for equal queries, and telling nothing without this keyring.
    pub fn query_fingerprint(&self, cube: &CubeKey, text: &str) -> [u8; 16] {
        let parts = join(&[cube.tenant.as_str().as_bytes(), cube.cube.as_str().as_bytes(), text.as_bytes()]);
        short(&hmac::sign(&self.queries, &parts))
    }

    /// Whether content of the subject can be read, as far as this process knows: see [`Keyring::refresh`].
    pub fn has_key(&self, subject: &SubjectId) -> bool {
        self.state().subjects.get(subject).is_some_and(|known| known.live.is_some())
    }

    /// Subjects that have a data key, sorted.
    pub fn subjects(&self) -> Vec<SubjectId> {
        self.list(|known| known.live.is_some())
    }

    /// Subjects of whom a data key was destroyed, sorted. One that came back since is in both lists.
    pub fn destroyed(&self) -> Vec<SubjectId> {
        self.list(|known| known.destroyed > 0)
    }

    fn list(&self, which: impl Fn(&load::Subject) -> bool) -> Vec<SubjectId> {
        let state = self.state();
        let mut found: Vec<_> =
            state.subjects.iter().filter(|(_, known)| which(known)).map(|(subject, _)| subject.clone()).collect();
        found.sort();
        found
    }

    /// Grows whenever a key is destroyed, by this process at once, by another one when this one notices.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes in what other processes did; one system call if they did nothing. Sealing and opening do this by themselves,
    /// [`Keyring::has_key`], the lists and [`Keyring::generation`] do not: call it once at the start of a request or a batch.
    pub fn refresh(&self) -> Result<(), KeyError> {
        if self.state().is_fresh() {
            return Ok(());
        }
        let _disk = self.lock_disk();
        if self.state().is_fresh() {
            return Ok(());
        }
        let caught_up = {
            let _lock = DirLock::take(&self.paths.dir, Access::Read)?;
            self.state_mut().catch_up(&self.paths.keys)?
        };
        if !caught_up {
            self.put(load::load(&self.paths)?);
        }
        Ok(())
    }

    /// Makes sure that all of `subjects` have data keys, with one write for all that are missing. Sealing does it one by one.
    pub fn ensure<'s>(&self, subjects: impl IntoIterator<Item = &'s SubjectId>) -> Result<(), KeyError> {
        self.refresh()?;
        let mut missing: Vec<&SubjectId> = {
            let state = self.state();
            let lacks = |subject: &SubjectId| state.subjects.get(subject).is_none_or(|known| known.live.is_none());
            subjects.into_iter().filter(|subject| lacks(subject)).collect()
        };
        missing.sort();
        missing.dedup();
        if missing.is_empty() { Ok(()) } else { self.make(&missing) }
    }

    /// The data key of a subject, made if there is none.
    pub(crate) fn key_for(&self, subject: &SubjectId) -> Result<Arc<DataKey>, KeyError> {
        loop {
            self.refresh()?;
            if let Some(key) = self.live_key(subject)? {
                return Ok(key);
            }
            // Between making and taking it, another process may destroy it; then there is a next one.
            self.make(&[subject])?;
        }
    }

    pub(crate) fn live_key(&self, subject: &SubjectId) -> Result<Option<Arc<DataKey>>, KeyError> {
        self.state().live_key(subject, &self.paths.keys)
    }

    /// Appends data keys for those of `subjects` that have none. When it returns they are durable, and nobody has used them before.
    fn make(&self, subjects: &[&SubjectId]) -> Result<(), KeyError> {
        let _disk = self.lock_disk();
        let lock = DirLock::take(&self.paths.dir, Access::Change)?;
        if !self.state_mut().catch_up(&self.paths.keys)? {
            self.put(load::load_to_change(&self.paths, &lock)?);
        }
        let (frame, end) = {
            let state = self.state();
            let mut entries = Vec::with_capacity(subjects.len());
            for subject in subjects {
                let known = state.subjects.get(*subject);
                if known.is_some_and(|known| known.live.is_some()) {
                    continue;
                }
                let number = known.map_or(0, |known| known.highest).checked_add(1);
                let number = number.ok_or_else(|| KeyError::NumbersUsedUp { subject: (*subject).clone() })?;
                let secret = crypto::random_secret(self.entropy.as_ref())?;
                let about = about_key(&state.keyring, state.epoch, subject, number);
                let wrapped = state.wrapper.wrap(&secret, &about, self.entropy.as_ref())?;
                entries.push(Entry::Key { subject: (*subject).clone(), number, wrapped });
            }
            (keyfile::print_frame(&entries), state.end)
        };
        self.append(&frame, end)?;
        self.state_mut().catch_up(&self.paths.keys)?;
        Ok(())
    }

    /// Writes a frame at `end`, over whatever an interrupted append left there. If it fails the file is as it was.
    fn append(&self, frame: &[u8], end: u64) -> Result<(), KeyError> {
        let path = &self.paths.keys;
        let mut file = OpenOptions::new().write(true).open(path).map_err(KeyError::io("open", path))?;
        let mut write = || {
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            file.write_all(frame)?;
            file.sync_all()
        };
        let written = write();
        if written.is_err() {
            let _ = file.set_len(end);
        }
        written.map_err(KeyError::io("append to", path))
    }

    pub(crate) fn lock_disk(&self) -> MutexGuard<'_, ()> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn state_mut(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, state: State) {
        let epoch = state.epoch;
        *self.state_mut() = state;
        self.generation.store(epoch, Ordering::Release);
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("id", &hex::encode(self.id)).field("dir", &self.paths.dir).finish_non_exhaustive()
    }
}
