//! What is always true of the tree, checked from scratch.

use std::collections::BTreeSet;

use super::block::Payload;
use super::core::{Core, Node};

macro_rules! hold {
    ($condition:expr, $($what:tt)+) => {
        if !$condition {
            return Err(format!($($what)+));
        }
    };
}

impl<P: Payload> Core<P> {
    pub(crate) fn audit(&self) -> Result<(), String> {
        let block_tokens = self.options.block_tokens;
        let mut ram_bytes = 0;
        let mut hanging = BTreeSet::new();
        for (id, node) in &self.nodes {
            let length = node.shared.tokens.len();
            hold!((1..=block_tokens).contains(&length), "block {id} has {length} tokens");
            hold!(node.children.is_empty() || length == block_tokens, "block {id} is not whole and has children");
            hold!(node.held.is_some() || node.slot.is_some(), "block {id} has no numbers anywhere");
            hold!(node.shared.stale().is_none(), "block {id} is stale and can be found");
            let siblings = self.children(&node.shared.scope, node.parent);
            let listed = siblings.and_then(|siblings| siblings.get(&node.shared.tokens));
            hold!(listed == Some(id), "block {id} is not where its tokens lead");
            let start = match node.parent.and_then(|parent| self.nodes.get(&parent)) {
                Some(parent) => {
                    hold!(parent.shared.scope == node.shared.scope, "block {id} has a parent in another scope");
                    parent.shared.start as usize + parent.shared.tokens.len()
                }
                None => 0,
            };
            hold!(node.shared.start as usize == start, "block {id} starts at {} and not {start}", node.shared.start);
            let ranked = self.ram_order.contains(&(node.score, *id));
            let evictable = node.held.is_some() && node.is_evictable();
            hold!(ranked == evictable, "block {id} could leave memory: {evictable}, ranked: {ranked}");
            ram_bytes += node.held.as_ref().map_or(0, |held| held.bytes);
            if let Some(slot) = node.slot {
                let run = self.runs.get(&slot.run);
                hold!(run.is_some_and(|run| run.nodes.contains(id)), "block {id} lies in a file that does not know it");
            }
            hanging.extend(node.children.values().copied());
        }
        hanging.extend(self.scopes.values().flat_map(|children| children.values().copied()));
        hold!(hanging.len() == self.nodes.len(), "{} blocks hang in the tree and {} are there", hanging.len(), self.nodes.len());
        hold!(ram_bytes == self.ram_bytes, "{ram_bytes} bytes are in memory and {} are counted", self.ram_bytes);
        let evictable = |node: &&Node<P>| node.held.is_some() && node.is_evictable();
        hold!(self.ram_order.len() == self.nodes.values().filter(evictable).count(), "places in memory are ranked twice");
        hold!(ram_bytes <= self.options.budgets.ram_bytes, "{ram_bytes} bytes are in memory, over the budget");
        hold!(self.scopes.values().all(|children| !children.is_empty()), "an empty scope stayed");

        let disk_bytes: u64 = self.runs.values().map(|run| run.bytes).sum();
        hold!(disk_bytes == self.disk_bytes, "{disk_bytes} bytes are on disk and {} are counted", self.disk_bytes);
        hold!(self.run_order.len() == self.runs.len(), "runs are ranked twice");
        for (id, run) in &self.runs {
            hold!(!run.nodes.is_empty(), "run {id} holds nothing");
            hold!(self.run_order.contains(&(run.score, *id)), "run {id} is not ranked");
            for node in &run.nodes {
                let slot = self.nodes.get(node).and_then(|node| node.slot);
                hold!(slot.is_some_and(|slot| slot.run == *id), "run {id} names block {node}, which lies elsewhere");
            }
        }
        let indexed = |ids: &BTreeSet<u64>| ids.iter().all(|id| self.nodes.contains_key(id)) && !ids.is_empty();
        hold!(self.by_memory.values().all(indexed), "the index of memories names blocks that are gone");
        hold!(self.by_subject.values().all(indexed), "the index of subjects names blocks that are gone");
        Ok(())
    }
}
