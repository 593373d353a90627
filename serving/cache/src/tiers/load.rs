//! From disk to memory: promotion, prefetching, and reading layer by layer.

use std::sync::Arc;

use cubelog_memory::BlockId;
use half::bf16;

use super::Tiers;
use crate::logical::{Dtype, Found, Match, Registered, Scope, Token, WhyRefused};
use crate::physical::{KvSpan, Miss, RunReader};

/// A match whose blocks all have numbers.
#[derive(Debug)]
pub struct Loaded {
    /// Shorter than what was found if a file was a miss, or something was invalidated meanwhile.
    pub found: Match<KvSpan>,
    /// Tokens whose numbers came from disk.
    pub from_disk: usize,
    pub misses: Vec<(BlockId, Miss)>,
}

impl Tiers {
    /// Brings the numbers of a match into memory. Where there is no room they serve this match only. A file that never will be of use
    /// is removed with all blocks that need it.
    pub fn load(&self, mut found: Match<KvSpan>) -> Loaded {
        let mut misses = Vec::new();
        let mut from_disk = 0;
        while let Some(first) = found.blocks.iter().position(|found| found.block.payload().is_none()) {
            let Some(run) = found.blocks[first].block.slot().map(|slot| slot.run) else {
                // A block without numbers anywhere is none.
                found.truncate(first);
                break;
            };
            match self.load_run(&mut found, run) {
                Ok(tokens) => from_disk += tokens,
                Err(miss) => {
                    found.truncate(first);
                    self.missed(run, &miss);
                    misses.push((run, miss));
                }
            }
        }
        if let Some(stale) = found.blocks.iter().position(|found| found.block.stale().is_some()) {
            found.truncate(stale);
        }
        Loaded { found, from_disk, misses }
    }

    /// Brings what is on disk of a prompt into memory before somebody asks for it, without counting it as used. Returns the tokens that
    /// came.
    pub fn prefetch(&self, scope: &Scope, tokens: &[Token]) -> usize {
        self.load(self.cache.peek(scope, tokens)).from_disk
    }

    /// Opens the file that a block of a match lies in, for reading it layer by layer ([`RunReader::layers`]) while earlier layers
    /// compute. `None` if the block lies in memory only.
    pub fn reader(&self, found: &Match<KvSpan>, block: usize) -> Option<Result<Arc<RunReader>, Miss>> {
        let slot = found.blocks.get(block)?.block.slot()?;
        let reader = self.open(found, slot.run);
        if let Err(miss) = &reader {
            self.missed(slot.run, miss);
        }
        Some(reader.map(Arc::new))
    }

    fn missed(&self, run: BlockId, miss: &Miss) {
        tracing::warn!(%run, %miss, "kv run missed");
        if miss.is_final() {
            self.cache.lost(run);
            self.sweep_or_warn();
        }
    }

    /// Opens a run and holds it to what the tree says that lies in it: scope, place and every token from the first of the prompt on.
    fn open(&self, found: &Match<KvSpan>, run: BlockId) -> Result<RunReader, Miss> {
        let reader = self.store.read(run)?;
        let mut at = 0;
        for found in &found.blocks {
            let block = &found.block;
            if **reader.scope() != **block.scope() {
                return Err(Miss::Foreign("setting"));
            }
            // Blocks behind the end of the run are none of its business.
            let own = reader.all_tokens().get(at..block.end());
            let in_run = block.slot().filter(|slot| slot.run == run);
            if own.is_some_and(|own| own != block.tokens()) && at < reader.start()
                || in_run.is_some() && own != Some(block.tokens())
            {
                return Err(Miss::Foreign("prompt"));
            }
            if in_run.is_some_and(|slot| reader.start() + slot.offset as usize != block.start()) {
                return Err(Miss::Foreign("place in the prompt"));
            }
            at = block.end();
        }
        Ok(reader)
    }

    /// Loads the blocks of a match that lie in one run; returns their tokens.
    fn load_run(&self, found: &mut Match<KvSpan>, run: BlockId) -> Result<usize, Miss> {
        let reader = self.open(found, run)?;
        let sizes: Vec<usize> = reader.blocks().iter().map(|block| block.tokens).collect();
        let spans = match reader.dtype() {
            Dtype::F32 => reader.split::<f32>(&sizes, self.options.threads)?,
            Dtype::Bf16 => reader.split::<bf16>(&sizes, self.options.threads)?,
        };
        let mut starts = reader.start();
        let mut tokens = 0;
        for (span, size) in spans.into_iter().zip(sizes) {
            let wants = |found: &&mut Found<KvSpan>| {
                let block = &found.block;
                let here = block.slot().is_some_and(|slot| slot.run == run) && block.payload().is_none();
                here && block.start() == starts && block.tokens().len() == size
            };
            if let Some(found) = found.blocks.iter_mut().find(wants) {
                tokens += found.used;
                found.block = self.promote(&found.block, span);
            }
            starts += size;
        }
        // What was found in no place of the file would be asked for again and again.
        if tokens == 0 { Err(Miss::Foreign("blocks")) } else { Ok(tokens) }
    }

    fn promote(&self, block: &Registered<KvSpan>, span: KvSpan) -> Registered<KvSpan> {
        match self.cache.promote(block, span) {
            Ok(promoted) => promoted,
            // A stale one is cut off by the caller.
            Err(refused) => {
                if let WhyRefused::NoRoom { bytes } = refused.why {
                    tracing::debug!(bytes, "no room to keep a loaded block");
                }
                self.cache.lend(block, refused.payload)
            }
        }
    }
}
