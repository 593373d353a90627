//! Invalidation: what was revised, erased or retired is never found again, and whoever uses it now is told.

use std::fmt;

use cubelog_memory::{BlockId, MemoryId, ModuleId, SubjectId, TenantId, VersionRef};

use super::block::{Payload, Registered, Shared};
use super::core::Core;
use super::insert::WhyRefused;
use super::key::Scope;

/// What is not to be served any more. Blocks computed from such blocks go with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One version of a memory, because it was revised.
    Version(VersionRef),
    /// All versions of a memory.
    Memory(MemoryId),
    /// Everything about somebody, because they are erased.
    Subject(SubjectId),
    Tenant(TenantId),
    /// Everything computed while a module was worn.
    Module(ModuleId),
    /// The blocks of one file, because somebody wants them gone.
    Run(BlockId),
    Everything,
}

/// Why a block is not served any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleBy {
    Revision,
    Erasure,
    Tenant,
    Module,
    Clearing,
}

impl StaleBy {
    const ALL: [StaleBy; 5] = [StaleBy::Revision, StaleBy::Erasure, StaleBy::Tenant, StaleBy::Module, StaleBy::Clearing];

    pub(crate) const fn code(self) -> u8 {
        self as u8 + 1
    }
    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.code() == code)
    }
    const fn of(target: &Target) -> Self {
        match target {
            Target::Version(_) | Target::Memory(_) => StaleBy::Revision,
            Target::Subject(_) => StaleBy::Erasure,
            Target::Tenant(_) => StaleBy::Tenant,
            Target::Module(_) => StaleBy::Module,
            Target::Run(_) | Target::Everything => StaleBy::Clearing,
        }
    }
}

impl fmt::Display for StaleBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StaleBy::Revision => "revised",
            StaleBy::Erasure => "erased",
            StaleBy::Tenant => "removed with its tenant",
            StaleBy::Module => "computed with a module that is not worn any more",
            StaleBy::Clearing => "cleared",
        })
    }
}

/// A moment in the order of invalidations. Take it *before* reading the memories that a block will hold: then no invalidation can fall
/// between the reading and the registering unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fence(pub(crate) u64);

/// What an invalidation removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Invalidated {
    pub blocks: u64,
    pub tokens: u64,
    /// Of memory.
    pub bytes: u64,
    /// Files that were given up.
    pub runs: u64,
}

impl Target {
    /// Whether it reaches a block; blocks that follow it are reached through it.
    fn reaches(&self, block: &Shared) -> bool {
        match self {
            Target::Version(version) => block.origin.sources.binary_search(version).is_ok(),
            Target::Memory(memory) => block.origin.sources.iter().any(|source| source.memory == *memory),
            Target::Subject(subject) => block.origin.subjects.contains(subject),
            _ => self.reaches_scope(&block.scope),
        }
    }

    fn reaches_scope(&self, scope: &Scope) -> bool {
        match self {
            Target::Tenant(tenant) => scope.tenant == *tenant,
            Target::Module(module) => scope.setting.wears(*module),
            Target::Everything => true,
            // A block that is being built lies in no file.
            Target::Version(_) | Target::Memory(_) | Target::Subject(_) | Target::Run(_) => false,
        }
    }
}

impl<P: Payload> Core<P> {
    pub(crate) fn invalidate(&mut self, target: &Target) -> Invalidated {
        self.generation += 1;
        if self.fences.len() >= self.options.fences.max(1) {
            self.fences.pop_front();
        }
        self.fences.push_back((self.generation, target.clone()));

        let mut reached: Vec<u64> = match target {
            Target::Version(version) => {
                let listed = self.by_memory.get(&version.memory).into_iter().flatten();
                listed.copied().filter(|id| self.nodes.get(id).is_some_and(|node| target.reaches(&node.shared))).collect()
            }
            Target::Memory(memory) => self.by_memory.get(memory).into_iter().flatten().copied().collect(),
            Target::Subject(subject) => self.by_subject.get(subject).into_iter().flatten().copied().collect(),
            Target::Run(run) => self.runs.get(run).map(|entry| entry.nodes.clone()).unwrap_or_default(),
            Target::Tenant(_) | Target::Module(_) | Target::Everything => {
                let scopes = self.scopes.iter().filter(|(scope, _)| target.reaches_scope(scope));
                scopes.flat_map(|(_, children)| children.values().copied()).collect()
            }
        };
        // Parents before children, and the same order in every run of a test.
        reached.sort_unstable();
        let by = StaleBy::of(target);
        let runs_before = self.runs.len();
        let mut done = Invalidated::default();
        for id in reached {
            let runs = self.runs_under(id);
            let mut add = |(blocks, tokens, bytes)| {
                (done.blocks, done.tokens, done.bytes) = (done.blocks + blocks, done.tokens + tokens, done.bytes + bytes);
            };
            add(self.remove(id, Some(by)));
            // A file goes whole: it holds what must not be read again. Blocks before the one that was reached are lost with it where
            // they have no numbers in memory, but are not stale.
            for run in runs {
                add(self.drop_run(run, None));
            }
        }
        done.runs = (runs_before - self.runs.len()) as u64;
        self.stats.invalidations += 1;
        self.stats.invalidated_blocks += done.blocks;
        done
    }

    /// The files that hold the numbers of a node or of one under it.
    fn runs_under(&self, id: u64) -> Vec<BlockId> {
        let mut runs = Vec::new();
        let mut open = vec![id];
        while let Some(node) = open.pop().and_then(|id| self.nodes.get(&id)) {
            runs.extend(node.slot.map(|slot| slot.run));
            open.extend(node.children.values());
        }
        runs.sort_unstable();
        runs.dedup();
        runs
    }

    /// Whether a block that is to be registered still holds what is to be served.
    pub(crate) fn current(&self, fence: Fence, block: &Shared, from: [Option<&Registered<P>>; 2]) -> Result<(), WhyRefused> {
        if let Some(by) = from.into_iter().flatten().find_map(Registered::stale) {
            return Err(WhyRefused::Stale(by));
        }
        let unseen = self.generation - fence.0.min(self.generation);
        if unseen > self.fences.len() as u64 {
            return Err(WhyRefused::FenceTooOld);
        }
        let mut since = self.fences.iter().rev().take(unseen as usize);
        match since.find(|(_, target)| target.reaches(block)) {
            Some((_, target)) => Err(WhyRefused::Stale(StaleBy::of(target))),
            None => Ok(()),
        }
    }
}
