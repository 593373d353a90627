//! What one forward pass reads: tokens, their positions, and which keys each of them may see.

use burn::tensor::{Device, Int, Tensor, TensorData};

/// The ids, positions and mask of one forward pass over some rows of equal width.
///
/// A row is a sequence padded on the right, or several sequences packed one after the other. The mask decides what is
/// seen; nothing is causal by itself.
#[derive(Debug, Clone)]
pub struct Step {
    /// Rows.
    pub rows: usize,
    /// Tokens in a row, padding included.
    pub columns: usize,
    /// Keys that a row's tokens can see: as many as columns, or with a cache, the slots of it that are in use after the step.
    pub keys: usize,
    /// Token ids, row after row: [rows * columns].
    pub ids: Vec<u32>,
    /// Positions for the rotary embedding, row after row: [rows * columns].
    pub positions: Vec<usize>,
    /// The slot of the cache that takes each row's first token: [rows]. All zero without a cache.
    pub starts: Vec<usize>,
    /// Whether a token may not see a key, row after row: [rows * columns * keys].
    pub hidden_keys: Vec<bool>,
}

/// Id that fills up short rows. No token sees it, and what is computed for it is never read.
const PADDING: u32 = 0;

impl Step {
    /// One sequence per row, padded on the right to the longest. Every token sees itself and what comes before it.
    pub fn padded(sequences: &[&[u32]]) -> Self {
        Self::after(sequences, &vec![0; sequences.len()])
    }

    /// One sequence per row that continues `starts[row]` tokens which lie in a cache, padded on the right to the longest.
    /// The slots that padding takes in the cache are overwritten by the row's next tokens.
    ///
    /// `starts` has one number for each sequence.
    pub fn after(sequences: &[&[u32]], starts: &[usize]) -> Self {
        let columns = sequences.iter().map(|ids| ids.len()).max().unwrap_or(0);
        let starts = starts.to_vec();
        let keys = starts.iter().max().map_or(0, |start| start + columns);
        let (mut ids, mut positions, mut hidden_keys) = (Vec::new(), Vec::new(), Vec::new());
        for (sequence, start) in sequences.iter().zip(&starts) {
            ids.extend_from_slice(sequence);
            ids.resize(ids.len() + columns - sequence.len(), PADDING);
            positions.extend(*start..start + columns);
            for column in 0..columns {
                hidden_keys.extend((0..keys).map(|key| key > start + column));
            }
        }
        Self { rows: sequences.len(), columns, keys, ids, positions, starts, hidden_keys }
    }

    /// Sequences packed into one row; every token sees itself and what comes before it in its own sequence.
    pub fn packed(sequences: &[&[u32]]) -> Self {
        let columns: usize = sequences.iter().map(|ids| ids.len()).sum();
        let mut hidden_keys = Vec::with_capacity(columns * columns);
        let (mut ids, mut positions) = (Vec::with_capacity(columns), Vec::with_capacity(columns));
        for sequence in sequences {
            let first = ids.len();
            for column in 0..sequence.len() {
                hidden_keys.extend((0..columns).map(|key| key < first || key > first + column));
            }
            ids.extend_from_slice(sequence);
            positions.extend(0..sequence.len());
        }
        Self { rows: 1, columns, keys: columns, ids, positions, starts: vec![0], hidden_keys }
    }

    /// [rows * columns].
    pub(super) fn ids(&self, device: &Device) -> Tensor<1, Int> {
        let ids: Vec<i64> = self.ids.iter().map(|id| i64::from(*id)).collect();
        let length = ids.len();
        Tensor::from_data(TensorData::new(ids, [length]), device)
    }

    /// What is added to scores: 0 where a key may be seen, very little where not. [rows, 1, 1, columns, keys].
    pub(super) fn mask(&self, device: &Device) -> Tensor<5> {
        // Not minus infinity: in a row that sees nothing that would become not-a-number.
        let mask: Vec<f32> = self.hidden_keys.iter().map(|hidden| if *hidden { -1e30 } else { 0.0 }).collect();
        Tensor::from_data(TensorData::new(mask, [self.rows, 1, 1, self.columns, self.keys]), device)
    }
}
