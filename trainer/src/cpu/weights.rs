//! The weights of the base as the passes read them, and with a module worked into them.

use rayon::prelude::*;

use super::factors::Layout;
use super::group::Group;
use super::matrix::{Hands, Mat, MatMut, Onto, product};
use cubelog_model::lora::Part;
use cubelog_model::weights::Tensors;
use cubelog_model::{DecoderConfig, ModelError};

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
    pub shape: DecoderConfig,
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
    /// Takes the weights out of a model's files; angles are made for `positions`.
    ///
    /// # Errors
    /// [`ModelError::AnotherModel`] if a tensor is absent or has another shape; [`ModelError::Unsupported`] if the model has
    /// norms on q and k, which the passes written by hand do not compute.
    pub fn read(shape: &DecoderConfig, tensors: &dyn Tensors, positions: usize) -> Result<Self, ModelError> {
        if shape.qk_norm {
            let (what, found, supported) =
                ("norms on q and k".into(), "present".into(), "absent, for training on the CPU".into());
            return Err(ModelError::Unsupported { path: "config.json".into(), what, found, supported });
        }
        let d = shape.hidden;
        let layer = |n: usize| -> Result<(Matrices, Norms), ModelError> {
            let vector = |part: &str, len: usize| tensors.floats(&format!("model.layers.{n}.{part}"), &[len], None);
            let side_by_side = |group: Group| -> Result<Vec<f32>, ModelError> {
                let (input, width) = group.size(shape);
                let mut all = vec![0.0; input * width];
                let mut column = 0;
                for part in group.targets() {
                    let (_, output) = part.widths(shape);
                    let heads = match part {
                        Part::Q => Some(shape.heads),
                        Part::K => Some(shape.kv_heads),
                        _ => None,
                    };
                    let name = format!("model.layers.{n}.{}.{}.weight", part.block(), part.name());
                    let rows = tensors.floats(&name, &[output, input], heads)?;
                    for (j, row) in rows.chunks_exact(input).enumerate() {
                        row.iter().enumerate().for_each(|(i, x)| all[i * width + column + j] = *x);
                    }
                    column += output;
                }
                Ok(all)
            };
            let mut qkv_bias = Vec::new();
            if shape.qkv_bias {
                for part in Group::Qkv.targets() {
                    qkv_bias.extend(vector(&format!("self_attn.{}.bias", part.name()), part.widths(shape).1)?);
                }
            }
            let matrices = Matrices {
                qkv: side_by_side(Group::Qkv)?,
                out: side_by_side(Group::Out)?,
                gate_up: side_by_side(Group::GateUp)?,
                down: side_by_side(Group::Down)?,
            };
            let (attention, feed_forward) = (vector("input_layernorm.weight", d)?, vector("post_attention_layernorm.weight", d)?);
            Ok((matrices, Norms { attention, feed_forward, qkv_bias }))
        };
        let layers = (0..shape.layers).map(layer).collect::<Result<Vec<_>, _>>()?;
        let (matrices, norms) = layers.into_iter().unzip();
        let table = [shape.vocabulary, d];
        let (cos, sin) = angles(shape, positions);
        Ok(Self {
            matrices,
            norms,
            embeddings: tensors.floats("model.embed_tokens.weight", &table, None)?,
            head: if shape.tied { None } else { Some(tensors.floats("lm_head.weight", &table, None)?) },
            norm: tensors.floats("model.norm.weight", &[d], None)?,
            cos,
            sin,
            shape: shape.clone(),
        })
    }

    /// The matrix that makes logits: [vocabulary, hidden].
    pub fn last(&self) -> &[f32] {
        self.head.as_ref().unwrap_or(&self.embeddings)
    }

    /// Longest sequence that the tables of angles reach to.
    pub fn positions(&self) -> usize {
        self.cos.len() / (self.shape.head / 2).max(1)
    }
}

/// Cosines and sines of the angles of all positions: [positions, head / 2] each.
pub fn angles(shape: &DecoderConfig, positions: usize) -> (Vec<f32>, Vec<f32>) {
    let frequencies = shape.rope.frequencies(shape.head);
    let amplitude = shape.rope.amplitude();
    let all = (0..positions).flat_map(|position| frequencies.iter().map(move |frequency| (position, *frequency)));
    all.map(|(position, frequency)| {
        // The reference multiplies in 32 bits, so its angles are rounded before the cosine is taken.
        let (sin, cos) = f64::from(position as f32 * frequency as f32).sin_cos();
        ((cos * amplitude) as f32, (sin * amplitude) as f32)
    })
    .unzip()
}

/// The matrices of all layers with a module worked in: W + s A B.
///
/// One pass over the weights per step is cheaper than three more products with narrow matrices for every linear layer and
/// pass, and the forward and backward passes are those of the base.
#[derive(Debug, Default)]
pub struct Merged(pub Vec<Matrices>);

impl Merged {
    /// Works modules into a copy of the base's matrices, one after the other; memory of an earlier call is used again.
    pub fn update(&mut self, base: &Base, modules: &[(&Layout, &[f32])]) {
        self.0.resize_with(base.matrices.len(), Matrices::default);
        self.0.par_iter_mut().zip(&base.matrices).enumerate().for_each(|(layer, (merged, weights))| {
            for group in Group::ALL {
                let (to, from) = (merged.of_mut(group), weights.of(group));
                to.resize(from.len(), 0.0);
                to.copy_from_slice(from);
                let (input, width) = group.size(&base.shape);
                let mut column = 0;
                for &part in group.targets() {
                    let (_, output) = part.widths(&base.shape);
                    for (layout, factors) in modules {
                        if let Some(pair) = layout.pair(layer, part) {
                            let a = Mat::new(&factors[pair.a], input, layout.rank);
                            let b = Mat::new(&factors[pair.b], layout.rank, output);
                            let place = MatMut::strided(&mut to[column..], input, output, width);
                            product(place, Onto::Itself, layout.scale, a, b, Hands::One);
                        }
                    }
                    column += output;
                }
            }
        });
    }
}
