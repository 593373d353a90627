//! Between content in clear and content on the log: seals what is written, opens what is read.

use std::sync::Arc;

use cubelog_keyring::{KeyError, Keyring, Opened, SealContext};
use cubelog_memory::{Content, CubeKey, EventId, Fingerprint, Sealed, SubjectId};
use cubelog_schemas::{EncodeError, decode_content, encode_content};
use cubelog_views::Shown;

use crate::error::RunError;

/// The name of the sealed field in every event kind: one content an event.
const FIELD: &str = "content";

/// Why content of an event could not be read; the event is parked as a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("content is not a content record: {0}")]
    Content(String),
}

/// The bytes that are sealed and fingerprinted.
fn plain(content: &Content) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = Vec::with_capacity(content.text.len() + 128);
    encode_content(content, &mut bytes)?;
    Ok(bytes)
}

#[derive(Clone)]
pub struct Sealer {
    keyring: Arc<Keyring>,
}

impl Sealer {
    pub fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring }
    }

    /// Whose key seals content: the named person, else the speaker, else the cube itself.
    pub fn subject(&self, cube: &CubeKey, named: Option<&str>, content: &Content) -> SubjectId {
        let name = named.or(content.speaker.as_deref()).unwrap_or("");
        self.keyring.subject_of(cube, name)
    }

    /// Makes the keys of these subjects, durably and together.
    pub fn ensure(&self, subjects: &[SubjectId]) -> Result<(), KeyError> {
        self.keyring.ensure(subjects)
    }

    pub fn fingerprint(&self, subject: &SubjectId, content: &Content) -> Result<Fingerprint, RunError> {
        Ok(self.keyring.fingerprint(subject, &plain(content)?)?)
    }

    pub fn seal(
        &self,
        event: EventId,
        cube: &CubeKey,
        subject: &SubjectId,
        content: &Content,
    ) -> Result<(Sealed, Fingerprint), RunError> {
        let plain = plain(content)?;
        let fingerprint = self.keyring.fingerprint(subject, &plain)?;
        let sealed = self.keyring.seal(subject, &SealContext { event, cube, field: FIELD }, &plain)?;
        Ok((sealed, fingerprint))
    }

    pub fn open(&self, event: EventId, cube: &CubeKey, sealed: &Sealed) -> Result<Shown, OpenError> {
        match self.keyring.unseal(sealed, &SealContext { event, cube, field: FIELD })? {
            Opened::Clear(plain) => {
                decode_content(&plain).map(Shown::Clear).map_err(|error| OpenError::Content(error.to_string()))
            }
            Opened::Erased => Ok(Shown::Erased),
        }
    }

    /// Whether content of this subject may be shown: a view may still hold text whose key was destroyed a moment ago.
    pub fn readable(&self, subject: &SubjectId) -> bool {
        self.keyring.has_key(subject)
    }

    pub fn query_fingerprint(&self, cube: &CubeKey, query: &str) -> [u8; 16] {
        self.keyring.query_fingerprint(cube, query)
    }
}
