//! The tree against a plain list of prefixes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cubelog_cache::logical::*;
use cubelog_memory::BlockId;
use proptest::prelude::*;

use crate::common::*;

/// Every block that was registered, by scope and by all tokens up to its end; each knows what it and its ancestors hold.
#[derive(Default)]
struct Naive {
    blocks: BTreeMap<(usize, Vec<Token>), Origin>,
}

fn common(one: &[Token], other: &[Token]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

impl Naive {
    fn matched(&self, scope: usize, tokens: &[Token]) -> usize {
        let prefixes = self.blocks.keys().filter(|(other, _)| *other == scope);
        prefixes.map(|(_, prefix)| common(prefix, tokens)).max().unwrap_or(0)
    }

    /// Blocks of `size` tokens are cut from the first token on. What is copied from a tail keeps the origin of the tail.
    fn insert(&mut self, scope: usize, tokens: &[Token], size: usize, about: &dyn Fn(std::ops::Range<usize>) -> Origin) {
        let matched = self.matched(scope, tokens);
        let mut at = matched - matched % size;
        while at < tokens.len() {
            let end = tokens.len().min(at + size);
            if end > matched {
                let mut origin = match self.best_tail(scope, tokens, at, matched) {
                    Some(tail) => {
                        let mut origin = tail;
                        merge(&mut origin, about(matched..end));
                        origin
                    }
                    None => about(at..end),
                };
                if let Some(parent) = self.blocks.get(&(scope, tokens[..at].to_vec())) {
                    merge(&mut origin, parent.clone());
                }
                self.blocks.insert((scope, tokens[..end].to_vec()), origin);
            }
            at = end;
        }
    }

    /// The origin of the block whose first tokens are copied: the neighbour that shares most, the smaller one if both do.
    fn best_tail(&self, scope: usize, tokens: &[Token], at: usize, matched: usize) -> Option<Origin> {
        if matched <= at {
            return None;
        }
        let shares = |prefix: &[Token]| prefix.len() > at && common(prefix, tokens) == matched;
        let candidates = self.blocks.iter().filter(|((other, prefix), _)| *other == scope && shares(prefix));
        let of_block = candidates.filter(|((_, prefix), _)| (prefix.len() - 1) / 4 == at / 4);
        // In the order of tokens, the neighbours of what is asked for.
        let asked = &tokens[..tokens.len().min(at + 4)];
        let (mut before, mut after) = (None, None);
        for ((_, prefix), origin) in of_block {
            if prefix.as_slice() <= asked {
                before = Some(origin.clone());
            } else if after.is_none() {
                after = Some(origin.clone());
            }
        }
        before.or(after)
    }

    fn invalidate(&mut self, scopes: &[Arc<Scope>], target: &Target) {
        self.blocks.retain(|(scope, _), origin| !match target {
            Target::Version(version) => origin.sources.contains(version),
            Target::Memory(memory) => origin.sources.iter().any(|source| source.memory == *memory),
            Target::Subject(subject) => origin.subjects.contains(subject),
            Target::Tenant(tenant) => scopes[*scope].tenant == *tenant,
            Target::Module(module) => scopes[*scope].setting.wears(*module),
            Target::Run(_) => false,
            Target::Everything => true,
        });
    }
}

fn merge(origin: &mut Origin, other: Origin) {
    origin.sources.extend(other.sources);
    origin.subjects.extend(other.subjects);
}

#[derive(Debug, Clone)]
enum Step {
    Insert { scope: usize, tokens: Vec<Token>, source: u8, version: u32 },
    Lookup { scope: usize, tokens: Vec<Token> },
    Invalidate(Target),
}

fn tokens() -> impl Strategy<Value = Vec<Token>> {
    // Few letters, so that prefixes meet.
    proptest::collection::vec(0u32..2, 0..18)
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        4 => (0u8..6, 1u32..3).prop_map(|(memory, number)| Target::Version(version(memory, number))),
        3 => (0u8..6).prop_map(|memory| Target::Memory(version(memory, 1).memory)),
        2 => (0u8..3).prop_map(|who| Target::Subject(subject(["ada", "bob", "cy"][who as usize]))),
        1 => (0u8..2).prop_map(|who| Target::Tenant(tenant(["acme", "bell"][who as usize]))),
        1 => Just(Target::Module(module(9))),
        1 => Just(Target::Everything),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0usize..3, tokens(), 0u8..6, 1u32..3)
            .prop_map(|(scope, tokens, source, version)| Step::Insert { scope, tokens, source, version }),
        5 => (0usize..3, tokens()).prop_map(|(scope, tokens)| Step::Lookup { scope, tokens }),
        2 => target().prop_map(Step::Invalidate),
    ]
}

fn scopes() -> Vec<Arc<Scope>> {
    let wearing = setting().wearing([Adapter { module: module(9), artefact: setting().model, strength: 1.0f32.to_bits() }]);
    vec![scope("acme"), scope("bell"), Arc::new(Scope { tenant: tenant("acme"), setting: wearing })]
}

/// What tokens at these places were made from: memories lie in spans of three tokens, so that blocks hold parts of several.
fn about(source: u8, number: u32) -> impl Fn(std::ops::Range<usize>) -> Origin {
    move |range| {
        let memories = range.start / 3..=(range.end - 1) / 3;
        let mut origin = Origin::default();
        for memory in memories {
            origin.sources.push(version((source + memory as u8) % 6, number));
            origin.subjects.insert(subject(["ada", "bob", "cy"][memory % 3]));
        }
        origin.sources.sort_unstable();
        origin
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_plain_list_of_prefixes_finds(steps in proptest::collection::vec(step(), 1..60)) {
        let scopes = scopes();
        let cache = Cache::new(options(4, 1 << 40));
        let mut naive = Naive::default();
        for (now, step) in steps.into_iter().enumerate() {
            let now = at(now as i64);
            match step {
                Step::Insert { scope, tokens, source, version } => {
                    let about = about(source, version);
                    insert(&cache, &scopes[scope], &tokens, now, &about).unwrap();
                    naive.insert(scope, &tokens, 4, &about);
                }
                Step::Lookup { scope, tokens } => {
                    let found = cache.lookup(&scopes[scope], &tokens, now);
                    check(&found, &tokens, 4);
                    prop_assert_eq!(found.tokens(), naive.matched(scope, &tokens));
                }
                Step::Invalidate(target) => {
                    cache.invalidate(&target);
                    naive.invalidate(&scopes, &target);
                }
            }
            cache.audit().unwrap();
            prop_assert_eq!(cache.stats().blocks as usize, naive.blocks.len());
        }
    }

    #[test]
    fn with_little_room_it_finds_less_but_nothing_else(
        steps in proptest::collection::vec(step(), 1..80),
        room in 40u64..600,
        disk in 20u64..200,
        keep in proptest::collection::vec((0usize..80, 0u8..6), 0..20),
    ) {
        let scopes = scopes();
        let mut options = options(4, room);
        options.budgets.disk_bytes = disk;
        let cache = Cache::new(options);
        let mut files = BTreeSet::new();
        let mut naive = Naive::default();
        let mut held = Vec::new();
        for (index, step) in steps.into_iter().enumerate() {
            let invalidated = matches!(step, Step::Invalidate(_));
            let now = at(index as i64 * 1_000);
            match step {
                Step::Insert { scope, tokens, source, version } => {
                    let about = about(source, version);
                    let asked = tokens.clone();
                    // What the model holds is a superset: blocks that were evicted come back with other origins.
                    let kept = insert(&cache, &scopes[scope], &tokens, now, &about);
                    if let (Ok(kept), Some((_, how))) = (&kept, keep.iter().find(|(at, _)| *at == index)) {
                        match how {
                            0 => held.extend(kept.iter().filter_map(|block| Some((block.clone(), asked.get(..block.end())?.to_vec())))),
                            1 => kept.iter().for_each(|block| cache.set_standing(block, Standing::Frozen).unwrap()),
                            2 => kept.iter().for_each(|block| cache.set_standing(block, Standing::Pinned).unwrap()),
                            _ => {
                                let Some(run) = kept.last().and_then(|last| cache.run_to(last)) else { continue };
                                let id = BlockId::from_bytes([index as u8; 16]);
                                cache.landed(&run, id, 3 * run.blocks.len() as u64, now).unwrap();
                                prop_assert!(files.insert(id));
                            }
                        }
                    }
                    naive.blocks.insert((scope, tokens), Origin::default());
                }
                Step::Lookup { scope, tokens } => {
                    let found = cache.lookup(&scopes[scope], &tokens, now);
                    check(&found, &tokens, 4);
                    prop_assert!(found.tokens() <= naive.matched(scope, &tokens));
                }
                Step::Invalidate(target) => {
                    cache.invalidate(&target);
                    for (scope, reached) in scopes.iter().enumerate() {
                        let whole = matches!(&target, Target::Everything)
                            || matches!(&target, Target::Tenant(tenant) if reached.tenant == *tenant)
                            || matches!(&target, Target::Module(module) if reached.setting.wears(*module));
                        if whole {
                            naive.blocks.retain(|(other, _), _| *other != scope);
                        }
                    }
                }
            }
            for id in cache.take_dropped() {
                prop_assert!(files.remove(&id), "a file is to be removed twice");
            }
            prop_assert_eq!(files.len() as u64, cache.stats().runs);
            cache.audit().unwrap();
            // A file goes when something in it is invalidated, and with it what was found there only or hangs on that.
            held.retain(|(block, tokens)| {
                let there = block.stale().is_none() && cache.peek(block.scope(), tokens).tokens() == tokens.len();
                assert!(there || invalidated, "a held block was evicted");
                there
            });
        }
    }

    #[test]
    fn the_same_steps_leave_the_same_cache(steps in proptest::collection::vec(step(), 1..80), room in 40u64..400) {
        let scopes = scopes();
        // Hash tables of two caches are in different orders, and nothing may depend on that.
        let caches = [(); 2].map(|()| Cache::new(options(4, room)));
        for (index, step) in steps.into_iter().enumerate() {
            let now = at(index as i64 * 1_000);
            let seen = caches.each_ref().map(|cache| match &step {
                Step::Insert { scope, tokens, source, version } => {
                    let kept = insert(cache, &scopes[*scope], tokens, now, &about(*source, *version));
                    (kept.map(|kept| kept.len()), Invalidated::default())
                }
                Step::Lookup { scope, tokens } => (Ok(cache.lookup(&scopes[*scope], tokens, now).tokens()), Invalidated::default()),
                Step::Invalidate(target) => (Ok(0), cache.invalidate(target)),
            });
            prop_assert_eq!(seen[0], seen[1]);
        }
        prop_assert_eq!(caches[0].stats(), caches[1].stats());
    }
}
