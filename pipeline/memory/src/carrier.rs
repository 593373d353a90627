//! What carries memories in place of their text: blocks and modules as the fold keeps them, and what makes them stale.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::content::Digest;
use crate::event::{VersionNo, VersionRef};
use crate::ids::{BlockId, MemoryId, ModuleId, SubjectId, Tag};
use crate::metadata::{Kind, words};
use crate::module::Stage;

/// What serves a memory in place of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    Block(BlockId),
    Module(ModuleId),
}

impl Carrier {
    /// The carrier that a tier asks for; `None` for plaintext, which needs none.
    pub const fn of(tier: Kind, id: MemoryId) -> Option<Self> {
        match tier {
            Kind::Plaintext => None,
            Kind::Activation => Some(Carrier::Block(BlockId::new(id.uuid()))),
            Kind::Parametric => Some(Carrier::Module(ModuleId::new(id.uuid()))),
        }
    }
    pub const fn tier(self) -> Kind {
        match self {
            Carrier::Block(_) => Kind::Activation,
            Carrier::Module(_) => Kind::Parametric,
        }
    }
    pub const fn memory(self) -> MemoryId {
        match self {
            Carrier::Block(block) => block.memory(),
            Carrier::Module(module) => module.memory(),
        }
    }
}

words!(
    /// What became of a source, the mildest first.
    StaleCause {
        /// It was given other content.
        Revised = "revised",
        /// Its content lives on in another memory.
        Merged = "merged",
        /// Another memory is believed in its place.
        Superseded = "superseded",
        /// Its lifespan ended.
        Expired = "expired",
        /// Whom it is about was erased, or is to be: the carrier is revoked and must never serve again.
        Erased = "erased",
    }
);

/// Why a block or a module no longer says what its sources say. It stays so: what is built anew is another block or module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stale {
    pub cause: StaleCause,
    /// The source that changed first in this way; `None` where a whole subject was erased.
    pub source: Option<MemoryId>,
}

impl Stale {
    /// Whether it must never serve again, under no policy.
    pub fn is_revoked(self) -> bool {
        self.cause == StaleCause::Erased
    }
}

/// The versions that a block or a module holds, and whom they are about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// Ascending, each once.
    versions: Arc<[VersionRef]>,
    pub subjects: BTreeSet<SubjectId>,
}

impl Sources {
    pub fn new(versions: &[VersionRef], subjects: BTreeSet<SubjectId>) -> Self {
        let mut versions = versions.to_vec();
        versions.sort_unstable();
        versions.dedup();
        Self { versions: versions.into(), subjects }
    }
    pub fn versions(&self) -> &[VersionRef] {
        &self.versions
    }
    /// Whether it holds any version of a memory.
    pub fn hold(&self, memory: MemoryId) -> bool {
        self.versions.binary_search_by_key(&memory, |version| version.memory).is_ok()
    }
    pub fn hold_version(&self, memory: MemoryId, version: VersionNo) -> bool {
        self.versions.binary_search(&VersionRef { memory, version }).is_ok()
    }
}

/// A block that exists. One that is stale waits to be dropped and must not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub sources: Sources,
    /// Digest of everything that changes the numbers but the text.
    pub setting: Digest,
    pub tokens: u64,
    /// Size as stored.
    pub bytes: u64,
    pub stale: Option<Stale>,
}

/// A module, whatever has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    pub name: Tag,
    pub stage: Stage,
    pub parents: Vec<ModuleId>,
    pub sources: Sources,
    /// Digest of the base model's weights, once trained.
    pub base: Option<Digest>,
    /// Digest of the file, once trained; that of the published file once published.
    pub artefact: Option<Digest>,
    pub stale: Option<Stale>,
}

impl Module {
    pub fn is_revoked(&self) -> bool {
        self.stale.is_some_and(Stale::is_revoked)
    }
}

/// A contradiction that waits for somebody to settle it; the key of the review list names both memories, the newer first.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    pub version: VersionNo,
    pub against_version: VersionNo,
    /// 0 to 1.
    pub confidence: f32,
    pub detector: Tag,
}
