//! The trained numbers of a module: all A and B in one vector, so that optimiser, clipping and checkpoints see one thing.

use std::ops::Range;

use crate::random::Random;
use cubelog_model::DecoderConfig;
use cubelog_model::lora::Part;

/// Where the factors of every adapted linear layer lie. Per layer and target: A [in, r], then B [r, out], row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Columns of A, rows of B.
    pub rank: usize,
    /// What (x A) B is multiplied by: alpha / r.
    pub scale: f32,
    /// The adapted linear layers, ascending, each once.
    targets: Vec<Part>,
    layers: usize,
    /// Of each target, beside `targets`: in, out, and where it begins in a layer's part.
    places: Vec<(usize, usize, usize)>,
    per_layer: usize,
}

/// Where one pair of factors lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// A: [input, rank].
    pub a: Range<usize>,
    /// B: [rank, output].
    pub b: Range<usize>,
    /// Rows of A.
    pub input: usize,
    /// Columns of B.
    pub output: usize,
}

impl Layout {
    /// The layout of a module of `rank` on `targets` of every layer.
    pub fn new(shape: &DecoderConfig, targets: &[Part], rank: usize, alpha: f32) -> Self {
        let mut targets = targets.to_vec();
        targets.sort_unstable();
        targets.dedup();
        let mut per_layer = 0;
        let places = targets
            .iter()
            .map(|target| {
                let (input, output) = target.widths(shape);
                let place = (input, output, per_layer);
                per_layer += rank * (input + output);
                place
            })
            .collect();
        Self { rank, scale: alpha / rank as f32, targets, layers: shape.layers, places, per_layer }
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.layers * self.per_layer
    }

    /// Whether nothing is adapted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The adapted linear layers, ascending.
    pub fn targets(&self) -> &[Part] {
        &self.targets
    }

    /// Transformer layers.
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Where the factors of one linear layer lie; `None` if it is not adapted.
    pub fn pair(&self, layer: usize, target: Part) -> Option<Pair> {
        let n = self.targets.binary_search(&target).ok()?;
        let (input, output, at) = self.places[n];
        let a = layer * self.per_layer + at;
        let b = a + input * self.rank;
        Some(Pair { a: a..b, b: b..b + self.rank * output, input, output })
    }

    /// How training begins: A uniform within 1 / sqrt(in), as PEFT begins (its Kaiming-uniform with a = sqrt 5), and B zero, so
    /// that the module changes nothing yet.
    pub fn begin(&self, seed: u64) -> Vec<f32> {
        let mut random = Random::new(seed);
        let mut factors = vec![0.0; self.len()];
        for layer in 0..self.layers {
            for &target in &self.targets {
                if let Some(pair) = self.pair(layer, target) {
                    let bound = 1.0 / (pair.input as f32).sqrt();
                    factors[pair.a].iter_mut().for_each(|x| *x = (random.unit() * 2.0 - 1.0) * bound);
                }
            }
        }
        factors
    }
}
