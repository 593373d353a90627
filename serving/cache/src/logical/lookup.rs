//! The longest prefix that the cache has, held for whoever asked.

use std::ops::Bound;

use cubelog_memory::Timestamp;

use super::block::{Payload, Registered};
use super::core::{Children, Core};
use super::invalidate::StaleBy;
use super::key::{Scope, Token};

/// A block of a match.
#[derive(Debug)]
pub struct Found<P> {
    pub block: Registered<P>,
    /// How many of its first tokens are those asked for. Keys and values of a token depend on what precedes it only, so the first
    /// ones of a block serve without the rest.
    pub used: usize,
}

/// What of a prompt need not be computed again.
#[derive(Debug)]
pub struct Match<P> {
    /// From the first token on, without gap. All but the last are whole and wholly used.
    pub blocks: Vec<Found<P>>,
    /// Tokens asked for.
    pub asked: usize,
}

impl<P> Match<P> {
    /// Tokens found.
    pub fn tokens(&self) -> usize {
        self.blocks.iter().map(|found| found.used).sum()
    }
    /// The last block that is whole and wholly used: the parent of what is built next.
    pub fn parent(&self, block_tokens: usize) -> Option<&Registered<P>> {
        self.blocks.iter().rev().find(|found| found.used == block_tokens).map(|found| &found.block)
    }
    /// The last block, if some but not `block_tokens` of its tokens are used: what is built next extends a copy of it.
    pub fn tail(&self, block_tokens: usize) -> Option<(&Registered<P>, usize)> {
        self.blocks.last().filter(|found| found.used < block_tokens).map(|found| (&found.block, found.used))
    }
    /// Why the match must not be used any more; a reader asks again before each step that gives its numbers to somebody.
    pub fn stale(&self) -> Option<StaleBy> {
        // A removed block takes with it all that follow, so the last one knows.
        self.blocks.last().and_then(|found| found.block.stale())
    }
    /// Blocks whose numbers are not in memory.
    pub fn on_disk(&self) -> impl Iterator<Item = &Found<P>> {
        self.blocks.iter().filter(|found| found.block.payload().is_none())
    }
    /// Keeps the first blocks only.
    pub fn truncate(&mut self, blocks: usize) {
        self.blocks.truncate(blocks);
    }
}

impl<P: Payload> Core<P> {
    /// The path of the longest prefix: nodes and how many tokens of each.
    pub(crate) fn path(&self, scope: &Scope, tokens: &[Token]) -> Vec<(u64, usize)> {
        let block_tokens = self.options.block_tokens;
        let mut path = Vec::new();
        let mut rest = tokens;
        let mut parent = None;
        while !rest.is_empty() {
            let Some(children) = self.children(scope, parent) else { break };
            let next = &rest[..rest.len().min(block_tokens)];
            let Some((id, used)) = longest(children, next) else { break };
            path.push((id, used));
            if used < block_tokens {
                break;
            }
            parent = Some(id);
            rest = &rest[block_tokens..];
        }
        path
    }

    pub(crate) fn peek(&self, scope: &Scope, tokens: &[Token]) -> Match<P> {
        let path = self.path(scope, tokens).into_iter();
        let blocks = path.filter_map(|(id, used)| self.guard(id).map(|block| Found { block, used })).collect();
        Match { blocks, asked: tokens.len() }
    }

    pub(crate) fn lookup(&mut self, scope: &Scope, tokens: &[Token], now: Timestamp) -> Match<P> {
        let found = self.peek(scope, tokens);
        let stats = &mut self.stats;
        let used = found.tokens() as u64;
        if used > 0 {
            stats.hits += 1;
        } else {
            stats.misses += 1;
        }
        stats.tokens_asked += tokens.len() as u64;
        stats.tokens_reused += used;
        stats.tokens_from_disk += found.on_disk().map(|found| found.used as u64).sum::<u64>();
        for found in &found.blocks {
            stats.saved_micros += found.block.cost() * found.used as u64 / found.block.tokens().len().max(1) as u64;
        }
        for found in &found.blocks {
            self.touch(found.block.node, now);
        }
        found
    }
}

/// The child with the longest common beginning, and its length. In the order of the keys that is a neighbour of `tokens`.
fn longest(children: &Children, tokens: &[Token]) -> Option<(u64, usize)> {
    let before = children.range::<[Token], _>((Bound::Unbounded, Bound::Included(tokens))).next_back();
    let after = || children.range::<[Token], _>((Bound::Excluded(tokens), Bound::Unbounded)).next();
    let common = |(key, id): (&std::sync::Arc<[Token]>, &u64)| {
        (*id, key.iter().zip(tokens).take_while(|(one, other)| one == other).count())
    };
    let before = before.map(common);
    if let Some((_, length)) = before
        && length == tokens.len()
    {
        return before;
    }
    let best = match (before, after().map(common)) {
        (Some(before), Some(after)) if after.1 > before.1 => Some(after),
        (None, after) => after,
        (before, _) => before,
    };
    best.filter(|(_, length)| *length > 0)
}
