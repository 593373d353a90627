//! The state of one cube: what the fold of its events amounts to. Light on purpose: texts and vectors live in the views.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::content::Fingerprint;
use crate::event::{Right, VersionNo, Visibility};
use crate::ids::{CubeKey, ErasureId, EventId, HoldId, MemoryId, PrincipalId, SubjectId, Tag};
use crate::lifecycle::Lifecycle;
use crate::metadata::{Descriptive, Governance, Kind, Origin, Validity};
use crate::position::{Position, Timestamp};

/// Ids are random or hashed already, so their own low bits are the hash.
#[derive(Default, Clone)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        // The tail of a UUIDv7 is random and that of a UUIDv5 is a hash; the head of a UUIDv7 is a clock.
        let tail = &bytes[bytes.len().saturating_sub(8)..];
        let mut word = [0u8; 8];
        word[..tail.len()].copy_from_slice(tail);
        self.0 ^= u64::from_le_bytes(word);
    }
    fn write_usize(&mut self, _length_prefix: usize) {}
}

pub type IdSet<T> = HashSet<T, BuildHasherDefault<IdHasher>>;
pub type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// A version that lost its precondition, with what it would make of the memory if it won after all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sibling {
    pub version: VersionNo,
    pub subject: SubjectId,
    pub fingerprint: Fingerprint,
    pub valid: Validity,
}

/// A memory as of the last event folded. Everything but its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    pub id: MemoryId,
    pub kind: Kind,
    pub lifecycle: Lifecycle,
    /// The version that is believed.
    pub current: VersionNo,
    /// The highest version number given so far; siblings count.
    pub last: VersionNo,
    /// Versions that lost their precondition and wait for a resolution, ascending.
    pub siblings: Vec<Sibling>,
    /// Whose data key seals the current content.
    pub subject: SubjectId,
    /// Fingerprint of the current content.
    pub fingerprint: Fingerprint,
    /// When the current content holds in the world.
    pub valid: Validity,
    pub descriptive: Descriptive,
    pub governance: Governance,
    pub origin: Origin,
    /// Place in its conversation stream, for turns.
    pub stream_index: Option<u64>,
    /// Set while `lifecycle` is `Merged`.
    pub merged_into: Option<MemoryId>,
    /// When its lifespan ended; it has left ordinary reads since.
    pub expired_at: Option<Timestamp>,
    /// When the log recorded the first version.
    pub created_at: Timestamp,
    /// The last event that changed anything here.
    pub changed_at: Timestamp,
    pub changed: Position,
}

impl Memory {
    /// Whether ordinary reads see it.
    pub fn is_visible(&self) -> bool {
        self.expired_at.is_none() && !matches!(self.lifecycle, Lifecycle::Merged | Lifecycle::Archived)
    }
}

/// What is waiting to be erased or has been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    Requested,
    Completed,
}

/// The whole state of a cube.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeState {
    pub key: CubeKey,
    /// `None` until the cube is created; turns that arrive earlier are kept all the same.
    pub owner: Option<PrincipalId>,
    pub visibility: Visibility,
    pub auditable: bool,
    pub created_at: Option<Timestamp>,
    pub grants: BTreeMap<PrincipalId, Right>,
    pub policies: BTreeMap<Tag, String>,
    /// Holds in force with what they hold (`None`: the whole cube).
    pub holds: BTreeMap<HoldId, Option<MemoryId>>,
    pub erasures: BTreeMap<ErasureId, (SubjectId, Erasure)>,
    pub memories: IdMap<MemoryId, Memory>,
    /// Every event folded: the same event twice has one effect.
    pub seen: IdSet<EventId>,
    /// Events among `seen` that changed the cube itself, in log order; kept with the cube's row.
    pub cube_events: Vec<EventId>,
}

impl CubeState {
    pub fn new(key: CubeKey) -> Self {
        Self {
            key,
            owner: None,
            visibility: Visibility::Private,
            auditable: false,
            created_at: None,
            grants: BTreeMap::new(),
            policies: BTreeMap::new(),
            holds: BTreeMap::new(),
            erasures: BTreeMap::new(),
            memories: IdMap::default(),
            seen: IdSet::default(),
            cube_events: Vec::new(),
        }
    }

    pub fn exists(&self) -> bool {
        self.owner.is_some()
    }

    pub fn is_held(&self, memory: MemoryId) -> bool {
        self.holds.values().any(|held| held.is_none_or(|held| held == memory))
    }

    /// Whether `principal` may use `right` here. Owners may do everything; everyone in the tenant may read a tenant-wide cube.
    pub fn allows(&self, principal: &PrincipalId, right: Right) -> bool {
        self.owner.as_ref() == Some(principal)
            || self.grants.get(principal).is_some_and(|granted| *granted >= right)
            || (right == Right::Read && self.visibility == Visibility::Tenant)
    }
}
