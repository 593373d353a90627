//! Memory and disk as one cache.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cubelog_cache::logical::*;
use cubelog_cache::physical::*;
use cubelog_cache::tiers::*;
use cubelog_keyring::Keyring;
use cubelog_memory::{BlockId, CubeKey, CubeName};

use crate::common::*;
use crate::files::id;

struct Both {
    dir: tempfile::TempDir,
    keyring: Arc<Keyring>,
    tiers: Tiers,
}

/// Bytes of a block of four tokens.
const BLOCK: u64 = 3 * 2 * 2 * 4 * 8 * 4;

fn tier_options(ram_bytes: u64) -> TierOptions {
    TierOptions { cache: options(4, ram_bytes), threads: 2, demote_above_bytes: ram_bytes / 2 }
}

fn both(ram_bytes: u64) -> Both {
    let Disk { dir, keyring, store } = disk();
    Both { dir, keyring, tiers: Tiers::new(store, tier_options(ram_bytes)) }
}

impl Both {
    fn kv(&self) -> PathBuf {
        self.dir.path().join("kv")
    }
    fn file(&self, id: BlockId) -> PathBuf {
        self.kv().join(format!("{id}.kv"))
    }
    /// As a next process would find it.
    fn again(&self) -> Tiers {
        Tiers::new(Store::open(self.kv(), Arc::clone(&self.keyring)).unwrap(), tier_options(1 << 30))
    }
    fn files(&self) -> usize {
        std::fs::read_dir(self.kv()).unwrap().count()
    }
}

fn exact(name: &str) -> Arc<Scope> {
    Arc::new(Scope { tenant: tenant(name), setting: Setting { coding: Coding::Exact, ..setting() } })
}

fn all(_: &Scope, _: &Origin) -> bool {
    true
}

/// The numbers of a loaded match, one layer after the other.
fn joined(found: &Match<KvSpan>) -> Vec<f32> {
    let spans = found.spans().unwrap();
    (0..SMALL.layers).flat_map(|layer| join_layer::<f32>(&spans, SMALL, layer).unwrap()).collect()
}

#[test]
fn what_left_memory_comes_back_from_disk_bit_for_bit() {
    let both = both(5 * BLOCK);
    let scope = exact("acme");
    let tokens: Vec<Token> = (0..18).collect();
    let (blocks, whole) = spans(both.tiers.cache(), &scope, SMALL, &tokens, &["ada"]);
    let written = both.tiers.persist(blocks.last().unwrap(), id(1), at(1)).unwrap().unwrap();
    assert_eq!(both.tiers.persist(blocks.last().unwrap(), id(2), at(1)).unwrap(), None);
    drop(blocks);
    // Another prompt needs the room.
    let others: Vec<Token> = (100..120).collect();
    drop(spans(both.tiers.cache(), &exact("bell"), SMALL, &others, &[]));
    let found = both.tiers.lookup(&scope, &tokens, at(2));
    assert!(found.tokens() == 18 && found.on_disk().count() > 2);
    let reader = both.tiers.reader(&found, 0).unwrap().unwrap();
    assert_eq!(reader.bytes(), written.bytes);
    assert_eq!(reader.layers::<f32>(2).unwrap().map(Result::unwrap).collect::<Vec<_>>().concat(), plain(&whole));
    let loaded = both.tiers.load(found);
    assert!(loaded.misses.is_empty() && loaded.from_disk > 8);
    assert_eq!(joined(&loaded.found), plain(&whole));
    both.tiers.cache().audit().unwrap();
    let part = both.tiers.lookup(&scope, &tokens[..7], at(3));
    assert_eq!(joined(&both.tiers.load(part).found), plain(&whole.first(7).unwrap()));
}

#[test]
fn with_no_room_in_memory_loaded_numbers_serve_who_asked() {
    let both = both(6 * BLOCK);
    let scope = exact("acme");
    let tokens: Vec<Token> = (0..16).collect();
    let (blocks, whole) = spans(both.tiers.cache(), &scope, SMALL, &tokens, &[]);
    both.tiers.persist(blocks.last().unwrap(), id(1), at(1)).unwrap();
    drop(blocks);
    let (hog, _) = spans(both.tiers.cache(), &exact("bell"), SMALL, &(50..74).collect::<Vec<_>>(), &[]);
    let loaded = both.tiers.load(both.tiers.lookup(&scope, &tokens, at(2)));
    assert_eq!(joined(&loaded.found), plain(&whole));
    let stats = both.tiers.stats();
    assert_eq!((stats.ram_bytes, stats.alive_bytes), (6 * BLOCK, 10 * BLOCK));
    drop(loaded);
    assert_eq!(both.tiers.stats().alive_bytes, 6 * BLOCK);
    drop(hog);
    assert_eq!(both.tiers.prefetch(&scope, &tokens), 16, "now there is");
    assert_eq!(both.tiers.lookup(&scope, &tokens, at(3)).on_disk().count(), 0);
}

#[test]
fn a_next_process_finds_the_files_and_what_was_revised_meanwhile_is_gone() {
    let both = both(1 << 30);
    let scope = exact("acme");
    let tokens: Vec<Token> = (0..18).collect();
    let (blocks, whole) = spans(both.tiers.cache(), &scope, SMALL, &tokens, &["ada"]);
    both.tiers.freeze(&blocks[1], id(9), at(1)).unwrap().unwrap();
    both.tiers.persist(blocks.last().unwrap(), id(2), at(1)).unwrap().unwrap();
    let next = both.again();
    let restored = next.restore(at(2), &all).unwrap();
    assert_eq!((restored.runs, restored.tokens, restored.removed.len()), (2, 18, 0));
    assert_eq!(joined(&next.load(next.lookup(&scope, &tokens, at(3))).found), plain(&whole));
    assert_eq!(next.lookup(&exact("bell"), &tokens, at(3)).tokens(), 0);

    // Nobody removes the second file without the first, but somebody may remove the first by hand.
    std::fs::remove_file(both.file(id(9))).unwrap();
    let orphan = both.again().restore(at(4), &all).unwrap();
    assert_eq!((orphan.runs, orphan.removed.len()), (0, 1));
    assert!(orphan.removed[0].1.contains("before token 8"), "{orphan:?}");
    assert_eq!(both.files(), 0);

    let (blocks, _) = spans(next.cache(), &exact("cord"), SMALL, &tokens, &[]);
    next.persist(blocks.last().unwrap(), id(3), at(5)).unwrap().unwrap();
    let revised = both.again().restore(at(6), &|_, origin| !origin.sources.contains(&version(1, 1))).unwrap();
    assert_eq!((revised.runs, revised.removed.len(), both.files()), (0, 1, 0));
}

#[test]
fn damage_costs_the_run_and_no_more() {
    let both = both(1 << 30);
    let scope = exact("acme");
    let tokens: Vec<Token> = (0..18).collect();
    let (blocks, whole) = spans(both.tiers.cache(), &scope, SMALL, &tokens, &[]);
    both.tiers.persist(&blocks[1], id(1), at(1)).unwrap().unwrap();
    both.tiers.persist(blocks.last().unwrap(), id(2), at(1)).unwrap().unwrap();
    let next = both.again();
    assert_eq!(next.restore(at(2), &all).unwrap().runs, 2);
    let mut bytes = std::fs::read(both.file(id(2))).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(both.file(id(2)), bytes).unwrap();
    let loaded = next.load(next.lookup(&scope, &tokens, at(3)));
    assert_eq!(loaded.found.tokens(), 8);
    assert_eq!(joined(&loaded.found), plain(&whole.first(8).unwrap()));
    assert!(matches!(loaded.misses[..], [(run, Miss::Damaged(_))] if run == id(2)));
    assert_eq!((next.lookup(&scope, &tokens, at(4)).tokens(), both.files(), next.stats().lost_runs), (8, 1, 1));
    next.cache().audit().unwrap();
    // And it is built anew.
    drop(loaded);
    let parent = next.lookup(&scope, &tokens, at(5)).parent(4).cloned();
    let mut building = next.cache().begin(next.cache().fence(), &scope, parent.as_ref()).unwrap();
    building.push(&tokens[8..12], &Origin::default()).unwrap();
    let block = next.cache().register(building.complete(whole.slice(8, 4).unwrap(), 1).unwrap(), at(6)).unwrap();
    next.persist(&block, id(3), at(6)).unwrap().unwrap();
    assert_eq!(next.lookup(&scope, &tokens, at(7)).tokens(), 12);
}

#[test]
fn an_erased_subject_leaves_no_file_and_no_block() {
    let both = both(1 << 30);
    let scope = exact("acme");
    let (first, _) = spans(both.tiers.cache(), &scope, SMALL, &[1, 2, 3, 4], &["ada"]);
    let mut building = both.tiers.cache().begin(both.tiers.cache().fence(), &scope, first.last()).unwrap();
    building.push(&[5, 6, 7, 8], &origin(&[], &["bob"])).unwrap();
    let span = KvSpan::new(SMALL, 4, Numbers::F32(numbers(SMALL, 4, 2))).unwrap();
    let second = both.tiers.cache().register(building.complete(span, 1).unwrap(), at(0)).unwrap();
    both.tiers.persist(&first[0], id(1), at(1)).unwrap().unwrap();
    both.tiers.persist(&second, id(2), at(1)).unwrap().unwrap();
    // The second file is about bob, but what was computed there depends on what ada said before.
    assert_eq!(both.tiers.store().about(&subject("ada")).unwrap(), [id(1), id(2)]);
    assert_eq!(both.tiers.store().about(&subject("bob")).unwrap(), [id(2)]);
    both.keyring.destroy([&subject("ada")]).unwrap();
    assert!(matches!(both.tiers.store().read(id(2)), Err(Miss::Erased)));
    let done = both.tiers.invalidate(&Target::Subject(subject("ada"))).unwrap();
    assert_eq!((done.blocks, done.runs, both.files()), (2, 2, 0));
    assert_eq!(second.stale(), Some(StaleBy::Erasure));
    assert_eq!(both.tiers.lookup(&scope, &[1, 2, 3, 4], at(2)).tokens(), 0);

    // A file that no tree knows goes too.
    let (blocks, _) = spans(both.tiers.cache(), &scope, SMALL, &[1, 2, 3, 4], &["ada"]);
    both.tiers.persist(&blocks[0], id(3), at(3)).unwrap().unwrap();
    both.again().invalidate(&Target::Subject(subject("ada"))).unwrap();
    assert_eq!(both.files(), 0);
}

#[test]
fn a_run_is_dropped_by_name_from_memory_and_disk() {
    let both = both(1 << 30);
    let scope = exact("acme");
    let tokens: Vec<Token> = (0..12).collect();
    let (blocks, _) = spans(both.tiers.cache(), &scope, SMALL, &tokens, &[]);
    both.tiers.persist(&blocks[0], id(1), at(1)).unwrap().unwrap();
    both.tiers.persist(&blocks[1], id(2), at(1)).unwrap().unwrap();
    let done = both.tiers.invalidate(&Target::Run(id(2))).unwrap();
    assert_eq!((done.blocks, done.runs), (2, 1), "with what hangs on it");
    assert_eq!(both.tiers.lookup(&scope, &tokens, at(2)).tokens(), 4);
    assert_eq!(both.tiers.store().list().unwrap(), [id(1)]);
    assert_eq!(both.tiers.invalidate(&Target::Run(id(7))).unwrap(), Invalidated::default());
}

#[test]
fn a_full_memory_is_demoted_before_it_is_evicted() {
    let both = both(8 * BLOCK);
    let scope = exact("acme");
    let mut next = 0;
    let mut ids = || {
        next += 1;
        id(next)
    };
    let prompts: Vec<Vec<Token>> = (0..4u32).map(|n| (n * 100..n * 100 + 8).collect()).collect();
    for prompt in &prompts[..2] {
        drop(spans(both.tiers.cache(), &scope, SMALL, prompt, &[]));
    }
    assert_eq!(both.tiers.demote(9, &mut ids, at(1)).unwrap(), 0, "half full is not full");
    for prompt in &prompts[2..] {
        drop(spans(both.tiers.cache(), &scope, SMALL, prompt, &[]));
    }
    assert_eq!(both.tiers.demote(3, &mut ids, at(2)).unwrap(), 3);
    assert_eq!(both.tiers.demote(9, &mut ids, at(2)).unwrap(), 1);
    drop(spans(both.tiers.cache(), &scope, SMALL, &(900..932).collect::<Vec<_>>(), &[]));
    for prompt in &prompts {
        assert_eq!(both.tiers.lookup(&scope, prompt, at(3)).tokens(), 8, "nothing was lost");
    }
    assert_eq!((both.files(), both.tiers.stats().runs), (4, 4));
    both.tiers.cache().audit().unwrap();
}

#[test]
fn a_cube_is_carried_with_its_blocks_and_refused_in_another_setting() {
    let from = both(1 << 30);
    let scope = exact("acme");
    let cube = |tenant_name: &str| CubeKey::new(tenant(tenant_name), CubeName::new("home").unwrap());
    let span = KvSpan::new(SMALL, 8, Numbers::F32(numbers(SMALL, 8, 5))).unwrap();
    let mut parent: Option<Registered<KvSpan>> = None;
    // A system prompt of no cube, then a memory of the cube.
    for (start, cubes) in [(0, BTreeSet::new()), (4, BTreeSet::from([cube("acme")]))] {
        let cache = from.tiers.cache();
        let mut building = cache.begin(cache.fence(), &scope, parent.as_ref()).unwrap();
        let sources = if cubes.is_empty() { Vec::new() } else { vec![version(1, 1)] };
        let origin = Origin { cubes, sources, subjects: BTreeSet::from([subject("ada")]) };
        building.push(&[start, start + 1, start + 2, start + 3], &origin).unwrap();
        let payload = span.slice(start as usize, 4).unwrap();
        parent = Some(cache.register(building.complete(payload, 100).unwrap(), at(0)).unwrap());
        from.tiers.persist(parent.as_ref().unwrap(), id(start as u8 + 1), at(0)).unwrap().unwrap();
    }
    drop(spans(from.tiers.cache(), &exact("bell"), SMALL, &[9, 9, 9], &[]));
    let path = from.dir.path().join("cube.kvx");
    let secret = [7; 32];
    let mut next = 100;
    let mut ids = || {
        next += 1;
        id(next)
    };
    let out = from.tiers.export(&cube("acme"), &scope.setting, &secret, &path, &mut ids, at(1)).unwrap();
    assert_eq!((out.runs, out.mixed), (2, 0));
    assert!(from.tiers.store().export(&[], &secret, &path).is_err(), "no file is overwritten");

    let to = both(1 << 30);
    let adopt = |origin: &Origin| {
        let rename = |other: &CubeKey| CubeKey::new(tenant("dune"), other.cube.clone());
        Some(Origin {
            cubes: origin.cubes.iter().map(rename).collect(),
            subjects: BTreeSet::from([subject("adele")]),
            ..origin.clone()
        })
    };
    let mut other = scope.setting.clone();
    other.rope = Rope::new(500_000.0, "none");
    let refused = to.tiers.import(&path, &secret, &tenant("dune"), &other, &adopt, &mut ids, &all, at(2));
    assert!(matches!(refused, Err(CarryError::OtherSetting { field: "rope" })));
    let wrong = to.tiers.import(&path, &[8; 32], &tenant("dune"), &scope.setting, &adopt, &mut ids, &all, at(2));
    assert!(matches!(wrong, Err(CarryError::Sealed { .. })));
    let bytes = std::fs::read(&path).unwrap();
    let altered = from.dir.path().join("altered.kvx");
    for place in (0..bytes.len()).step_by(11) {
        let mut flipped = bytes.clone();
        flipped[place] ^= 4;
        std::fs::write(&altered, flipped).unwrap();
        let refused = to.tiers.import(&altered, &secret, &tenant("dune"), &scope.setting, &adopt, &mut ids, &all, at(2));
        assert!(refused.is_err(), "byte {place}");
        std::fs::write(&altered, &bytes[..place]).unwrap();
        let refused = to.tiers.import(&altered, &secret, &tenant("dune"), &scope.setting, &adopt, &mut ids, &all, at(2));
        assert!(refused.is_err(), "cut at {place}");
    }
    assert_eq!(to.files(), 0, "nothing half imported");

    let restored = to.tiers.import(&path, &secret, &tenant("dune"), &scope.setting, &adopt, &mut ids, &all, at(3)).unwrap();
    assert_eq!((restored.runs, restored.tokens), (2, 8));
    let found = to.tiers.lookup(&exact("dune"), &[0, 1, 2, 3, 4, 5, 6, 7], at(4));
    assert_eq!(joined(&to.tiers.load(found).found), plain(&span));
    assert_eq!(to.tiers.store().about(&subject("adele")).unwrap().len(), 2);
    assert_eq!(to.tiers.lookup(&scope, &[0, 1, 2, 3], at(4)).tokens(), 0);
}

#[test]
fn files_and_tree_agree_while_threads_load_persist_and_invalidate() {
    let both = both(12 * BLOCK);
    let (scope, done) = (exact("acme"), AtomicBool::new(false));
    let prompts: Vec<Vec<Token>> = (0..6u32).map(|n| (n * 100..n * 100 + 11).collect()).collect();
    let tiers = &both.tiers;
    std::thread::scope(|threads| {
        for thread in 0..2u8 {
            let (scope, done, prompts) = (&scope, &done, &prompts);
            threads.spawn(move || {
                let mut round = 0u32;
                while !done.load(Ordering::Relaxed) {
                    round += 1;
                    let n = (round as usize * 7 + thread as usize) % prompts.len();
                    let tokens = &prompts[n];
                    let whole = KvSpan::new(SMALL, tokens.len(), Numbers::F32(numbers(SMALL, tokens.len(), n as u64))).unwrap();
                    let fence = tiers.cache().fence();
                    let loaded = tiers.load(tiers.lookup(scope, tokens, at(i64::from(round))));
                    if loaded.found.tokens() > 0 {
                        let first = whole.first(loaded.found.tokens()).unwrap();
                        assert_eq!(joined(&loaded.found), plain(&first), "numbers of another prompt");
                    }
                    let mut parent = loaded.found.parent(4).cloned();
                    let mut start = parent.as_ref().map_or(0, Registered::end);
                    while start < tokens.len() {
                        let end = tokens.len().min(start + 4);
                        let mut building = tiers.cache().begin(fence, scope, parent.as_ref()).unwrap();
                        building.push(&tokens[start..end], &origin(&[version(n as u8, 1)], &["ada"])).unwrap();
                        let payload = whole.slice(start, end - start).unwrap();
                        match tiers.cache().register(building.complete(payload, 50).unwrap(), at(i64::from(round))) {
                            Ok(block) => parent = Some(block),
                            Err(_) => break,
                        }
                        start = end;
                    }
                    if let Some(last) = parent {
                        let mut name = [thread; 16];
                        name[..4].copy_from_slice(&round.to_le_bytes());
                        match tiers.persist(&last, BlockId::from_bytes(name), at(i64::from(round))) {
                            Ok(_) | Err(TierError::Refused(_)) => {}
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
        for round in 0..150u32 {
            let reached = version((round % 6) as u8, 1).memory;
            tiers.invalidate(&Target::Memory(reached)).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        done.store(true, Ordering::Relaxed);
    });
    tiers.sweep().unwrap();
    tiers.cache().audit().unwrap();
    assert_eq!(both.files() as u64, tiers.stats().runs, "a file without a run, or the reverse");
    tiers.invalidate(&Target::Everything).unwrap();
    assert_eq!(both.files(), 0);
}
