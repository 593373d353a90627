//! The sizes of a decoder that the hand-written passes need, and the linear layers that a module may sit on.

use serde::{Deserialize, Serialize};

/// Sizes of a Llama-family decoder without norms on q and k.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Transformer layers.
    pub layers: usize,
    /// Numbers in a token's vector.
    pub hidden: usize,
    /// Attention heads that ask.
    pub heads: usize,
    /// Attention heads that are asked; each serves `heads / kv_heads` of the former.
    pub kv_heads: usize,
    /// Numbers that a head sees.
    pub head: usize,
    /// Numbers in the middle of the feed-forward part.
    pub feed_forward: usize,
    /// Tokens that have an embedding.
    pub vocabulary: usize,
    /// Added to a mean square before its root is taken.
    pub epsilon: f32,
}

impl Shape {
    /// Query heads that share one key and value head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }
    /// Width of all query heads side by side.
    pub fn q_width(&self) -> usize {
        self.heads * self.head
    }
    /// Width of all key heads (or all value heads) side by side.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head
    }
    /// Width of q, k and v side by side.
    pub fn qkv_width(&self) -> usize {
        self.q_width() + 2 * self.kv_width()
    }
}

/// A linear layer of a transformer layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// `self_attn.q_proj`
    QProj,
    /// `self_attn.k_proj`
    KProj,
    /// `self_attn.v_proj`
    VProj,
    /// `self_attn.o_proj`
    OProj,
    /// `mlp.gate_proj`
    GateProj,
    /// `mlp.up_proj`
    UpProj,
    /// `mlp.down_proj`
    DownProj,
}

/// Linear layers that read the same input and whose weights lie side by side in one matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// q, k and v.
    Qkv,
    /// The attention's output.
    Out,
    /// gate and up.
    GateUp,
    /// The feed-forward part's output.
    Down,
}

impl Group {
    /// All, in the order in which a layer computes them.
    pub const ALL: [Group; 4] = [Group::Qkv, Group::Out, Group::GateUp, Group::Down];

    /// Its linear layers, in the order of their columns.
    pub fn targets(self) -> &'static [Target] {
        match self {
            Group::Qkv => &[Target::QProj, Target::KProj, Target::VProj],
            Group::Out => &[Target::OProj],
            Group::GateUp => &[Target::GateProj, Target::UpProj],
            Group::Down => &[Target::DownProj],
        }
    }
    /// Numbers that go in, and that come out of all its layers together.
    pub fn size(self, shape: &Shape) -> (usize, usize) {
        match self {
            Group::Qkv => (shape.hidden, shape.qkv_width()),
            Group::Out => (shape.q_width(), shape.hidden),
            Group::GateUp => (shape.hidden, 2 * shape.feed_forward),
            Group::Down => (shape.feed_forward, shape.hidden),
        }
    }
}

impl Target {
    /// All, in the order in which a layer computes them.
    pub const ALL: [Target; 7] = [
        Target::QProj,
        Target::KProj,
        Target::VProj,
        Target::OProj,
        Target::GateProj,
        Target::UpProj,
        Target::DownProj,
    ];

    /// Its name, as PEFT's `target_modules` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Target::QProj => "q_proj",
            Target::KProj => "k_proj",
            Target::VProj => "v_proj",
            Target::OProj => "o_proj",
            Target::GateProj => "gate_proj",
            Target::UpProj => "up_proj",
            Target::DownProj => "down_proj",
        }
    }
    /// Numbers that go in and come out.
    pub fn size(self, shape: &Shape) -> (usize, usize) {
        match self {
            Target::QProj => (shape.hidden, shape.q_width()),
            Target::KProj | Target::VProj => (shape.hidden, shape.kv_width()),
            Target::OProj => (shape.q_width(), shape.hidden),
            Target::GateProj | Target::UpProj => (shape.hidden, shape.feed_forward),
            Target::DownProj => (shape.feed_forward, shape.hidden),
        }
    }
}
