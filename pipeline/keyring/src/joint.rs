//! One key for a large artefact about several people: it can be had while the data keys of all of them are there, and of none is missing.
//!
//! The secret is split into as many shares as there are subjects, all but the last of them random, which together (exclusive or)
//! give the secret. Each share is sealed under the data key of its subject, so that destroying any one of these keys makes the
//! artefact unreadable. Its parts are sealed under the secret by number, so that one of them can be opened without the others.

use std::collections::BTreeSet;

use cubelog_memory::{Sealed, SubjectId};

use crate::crypto::{self, PartKey, Secret};
use crate::error::KeyError;
use crate::ring::Keyring;
use crate::sealing::{Opened, SealContext};

/// Bytes that each sealed part is longer by.
pub const PART_TAG_BYTES: usize = crypto::TAG_BYTES;

/// What became of the key of an artefact.
pub enum Joined {
    Key(JointKey),
    /// The data key of at least one subject is gone, and with it the artefact.
    Erased,
}

/// Seals and opens the numbered parts of one artefact. A key seals each number at most once: it is made for one artefact, and the
/// number is the nonce.
pub struct JointKey(PartKey);

impl JointKey {
    /// The key that whoever holds `secret` derives for the artefact named by `salt`, for artefacts that leave the keyring. Never
    /// use a salt twice.
    pub fn of_secret(secret: &[u8; 32], salt: &[u8; 16]) -> Self {
        let mut purpose = String::from("cubelog carried artefact 1 ");
        purpose.push_str(&hex::encode(salt));
        Self(PartKey::new(&crypto::derive(secret, &purpose)))
    }

    /// Encrypts in place and appends the tag. `about` must be the same when it is opened.
    pub fn seal(&self, number: u32, about: &[u8], part: &mut Vec<u8>) -> Result<(), KeyError> {
        self.0.seal(number, about, part).ok_or(KeyError::TooLong { bytes: part.len() })
    }

    /// Decrypts in place and gives the clear bytes, or `None` if anything differs from when it was sealed; then `part` holds nothing
    /// that was sealed.
    pub fn open<'p>(&self, number: u32, about: &[u8], part: &'p mut [u8]) -> Option<&'p mut [u8]> {
        self.0.open(number, about, part)
    }
}

impl Keyring {
    /// A new key for one artefact, with its shares in the order of the subjects. Keys of subjects that have none are made.
    ///
    /// Fails without subjects: content about nobody belongs to the cube, whose own pseudonym [`Keyring::subject_of`] gives.
    pub fn joint_key(
        &self,
        subjects: &BTreeSet<SubjectId>,
        context: &SealContext<'_>,
    ) -> Result<(JointKey, Vec<Sealed>), KeyError> {
        if subjects.is_empty() {
            return Err(KeyError::NoSubject);
        }
        self.ensure(subjects)?;
        let secret = crypto::random_secret(self.entropy.as_ref())?;
        let mut last = secret.clone();
        let mut shares = Vec::with_capacity(subjects.len());
        for (index, subject) in subjects.iter().enumerate() {
            let share = if index + 1 == subjects.len() {
                last.clone()
            } else {
                let share = crypto::random_secret(self.entropy.as_ref())?;
                add(&mut last, &share[..]);
                share
            };
            shares.push(self.seal(subject, context, &share[..])?);
        }
        Ok((JointKey(PartKey::new(&secret)), shares))
    }

    /// The key whose shares these are. Fails if a share was altered or lies where it was not sealed for.
    pub fn open_joint_key(&self, shares: &[Sealed], context: &SealContext<'_>) -> Result<Joined, KeyError> {
        if shares.is_empty() {
            return Err(KeyError::NoSubject);
        }
        let mut secret = Secret::default();
        for sealed in shares {
            match self.unseal(sealed, context)? {
                Opened::Clear(share) if share.len() == secret.len() => {
                    let share = zeroize::Zeroizing::new(share);
                    add(&mut secret, &share);
                }
                Opened::Clear(_) => return Err(KeyError::Tampered { subject: sealed.subject.clone() }),
                Opened::Erased => return Ok(Joined::Erased),
            }
        }
        Ok(Joined::Key(JointKey(PartKey::new(&secret))))
    }

    /// 16 random bytes that name something once.
    pub fn salt(&self) -> Result<[u8; 16], KeyError> {
        Ok(crypto::random(self.entropy.as_ref())?)
    }
}

fn add(sum: &mut Secret, share: &[u8]) {
    for (byte, other) in sum.iter_mut().zip(share) {
        *byte ^= other;
    }
}
