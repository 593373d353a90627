//! Tokens per second of training on this machine: a model of SmolLM2-135M's shape and random numbers, sequences without a common
//! beginning, LoRA of rank 16 on all linear layers, gradients and optimiser step included.
//!
//! `cargo run -p cubelog-trainer --example speed [sequences] [tokens] [scored]`; `scored`: how many tokens of each sequence have a
//! loss, by default all but the first.

use std::time::Instant;

use cubelog_model::decoder::{DecoderConfig, Rope, RopeScaling};
use cubelog_model::weights::Drawn;
use cubelog_trainer::cpu::factors::Layout;
use cubelog_trainer::cpu::weights::Base;
use cubelog_trainer::engine::{Engine, Steps, Weights};
use cubelog_trainer::optimise::{AdamW, Moments, clip};
use cubelog_trainer::samples::{Hold, Sample};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::disallowed_methods, reason = "measuring is what this is for")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |n: usize, default: usize| std::env::args().nth(n).map_or(Ok(default), |text| text.parse());
    let (sequences, tokens) = (argument(1, 8)?, argument(2, 256)?);
    let scored = argument(3, tokens - 1)?;
    let shape = DecoderConfig {
        family: "llama".into(),
        layers: 30,
        hidden: 576,
        heads: 9,
        kv_heads: 3,
        head: 64,
        feed_forward: 1536,
        vocabulary: 49_152,
        context: 8192,
        norm_epsilon: 1e-5,
        rope: Rope { theta: 100_000.0, scaling: RopeScaling::None },
        tied: true,
        qkv_bias: false,
        qk_norm: false,
        ends: vec![2],
        begin: None,
    };
    let base = Base::read(&shape, &Drawn::new(1), 1024)?;
    let layout = Layout::new(&shape, &cubelog_model::lora::Part::ALL, 16, 32.0);
    let mut engine = Engine::new(base, &layout, 16 << 30, tokens)?;
    let mut factors = layout.begin(1);
    let (mut gradients, mut moments) = (vec![0.0; layout.len()], Moments::new(layout.len()));
    let id = |n: usize| ((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32 % 49_152;
    let samples: Vec<Sample> = (0..sequences)
        .map(|n| {
            let ids = (0..tokens).map(|at| id(n * tokens + at + 1)).collect();
            Sample { ids, from: tokens - scored, hold: Hold::Say }
        })
        .collect();
    let weights = Weights { say: 1.0, keep: 1.0, replay: 0.5 };
    let mut best = f64::INFINITY;
    for step in 0..5 {
        let begun = Instant::now();
        let losses = engine.step(&layout, &factors, &samples, weights, &mut gradients)?;
        clip(&mut gradients, 1.0);
        AdamW::default().step(step + 1, 1e-4, &mut factors, &gradients, &mut moments);
        let spent = begun.elapsed().as_secs_f64();
        best = best.min(spent);
        println!("step {step}: loss {:.4}, {spent:.2} s, {:.0} tokens/s", losses.say, (sequences * tokens) as f64 / spent);
    }
    println!("best: {:.0} tokens/s at {sequences} x {tokens}, {scored} scored of each", (sequences * tokens) as f64 / best);
    Ok(())
}
