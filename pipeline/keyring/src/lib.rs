//! Keys: content is sealed under a data key per subject, so that destroying one key makes a person's content unreadable everywhere.
//!
//! A directory holds two files. `subjects.keys` has the data keys, each wrapped by the master key; `master.key` has the master key
//! and may lie elsewhere. Destroying a data key makes a new master key, wraps all others anew and overwrites the old master key, so
//! that no copy of the old file that stayed on the disk can be opened any more (`erase.rs`). What this cannot reach are copies
//! that were made of *both* files, and old cells of a flash disk that the overwriting did not touch: keep the master key on
//! storage that you control, and let backups of it expire.

mod crypto;
mod disk;
mod entropy;
mod erase;
mod error;
mod joint;
mod keyfile;
mod load;
mod master;
mod ring;
mod sealing;

pub use entropy::{Entropy, EntropyError, SystemEntropy};
pub use error::KeyError;
pub use joint::{Joined, JointKey, PART_TAG_BYTES};
pub use ring::{Keyring, KeyringOptions};
pub use sealing::{Opened, SealContext};
