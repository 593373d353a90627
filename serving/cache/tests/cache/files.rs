//! Runs that come back as they were written, wholly, in layers and in blocks.

use std::sync::Arc;

use cubelog_cache::logical::*;
use cubelog_cache::physical::*;
use cubelog_memory::BlockId;

use crate::common::*;

pub fn id(n: u8) -> BlockId {
    BlockId::from_bytes([n; 16])
}

/// Writes all blocks of a prompt as one run.
pub fn write(disk: &Disk, id: BlockId, cache: &Cache<KvSpan>, last: &Registered<KvSpan>) -> Written {
    let run = cache.run_to(last).unwrap();
    let draft = Draft::of_run(id, &run, Standing::Evictable).unwrap();
    let written = disk.store.write(&draft, &run).unwrap();
    cache.landed(&run, id, written.bytes, at(1)).unwrap();
    written
}

fn near(one: &[f32], other: &[f32], by: f32) {
    assert_eq!(one.len(), other.len());
    assert!(one.iter().zip(other).all(|(one, other)| (one - other).abs() <= by));
}

#[test]
fn every_coding_and_dtype_comes_back() {
    let disk = disk();
    let tokens: Vec<Token> = (0..150).collect();
    for (n, (dtype, coding)) in
        [(Dtype::F32, Coding::Int8), (Dtype::F32, Coding::Exact), (Dtype::Bf16, Coding::Int8), (Dtype::Bf16, Coding::Exact)]
            .into_iter()
            .enumerate()
    {
        let mut setting = setting();
        (setting.dtype, setting.coding) = (dtype, coding);
        let scope = Arc::new(Scope { tenant: tenant("acme"), setting });
        let cache = Cache::new(options(64, 1 << 30));
        let (blocks, whole) = spans(&cache, &scope, SMALL, &tokens, &["ada", "bob"]);
        let id = id(n as u8);
        let written = write(&disk, id, &cache, blocks.last().unwrap());
        let reader = disk.store.read(id).unwrap();
        assert_eq!((reader.bytes(), reader.start(), reader.tokens(), reader.all_tokens()), (written.bytes, 0, 150, &tokens[..]));
        assert_eq!(**reader.scope(), *scope);
        assert_eq!(reader.blocks().iter().map(|block| block.tokens).collect::<Vec<_>>(), [64, 64, 22]);
        assert_eq!(reader.blocks()[0].origin, *blocks[0].origin());
        assert_eq!(disk.store.verify(id).unwrap(), written.bytes);

        let read = |tokens: &[usize], threads| match dtype {
            Dtype::F32 => reader.split::<f32>(tokens, threads).unwrap(),
            Dtype::Bf16 => reader.split::<half::bf16>(tokens, threads).unwrap(),
        };
        let back = read(&[150], 1).remove(0);
        // Sizes go to 17 * 30, so half a scale is about 2.
        near(&plain(&back), &plain(&whole), if coding == Coding::Exact { 0.0 } else { 4.1 });
        for threads in [1, 2, 7] {
            let parts = read(&[64, 64, 22], threads);
            for (part, start) in parts.iter().zip([0, 64, 128]) {
                assert!(*part == back.slice(start, part.tokens()).unwrap());
            }
        }
        if dtype == Dtype::F32 {
            let reader = Arc::new(disk.store.read(id).unwrap());
            let layers: Vec<Vec<f32>> = reader.layers(2).unwrap().map(Result::unwrap).collect();
            assert_eq!(layers.concat(), plain(&back));
            assert!(reader.layers::<f32>(1).unwrap().next().is_some(), "and dropped in the middle");
        }
    }
    assert_eq!(disk.store.list().unwrap(), [id(0), id(1), id(2), id(3)]);
    disk.store.remove(&[id(1), id(9)]).unwrap();
    assert!(matches!(disk.store.read(id(1)), Err(Miss::Absent)));
    assert_eq!(disk.store.list().unwrap(), [id(0), id(2), id(3)]);
}

#[test]
fn spans_are_cut_and_joined_along_tokens() {
    let whole = KvSpan::new(SMALL, 10, Numbers::F32(numbers(SMALL, 10, 3))).unwrap();
    let parts = [whole.first(4).unwrap(), whole.slice(4, 5).unwrap(), whole.slice(9, 1).unwrap()];
    for layer in 0..SMALL.layers {
        let joined = join_layer::<f32>(&parts.each_ref().map(|part| (part, part.tokens())), SMALL, layer).unwrap();
        assert_eq!(joined, whole.layer::<f32>(layer).unwrap());
        let fewer = join_layer::<f32>(&[(&parts[0], 4), (&parts[1], 2)], SMALL, layer).unwrap();
        assert_eq!(fewer, whole.first(6).unwrap().layer::<f32>(layer).unwrap());
    }
    assert!(join_layer::<half::bf16>(&[(&whole, 10)], SMALL, 0).is_none());
    assert!(whole.slice(9, 2).is_none() && whole.first(0).is_none() && whole.slice(usize::MAX, 1).is_none());
    let wrong = KvSpan::new(SMALL, 11, Numbers::F32(numbers(SMALL, 10, 3)));
    assert!(matches!(wrong, Err(ShapeError::Length { wanted: 1_056, .. })));
    let absurd = KvSpan::new(Shape { layers: usize::MAX, ..SMALL }, 11, Numbers::F32(Vec::new()));
    assert!(matches!(absurd, Err(ShapeError::Absurd { .. })));
}

#[test]
fn no_token_and_no_number_lies_in_clear() {
    let disk = disk();
    let cache = Cache::new(options(64, 1 << 30));
    let tokens: Vec<Token> = (0..64).map(|n| 40_000 + n * 7).collect();
    let (blocks, _) = spans(&cache, &scope("acme"), SMALL, &tokens, &["ada"]);
    write(&disk, id(1), &cache, blocks.last().unwrap());
    let bytes = std::fs::read(disk.dir.path().join("kv").join(format!("{}.kv", id(1)))).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    for token in &tokens {
        assert!(!text.contains(&token.to_string()), "token {token}");
        assert!(!bytes.windows(4).any(|window| window == token.to_le_bytes()));
    }
    let names = std::fs::read_dir(disk.dir.path().join("kv")).unwrap().count();
    assert_eq!(names, 1, "nothing unfinished is left");
}

#[test]
fn numbers_that_are_none_are_refused_and_leave_nothing() {
    let disk = disk();
    let (cache, scope) = (Cache::new(options(64, 1 << 30)), scope("acme"));
    let mut bad = numbers(SMALL, 5, 1);
    let last = bad.len() - 1;
    bad[last] = f32::NAN;
    let mut building = cache.begin(cache.fence(), &scope, None).unwrap();
    building.push(&[1, 2, 3, 4, 5], &Origin::default()).unwrap();
    let span = KvSpan::new(SMALL, 5, Numbers::F32(bad)).unwrap();
    let block = cache.register(building.complete(span, 1).unwrap(), at(0)).unwrap();
    let run = cache.run_to(&block).unwrap();
    let draft = Draft::of_run(id(1), &run, Standing::Evictable).unwrap();
    let error = disk.store.write(&draft, &run).unwrap_err();
    assert!(matches!(error, StoreError::NotFinite(NotFinite { half: "values", head: 1, token: 4 })), "{error}");
    assert_eq!(std::fs::read_dir(disk.dir.path().join("kv")).unwrap().count(), 0);
}

#[test]
fn a_run_is_written_once_and_what_a_crash_left_is_cleared() {
    let disk = disk();
    let cache = Cache::new(options(64, 1 << 30));
    let (blocks, _) = spans(&cache, &scope("acme"), SMALL, &[1, 2, 3], &[]);
    let run = cache.run_to(blocks.last().unwrap()).unwrap();
    let draft = Draft::of_run(id(1), &run, Standing::Frozen).unwrap();
    disk.store.write(&draft, &run).unwrap();
    assert!(matches!(disk.store.write(&draft, &run), Err(StoreError::Exists { .. })));
    // About nobody, and readable all the same.
    assert_eq!(disk.store.read(id(1)).unwrap().blocks()[0].standing, Standing::Frozen);
    let dir = disk.dir.path().join("kv");
    std::fs::write(dir.join(format!("{}.kv.part", id(2))), b"half").unwrap();
    std::fs::write(dir.join("notes.txt"), b"not ours").unwrap();
    let again = Store::open(&dir, Arc::clone(&disk.keyring)).unwrap();
    assert_eq!(again.list().unwrap(), [id(1)]);
    let mut names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [format!("{}.kv", id(1)).as_str(), "notes.txt"]);
}
