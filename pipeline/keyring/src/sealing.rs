//! Sealing and opening of content, and fingerprints of it.

use std::fmt;

use cubelog_memory::{CubeKey, EventId, Fingerprint, Sealed, SubjectId};

use crate::crypto::{self, join};
use crate::error::KeyError;
use crate::ring::Keyring;

/// What sealed content is bound to. It opens only where it was sealed for.
#[derive(Debug, Clone, Copy)]
pub struct SealContext<'a> {
    pub event: EventId,
    pub cube: &'a CubeKey,
    /// The field of the event that holds the content.
    pub field: &'static str,
}

impl SealContext<'_> {
    /// Additional authenticated data; its first part names this list of parts. The content's own schema is in the plaintext.
    fn about(&self, subject: &SubjectId, key: u32) -> Vec<u8> {
        join(&[
            b"cubelog content 1",
            self.cube.tenant.as_str().as_bytes(),
            self.cube.cube.as_str().as_bytes(),
            subject.as_str().as_bytes(),
            self.event.as_bytes(),
            self.field.as_bytes(),
            &key.to_le_bytes(),
        ])
    }
}

/// What became of sealed content.
#[derive(Clone, PartialEq, Eq)]
pub enum Opened {
    Clear(Vec<u8>),
    /// The data key was destroyed or is not there, so nobody can read it any more.
    Erased,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Opened::Clear(plaintext) => write!(f, "Clear({} bytes)", plaintext.len()),
            Opened::Erased => f.write_str("Erased"),
        }
    }
}

impl Keyring {
    /// Seals content of a subject, whose data key is made, durably, if there is none.
    pub fn seal(&self, subject: &SubjectId, context: &SealContext<'_>, plaintext: &[u8]) -> Result<Sealed, KeyError> {
        let key = self.key_for(subject)?;
        // Random nonces are safe for 2^32 sealings under one key; a subject has far fewer.
        let nonce = crypto::random(self.entropy.as_ref())?;
        let ciphertext = key
            .seal(nonce, &context.about(subject, key.number), plaintext)
            .ok_or(KeyError::TooLong { bytes: plaintext.len() })?;
        Ok(Sealed { subject: subject.clone(), key: key.number, nonce, ciphertext })
    }

    /// Opens content, or says that it is erased. Fails if it was altered or lies where it was not sealed for.
    pub fn unseal(&self, sealed: &Sealed, context: &SealContext<'_>) -> Result<Opened, KeyError> {
        self.refresh()?;
        let Some(key) = self.live_key(&sealed.subject)?.filter(|key| key.number == sealed.key) else {
            return Ok(Opened::Erased);
        };
        key.open(sealed.nonce, &context.about(&sealed.subject, sealed.key), &sealed.ciphertext)
            .map(Opened::Clear)
            .ok_or_else(|| KeyError::Tampered { subject: sealed.subject.clone() })
    }

    /// Fingerprint of content under its subject's data key, which is made if there is none: equal for equal content of one
    /// subject, meaningless once the key is destroyed.
    pub fn fingerprint(&self, subject: &SubjectId, plaintext: &[u8]) -> Result<Fingerprint, KeyError> {
        Ok(Fingerprint(self.key_for(subject)?.fingerprint(plaintext)))
    }
}
