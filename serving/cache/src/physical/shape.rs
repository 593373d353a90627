//! How many numbers there are, and in which order they lie.

use crate::logical::Coding;

use super::quant::{GROUP_TOKENS, groups};

/// What the keys and values of one token look like in a model.
///
/// Numbers of a span lie as `[layers, 2, kv_heads, tokens, head_dim]`, keys before values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    pub layers: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
}

/// Why numbers do not fit a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    #[error(
        "{numbers} numbers are not the {wanted} of {tokens} tokens in {shape:?}; lay them out as [layers, 2, kv_heads, tokens, head_dim]"
    )]
    Length { numbers: usize, wanted: usize, tokens: usize, shape: Shape },
    #[error("{shape:?} with {tokens} tokens is empty or larger than any model's; look where these numbers come from")]
    Absurd { shape: Shape, tokens: usize },
}

/// Far above what models have; keeps products below 2^63.
const LAYERS_MAX: usize = 1 << 10;
const HEADS_MAX: usize = 1 << 10;
const HEAD_DIM_MAX: usize = 1 << 12;
const TOKENS_MAX: usize = 1 << 24;

impl Shape {
    /// One layer of a span.
    pub const fn layer(self, tokens: usize) -> LayerShape {
        LayerShape { kv_heads: self.kv_heads, tokens, head_dim: self.head_dim }
    }
    /// Numbers of a span.
    pub const fn numbers(self, tokens: usize) -> usize {
        self.layers * self.layer(tokens).numbers()
    }
    /// Refuses shapes that no model has, so that all sizes can be reckoned without overflow.
    pub fn check(self, tokens: usize) -> Result<(), ShapeError> {
        let fits = (1..=LAYERS_MAX).contains(&self.layers)
            && (1..=HEADS_MAX).contains(&self.kv_heads)
            && (1..=HEAD_DIM_MAX).contains(&self.head_dim)
            && (1..=TOKENS_MAX).contains(&tokens);
        if fits { Ok(()) } else { Err(ShapeError::Absurd { shape: self, tokens }) }
    }
}

/// One layer of a span: `[2, kv_heads, tokens, head_dim]`, keys before values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerShape {
    pub kv_heads: usize,
    pub tokens: usize,
    pub head_dim: usize,
}

impl LayerShape {
    /// Of the keys, or of the values: `[kv_heads, tokens, head_dim]`.
    pub const fn half(self) -> usize {
        self.kv_heads * self.tokens * self.head_dim
    }
    pub const fn numbers(self) -> usize {
        2 * self.half()
    }
    /// Scales of the keys: `[kv_heads, groups, head_dim]`.
    pub const fn key_scales(self) -> usize {
        self.kv_heads * groups(self.tokens, GROUP_TOKENS) * self.head_dim
    }
    /// Scales of the values: `[kv_heads, tokens]`.
    pub const fn value_scales(self) -> usize {
        self.kv_heads * self.tokens
    }
    /// Bytes of the layer in a file, before sealing.
    pub const fn stored_bytes(self, coding: Coding, number_bytes: usize) -> usize {
        match coding {
            Coding::Exact => self.numbers() * number_bytes,
            Coding::Int8 => (self.key_scales() + self.value_scales()) * 4 + self.numbers(),
        }
    }
}
