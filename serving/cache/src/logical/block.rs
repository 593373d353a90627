//! The life of a block as types: [`Building`], then [`Complete`], then [`Registered`]. Nothing else can be looked up.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use cubelog_memory::{BlockId, CubeKey, SubjectId, VersionRef};

use super::invalidate::{Fence, StaleBy};
use super::key::{Scope, Token};

/// The numbers of one block, whatever they are.
pub trait Payload: Send + Sync + 'static {
    /// Size in memory.
    fn bytes(&self) -> u64;
}

/// What the text of a block was made from. What precedes the block is not repeated: a block goes with its parent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The cubes whose memories these are; none for what belongs to no cube, such as a system prompt.
    pub cubes: BTreeSet<CubeKey>,
    /// Ascending, each once.
    pub sources: Vec<VersionRef>,
    pub subjects: BTreeSet<SubjectId>,
}

/// How hard a block is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Goes when its room is needed.
    #[default]
    Evictable,
    /// Stays in memory.
    Pinned,
    /// Stays in some tier until it is thawed or invalidated.
    Frozen,
}

/// Where a block lies on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub run: BlockId,
    /// First token within the run.
    pub offset: u32,
}

/// What all holders of a block share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) scope: Arc<Scope>,
    /// Tokens that precede the block.
    pub(crate) start: u32,
    pub(crate) tokens: Arc<[Token]>,
    pub(crate) origin: Arc<Origin>,
    /// Microseconds that computing it took.
    pub(crate) cost: u64,
    pub(crate) priority: f32,
    /// 0, or a [`StaleBy`].
    stale: AtomicU8,
}

impl Shared {
    pub(crate) fn new(
        scope: Arc<Scope>,
        start: u32,
        tokens: Arc<[Token]>,
        origin: Arc<Origin>,
        cost: u64,
        priority: f32,
    ) -> Self {
        Self { scope, start, tokens, origin, cost, priority, stale: AtomicU8::new(0) }
    }
    pub(crate) fn condemn(&self, by: StaleBy) {
        self.stale.store(by.code(), Ordering::Release);
    }
    pub(crate) fn stale(&self) -> Option<StaleBy> {
        StaleBy::of_code(self.stale.load(Ordering::Acquire))
    }
}

/// A payload, counted while anybody holds it.
pub(crate) struct Held<P> {
    pub(crate) payload: P,
    pub(crate) bytes: u64,
    alive: Arc<AtomicU64>,
}

impl<P: Payload> Held<P> {
    pub(crate) fn new(payload: P, alive: &Arc<AtomicU64>) -> Self {
        let bytes = payload.bytes();
        alive.fetch_add(bytes, Ordering::Relaxed);
        Self { payload, bytes, alive: Arc::clone(alive) }
    }
}

impl<P> Drop for Held<P> {
    fn drop(&mut self) {
        self.alive.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A block in the cache, kept alive while this is held: it is neither evicted from the tier in which it was found nor changed. When it
/// is invalidated meanwhile it says so ([`Registered::stale`]). One that lies on disk only may still lose its file, when something
/// else in that file is invalidated: then loading it is a miss, and what hangs on it is not found any more either, though its numbers
/// stay right for whoever holds them.
pub struct Registered<P> {
    pub(crate) node: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) held: Option<Arc<Held<P>>>,
    pub(crate) slot: Option<Slot>,
}

impl<P> Registered<P> {
    pub fn scope(&self) -> &Arc<Scope> {
        &self.shared.scope
    }
    pub fn tokens(&self) -> &[Token] {
        &self.shared.tokens
    }
    /// Tokens that precede the block.
    pub fn start(&self) -> usize {
        self.shared.start as usize
    }
    /// Tokens up to the end of the block.
    pub fn end(&self) -> usize {
        self.start() + self.tokens().len()
    }
    pub fn origin(&self) -> &Origin {
        &self.shared.origin
    }
    /// Microseconds that computing it took.
    pub fn cost(&self) -> u64 {
        self.shared.cost
    }
    pub fn priority(&self) -> f32 {
        self.shared.priority
    }
    /// The numbers, if they lay in memory when the block was found.
    pub fn payload(&self) -> Option<&P> {
        self.held.as_deref().map(|held| &held.payload)
    }
    /// Where it lay on disk when it was found.
    pub fn slot(&self) -> Option<Slot> {
        self.slot
    }
    /// Why the block must not be used any more; look again before every step that gives its numbers to somebody.
    pub fn stale(&self) -> Option<StaleBy> {
        self.shared.stale()
    }
}

impl<P> Clone for Registered<P> {
    fn clone(&self) -> Self {
        Self { node: self.node, shared: Arc::clone(&self.shared), held: self.held.clone(), slot: self.slot }
    }
}

impl<P> fmt::Debug for Registered<P> {
    /// Tells no tokens: they are content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered")
            .field("start", &self.start())
            .field("tokens", &self.tokens().len())
            .field("in_memory", &self.held.is_some())
            .field("slot", &self.slot)
            .field("stale", &self.stale())
            .finish_non_exhaustive()
    }
}

/// Why a block cannot be begun or continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotBuilt {
    #[error("the parent holds {tokens} of {block_tokens} tokens; only a whole block has children, extend it first")]
    ParentNotWhole { tokens: usize, block_tokens: usize },
    #[error("the parent belongs to another tenant or setting; build the whole prefix in this one")]
    OtherScope,
    #[error("{tokens} tokens do not fit into a block of {block_tokens}; begin another block behind this one")]
    Full { tokens: usize, block_tokens: usize },
    #[error("{used} tokens of a block of {tokens} cannot be copied; copy at least one and not all of a whole block")]
    NothingToExtend { used: usize, tokens: usize },
    #[error("the block has no tokens; add some before it is complete")]
    Empty,
}

/// A block that is being computed. Only its builder knows it.
pub struct Building<P> {
    pub(crate) fence: Fence,
    pub(crate) scope: Arc<Scope>,
    pub(crate) parent: Option<Registered<P>>,
    /// The block that the first `copied` tokens come from.
    tail: Option<Registered<P>>,
    copied: usize,
    block_tokens: usize,
    tokens: Vec<Token>,
    origin: Origin,
    priority: f32,
}

impl<P> Building<P> {
    pub(crate) fn begin(
        fence: Fence,
        scope: Arc<Scope>,
        parent: Option<&Registered<P>>,
        block_tokens: usize,
    ) -> Result<Self, NotBuilt> {
        if let Some(parent) = parent {
            if parent.tokens().len() != block_tokens {
                return Err(NotBuilt::ParentNotWhole { tokens: parent.tokens().len(), block_tokens });
            }
            if *parent.scope() != scope {
                return Err(NotBuilt::OtherScope);
            }
        }
        Ok(Self {
            fence,
            scope,
            parent: parent.cloned(),
            tail: None,
            copied: 0,
            block_tokens,
            tokens: Vec::with_capacity(block_tokens),
            origin: Origin::default(),
            priority: 1.0,
        })
    }

    pub(crate) fn copy(mut self, tail: &Registered<P>, used: usize) -> Result<Self, NotBuilt> {
        let tokens = tail.tokens().len();
        if used == 0 || used > tokens || used == self.block_tokens {
            return Err(NotBuilt::NothingToExtend { used, tokens });
        }
        self.tokens.extend_from_slice(&tail.tokens()[..used]);
        self.origin = tail.origin().clone();
        self.priority = tail.priority();
        self.copied = used;
        self.tail = Some(tail.clone());
        Ok(self)
    }

    /// Adds tokens and what they were made from.
    pub fn push(&mut self, tokens: &[Token], origin: &Origin) -> Result<(), NotBuilt> {
        if self.tokens.len() + tokens.len() > self.block_tokens {
            return Err(NotBuilt::Full { tokens: self.tokens.len() + tokens.len(), block_tokens: self.block_tokens });
        }
        self.tokens.extend_from_slice(tokens);
        self.origin.cubes.extend(origin.cubes.iter().cloned());
        self.origin.sources.extend_from_slice(&origin.sources);
        self.origin.sources.sort_unstable();
        self.origin.sources.dedup();
        self.origin.subjects.extend(origin.subjects.iter().cloned());
        Ok(())
    }

    /// What keeping it is worth beside others, 1 at first; what is no number leaves that.
    pub fn priority(&mut self, priority: f32) {
        if priority.is_finite() {
            self.priority = priority.max(0.0);
        }
    }
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }
    /// Tokens that still fit.
    pub fn room(&self) -> usize {
        self.block_tokens - self.tokens.len()
    }
    /// How many of the first tokens need not be computed, and the block whose numbers they are.
    pub fn copied(&self) -> Option<(&Registered<P>, usize)> {
        self.tail.as_ref().map(|tail| (tail, self.copied))
    }

    /// The block is computed. From here on its tokens do not change.
    ///
    /// - `payload`: the numbers of all its tokens, copied ones included.
    /// - `cost`: microseconds that computing all of them takes.
    pub fn complete(self, payload: P, cost: u64) -> Result<Complete<P>, NotBuilt> {
        if self.tokens.is_empty() {
            return Err(NotBuilt::Empty);
        }
        let start = self.parent.as_ref().map_or(0, |parent| parent.end()) as u32;
        let shared = Shared::new(self.scope, start, self.tokens.into(), Arc::new(self.origin), cost, self.priority);
        Ok(Complete { fence: self.fence, parent: self.parent, tail: self.tail, shared, payload })
    }
}

/// A block with all its numbers, which nobody else can find yet.
pub struct Complete<P> {
    pub(crate) fence: Fence,
    pub(crate) parent: Option<Registered<P>>,
    pub(crate) tail: Option<Registered<P>>,
    pub(crate) shared: Shared,
    pub(crate) payload: P,
}

impl<P> Complete<P> {
    pub fn tokens(&self) -> &[Token] {
        &self.shared.tokens
    }
    pub fn payload(&self) -> &P {
        &self.payload
    }
}

impl<P> fmt::Debug for Building<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Building").field("tokens", &self.tokens.len()).field("copied", &self.copied).finish_non_exhaustive()
    }
}

impl<P> fmt::Debug for Complete<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complete").field("tokens", &self.shared.tokens.len()).finish_non_exhaustive()
    }
}
