//! Content: what a memory says. On the log it is sealed under its subject's data key; here are both forms.

use crate::ids::SubjectId;
use crate::limits::{FIELD_BYTES_MAX, TEXT_BYTES_MAX};

/// Content in clear. Exists only between ingest and sealing, and between opening and a view or an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    pub text: String,
    /// Who said it.
    pub speaker: Option<String>,
    /// Describes an image that was shared with the text.
    pub caption: Option<String>,
    /// The session within the conversation.
    pub session: Option<String>,
    /// The source's own id of the turn.
    pub source: Option<String>,
}

/// Why content is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    #[error("text is empty; give at least one visible character or a caption")]
    Empty,
    #[error("text has {bytes} bytes; at most {TEXT_BYTES_MAX} are allowed: split it")]
    TextTooLong { bytes: usize },
    #[error("{field} has {bytes} bytes; at most {FIELD_BYTES_MAX} are allowed")]
    FieldTooLong { field: &'static str, bytes: usize },
    #[error("{field} holds a NUL character; remove it")]
    Nul { field: &'static str },
}

impl Content {
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Holds the content to the limits; everything on the log has passed here.
    pub fn check(&self) -> Result<(), ContentError> {
        if self.text.trim().is_empty() && self.caption.as_deref().is_none_or(|caption| caption.trim().is_empty()) {
            return Err(ContentError::Empty);
        }
        if self.text.len() > TEXT_BYTES_MAX {
            return Err(ContentError::TextTooLong { bytes: self.text.len() });
        }
        if self.text.contains('\0') {
            return Err(ContentError::Nul { field: "text" });
        }
        for (field, value) in
            [("speaker", &self.speaker), ("caption", &self.caption), ("session", &self.session), ("source", &self.source)]
        {
            let Some(value) = value else { continue };
            if value.len() > FIELD_BYTES_MAX {
                return Err(ContentError::FieldTooLong { field, bytes: value.len() });
            }
            if value.contains('\0') {
                return Err(ContentError::Nul { field });
            }
        }
        Ok(())
    }
}

/// Content as the log holds it: AES-256-GCM under a data key of `subject`, bound to its event.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    pub subject: SubjectId,
    /// Which of the subject's data keys; they are numbered from 1.
    pub key: u32,
    pub nonce: [u8; 12],
    /// Ciphertext followed by the 16-byte tag.
    pub ciphertext: Vec<u8>,
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} key {}, {} bytes)", self.subject, self.key, self.ciphertext.len())
    }
}

/// HMAC of the content under its subject's data key: equal for equal content of one subject, meaningless without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 16]);

/// SHA-256, or HMAC-SHA-256 where the digest of what it is over could betray it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl std::fmt::Display for Digest {
    /// Lower-case hexadecimal, 64 characters.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
