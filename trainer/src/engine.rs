//! One step's losses and gradients, over as many micro-batches as the memory asks for.

use crate::cpu::backward::{Back, back_per_token, backward};
use crate::cpu::factors::Layout;
use crate::cpu::forward::{Keep, Pass, forward, kept_per_token};
use crate::cpu::head::{Aim, Head, Scored, head_bytes, losses};
use crate::cpu::pack::Pack;
use crate::cpu::weights::{Base, Merged};
use crate::error::DistillError;
use crate::samples::{Hold, Sample};

/// The mean loss of each sort, over the tokens that were held to it; 0 where there were none.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Losses {
    /// Of what is to be said (or matched).
    pub say: f32,
    /// KL(base || adapted) about other names.
    pub keep: f32,
    /// KL(base || adapted) in unrelated turns.
    pub replay: f32,
}

/// What each sort counts for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weights {
    /// What is to be said.
    pub say: f32,
    /// Other names.
    pub keep: f32,
    /// Unrelated turns.
    pub replay: f32,
}

impl Losses {
    /// Tokens of each sort: to be said, kept, replayed.
    pub(crate) fn counts(samples: &[Sample]) -> [usize; 3] {
        let count = |of: fn(&Hold) -> bool| samples.iter().filter(|s| of(&s.hold)).map(Sample::answer_tokens).sum::<usize>();
        [
            count(|hold| matches!(hold, Hold::Say | Hold::Match(_))),
            count(|hold| matches!(hold, Hold::Keep)),
            count(|hold| matches!(hold, Hold::Replay)),
        ]
    }

    pub(crate) fn mean(sums: [f64; 3], counts: [usize; 3]) -> Self {
        let mean = |n: usize| (sums[n] / counts[n].max(1) as f64) as f32;
        Self { say: mean(0), keep: mean(1), replay: mean(2) }
    }
}

impl Weights {
    /// What one token of each sort counts for.
    pub(crate) fn each(self, counts: [usize; 3]) -> [f32; 3] {
        let weight = [self.say, self.keep, self.replay];
        std::array::from_fn(|n| weight[n] / counts[n].max(1) as f32)
    }
}

/// Something that computes steps.
pub trait Steps {
    /// The losses of the samples, and the gradients of their weighted sum in `gradients`, which is written over.
    ///
    /// # Errors
    /// [`DistillError::Model`] if the tensor library fails.
    fn step(
        &mut self,
        layout: &Layout,
        factors: &[f32],
        samples: &[Sample],
        weights: Weights,
        gradients: &mut [f32],
    ) -> Result<Losses, DistillError>;
}

/// Computes steps on the CPU.
pub struct Engine {
    /// The frozen base.
    pub base: Base,
    merged: Merged,
    pass: Pass,
    of_base: Pass,
    head: Head,
    back: Back,
    d_normed: Vec<f32>,
    /// Most tokens of a micro-batch.
    tokens_max: usize,
}

/// Memory of a run, from the shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Whatever the batch.
    pub fixed_bytes: usize,
    /// For every token of a micro-batch.
    pub token_bytes: usize,
}

impl Need {
    /// What training a module over this base needs.
    pub fn of(base: &Base, layout: &Layout) -> Self {
        let shape = &base.shape;
        let matrices: usize = base.matrices.iter().map(|m| m.qkv.len() + m.out.len() + m.gate_up.len() + m.down.len()).sum();
        let tables = base.embeddings.len() + base.head.as_ref().map_or(0, Vec::len) + base.cos.len() * 2;
        // The base twice, once with the module worked in; factors, gradients and two moments.
        let fixed = 2 * matrices + tables + 4 * layout.len();
        let working = 6 * shape.hidden + 2 * shape.feed_forward.max(shape.q_width() * 3);
        // The base's pass beside keeps one layer.
        let token = kept_per_token(shape) * (shape.layers + 1) / shape.layers + back_per_token(shape, layout.rank) + working;
        Self { fixed_bytes: 4 * fixed + head_bytes(shape.vocabulary, shape.hidden), token_bytes: 4 * token }
    }
}

impl Engine {
    /// An engine that stays within `memory_bytes`, for samples of up to `longest` tokens.
    ///
    /// # Errors
    /// [`DistillError::Memory`] if not even one sample at a time fits.
    pub fn new(base: Base, layout: &Layout, memory_bytes: usize, longest: usize) -> Result<Self, DistillError> {
        let need = Need::of(&base, layout);
        let needed_bytes = need.fixed_bytes + longest * need.token_bytes;
        if needed_bytes > memory_bytes {
            return Err(DistillError::Memory { needed_bytes, allowed_bytes: memory_bytes });
        }
        let tokens_max = (memory_bytes - need.fixed_bytes) / need.token_bytes;
        Ok(Self {
            base,
            merged: Merged::default(),
            pass: Pass::default(),
            of_base: Pass::default(),
            head: Head::default(),
            back: Back::default(),
            d_normed: Vec::new(),
            tokens_max,
        })
    }

    /// The base's matrices with modules worked in.
    pub fn merge(&mut self, modules: &[(&Layout, &[f32])]) -> &Merged {
        self.merged.update(&self.base, modules);
        &self.merged
    }

    fn micro_step(
        &mut self,
        layout: &Layout,
        factors: &[f32],
        samples: &[Sample],
        each: [f32; 3],
        sums: &mut [f64; 3],
        gradients: &mut [f32],
    ) {
        let ids: Vec<&[u32]> = samples.iter().map(|sample| sample.ids.as_slice()).collect();
        let own: Vec<usize> = samples.iter().map(|sample| sample.from.saturating_sub(1)).collect();
        let pack = Pack::new(&ids, &own);
        let kept: Vec<usize> = (0..samples.len()).filter(|&n| matches!(samples[n].hold, Hold::Keep | Hold::Replay)).collect();
        let base_pack =
            Pack::new(&kept.iter().map(|&n| ids[n]).collect::<Vec<_>>(), &kept.iter().map(|&n| own[n]).collect::<Vec<_>>());
        let mut scored = Vec::new();
        let mut sorts = Vec::new();
        for (n, sample) in samples.iter().enumerate() {
            let sort = match sample.hold {
                Hold::Say | Hold::Match(_) => 0,
                Hold::Keep => 1,
                Hold::Replay => 2,
            };
            let among_kept = kept.iter().position(|&kept| kept == n);
            for at in sample.from.max(1)..sample.ids.len() {
                let aim = match (&sample.hold, among_kept) {
                    (Hold::Match(likely), _) if at - sample.from < likely.len() => Aim::Match(likely[at - sample.from].clone()),
                    (Hold::Keep | Hold::Replay, Some(kept)) => Aim::Keep { base_row: base_pack.row(kept, at - 1) },
                    _ => Aim::Say(sample.ids[at]),
                };
                scored.push(Scored { row: pack.row(n, at - 1), weight: each[sort], aim });
                sorts.push(sort);
            }
        }
        let base = &self.base;
        if !kept.is_empty() {
            forward(base, &base.matrices, &base_pack, Keep::Nothing, &mut self.of_base, |_, _| ());
        }
        forward(base, &self.merged.0, &pack, Keep::All, &mut self.pass, |_, _| ());
        let numbers = pack.rows() * base.shape.hidden;
        if self.d_normed.len() < numbers {
            self.d_normed.resize(numbers, 0.0);
        }
        let d_normed = &mut self.d_normed[..numbers];
        d_normed.fill(0.0);
        let found = losses(base, &self.pass.normed, &self.of_base.normed, &scored, Some(&mut *d_normed), &mut self.head);
        for (loss, sort) in found.iter().zip(sorts) {
            sums[sort] += f64::from(*loss);
        }
        let adapter = (layout, factors);
        backward(base, &self.merged.0, &pack, adapter, &mut self.pass, d_normed, &mut self.back, gradients);
    }
}

impl Steps for Engine {
    fn step(
        &mut self,
        layout: &Layout,
        factors: &[f32],
        samples: &[Sample],
        weights: Weights,
        gradients: &mut [f32],
    ) -> Result<Losses, DistillError> {
        self.merged.update(&self.base, &[(layout, factors)]);
        gradients.fill(0.0);
        let counts = Losses::counts(samples);
        let each = weights.each(counts);
        let mut sums = [0.0f64; 3];
        let mut rest = samples;
        while !rest.is_empty() {
            let (some, later) = rest.split_at(micro(rest, self.tokens_max));
            rest = later;
            self.micro_step(layout, factors, some, each, &mut sums, gradients);
        }
        Ok(Losses::mean(sums, counts))
    }
}

/// How many of the first samples make a micro-batch of at most `tokens_max` tokens; one at least.
fn micro(samples: &[Sample], tokens_max: usize) -> usize {
    let mut tokens = 0;
    let fitting = samples.iter().take_while(|sample| {
        tokens += sample.ids.len();
        tokens <= tokens_max
    });
    fitting.count().max(1)
}
