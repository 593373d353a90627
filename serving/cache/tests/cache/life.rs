//! One story each: building, copying tails, refusing what came too late, telling readers.

use std::sync::Arc;

use cubelog_cache::logical::*;

use crate::common::*;

fn nothing(_: std::ops::Range<usize>) -> Origin {
    Origin::default()
}

#[test]
fn a_block_is_found_only_when_it_is_registered() {
    let (cache, scope) = (Cache::new(options(4, 1 << 20)), scope("acme"));
    let mut building = cache.begin(cache.fence(), &scope, None).unwrap();
    building.push(&[1, 2, 3, 4], &Origin::default()).unwrap();
    assert!(matches!(building.push(&[5], &Origin::default()), Err(NotBuilt::Full { tokens: 5, block_tokens: 4 })));
    assert_eq!(cache.lookup(&scope, &[1, 2, 3, 4], at(0)).tokens(), 0);
    let complete = building.complete(Prefix { tokens: vec![1, 2, 3, 4], bytes: 40 }, 400).unwrap();
    assert_eq!(cache.lookup(&scope, &[1, 2, 3, 4], at(0)).tokens(), 0);
    cache.register(complete, at(0)).unwrap();
    assert_eq!(cache.lookup(&scope, &[1, 2, 3, 4], at(0)).tokens(), 4);
    assert_eq!(cache.lookup(&scope, &[1, 2, 9], at(0)).tokens(), 2);
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.tokens_asked, stats.tokens_reused), (2, 2, 15, 6));
    assert_eq!(stats.saved_micros, 400 + 200);
}

#[test]
fn a_tail_is_copied_and_stays() {
    let (cache, scope) = (Cache::new(options(4, 1 << 20)), scope("acme"));
    let tail = insert(&cache, &scope, &[1, 2, 3, 4, 5, 6], at(0), &nothing).unwrap().pop().unwrap();
    assert_eq!(tail.tokens(), [5, 6]);
    insert(&cache, &scope, &[1, 2, 3, 4, 5, 6, 7], at(1), &nothing).unwrap();
    insert(&cache, &scope, &[1, 2, 3, 4, 5, 9], at(2), &nothing).unwrap();
    assert_eq!(tail.tokens(), [5, 6], "immutable");
    assert_eq!(tail.payload().unwrap().tokens, [1, 2, 3, 4, 5, 6]);
    assert_eq!(cache.stats().blocks, 4);
    for (prompt, found) in
        [(&[1, 2, 3, 4, 5, 6, 7, 8][..], 7), (&[1, 2, 3, 4, 5, 6, 8], 6), (&[1, 2, 3, 4, 5, 9, 9], 6), (&[1, 2, 3, 5], 3)]
    {
        let matched = cache.lookup(&scope, prompt, at(3));
        check(&matched, prompt, 4);
        assert_eq!(matched.tokens(), found);
    }
    let whole = cache.peek(&scope, &[1, 2, 3, 4]).blocks.remove(0).block;
    assert!(matches!(cache.begin(cache.fence(), &scope, Some(&tail)), Err(NotBuilt::ParentNotWhole { tokens: 2, .. })));
    assert!(matches!(cache.extend(cache.fence(), &whole, 4, None), Err(NotBuilt::NothingToExtend { .. })));
    assert!(matches!(cache.extend(cache.fence(), &tail, 1, None), Err(NotBuilt::NothingToExtend { .. })));
}

#[test]
fn nothing_is_shared_beyond_tenant_and_setting() {
    let cache = Cache::new(options(4, 1 << 20));
    let prompt = [1, 2, 3, 4, 5];
    insert(&cache, &scope("acme"), &prompt, at(0), &nothing).unwrap();
    let mut others = vec![Scope { tenant: tenant("bell"), setting: setting() }];
    let changes: [fn(&mut Setting); 8] = [
        |setting| setting.model.0[31] ^= 1,
        |setting| setting.tokenizer.0[0] ^= 1,
        |setting| setting.template.0[0] ^= 1,
        |setting| *setting = setting.clone().wearing([Adapter { module: module(1), artefact: setting.model, strength: 0 }]),
        |setting| setting.rope = Rope::new(10_001.0, "none"),
        |setting| setting.dtype = Dtype::Bf16,
        |setting| setting.coding = Coding::Exact,
        |setting| setting.steering = Some(setting.model),
    ];
    for change in changes {
        let mut other = setting();
        change(&mut other);
        assert_ne!(other.digest(), setting().digest());
        assert!(other.difference(&setting()).is_some());
        others.push(Scope { tenant: tenant("acme"), setting: other });
    }
    for other in &others {
        assert_eq!(cache.lookup(other, &prompt, at(1)).tokens(), 0, "{other:?}");
    }
    assert_eq!(cache.lookup(&scope("acme"), &prompt, at(1)).tokens(), 5);
    let block = cache.peek(&scope("acme"), &prompt).blocks.remove(0).block;
    let refused = cache.begin(cache.fence(), &scope("bell"), Some(&block));
    assert!(matches!(refused, Err(NotBuilt::OtherScope)));
}

#[test]
fn what_was_invalidated_while_it_was_built_is_refused() {
    let targets = [
        Target::Version(version(1, 1)),
        Target::Memory(version(1, 1).memory),
        Target::Subject(subject("ada")),
        Target::Tenant(tenant("acme")),
        Target::Everything,
    ];
    for target in targets {
        let (cache, scope) = (Cache::new(options(4, 1 << 20)), scope("acme"));
        let build = |fence| {
            let mut building = cache.begin(fence, &scope, None).unwrap();
            building.push(&[1, 2], &origin(&[version(1, 1)], &["ada"])).unwrap();
            building.complete(Prefix { tokens: vec![1, 2], bytes: 20 }, 1).unwrap()
        };
        let fence = cache.fence();
        cache.invalidate(&target);
        let refused = cache.register(build(fence), at(0)).unwrap_err();
        assert!(matches!(refused.why, WhyRefused::Stale(_)), "{target:?}");
        assert_eq!(refused.payload.tokens, [1, 2], "the builder keeps its numbers");
        // Whoever reads the memories after the invalidation builds what holds.
        cache.register(build(cache.fence()), at(0)).unwrap();
        let others = [
            Target::Version(version(1, 2)),
            Target::Memory(version(2, 1).memory),
            Target::Subject(subject("bob")),
            Target::Module(module(1)),
        ];
        let fence = cache.fence();
        others.iter().for_each(|other| assert_eq!(cache.invalidate(other).blocks, 0));
        cache.register(build(fence), at(0)).unwrap();
        assert_eq!(cache.stats().duplicates, 1);
    }
}

#[test]
fn a_fence_older_than_what_is_remembered_is_refused() {
    let cache = Cache::new(CacheOptions { fences: 3, ..options(4, 1 << 20) });
    let scope = scope("acme");
    let old = cache.fence();
    for n in 0..4 {
        cache.invalidate(&Target::Memory(version(n, 1).memory));
    }
    let mut building = cache.begin(old, &scope, None).unwrap();
    building.push(&[1], &Origin::default()).unwrap();
    let complete = building.complete(Prefix { tokens: vec![1], bytes: 1 }, 1).unwrap();
    assert_eq!(cache.register(complete, at(0)).unwrap_err().why, WhyRefused::FenceTooOld);
}

#[test]
fn an_invalidated_block_takes_what_follows_and_its_readers_are_told() {
    let (cache, scope) = (Cache::new(options(2, 1 << 20)), scope("acme"));
    let about = |range: std::ops::Range<usize>| origin(&[version(range.start as u8 / 2, 1)], &[]);
    let prompt: Vec<Token> = (0..8).collect();
    insert(&cache, &scope, &prompt, at(0), &about).unwrap();
    let reader = cache.lookup(&scope, &prompt, at(1));
    let child = reader.blocks[3].block.clone();
    assert_eq!(reader.stale(), None);
    let done = cache.invalidate(&Target::Version(version(1, 1)));
    assert_eq!((done.blocks, done.tokens, done.bytes), (3, 6, 60));
    assert_eq!(reader.stale(), Some(StaleBy::Revision));
    assert_eq!(reader.blocks[0].block.stale(), None, "what precedes still holds");
    assert_eq!(cache.lookup(&scope, &prompt, at(2)).tokens(), 2);
    assert_eq!(cache.stats().alive_bytes, 80, "the reader may finish its step on numbers that are there");
    assert_eq!(cache.stats().ram_bytes, 20);
    drop(reader);
    assert_eq!(cache.stats().alive_bytes, 40);
    // Nothing can be built on it either.
    let mut building = cache.begin(cache.fence(), &scope, Some(&child)).unwrap();
    building.push(&[9], &Origin::default()).unwrap();
    let refused = cache.register(building.complete(Prefix { tokens: vec![9], bytes: 1 }, 1).unwrap(), at(3));
    assert_eq!(refused.unwrap_err().why, WhyRefused::Stale(StaleBy::Revision));
    cache.audit().unwrap();
}

#[test]
fn a_panic_under_the_lock_empties_the_cache_and_no_more() {
    struct Bomb;
    impl Payload for Bomb {
        fn bytes(&self) -> u64 {
            panic!("asked under the lock")
        }
    }
    let (cache, scope) = (Arc::new(Cache::new(options(4, 1 << 20))), scope("acme"));
    let mut building = cache.begin(cache.fence(), &scope, None).unwrap();
    building.push(&[1], &Origin::default()).unwrap();
    let complete = building.complete(Bomb, 1).unwrap();
    let other = Arc::clone(&cache);
    assert!(std::thread::spawn(move || other.register(complete, at(0)).is_ok()).join().is_err());
    assert_eq!(cache.lookup(&scope, &[1], at(1)).tokens(), 0);
    cache.audit().unwrap();
}
