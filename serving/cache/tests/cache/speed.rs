//! What the cache costs; ignored by default: `cargo test -p cubelog-cache -- --ignored --nocapture speed`.

#![allow(clippy::disallowed_methods, reason = "it measures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use cubelog_cache::logical::*;
use cubelog_cache::physical::*;

use crate::common::*;
use crate::files::id;

/// SmolLM2-135M.
const SMOLLM2: Shape = Shape { layers: 30, kv_heads: 3, head_dim: 64 };
const TOKENS: usize = 6_064;

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = what();
    (result, start.elapsed())
}

#[test]
#[ignore = "measures, decides nothing"]
fn speed_of_lookups_and_inserts() {
    let cache = Cache::new(options(64, 1 << 40));
    let scope = scope("acme");
    let prompts: Vec<Vec<Token>> = (0..200u32)
        .map(|n| (0..TOKENS as u32).map(|token| if token < 3_000 { token } else { token + n * 10_000 }).collect())
        .collect();
    let ((), took) = timed(|| {
        for tokens in &prompts {
            let found = cache.peek(&scope, tokens);
            let mut parent = found.parent(64).cloned();
            let mut at_token = parent.as_ref().map_or(0, Registered::end);
            while at_token < TOKENS {
                let end = TOKENS.min(at_token + 64);
                let mut building = cache.begin(cache.fence(), &scope, parent.as_ref()).unwrap();
                building.push(&tokens[at_token..end], &origin(&[version(1, 1)], &["ada"])).unwrap();
                let payload = Prefix { tokens: Vec::new(), bytes: 64 * 46_080 };
                parent = Some(cache.register(building.complete(payload, 1_000).unwrap(), at(0)).unwrap());
                at_token = end;
            }
        }
    });
    let blocks = cache.stats().blocks;
    println!("register: {blocks} blocks, {:.0} blocks/s", blocks as f64 / took.as_secs_f64());
    let (found, took) =
        timed(|| (0..20_000).map(|n| cache.lookup(&scope, &prompts[n % 200], at(n as i64)).tokens()).sum::<usize>());
    assert_eq!(found, 20_000 * TOKENS);
    println!(
        "lookup of {TOKENS} tokens (95 blocks): {:.1} us, {:.0}/s",
        took.as_secs_f64() * 1e6 / 2e4,
        2e4 / took.as_secs_f64()
    );
    let short: Vec<Token> = (0..512).collect();
    let (_, took) = timed(|| (0..200_000).map(|n| cache.lookup(&scope, &short, at(n)).tokens()).sum::<usize>());
    println!("lookup of 512 tokens: {:.2} us, {:.0}/s", took.as_secs_f64() * 1e6 / 2e5, 2e5 / took.as_secs_f64());
    let (done, took) = timed(|| cache.invalidate(&Target::Memory(version(1, 1).memory)));
    println!("invalidate: {} blocks in {took:?}", done.blocks);
}

#[test]
#[ignore = "measures, decides nothing"]
fn speed_of_6064_tokens_on_disk() {
    for (dtype, coding) in [(Dtype::F32, Coding::Int8), (Dtype::Bf16, Coding::Int8), (Dtype::F32, Coding::Exact)] {
        let disk = disk();
        let mut setting = setting();
        (setting.dtype, setting.coding) = (dtype, coding);
        let scope = Arc::new(Scope { tenant: tenant("acme"), setting });
        let cache = Cache::new(options(64, 1 << 40));
        let tokens: Vec<Token> = (0..TOKENS as u32).collect();
        let (blocks, _) = spans(&cache, &scope, SMOLLM2, &tokens, &["ada"]);
        let run = cache.run_to(blocks.last().unwrap()).unwrap();
        let ram = cache.stats().ram_bytes;

        let draft = Draft::of_run(id(1), &run, Standing::Evictable).unwrap();
        let (written, took) = timed(|| disk.store.write(&draft, &run).unwrap());
        println!(
            "{} {}: in memory {:.1} MB, on disk {:.1} MB ({:.0} B/token); quantise, seal, write, fsync {took:.2?} ({:.0} MB/s of memory)",
            dtype.as_str(),
            coding.as_str(),
            ram as f64 / 1e6,
            written.bytes as f64 / 1e6,
            written.bytes as f64 / TOKENS as f64,
            ram as f64 / 1e6 / took.as_secs_f64()
        );
        let (reader, took) = timed(|| Arc::new(disk.store.read(id(1)).unwrap()));
        println!("  open: {took:.2?}");
        let sizes: Vec<usize> = reader.blocks().iter().map(|block| block.tokens).collect();
        for threads in [1, 2, 1, 2] {
            let (_, whole) = timed(|| match dtype {
                Dtype::F32 => reader.whole::<f32>(threads).unwrap(),
                Dtype::Bf16 => reader.whole::<half::bf16>(threads).unwrap(),
            });
            let (_, split) = timed(|| match dtype {
                Dtype::F32 => reader.split::<f32>(&sizes, threads).unwrap(),
                Dtype::Bf16 => reader.split::<half::bf16>(&sizes, threads).unwrap(),
            });
            println!("  load with {threads} threads: whole {whole:.2?}, in {} blocks {split:.2?}", sizes.len());
        }
        // The file leaves the page cache, so that the next load is one after a start.
        let file = disk.dir.path().join("kv").join(format!("{}.kv", id(1)));
        let dropped =
            std::process::Command::new("dd").arg(format!("if={}", file.display())).args(["iflag=nocache", "count=0"]).status();
        if dropped.is_ok_and(|status| status.success()) {
            let (_, cold) = timed(|| match dtype {
                Dtype::F32 => reader.whole::<f32>(2).unwrap(),
                Dtype::Bf16 => reader.whole::<half::bf16>(2).unwrap(),
            });
            println!("  load with 2 threads, not in the page cache: {cold:.2?}");
        }
        if dtype == Dtype::F32 {
            let mut numbers = vec![0.0f32; reader.layer_shape().numbers()];
            let (_, took) = timed(|| reader.layer(0, &mut numbers).unwrap());
            println!("  one layer: {took:.2?}");
        }
    }
}

#[test]
#[ignore = "measures, decides nothing"]
fn speed_of_quantising() {
    let shape = SMOLLM2.layer(TOKENS);
    let numbers = numbers(Shape { layers: 1, ..SMOLLM2 }, TOKENS, 1);
    let (keys, values) = numbers.split_at(shape.half());
    let (mut codes, mut key_scales, mut value_scales) =
        (vec![0; shape.half()], vec![0.0; shape.key_scales()], vec![0.0; shape.value_scales()]);
    let mut back = vec![0.0f32; shape.half()];
    let rate = |took: Duration| shape.half() as f64 * 4.0 * 50.0 / 1e9 / took.as_secs_f64();
    let (_, took) = timed(|| (0..50).for_each(|_| quantise_keys(keys, shape, &mut codes, &mut key_scales).unwrap()));
    println!("quantise keys: {:.2} GB/s of f32", rate(took));
    let (_, took) = timed(|| (0..50).for_each(|_| dequantise_keys(&codes, &key_scales, shape, &mut back)));
    println!("dequantise keys: {:.2} GB/s of f32", rate(took));
    let (_, took) = timed(|| (0..50).for_each(|_| quantise_values(values, shape, &mut codes, &mut value_scales).unwrap()));
    println!("quantise values: {:.2} GB/s of f32", rate(took));
    let (_, took) = timed(|| (0..50).for_each(|_| dequantise_values(&codes, &value_scales, shape, &mut back)));
    println!("dequantise values: {:.2} GB/s of f32", rate(took));
}
