//! The state of one cube: what the fold of its events amounts to. Light on purpose: texts and vectors live in the views.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::carrier::{Block, Carrier, Module, Review};
use crate::content::Fingerprint;
use crate::event::{Right, VersionNo, VersionRef, Visibility};
use crate::ids::{BlockId, CubeKey, ErasureId, EventId, HoldId, MemoryId, ModuleId, PrincipalId, SubjectId, Tag};
use crate::lifecycle::Lifecycle;
use crate::metadata::{Descriptive, Governance, Kind, Origin, Validity};
use crate::module::Stage;
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

/// Another memory is believed in place of this one, which keeps its place in history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superseded {
    pub by: MemoryId,
    /// From when on in the world.
    pub since: Timestamp,
    /// Where validity ended before, so that a resolution can be taken back.
    pub valid_to: Option<Timestamp>,
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
    /// Believed no longer, because another memory is; `valid` ends there.
    pub superseded: Option<Superseded>,
    /// What serves the current version in place of its text.
    pub carrier: Option<Carrier>,
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

    /// Whether ordinary reads see it and nothing is believed in its place.
    pub fn is_believed(&self) -> bool {
        self.is_visible() && self.superseded.is_none()
    }

    /// The form that it is served in.
    pub fn tier(&self) -> Kind {
        self.carrier.map_or(Kind::Plaintext, Carrier::tier)
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
    /// Every module ever proposed or trained here; which are worn is their stage.
    pub modules: BTreeMap<ModuleId, Module>,
    /// Blocks that exist.
    pub blocks: BTreeMap<BlockId, Block>,
    /// Contradictions that wait for a resolution, by newer and older memory.
    pub reviews: BTreeMap<(MemoryId, MemoryId), Review>,
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
            modules: BTreeMap::new(),
            blocks: BTreeMap::new(),
            reviews: BTreeMap::new(),
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

    /// Modules whose stage is active, by id. A stale one still is; see [`CubeState::worn`].
    pub fn active(&self) -> impl Iterator<Item = (ModuleId, &Module)> {
        self.modules.iter().filter(|(_, module)| module.stage == Stage::Active).map(|(id, module)| (*id, module))
    }

    /// Modules that may stand behind an answer: active, and true to their sources.
    pub fn worn(&self) -> impl Iterator<Item = (ModuleId, &Module)> {
        self.active().filter(|(_, module)| module.stale.is_none())
    }

    /// Whether a carrier exists, may serve and holds this version.
    pub fn carries(&self, carrier: Carrier, version: VersionRef) -> bool {
        let fresh = |stale: &Option<_>, sources: &crate::carrier::Sources| {
            stale.is_none() && sources.hold_version(version.memory, version.version)
        };
        match carrier {
            Carrier::Block(block) => self.blocks.get(&block).is_some_and(|block| fresh(&block.stale, &block.sources)),
            Carrier::Module(module) => self
                .modules
                .get(&module)
                .is_some_and(|module| module.stage == Stage::Active && fresh(&module.stale, &module.sources)),
        }
    }

    /// Whether a subject was erased, or is to be.
    pub fn is_erased(&self, subject: &SubjectId) -> bool {
        self.erasures.values().any(|(erased, _)| erased == subject)
    }

    /// Whether `principal` may use `right` here. Owners may do everything; everyone in the tenant may read a tenant-wide cube.
    pub fn allows(&self, principal: &PrincipalId, right: Right) -> bool {
        self.owner.as_ref() == Some(principal)
            || self.grants.get(principal).is_some_and(|granted| *granted >= right)
            || (right == Right::Read && self.visibility == Visibility::Tenant)
    }
}
