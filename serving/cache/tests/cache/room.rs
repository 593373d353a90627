//! What goes when room is needed, and what stays.

use cubelog_cache::logical::*;
use cubelog_memory::BlockId;

use crate::common::*;

fn nothing(_: std::ops::Range<usize>) -> Origin {
    Origin::default()
}

fn run(n: u8) -> BlockId {
    BlockId::from_bytes([n; 16])
}

/// One block of four tokens with a cost and a priority, 40 bytes.
fn block(cache: &Cache<Prefix>, first: Token, cost: u64, priority: f32, now: i64) -> Registered<Prefix> {
    let tokens = [first, 0, 0, 0];
    let mut building = cache.begin(cache.fence(), &scope("acme"), None).unwrap();
    building.push(&tokens, &Origin::default()).unwrap();
    building.priority(priority);
    let payload = Prefix { tokens: tokens.to_vec(), bytes: 40 };
    cache.register(building.complete(payload, cost).unwrap(), at(now)).unwrap()
}

fn there(cache: &Cache<Prefix>, firsts: &[Token]) -> Vec<Token> {
    firsts.iter().copied().filter(|first| cache.peek(&scope("acme"), &[*first, 0, 0, 0]).tokens() == 4).collect()
}

#[test]
fn the_cheap_the_unimportant_and_the_unused_go_first() {
    let cache = Cache::new(options(4, 160));
    block(&cache, 1, 1_000, 1.0, 0);
    block(&cache, 2, 10, 1.0, 0);
    block(&cache, 3, 1_000, 0.1, 0);
    block(&cache, 4, 1_000, 1.0, 0);
    cache.lookup(&scope("acme"), &[4, 0, 0, 0], at(1));
    let mut left = vec![vec![1, 3, 4, 5], vec![1, 4, 5, 6], vec![4, 5, 6, 7]].into_iter();
    for first in 5..8 {
        block(&cache, first, 1_500, 1.0, 2);
        assert_eq!(Some(there(&cache, &[1, 2, 3, 4, 5, 6, 7])), left.next());
    }
    let stats = cache.stats();
    assert_eq!((stats.ram_evictions, stats.ram_evicted_bytes, stats.ram_bytes), (3, 120, 160));
}

#[test]
fn what_was_hot_long_ago_gives_way() {
    let cache = Cache::new(options(4, 80));
    block(&cache, 1, 1_000, 1.0, 0);
    for now in 1..20 {
        cache.lookup(&scope("acme"), &[1, 0, 0, 0], at(now));
    }
    for first in 10..60 {
        block(&cache, first, 1_000, 1.0, 100);
    }
    assert_eq!(there(&cache, &[1]), [] as [Token; 0]);
}

#[test]
fn held_pinned_and_frozen_blocks_stay_and_then_there_is_no_room() {
    let cache = Cache::new(options(4, 120));
    let held = block(&cache, 1, 1, 1.0, 0);
    cache.set_standing(&block(&cache, 2, 1, 1.0, 0), Standing::Pinned).unwrap();
    cache.set_standing(&block(&cache, 3, 1, 1.0, 0), Standing::Frozen).unwrap();
    let mut building = cache.begin(cache.fence(), &scope("acme"), None).unwrap();
    building.push(&[4, 0, 0, 0], &Origin::default()).unwrap();
    let refused =
        cache.register(building.complete(Prefix { tokens: vec![4, 0, 0, 0], bytes: 40 }, 9).unwrap(), at(1)).unwrap_err();
    assert_eq!(refused.why, WhyRefused::NoRoom { bytes: 40 });
    assert_eq!(there(&cache, &[1, 2, 3, 4]), [1, 2, 3]);
    drop(held);
    block(&cache, 4, 1, 1.0, 1);
    assert_eq!(there(&cache, &[1, 2, 3, 4]), [2, 3, 4]);
    let frozen = cache.peek(&scope("acme"), &[3, 0, 0, 0]).blocks.remove(0).block;
    cache.set_standing(&frozen, Standing::Evictable).unwrap();
    drop(frozen);
    block(&cache, 5, 9, 1.0, 1);
    assert_eq!(there(&cache, &[2, 3, 4, 5]).len(), 3);
}

#[test]
fn what_lies_on_disk_leaves_memory_and_can_come_back() {
    let (cache, scope) = (Cache::new(options(4, 160)), scope("acme"));
    let prompt: Vec<Token> = (0..10).collect();
    let last = insert(&cache, &scope, &prompt, at(0), &nothing).unwrap().pop().unwrap();
    let plan = cache.run_to(&last).unwrap();
    assert_eq!((plan.blocks.len(), plan.prefix.len(), plan.tokens()), (3, 0, prompt.clone()));
    cache.landed(&plan, run(1), 25, at(1)).unwrap();
    assert!(cache.run_to(&last).is_none(), "it is there");
    drop((plan, last));
    for first in 100..104 {
        block(&cache, first, 1_000_000, 1.0, 2);
    }
    cache.audit().unwrap();
    let found = cache.lookup(&scope, &prompt, at(3));
    assert_eq!((found.tokens(), found.on_disk().count()), (10, 3));
    assert_eq!(found.blocks[2].block.slot(), Some(Slot { run: run(1), offset: 8 }));
    assert_eq!(cache.stats().tokens_from_disk, 10);
    let back = cache.promote(&found.blocks[0].block, Prefix { tokens: prompt[..4].to_vec(), bytes: 40 }).unwrap();
    assert!(back.payload().is_some());
    drop((found, back));
    // A file that cannot be read costs what lay in it only, and what hangs on that.
    assert_eq!(cache.lost(run(1)), 2);
    assert_eq!(cache.peek(&scope, &prompt).tokens(), 4);
    assert_eq!(cache.take_dropped(), [run(1)]);
    cache.audit().unwrap();
}

#[test]
fn a_full_disk_gives_up_the_run_worth_least_and_never_one_that_others_hang_on() {
    let mut options = options(4, 1 << 20);
    options.budgets.disk_bytes = 100;
    let (cache, scope) = (Cache::new(options), scope("acme"));
    for (n, now) in [(1, 0), (2, 1), (3, 2)] {
        let last = block(&cache, n, 1_000 * u64::from(n), 1.0, now);
        cache.landed(&cache.run_to(&last).unwrap(), run(n as u8), 40, at(now)).unwrap();
    }
    // The last file was held when it came, so that the next pass takes the first.
    assert_eq!(cache.take_dropped(), [run(1)]);
    assert_eq!(there(&cache, &[1, 2, 3]), [1, 2, 3], "all are in memory still");
    assert_eq!((cache.stats().disk_bytes, cache.stats().disk_evictions), (80, 1));
    cache.audit().unwrap();

    // A child in memory only needs its parent's numbers.
    let child = insert(&cache, &scope, &[2, 0, 0, 0, 7], at(5), &nothing).unwrap().pop().unwrap();
    assert_eq!(child.start(), 4);
    cache.audit().unwrap();
}

#[test]
fn restored_files_are_found_and_those_that_cannot_serve_are_refused() {
    let (cache, scope) = (Cache::<Prefix>::new(options(4, 1 << 20)), scope("acme"));
    let prompt: Vec<Token> = (0..10).collect();
    let block = |tokens| RestoredBlock {
        tokens,
        origin: origin(&[version(1, 1)], &["ada"]),
        cost: 100,
        priority: 1.0,
        standing: Standing::Frozen,
    };
    let restore = |id, tokens: &[Token], blocks: &[RestoredBlock]| cache.restore(run(id), 10, &scope, tokens, blocks, at(0));
    assert_eq!(restore(2, &prompt, &[block(2)]), Err(RestoreError::Orphan { start: 8 }));
    assert_eq!(restore(1, &prompt[..8], &[block(5), block(3)]), Err(RestoreError::Misaligned { block_tokens: 4 }));
    assert_eq!(restore(1, &prompt[..8], &[]), Err(RestoreError::Misaligned { block_tokens: 4 }));
    assert_eq!(restore(1, &prompt[..3], &[block(4)]), Err(RestoreError::Misaligned { block_tokens: 4 }));
    restore(1, &prompt[..8], &[block(4), block(4)]).unwrap();
    assert_eq!(restore(1, &prompt[..8], &[block(4), block(4)]), Err(RestoreError::Known));
    assert_eq!(restore(3, &prompt[..8], &[block(4), block(4)]), Err(RestoreError::Duplicate));
    restore(2, &prompt, &[block(2)]).unwrap();
    cache.audit().unwrap();
    assert_eq!(cache.lookup(&scope, &prompt, at(1)).tokens(), 10);
    let done = cache.invalidate(&Target::Subject(subject("ada")));
    assert_eq!((done.blocks, done.runs), (3, 2));
    assert_eq!(cache.take_dropped(), [run(1), run(2)]);
    assert_eq!(cache.lookup(&scope, &prompt, at(2)).tokens(), 0);
    cache.audit().unwrap();
}

#[test]
fn a_run_that_others_hang_on_outlives_them() {
    let mut options = options(4, 1 << 20);
    options.budgets.disk_bytes = 25;
    let (cache, scope) = (Cache::<Prefix>::new(options), scope("acme"));
    let restore = |n, tokens: &[Token], standing| {
        let block = RestoredBlock { tokens: 4, origin: Origin::default(), cost: 100, priority: 1.0, standing };
        cache.restore(run(n), 10, &scope, tokens, &[block], at(i64::from(n))).unwrap();
        cache.audit().unwrap();
        cache.take_dropped()
    };
    let prompt: Vec<Token> = (0..8).collect();
    assert_eq!(restore(1, &prompt[..4], Standing::Evictable), []);
    assert_eq!(restore(2, &prompt, Standing::Frozen), []);
    // The first file is worth least, but a frozen block needs its numbers.
    cache.lookup(&scope, &[9, 9, 9, 9], at(5));
    assert_eq!(restore(3, &[9, 9, 9, 9], Standing::Evictable), [run(3)]);
    assert_eq!(cache.peek(&scope, &prompt).tokens(), 8);
}

#[test]
fn a_file_that_holds_something_invalid_goes_whole_and_what_lies_in_memory_stays() {
    let (cache, scope) = (Cache::new(options(4, 1 << 20)), scope("acme"));
    let prompt: Vec<Token> = (0..12).collect();
    let about = |range: std::ops::Range<usize>| origin(&[version(range.start as u8 / 4, 1)], &[]);
    let last = insert(&cache, &scope, &prompt, at(0), &about).unwrap().pop().unwrap();
    cache.landed(&cache.run_to(&last).unwrap(), run(1), 30, at(1)).unwrap();
    let done = cache.invalidate(&Target::Version(version(1, 1)));
    assert_eq!((done.blocks, done.runs), (2, 1));
    assert_eq!(cache.take_dropped(), [run(1)]);
    let found = cache.peek(&scope, &prompt);
    assert_eq!((found.tokens(), found.blocks[0].block.slot()), (4, None));
    cache.audit().unwrap();
}
