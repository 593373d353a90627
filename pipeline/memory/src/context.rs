//! Packing memories into a prompt of so many tokens: what is best comes in, what is stable stands first, so that the same memories
//! give the same beginning whatever was asked.

use crate::ids::{CubeKey, MemoryId};
use crate::metadata::SemanticType;
use crate::position::Timestamp;

/// A memory that could stand in a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    pub memory: MemoryId,
    pub cube: CubeKey,
    pub semantic: SemanticType,
    pub priority: i32,
    pub stream_index: Option<u64>,
    pub valid_from: Timestamp,
    /// What it takes in the prompt, its own line included.
    pub tokens: usize,
}

/// Which pieces come in, in the order in which they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    /// Places in what was given.
    pub order: Vec<usize>,
    pub tokens: usize,
    /// Pieces that did not fit.
    pub left_out: usize,
}

/// Packs pieces, best first, into a budget. One that does not fit is passed over, and smaller ones after it still have their chance.
/// Then they are put into the canonical order: cube by cube; facts, preferences and other knowledge before what was said; within
/// these by priority, place in the stream, time, id.
pub fn pack(pieces: &[Piece], budget: usize) -> Packed {
    let mut packed = Packed::default();
    for (place, piece) in pieces.iter().enumerate() {
        match packed.tokens.checked_add(piece.tokens).filter(|tokens| *tokens <= budget) {
            Some(tokens) => {
                packed.tokens = tokens;
                packed.order.push(place);
            }
            None => packed.left_out += 1,
        }
    }
    packed.order.sort_by(|a, b| canonical(&pieces[*a]).cmp(&canonical(&pieces[*b])));
    packed
}

type Canonical<'a> = (&'a CubeKey, bool, std::cmp::Reverse<i32>, Option<u64>, Timestamp, MemoryId);

fn canonical(piece: &Piece) -> Canonical<'_> {
    let is_said = piece.semantic == SemanticType::Turn;
    (&piece.cube, is_said, std::cmp::Reverse(piece.priority), piece.stream_index, piece.valid_from, piece.memory)
}
