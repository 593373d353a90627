//! How a module is trained. The defaults are those that were measured to work on a model of 135 million parameters.

use serde::{Deserialize, Serialize};

use crate::dataset::Mix;
use crate::optimise::{AdamW, Schedule};

/// Where the wanted answers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The facts' sentences.
    Sentences,
    /// The distribution of the base that has the memory in its prompt, over the `top` likeliest tokens, on every question that it
    /// then answers right; the facts' sentences on the others.
    Context {
        /// Tokens kept of each distribution.
        top: usize,
    },
}

/// Everything that decides what comes out of a run, beside the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Columns of A, rows of B.
    pub rank: usize,
    /// What products are multiplied by, times the rank.
    pub alpha: f32,
    /// Adapted linear layers by name, as PEFT's `target_modules`.
    pub targets: Vec<String>,
    /// Steps; `None` for as many as the facts ask for.
    pub steps: Option<usize>,
    /// The highest learning rate.
    pub rate: f32,
    /// Steps until it is reached.
    pub warm_up: usize,
    /// The optimiser.
    pub optimiser: AdamW,
    /// The highest norm of all gradients together.
    pub clip: f32,
    /// What a step sees.
    pub mix: Mix,
    /// Weight of keeping the base's words about other names.
    pub keep: f32,
    /// Weight of keeping them in unrelated turns.
    pub replay: f32,
    /// Where answers come from.
    pub method: Method,
    /// What decides every draw.
    pub seed: u64,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            rank: 16,
            alpha: 32.0,
            targets: cubelog_model::lora::Part::ALL.iter().map(|part| part.name().to_owned()).collect(),
            steps: None,
            rate: 1e-3,
            warm_up: 10,
            optimiser: AdamW::default(),
            clip: 1.0,
            mix: Mix::default(),
            keep: 1.0,
            replay: 0.5,
            method: Method::Sentences,
            seed: 1,
            checkpoint_every: 20,
        }
    }
}

impl Recipe {
    /// Steps for so many facts: measured, 240 for 20 facts at 16 positives a step.
    pub fn steps(&self, facts: usize) -> usize {
        self.steps.unwrap_or_else(|| (facts * 192).div_ceil(self.mix.positives.max(1)).clamp(120, 2400))
    }

    /// The learning rate over a run on so many facts.
    pub fn schedule(&self, facts: usize) -> Schedule {
        Schedule { peak: self.rate, warm_up: self.warm_up, steps: self.steps(facts) }
    }
}
