//! Registering: from a complete block to one that everybody in its scope can find; and numbers coming back from disk.

use std::fmt;
use std::sync::Arc;

use cubelog_memory::Timestamp;

use super::block::{Complete, Held, Payload, Registered, Standing};
use super::core::Core;
use super::invalidate::StaleBy;

/// Why a block is not kept. Its numbers are right for whoever computed them, unless it is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyRefused {
    #[error("what the block holds was {0} while it was built; compose the prompt again and build it anew")]
    Stale(StaleBy),
    #[error("so much was invalidated while the block was built that nobody can tell whether it still holds; build it anew")]
    FenceTooOld,
    #[error("the parent is no longer in the cache; register it first")]
    ParentGone,
    #[error(
        "{bytes} bytes do not fit: what lies in memory is held, pinned or frozen; let go of some or raise the budget of memory"
    )]
    NoRoom { bytes: u64 },
    #[error("the block is not in the cache any more; look it up again")]
    Gone,
}

/// A block that is not kept, with its numbers.
pub struct Refused<P> {
    pub why: WhyRefused,
    pub payload: P,
}

impl<P> fmt::Debug for Refused<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.why, f)
    }
}

impl<P> fmt::Display for Refused<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.why, f)
    }
}

impl<P> std::error::Error for Refused<P> {}

impl<P: Payload> Core<P> {
    pub(crate) fn register(&mut self, complete: Complete<P>, now: Timestamp) -> Result<Registered<P>, Refused<P>> {
        let Complete { fence, parent, tail, shared, payload } = complete;
        if let Err(why) = self.current(fence, &shared, [parent.as_ref(), tail.as_ref()]) {
            self.stats.refused_stale += 1;
            return Err(Refused { why, payload });
        }
        let parent_id = parent.as_ref().map(|parent| parent.node);
        if parent_id.is_some_and(|id| !self.nodes.contains_key(&id)) {
            return Err(Refused { why: WhyRefused::ParentGone, payload });
        }
        if let Some(&id) = self.children(&shared.scope, parent_id).and_then(|children| children.get(&shared.tokens)) {
            return self.again(id, payload, now);
        }
        let bytes = payload.bytes();
        if !self.make_room(bytes) {
            self.stats.refused_room += 1;
            return Err(Refused { why: WhyRefused::NoRoom { bytes }, payload });
        }
        let id = self.add(shared, parent_id, Standing::Evictable, now);
        self.hold(id, Arc::new(Held::new(payload, &self.alive)));
        self.stats.registered += 1;
        self.found(id)
    }

    /// Somebody else was quicker. The same tokens in the same setting have the same numbers, so theirs are as good; where theirs lie
    /// on disk only, these save the reading.
    fn again(&mut self, id: u64, payload: P, now: Timestamp) -> Result<Registered<P>, Refused<P>> {
        self.stats.duplicates += 1;
        if self.nodes.get(&id).is_some_and(|node| node.held.is_none()) && self.make_room_beside(id, payload.bytes()) {
            self.hold(id, Arc::new(Held::new(payload, &self.alive)));
        } else {
            self.trash.push(Arc::new(Held::new(payload, &self.alive)));
        }
        self.touch(id, now);
        self.found(id)
    }

    /// Room for the numbers of a node that is there, and that stays there meanwhile.
    fn make_room_beside(&mut self, id: u64, bytes: u64) -> bool {
        let _hold = self.guard(id);
        self.make_room(bytes)
    }

    /// Numbers that were read from disk.
    pub(crate) fn promote(&mut self, block: &Registered<P>, payload: P) -> Result<Registered<P>, Refused<P>> {
        if let Some(by) = block.stale() {
            self.stats.refused_stale += 1;
            return Err(Refused { why: WhyRefused::Stale(by), payload });
        }
        let Some(node) = self.nodes.get(&block.node) else { return Err(Refused { why: WhyRefused::Gone, payload }) };
        if node.held.is_none() {
            let bytes = payload.bytes();
            // `block` holds the node, so that making room leaves it.
            if !self.make_room(bytes) {
                self.stats.refused_room += 1;
                return Err(Refused { why: WhyRefused::NoRoom { bytes }, payload });
            }
            self.stats.promotions += 1;
            self.hold(block.node, Arc::new(Held::new(payload, &self.alive)));
        } else {
            self.trash.push(Arc::new(Held::new(payload, &self.alive)));
        }
        self.found(block.node)
    }

    #[expect(clippy::expect_used, reason = "a node that was just put in")]
    fn found(&self, id: u64) -> Result<Registered<P>, Refused<P>> {
        Ok(self.guard(id).expect("a node of this call"))
    }

    pub(crate) fn set_standing(&mut self, block: &Registered<P>, standing: Standing) -> Result<(), WhyRefused> {
        if let Some(by) = block.stale() {
            return Err(WhyRefused::Stale(by));
        }
        let node = self.nodes.get_mut(&block.node).ok_or(WhyRefused::Gone)?;
        node.standing = standing;
        self.list(block.node);
        Ok(())
    }
}
