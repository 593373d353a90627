//! What stays and what goes: persisting, demotion, freezing, invalidation.

use cubelog_memory::{BlockId, Timestamp};

use super::Tiers;
use crate::logical::{Invalidated, Match, Registered, Run, Standing, Target, WhyRefused};
use crate::physical::{Draft, KvSpan, StoreError, Written};

/// Why something was not kept or not removed.
#[derive(Debug, thiserror::Error)]
pub enum TierError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Refused(#[from] WhyRefused),
}

impl Tiers {
    /// Writes a block, and those before it that are not on disk yet, to one file named `id`. `None` if all are there already. What was
    /// invalidated meanwhile leaves no file.
    pub fn persist(&self, block: &Registered<KvSpan>, id: BlockId, now: Timestamp) -> Result<Option<Written>, TierError> {
        match self.cache.run_to(block) {
            Some(run) => self.write(&run, id, Standing::Evictable, now).map(Some),
            None => Ok(None),
        }
    }

    /// Persists a block and keeps it and those before it until they are thawed or invalidated, by later processes too.
    pub fn freeze(&self, block: &Registered<KvSpan>, id: BlockId, now: Timestamp) -> Result<Option<Written>, TierError> {
        self.cache.set_standing(block, Standing::Frozen)?;
        match self.cache.run_to(block) {
            Some(run) => self.write(&run, id, Standing::Frozen, now).map(Some),
            None => Ok(None),
        }
    }

    /// Lets all blocks of a match go again when room is needed: the reverse of freezing and of pinning. A file remembers freezing until
    /// it goes.
    pub fn release(&self, found: &Match<KvSpan>) -> Result<(), WhyRefused> {
        found.blocks.iter().try_for_each(|found| self.cache.set_standing(&found.block, Standing::Evictable))
    }

    /// Keeps all blocks of a match in memory until they are released or invalidated.
    pub fn pin(&self, found: &Match<KvSpan>) -> Result<(), WhyRefused> {
        found.blocks.iter().try_for_each(|found| self.cache.set_standing(&found.block, Standing::Pinned))
    }

    /// While memory is fuller than the options say, writes the runs that would go next, at most `most` of them; returns how many. To be
    /// called now and then, by one thread. `ids` names the files.
    pub fn demote(&self, most: usize, ids: &mut dyn FnMut() -> BlockId, now: Timestamp) -> Result<usize, TierError> {
        let runs = self.cache.coldest(self.options.demote_above_bytes, most);
        self.write_all(runs, ids, now)
    }

    pub(super) fn write_all(
        &self,
        runs: Vec<Run<KvSpan>>,
        ids: &mut dyn FnMut() -> BlockId,
        now: Timestamp,
    ) -> Result<usize, TierError> {
        let mut written = 0;
        for run in runs {
            match self.write(&run, ids(), Standing::Evictable, now) {
                Ok(_) => written += 1,
                // It was invalidated while it was written, and is gone.
                Err(TierError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    fn write(&self, run: &Run<KvSpan>, id: BlockId, standing: Standing, now: Timestamp) -> Result<Written, TierError> {
        let draft = Draft::of_run(id, run, standing)?;
        let written = self.store.write(&draft, run)?;
        if let Err(why) = self.cache.landed(run, id, written.bytes, now) {
            self.store.remove(&[id])?;
            return Err(why.into());
        }
        self.sweep()?;
        Ok(written)
    }

    /// Takes what the target reaches out of memory and off the disk. When this returns no lookup finds it, whatever the error: an error says
    /// that a file could not be removed, and the next [`Tiers::sweep`] tries again.
    pub fn invalidate(&self, target: &Target) -> Result<Invalidated, StoreError> {
        let done = self.cache.invalidate(target);
        self.sweep()?;
        if let Target::Subject(subject) = target {
            // Files that no tree knows, from a process that ended too early.
            self.store.remove(&self.store.about(subject)?)?;
        }
        Ok(done)
    }

    /// Removes the files that nothing refers to any more.
    pub fn sweep(&self) -> Result<(), StoreError> {
        let dropped = self.cache.take_dropped();
        if dropped.is_empty() {
            return Ok(());
        }
        let removed = self.store.remove(&dropped);
        if removed.is_err() {
            self.cache.put_back_dropped(dropped);
        }
        removed
    }

    pub(super) fn sweep_or_warn(&self) {
        if let Err(error) = self.sweep() {
            tracing::warn!(%error, "kv files stay that nothing refers to");
        }
    }
}
