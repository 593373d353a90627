//! Names and identifiers as types: a value of one of these types has been validated, once, in its constructor.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::Uuid;

use crate::limits::NAME_BYTES_MAX;

/// Why a text is no valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("{what} is empty")]
    Empty { what: &'static str },
    #[error("{what} has {bytes} bytes; at most {NAME_BYTES_MAX} are allowed")]
    TooLong { what: &'static str, bytes: usize },
    #[error(
        "{what} {text:?} has the character {character:?}; letters, digits and . _ - @ + are allowed, and the first must be a letter, a digit or _"
    )]
    Character { what: &'static str, text: String, character: char },
}

fn check_name(what: &'static str, text: &str) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong { what, bytes: text.len() });
    }
    for (index, character) in text.chars().enumerate() {
        let first_ok = character.is_alphanumeric() || character == '_';
        let later_ok = first_ok || matches!(character, '.' | '-' | '@' | '+');
        if !(if index == 0 { first_ok } else { later_ok }) {
            return Err(NameError::Character { what, text: text.chars().take(64).collect(), character });
        }
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Validates `text` as a name: not empty, at most [`NAME_BYTES_MAX`] bytes, no separators or blanks.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                check_name($what, text.as_ref())?;
                Ok(Self(Arc::from(text.as_ref())))
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &self.0)
            }
        }
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(/** The organisation that owns cubes; nothing is shared across tenants. */ TenantId, "tenant");
name!(/** A memory cube within its tenant. */ CubeName, "cube");
name!(/** A user, an agent or a service that acts. */ PrincipalId, "principal");
name!(/** Pseudonym of the person that content is about; a data key belongs to it. */ SubjectId, "subject");
name!(/** A label on a memory. */ Tag, "tag");

/// A cube's full name and the partition key of its events: `tenant/cube`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CubeKey {
    pub tenant: TenantId,
    pub cube: CubeName,
}

impl CubeKey {
    pub fn new(tenant: TenantId, cube: CubeName) -> Self {
        Self { tenant, cube }
    }
}

impl fmt::Display for CubeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.cube)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Uuid);

        impl $type {
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
            pub const fn uuid(&self) -> Uuid {
                self.0
            }
        }
        impl FromStr for $type {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id!(/** One event: a UUIDv7, or derived from the source for imported turns. */ EventId);
uuid_id!(/** One memory; all versions of it share the id. */ MemoryId);
uuid_id!(/** The command that caused events; the idempotency key of a caller maps to one. */ CommandId);
uuid_id!(/** One KV block run: a memory of kind activation, so its id is a memory's id. */ BlockId);
uuid_id!(/** One LoRA module: a memory of kind parametric with a single version, so its id is a memory's id. */ ModuleId);
uuid_id!(/** One legal hold. */ HoldId);
uuid_id!(/** One erasure request. */ ErasureId);

impl BlockId {
    /// The same id where memories of any kind are meant: in relations, sources, accesses.
    pub const fn memory(self) -> MemoryId {
        MemoryId::new(self.uuid())
    }
}

impl ModuleId {
    /// The same id where memories of any kind are meant: in relations, sources, accesses.
    pub const fn memory(self) -> MemoryId {
        MemoryId::new(self.uuid())
    }
}

/// Fixed namespace of all derived ids (a UUIDv4 drawn once; changing it would make old imports new again).
const DERIVED: Uuid = Uuid::from_u128(0x6f0f_3c5e_94a1_4d0b_9a57_2f6c_c0be_1096);

/// Derives an id from the parts of a source, injectively: the same parts give the same id, `["a","bc"]` and `["ab","c"]` do not.
/// UUIDv5 (RFC 9562 section 5.5) over the parts, each preceded by its length.
pub fn derive_uuid(domain: &str, parts: &[&str]) -> Uuid {
    let mut name = Vec::with_capacity(64);
    for part in std::iter::once(&domain).chain(parts) {
        name.extend_from_slice(&(part.len() as u32).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    Uuid::new_v5(&DERIVED, &name)
}
