//! The change of epoch: how a keyring begins, and how a data key is destroyed so that no old byte on the disk can bring it back.
//!
//! Steps: (1) the next master key, durable under `.next`; (2) the data keys that stay, wrapped under it, durable under `.next`;
//! (3) that file takes the place of the old one, which decides; (4) the old file and the old master key are overwritten;
//! (5) the next master key takes the old one's place. Stopped before (3) nothing has happened; after it, whoever opens the keyring
//! next does (4) and (5), because the data keys name an epoch that only the key under `.next` has.

use std::fs::OpenOptions;
use std::io::ErrorKind;

use cubelog_memory::SubjectId;

use crate::crypto::{self, Secret, Wrapper};
use crate::disk::{self, Access, DirLock};
use crate::entropy::Entropy;
use crate::error::KeyError;
use crate::keyfile::{self, Entry, HEADER_BYTES, Header};
use crate::load::{self, Paths, State, about_key, about_pepper};
use crate::master::Master;
use crate::ring::Keyring;

impl Keyring {
    /// Destroys the data keys of `subjects` for ever, in every process, and returns those that had one. When it returns, neither
    /// the keys nor a wrapped form that could be opened are in any file of the keyring.
    pub fn destroy<'s>(&self, subjects: impl IntoIterator<Item = &'s SubjectId>) -> Result<Vec<SubjectId>, KeyError> {
        let mut gone: Vec<SubjectId> = subjects.into_iter().cloned().collect();
        gone.sort();
        gone.dedup();

        let _disk = self.lock_disk();
        let lock = DirLock::take(&self.paths.dir, Access::Change)?;
        let state = load::load_to_change(&self.paths, &lock)?;
        gone.retain(|subject| state.subjects.get(subject).is_some_and(|known| known.live.is_some()));
        if !gone.is_empty() {
            next_epoch(&self.paths, &state, &gone, self.entropy.as_ref())?;
            self.put(load::load_to_change(&self.paths, &lock)?);
            tracing::info!(subjects = gone.len(), epoch = self.generation(), "destroyed data keys");
        } else {
            self.put(state);
        }
        Ok(gone)
    }
}

/// The first epoch of a new keyring. The caller holds the lock and has made sure that there is none.
pub(crate) fn begin(paths: &Paths, entropy: &dyn Entropy) -> Result<(), KeyError> {
    let pepper = crypto::random_secret(entropy)?;
    change(paths, crypto::random(entropy)?, 1, &pepper, entropy, |_| Ok(Vec::new()))
}

fn next_epoch(paths: &Paths, state: &State, gone: &[SubjectId], entropy: &dyn Entropy) -> Result<(), KeyError> {
    let (_, bytes) = load::read_file(paths)?;
    let old = keyfile::parse_frames(&bytes[HEADER_BYTES..], HEADER_BYTES as u64, &paths.keys)?;
    let epoch = state.epoch + 1;
    change(paths, state.keyring, epoch, &state.pepper, entropy, |wrapper| {
        let mut entries = Vec::with_capacity(old.entries.len());
        for entry in old.entries {
            let live = |subject: &SubjectId| state.subjects.get(subject).and_then(|known| known.live.as_ref());
            match entry {
                Entry::Key { subject, number, .. } if gone.binary_search(&subject).is_ok() => {
                    entries.push(Entry::Destroyed { subject, number });
                }
                Entry::Key { subject, number, wrapped } if live(&subject).is_some_and(|key| key.number == number) => {
                    let secret = state.unwrap(&subject, number, &wrapped, &paths.keys)?;
                    let about = about_key(&state.keyring, epoch, &subject, number);
                    let wrapped = wrapper.wrap(&secret, &about, entropy)?;
                    entries.push(Entry::Key { subject, number, wrapped });
                }
                // A key that is not in use has no reason to stay, but its number must not come back.
                Entry::Key { subject, number, .. } => entries.push(Entry::Destroyed { subject, number }),
                destroyed @ Entry::Destroyed { .. } => entries.push(destroyed),
            }
        }
        Ok(entries)
    })
}

/// Steps 1 to 5. `entries` wraps what stays under the new master key.
fn change(
    paths: &Paths,
    keyring: [u8; 16],
    epoch: u64,
    pepper: &Secret,
    entropy: &dyn Entropy,
    entries: impl FnOnce(&Wrapper) -> Result<Vec<Entry>, KeyError>,
) -> Result<(), KeyError> {
    let master = Master { keyring, epoch, key: crypto::random_secret(entropy)? };
    let wrapper = Wrapper::new(&master.key);
    let entries = entries(&wrapper)?;
    let pepper = wrapper.wrap(pepper, &about_pepper(&keyring, epoch), entropy)?;

    master.write(&disk::next(&paths.master))?;
    let next = disk::next(&paths.keys);
    disk::write_private(&next, &keyfile::print(&Header { keyring, epoch, pepper }, &entries))?;
    let old = match OpenOptions::new().write(true).open(&paths.keys) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        opened => Some(opened.map_err(KeyError::io("open", &paths.keys))?),
    };
    disk::replace(&next, &paths.keys)?;
    if let Some(mut old) = old {
        disk::overwrite(&mut old, &paths.keys)?;
    }
    finish(paths)
}

/// Steps 4 and 5 for the master key. The caller holds the lock, and the data keys are of the epoch of the key under `.next`.
pub(crate) fn finish(paths: &Paths) -> Result<(), KeyError> {
    disk::shred(&paths.master)?;
    disk::replace(&disk::next(&paths.master), &paths.master)
}
