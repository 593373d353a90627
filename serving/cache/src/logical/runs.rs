//! Runs: consecutive blocks that lie in one file. Which to write, that they are written, that they are lost, and after a start that
//! they are there.

use std::collections::BTreeSet;
use std::sync::Arc;

use cubelog_memory::{BlockId, CubeKey, SubjectId, Timestamp};

use super::block::{Origin, Payload, Registered, Shared, Slot, Standing};
use super::core::{Core, Node, RunEntry};
use super::insert::WhyRefused;
use super::key::{Scope, Token};
use super::score::{Heat, Score};

/// Blocks to be written to one file, held meanwhile.
#[derive(Debug)]
pub struct Run<P> {
    /// All have numbers in memory; each is the parent of the next.
    pub blocks: Vec<Registered<P>>,
    /// The tokens that precede the first block.
    pub prefix: Vec<Token>,
    /// Everybody whom the blocks or what precedes them are about: the numbers of a token depend on all tokens before it.
    pub subjects: BTreeSet<SubjectId>,
    pub cubes: BTreeSet<CubeKey>,
}

impl<P> Run<P> {
    /// All tokens from the first of the prompt to the last of the run.
    pub fn tokens(&self) -> Vec<Token> {
        let mut tokens = self.prefix.clone();
        self.blocks.iter().for_each(|block| tokens.extend_from_slice(block.tokens()));
        tokens
    }
    /// `None` for a run without blocks, of which there are none.
    pub fn scope(&self) -> Option<&Arc<Scope>> {
        self.blocks.first().map(Registered::scope)
    }
}

/// A block of a file that was found at the start.
#[derive(Debug, Clone, PartialEq)]
pub struct RestoredBlock {
    pub tokens: usize,
    pub origin: Origin,
    /// Microseconds.
    pub cost: u64,
    pub priority: f32,
    pub standing: Standing,
}

/// Why a file cannot take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    #[error("the blocks before token {start} are not in the cache, so that nothing can use these; build them anew")]
    Orphan { start: usize },
    #[error("the file was written for blocks of another size than {block_tokens} tokens; build it anew")]
    Misaligned { block_tokens: usize },
    #[error("all blocks of the file lie in other files already")]
    Duplicate,
    #[error("the cache holds a run of this name already")]
    Known,
}

impl<P: Payload> Core<P> {
    /// The run that ends with a block and reaches up to the first ancestor that is on disk. `None` if the block itself is.
    pub(crate) fn run_to(&self, id: u64) -> Option<Run<P>> {
        let mut blocks = Vec::new();
        let mut above = Vec::new();
        let (mut subjects, mut cubes) = (BTreeSet::new(), BTreeSet::new());
        let mut next = Some(id);
        while let Some(node) = next.and_then(|id| self.nodes.get(&id).map(|node| (id, node))) {
            let (id, node) = node;
            subjects.extend(node.shared.origin.subjects.iter().cloned());
            cubes.extend(node.shared.origin.cubes.iter().cloned());
            if above.is_empty() && node.slot.is_none() && node.held.is_some() {
                blocks.extend(self.guard(id));
            } else {
                above.push(Arc::clone(&node.shared.tokens));
            }
            next = node.parent;
        }
        blocks.reverse();
        let prefix = above.iter().rev().flat_map(|tokens| tokens.iter().copied()).collect();
        (!blocks.is_empty()).then_some(Run { blocks, prefix, subjects, cubes })
    }

    /// The runs nearest to losing their place in memory that are not on disk yet, at most `most`.
    pub(crate) fn coldest(&self, most: usize) -> Vec<Run<P>> {
        let mut taken = BTreeSet::new();
        let mut runs = Vec::new();
        // Only ends of runs, so that a conversation becomes one file and not one for each of its blocks.
        let is_end =
            |node: &Node<P>| node.children.values().filter_map(|id| self.nodes.get(id)).all(|child| child.slot.is_some());
        let ends = self.nodes.iter().filter(|(_, node)| node.held.is_some() && node.slot.is_none() && is_end(node));
        let mut ends: Vec<_> = ends.map(|(id, node)| (node.score, *id)).collect();
        ends.sort_unstable();
        for (_, id) in ends {
            if runs.len() >= most {
                break;
            }
            let Some(run) = self.run_to(id) else { continue };
            if run.blocks.iter().all(|block| taken.insert(block.node)) {
                runs.push(run);
            }
        }
        runs
    }

    /// The run lies on disk, durably, in `bytes` bytes.
    pub(crate) fn landed(&mut self, run: &Run<P>, id: BlockId, bytes: u64, now: Timestamp) -> Result<(), WhyRefused> {
        if let Some(by) = run.blocks.iter().find_map(Registered::stale) {
            self.stats.refused_stale += 1;
            return Err(WhyRefused::Stale(by));
        }
        if self.runs.contains_key(&id) || run.blocks.iter().any(|block| !self.nodes.contains_key(&block.node)) {
            return Err(WhyRefused::Gone);
        }
        let mut offset = 0;
        let mut nodes = Vec::with_capacity(run.blocks.len());
        for block in &run.blocks {
            self.settle(block.node, Slot { run: id, offset }, &mut nodes);
            offset += block.tokens().len() as u32;
        }
        self.stats.demotions += 1;
        self.enter_run(id, nodes, bytes, now);
        Ok(())
    }

    /// A file was damaged, foreign or taken away. Returns how many blocks that cost.
    pub(crate) fn lost(&mut self, run: BlockId) -> u64 {
        if !self.runs.contains_key(&run) {
            return 0;
        }
        self.stats.lost_runs += 1;
        self.drop_run(run, None).0
    }

    fn settle(&mut self, node: u64, slot: Slot, nodes: &mut Vec<u64>) {
        if let Some(known) = self.nodes.get_mut(&node)
            && known.slot.is_none()
        {
            known.slot = Some(slot);
            nodes.push(node);
        }
        self.rank(node);
    }

    fn enter_run(&mut self, id: BlockId, nodes: Vec<u64>, bytes: u64, now: Timestamp) {
        if nodes.is_empty() {
            self.dropped_runs.push(id);
            return;
        }
        let of = |get: fn(&Shared) -> u64| nodes.iter().filter_map(|id| self.nodes.get(id)).map(|node| get(&node.shared)).sum();
        let cost = of(|shared| shared.cost);
        let priorities = nodes.iter().filter_map(|id| self.nodes.get(id)).map(|node| node.shared.priority);
        let priority = priorities.fold(0.0, f32::max);
        let entry = RunEntry { nodes, bytes, cost, priority, heat: Heat::new(now), score: Score::new(0.0) };
        self.run_order.insert((entry.score, id));
        self.runs.insert(id, entry);
        self.disk_bytes += bytes;
        self.rank_run(id);
        self.shrink_disk();
    }

    /// Blocks of a file that was there at the start. `tokens` are all from the first of the prompt to the last of the run.
    pub(crate) fn restore(
        &mut self,
        id: BlockId,
        bytes: u64,
        scope: &Arc<Scope>,
        tokens: &[Token],
        blocks: &[RestoredBlock],
        now: Timestamp,
    ) -> Result<(), RestoreError> {
        let block_tokens = self.options.block_tokens;
        let length: usize = blocks.iter().map(|block| block.tokens).sum();
        let misaligned = RestoreError::Misaligned { block_tokens };
        let start = tokens.len().checked_sub(length).ok_or(misaligned)?;
        let Some((last, whole)) = blocks.split_last() else { return Err(misaligned) };
        if start % block_tokens != 0
            || whole.iter().any(|block| block.tokens != block_tokens)
            || !(1..=block_tokens).contains(&last.tokens)
        {
            return Err(misaligned);
        }
        if self.runs.contains_key(&id) {
            return Err(RestoreError::Known);
        }
        let path = self.path(scope, &tokens[..start]);
        if path.len() != start / block_tokens || path.iter().any(|(_, used)| *used != block_tokens) {
            return Err(RestoreError::Orphan { start });
        }
        let mut parent = path.last().map(|(id, _)| *id);
        let mut at = start;
        let mut nodes = Vec::new();
        for block in blocks {
            let own = &tokens[at..at + block.tokens];
            let known = self.children(scope, parent).and_then(|children| children.get(own)).copied();
            let node = known.unwrap_or_else(|| {
                let origin = Arc::new(block.origin.clone());
                let shared = Shared::new(Arc::clone(scope), at as u32, own.into(), origin, block.cost, block.priority);
                self.add(shared, parent, block.standing, now)
            });
            self.settle(node, Slot { run: id, offset: (at - start) as u32 }, &mut nodes);
            parent = Some(node);
            at += block.tokens;
        }
        if nodes.is_empty() {
            return Err(RestoreError::Duplicate);
        }
        self.enter_run(id, nodes, bytes, now);
        Ok(())
    }
}
