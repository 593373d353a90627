//! The linear layers that read the same input, whose weights lie side by side.

use cubelog_model::DecoderConfig;
use cubelog_model::lora::Part;

/// Width of q, k and v side by side.
pub fn qkv_width(shape: &DecoderConfig) -> usize {
    shape.q_width() + 2 * shape.kv_width()
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
    pub fn targets(self) -> &'static [Part] {
        match self {
            Group::Qkv => &[Part::Q, Part::K, Part::V],
            Group::Out => &[Part::O],
            Group::GateUp => &[Part::Gate, Part::Up],
            Group::Down => &[Part::Down],
        }
    }
    /// Numbers that go in, and that come out of all its layers together.
    pub fn size(self, shape: &DecoderConfig) -> (usize, usize) {
        match self {
            Group::Qkv => (shape.hidden, qkv_width(shape)),
            Group::Out => (shape.q_width(), shape.hidden),
            Group::GateUp => (shape.hidden, 2 * shape.feed_forward),
            Group::Down => (shape.feed_forward, shape.hidden),
        }
    }
}
