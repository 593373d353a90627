//! What an earlier process left on disk.

use cubelog_memory::{BlockId, Timestamp};

use super::Tiers;
use crate::logical::{Origin, RestoreError, Scope};
use crate::physical::{Miss, RunReader, StoreError};

/// What became of the files.
#[derive(Debug, Default)]
pub struct Restored {
    pub runs: u64,
    pub tokens: u64,
    pub bytes: u64,
    /// Removed, and why.
    pub removed: Vec<(BlockId, String)>,
    /// Left alone because they, or their keys, cannot be read now.
    pub unread: Vec<(BlockId, Miss)>,
}

/// What the tree needs of a file; the file itself is closed again.
struct Known {
    id: BlockId,
    reader: RunReader,
}

impl Tiers {
    /// Takes in the files of an earlier process, without reading their numbers. Those that never will be of use are removed.
    ///
    /// `current` says whether what a block was made from still holds: whatever was revised, erased or retired while no process ran is
    /// known to the log only.
    pub fn restore(&self, now: Timestamp, current: &dyn Fn(&Scope, &Origin) -> bool) -> Result<Restored, StoreError> {
        self.take_in(self.store.list()?, now, current)
    }

    pub(super) fn take_in(
        &self,
        ids: Vec<BlockId>,
        now: Timestamp,
        current: &dyn Fn(&Scope, &Origin) -> bool,
    ) -> Result<Restored, StoreError> {
        let mut restored = Restored::default();
        let mut gone = Vec::new();
        let mut runs = Vec::new();
        for id in ids {
            match self.store.read(id) {
                Ok(reader) if reader.blocks().iter().all(|block| current(reader.scope(), &block.origin)) => {
                    runs.push(Known { id, reader });
                }
                Ok(_) => gone.push((id, "what it holds was revised, erased or retired".to_owned())),
                Err(miss) if miss.is_final() => gone.push((id, miss.to_string())),
                Err(miss) => restored.unread.push((id, miss)),
            }
        }
        // Blocks hang under those before them.
        runs.sort_by_key(|run| (run.reader.start(), run.id));
        for Known { id, reader } in runs {
            let taken = self.cache.restore(id, reader.bytes(), reader.scope(), reader.all_tokens(), reader.blocks(), now);
            match taken {
                Ok(()) => {
                    restored.runs += 1;
                    restored.tokens += reader.tokens() as u64;
                    restored.bytes += reader.bytes();
                }
                Err(RestoreError::Known) => {}
                Err(error) => gone.push((id, error.to_string())),
            }
        }
        self.store.remove(&gone.iter().map(|(id, _)| *id).collect::<Vec<_>>())?;
        restored.removed = gone;
        self.sweep()?;
        Ok(restored)
    }
}
