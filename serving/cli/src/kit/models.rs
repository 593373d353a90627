//! Training and decoding as the benchmarks want them.

use std::path::Path;

use cubelog_bench::Decoding;
use cubelog_model::decoder::{Cache, Decoder, DecoderConfig, Rope, RopeScaling, Span, most_likely};
use cubelog_model::lora::Part;
use cubelog_model::weights::Drawn;
use cubelog_trainer::cpu::factors::Layout;
use cubelog_trainer::cpu::weights::Base;
use cubelog_trainer::engine::{Engine, Steps, Weights};
use cubelog_trainer::optimise::{AdamW, Moments, clip};
use cubelog_trainer::samples::{Hold, Sample};

/// Everything of a training step but the texts.
pub struct Trainer {
    engine: Engine,
    layout: Layout,
    factors: Vec<f32>,
    gradients: Vec<f32>,
    moments: Moments,
    samples: Vec<Sample>,
    done: usize,
}

impl Trainer {
    pub fn new(sequences: usize, tokens: usize, rank: usize) -> anyhow::Result<Self> {
        let shape = shape();
        let base = Base::read(&shape, &Drawn::new(1), 1024)?;
        let layout = Layout::new(&shape, &Part::ALL, rank, 2.0 * rank as f32);
        let engine = Engine::new(base, &layout, 16 << 30, tokens)?;
        let id = |n: usize| ((n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32 % shape.vocabulary as u32;
        let sample = |n: usize| {
            let ids = (0..tokens).map(|at| id(n * tokens + at + 1)).collect();
            Sample { ids, from: 1, hold: Hold::Say }
        };
        Ok(Self {
            samples: (0..sequences).map(sample).collect(),
            factors: layout.begin(1),
            gradients: vec![0.0; layout.len()],
            moments: Moments::new(layout.len()),
            engine,
            layout,
            done: 0,
        })
    }

    pub fn step(&mut self) -> anyhow::Result<()> {
        let weights = Weights { say: 1.0, keep: 1.0, replay: 0.5 };
        self.engine.step(&self.layout, &self.factors, &self.samples, weights, &mut self.gradients)?;
        clip(&mut self.gradients, 1.0);
        self.done += 1;
        AdamW::default().step(self.done, 1e-4, &mut self.factors, &self.gradients, &mut self.moments);
        Ok(())
    }
}

fn shape() -> DecoderConfig {
    DecoderConfig {
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
    }
}

/// A decoder with what it has read.
pub struct Reader {
    decoder: Decoder,
    /// The cache, how many tokens are in it, and the next one.
    at: Option<(Cache, usize, u32)>,
}

impl Reader {
    pub fn new(model: &Path) -> anyhow::Result<Self> {
        Ok(Self { decoder: Decoder::load_on_cpu(model)?, at: None })
    }

    fn extend(&self, cache: &mut Cache, ids: &[u32], start: usize) -> anyhow::Result<u32> {
        let hidden = self.decoder.extend(&mut [Span { ids, start, cache, adapter: None }])?;
        Ok(most_likely(&self.decoder.score(&hidden[hidden.len() - self.decoder.config().hidden..])?))
    }
}

impl Decoding for Reader {
    fn read(&mut self, tokens: usize, more: usize) -> anyhow::Result<()> {
        let ids: Vec<u32> = (0..tokens).map(|n| (n * 7919 % self.decoder.config().vocabulary) as u32).collect();
        let mut cache = self.decoder.cache(tokens + more);
        let next = self.extend(&mut cache, &ids, 0)?;
        self.at = Some((cache, tokens, next));
        Ok(())
    }

    fn write(&mut self, tokens: usize) -> anyhow::Result<()> {
        let Some((mut cache, start, mut next)) = self.at.take() else { anyhow::bail!("nothing was read before") };
        for n in 0..tokens {
            next = self.extend(&mut cache, &[next], start + n)?;
        }
        Ok(())
    }
}
