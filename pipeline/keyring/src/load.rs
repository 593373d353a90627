//! From the two files to keys in memory, whole or only what was appended since.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use cubelog_memory::SubjectId;

use crate::crypto::{DataKey, Secret, WRAPPED_BYTES, Wrapper, join};
use crate::disk::{self, Access, DirLock};
use crate::erase;
use crate::error::KeyError;
use crate::keyfile::{self, Entry, HEADER_BYTES, Header};
use crate::master::Master;

/// Where the files of one keyring lie.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    pub(crate) dir: PathBuf,
    pub(crate) keys: PathBuf,
    pub(crate) master: PathBuf,
}

/// What is known about one subject.
#[derive(Default)]
pub(crate) struct Subject {
    /// The highest number that a data key of the subject ever had.
    pub(crate) highest: u32,
    /// Data keys up to this number were destroyed; 0 is none.
    pub(crate) destroyed: u32,
    /// At most one data key is there at a time.
    pub(crate) live: Option<Live>,
}

/// A data key that content can be sealed and opened with. It is unwrapped when it is first used, so that opening a keyring of many
/// subjects is quick and holds few keys in memory.
pub(crate) struct Live {
    pub(crate) number: u32,
    wrapped: [u8; WRAPPED_BYTES],
    ready: OnceLock<Arc<DataKey>>,
}

/// The data keys as they were when the file was last read.
pub(crate) struct State {
    /// Kept open: a file that was replaced says so itself, and its number is not given to another one.
    file: File,
    stamp: Stamp,
    /// Whole frames were read up to here; an append begins here.
    pub(crate) end: u64,
    pub(crate) keyring: [u8; 16],
    pub(crate) epoch: u64,
    pub(crate) wrapper: Wrapper,
    pub(crate) pepper: Secret,
    pub(crate) subjects: HashMap<SubjectId, Subject>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    links: u64,
    length: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { links: metadata.nlink(), length: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

/// What a wrapped data key is bound to.
pub(crate) fn about_key(keyring: &[u8; 16], epoch: u64, subject: &SubjectId, number: u32) -> Vec<u8> {
    join(&[b"cubelog data key 1", keyring, &epoch.to_le_bytes(), subject.as_str().as_bytes(), &number.to_le_bytes()])
}

/// What the wrapped pepper is bound to.
pub(crate) fn about_pepper(keyring: &[u8; 16], epoch: u64) -> Vec<u8> {
    join(&[b"cubelog pepper 1", keyring, &epoch.to_le_bytes()])
}

/// Reads both files, and first finishes an erasure that was interrupted after its decisive step.
pub(crate) fn load(paths: &Paths) -> Result<State, KeyError> {
    match (there(&paths.keys)?, there(&paths.master)?) {
        (false, false) => return Err(KeyError::Missing { path: paths.dir.clone() }),
        (false, true) => return Err(KeyError::MissingKeys { path: paths.keys.clone() }),
        (true, _) => {}
    }
    {
        let _lock = DirLock::take(&paths.dir, Access::Read)?;
        if let Some(state) = read(paths)? {
            return Ok(state);
        }
    }
    let lock = DirLock::take(&paths.dir, Access::Change)?;
    load_to_change(paths, &lock)
}

pub(crate) fn there(path: &Path) -> Result<bool, KeyError> {
    path.try_exists().map_err(KeyError::io("look for", path))
}

/// The same for whoever holds the lock to change the keyring.
pub(crate) fn load_to_change(paths: &Paths, _lock: &DirLock) -> Result<State, KeyError> {
    if let Some(state) = read(paths)? {
        return Ok(state);
    }
    erase::finish(paths)?;
    read(paths)?.ok_or_else(|| KeyError::MissingMaster { path: paths.master.clone() })
}

/// The whole key file, which the caller has locked.
pub(crate) fn read_file(paths: &Paths) -> Result<(File, Vec<u8>), KeyError> {
    let mut file = match File::open(&paths.keys) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(KeyError::MissingKeys { path: paths.keys.clone() }),
        opened => opened.map_err(KeyError::io("open", &paths.keys))?,
    };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(KeyError::io("read", &paths.keys))?;
    Ok((file, bytes))
}

/// `None` if the master key that fits is still waiting under its other name, so an erasure has to be finished first.
fn read(paths: &Paths) -> Result<Option<State>, KeyError> {
    let (file, bytes) = read_file(paths)?;
    let header = keyfile::parse_header(&bytes, &paths.keys)?;
    let fits = |master: &Master| master.keyring == header.keyring && master.epoch == header.epoch;
    let master = match Master::read(&paths.master) {
        Ok(Some(master)) if fits(&master) => master,
        other => {
            if Master::read(&disk::next(&paths.master)).ok().flatten().is_some_and(|next| fits(&next)) {
                return Ok(None);
            }
            return Err(refusal(paths, &header, other));
        }
    };
    let wrapper = Wrapper::new(&master.key);
    let pepper = wrapper
        .unwrap(&header.pepper, &about_pepper(&header.keyring, header.epoch))
        .ok_or_else(|| KeyError::WrongMaster { master: paths.master.clone(), keys: paths.keys.clone() })?;
    let mut state = State {
        stamp: stamp(&file, &paths.keys)?,
        file,
        end: HEADER_BYTES as u64,
        keyring: header.keyring,
        epoch: header.epoch,
        wrapper,
        pepper,
        subjects: HashMap::new(),
    };
    state.take_in(&bytes[HEADER_BYTES..], &paths.keys)?;
    Ok(Some(state))
}

/// Why the master key that was found does not do.
fn refusal(paths: &Paths, header: &Header, found: Result<Option<Master>, KeyError>) -> KeyError {
    let (master, keys) = (paths.master.clone(), paths.keys.clone());
    match found {
        Err(error) => error,
        Ok(None) => KeyError::MissingMaster { path: master },
        Ok(Some(found)) if found.keyring == header.keyring => {
            KeyError::WrongEpoch { master, keys, master_epoch: found.epoch, keys_epoch: header.epoch }
        }
        Ok(Some(_)) => KeyError::WrongMaster { master, keys },
    }
}

fn stamp(file: &File, path: &Path) -> Result<Stamp, KeyError> {
    file.metadata().map(|metadata| Stamp::of(&metadata)).map_err(KeyError::io("read", path))
}

impl State {
    /// Whether the file is still as it was read. One system call, well under a microsecond.
    pub(crate) fn is_fresh(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| Stamp::of(&metadata) == self.stamp)
    }

    /// Reads what was appended since. `false` if the file was replaced, and has to be read whole. The caller holds the lock.
    pub(crate) fn catch_up(&mut self, path: &Path) -> Result<bool, KeyError> {
        let now = stamp(&self.file, path)?;
        if now.links == 0 || now.length < self.end {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.end)).and_then(|_| file.read_to_end(&mut bytes)).map_err(KeyError::io("read", path))?;
        self.take_in(&bytes, path)?;
        self.stamp = now;
        Ok(true)
    }

    fn take_in(&mut self, bytes: &[u8], path: &Path) -> Result<(), KeyError> {
        let frames = keyfile::parse_frames(bytes, self.end, path)?;
        for entry in frames.entries {
            match entry {
                Entry::Destroyed { subject, number } => {
                    let known = self.subjects.entry(subject).or_default();
                    known.highest = known.highest.max(number);
                    known.destroyed = known.destroyed.max(number);
                    known.live = known.live.take().filter(|key| key.number > number);
                }
                Entry::Key { subject, number, wrapped } => {
                    let known = self.subjects.entry(subject).or_default();
                    if number > known.highest {
                        known.highest = number;
                        known.live = Some(Live { number, wrapped, ready: OnceLock::new() });
                    }
                }
            }
        }
        self.end = frames.end;
        Ok(())
    }

    /// The data key of a subject, if there is one.
    pub(crate) fn live_key(&self, subject: &SubjectId, path: &Path) -> Result<Option<Arc<DataKey>>, KeyError> {
        let Some(live) = self.subjects.get(subject).and_then(|known| known.live.as_ref()) else { return Ok(None) };
        if let Some(ready) = live.ready.get() {
            return Ok(Some(ready.clone()));
        }
        let secret = self.unwrap(subject, live.number, &live.wrapped, path)?;
        Ok(Some(live.ready.get_or_init(|| Arc::new(DataKey::new(live.number, &secret))).clone()))
    }

    pub(crate) fn unwrap(
        &self,
        subject: &SubjectId,
        number: u32,
        wrapped: &[u8; WRAPPED_BYTES],
        path: &Path,
    ) -> Result<Secret, KeyError> {
        self.wrapper
            .unwrap(wrapped, &about_key(&self.keyring, self.epoch, subject, number))
            .ok_or_else(|| KeyError::Unopenable { subject: subject.clone(), path: path.to_owned() })
    }
}
