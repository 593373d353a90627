//! The weights of the base as the passes read them, and with a module worked into them.

use rayon::prelude::*;

use super::factors::Layout;
use super::matrix::{Hands, Mat, MatMut, Onto, product};
use super::shape::{Group, Shape};

/// The matrices of one layer, each [in, out], those that read the same input side by side.
#[derive(Debug, Clone, Default)]
pub struct Matrices {
    /// [hidden, q + k + v]
    pub qkv: Vec<f32>,
    /// [q, hidden]
    pub out: Vec<f32>,
    /// [hidden, gate + up]
    pub gate_up: Vec<f32>,
    /// [feed_forward, hidden]
    pub down: Vec<f32>,
}

impl Matrices {
    /// The matrix of a group.
    pub fn of(&self, group: Group) -> &[f32] {
        match group {
            Group::Qkv => &self.qkv,
            Group::Out => &self.out,
            Group::GateUp => &self.gate_up,
            Group::Down => &self.down,
        }
    }
    /// The matrix of a group, to write.
    pub fn of_mut(&mut self, group: Group) -> &mut Vec<f32> {
        match group {
            Group::Qkv => &mut self.qkv,
            Group::Out => &mut self.out,
            Group::GateUp => &mut self.gate_up,
            Group::Down => &mut self.down,
        }
    }
}

/// What of a layer no module touches.
#[derive(Debug, Clone, Default)]
pub struct Norms {
    /// Gain before the attention: [hidden].
    pub attention: Vec<f32>,
    /// Gain before the feed-forward part: [hidden].
    pub feed_forward: Vec<f32>,
    /// Added to q, k and v: [q + k + v], or empty.
    pub qkv_bias: Vec<f32>,
}

/// The frozen base.
#[derive(Debug, Clone)]
pub struct Base {
    /// Its sizes.
    pub shape: Shape,
    /// Its matrices, layer by layer.
    pub matrices: Vec<Matrices>,
    /// The rest of its layers.
    pub norms: Vec<Norms>,
    /// [vocabulary, hidden]
    pub embeddings: Vec<f32>,
    /// [vocabulary, hidden]; `None` where the embeddings are the last matrix too.
    pub head: Option<Vec<f32>>,
    /// Gain before the last matrix: [hidden].
    pub norm: Vec<f32>,
    /// Cosines of the angles by which heads are turned: [positions, head / 2].
    pub cos: Vec<f32>,
    /// Sines of the same.
    pub sin: Vec<f32>,
}

impl Base {
    /// The matrix that makes logits: [vocabulary, hidden].
    pub fn last(&self) -> &[f32] {
        self.head.as_ref().unwrap_or(&self.embeddings)
    }

    /// Longest sequence that the tables of angles reach to.
    pub fn positions(&self) -> usize {
        self.cos.len() / (self.shape.head / 2).max(1)
    }
}

/// The matrices of all layers with a module worked in: W + s A B.
///
/// One pass over the weights per step is cheaper than three more products with narrow matrices for every linear layer and
/// pass, and the forward and backward passes are those of the base.
#[derive(Debug, Default)]
pub struct Merged(pub Vec<Matrices>);

impl Merged {
    /// Works `factors` into a copy of the base's matrices; memory of an earlier call is used again.
    pub fn update(&mut self, base: &Base, layout: &Layout, factors: &[f32]) {
        self.0.resize_with(base.matrices.len(), Matrices::default);
        self.0.par_iter_mut().zip(&base.matrices).enumerate().for_each(|(layer, (merged, weights))| {
            for group in Group::ALL {
                let (to, from) = (merged.of_mut(group), weights.of(group));
                to.resize(from.len(), 0.0);
                to.copy_from_slice(from);
                let (input, width) = group.size(&base.shape);
                let mut column = 0;
                for &target in group.targets() {
                    let (_, output) = target.size(&base.shape);
                    if let Some(pair) = layout.pair(layer, target) {
                        let a = Mat::new(&factors[pair.a], input, layout.rank);
                        let b = Mat::new(&factors[pair.b], layout.rank, output);
                        let place = MatMut::strided(&mut to[column..], input, output, width);
                        product(place, Onto::Itself, layout.scale, a, b, Hands::One);
                    }
                    column += output;
                }
            }
        });
    }
}
