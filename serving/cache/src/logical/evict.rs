//! Making room: what is worth least goes first, and nothing goes that somebody holds or that others were computed from.

use cubelog_memory::BlockId;

use super::block::{Payload, Standing};
use super::core::Core;

impl<P: Payload> Core<P> {
    /// Makes room for `bytes` in memory, if that is possible without touching what is held, pinned or frozen.
    pub(crate) fn make_room(&mut self, bytes: u64) -> bool {
        let budget = self.options.budgets.ram_bytes;
        if bytes > budget {
            return false;
        }
        while self.ram_bytes + bytes > budget {
            let free = |id: &u64| self.nodes.get(id).is_some_and(|node| !node.is_held());
            let Some((score, id)) = self.ram_order.iter().copied().find(|(_, id)| free(id)) else {
                return false;
            };
            self.ram_inflation = self.ram_inflation.max(score.get());
            let stays = self.nodes.get(&id).is_some_and(|node| node.slot.is_some());
            self.stats.ram_evictions += 1;
            // Its children, if it has any, stay: they hang on its numbers, which are on disk.
            self.stats.ram_evicted_bytes += if stays { self.release(id) } else { self.remove(id, None).2 };
        }
        true
    }

    /// Gives up files until the budget holds.
    pub(crate) fn shrink_disk(&mut self) {
        while self.disk_bytes > self.options.budgets.disk_bytes {
            let Some((score, run)) = self.run_order.iter().copied().find(|(_, run)| self.may_leave_disk(*run)) else { return };
            self.disk_inflation = self.disk_inflation.max(score.get());
            self.stats.disk_evictions += 1;
            self.stats.disk_evicted_bytes += self.runs.get(&run).map_or(0, |entry| entry.bytes);
            self.drop_run(run, None);
        }
    }

    /// A run may go if no node of it is held or frozen, and none without numbers in memory has children in other runs.
    fn may_leave_disk(&self, run: BlockId) -> bool {
        let Some(entry) = self.runs.get(&run) else { return false };
        entry.nodes.iter().filter_map(|id| self.nodes.get(id)).all(|node| {
            let alone = || {
                let mut children = node.children.values().filter_map(|id| self.nodes.get(id));
                children.all(|child| child.held.is_none() && child.slot.is_some_and(|slot| slot.run == run))
            };
            !node.is_held() && node.standing == Standing::Evictable && (node.held.is_some() || alone())
        })
    }
}
