//! Sequences side by side without padding, a beginning that they share computed once.

use std::ops::Range;

/// Token ids of several sequences in one row, and where each begins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pack {
    /// Token ids of all segments.
    pub tokens: Vec<u32>,
    /// The place of each token within its sequence.
    pub positions: Vec<usize>,
    /// Stretches of tokens; the first may be the beginning that all others continue.
    pub segments: Vec<Segment>,
}

/// A stretch of tokens that see one another, the later the earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its rows in the pack.
    pub rows: Range<usize>,
    /// Rows of the segment that it continues and sees all of; empty if it begins a sequence.
    pub before: Range<usize>,
}

impl Pack {
    /// Lays sequences side by side. If all begin alike, the beginning is laid down once, as the first segment; of every
    /// sequence at least the tokens from `own[n]` on are its own.
    pub fn new(sequences: &[&[u32]], own: &[usize]) -> Self {
        let shared = match sequences {
            [] | [_] => 0,
            [first, ..] => {
                let limit = sequences.iter().zip(own).map(|(ids, &own)| own.min(ids.len())).min().unwrap_or(0);
                (0..limit).find(|&n| sequences.iter().any(|ids| ids[n] != first[n])).unwrap_or(limit)
            }
        };
        let mut pack = Self::default();
        if shared > 0 {
            pack.push(&sequences[0][..shared], 0, 0..0);
        }
        for ids in sequences {
            pack.push(&ids[shared..], shared, 0..shared);
        }
        pack
    }

    fn push(&mut self, ids: &[u32], position: usize, before: Range<usize>) {
        let rows = self.tokens.len()..self.tokens.len() + ids.len();
        self.tokens.extend_from_slice(ids);
        self.positions.extend(position..position + ids.len());
        self.segments.push(Segment { rows, before });
    }

    /// How many tokens of all sequences are shared.
    pub fn shared(&self) -> usize {
        self.segments.last().map_or(0, |segment| segment.before.len())
    }

    /// The row of token `position` of sequence `n`.
    pub fn row(&self, n: usize, position: usize) -> usize {
        let shared = self.shared();
        match position.checked_sub(shared) {
            None => position,
            Some(at) => self.segments[n + usize::from(shared > 0)].rows.start + at,
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.tokens.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_beginning_is_laid_down_once_and_every_token_is_found() {
        let sequences: [&[u32]; 3] = [&[1, 2, 3, 4, 5], &[1, 2, 3, 9], &[1, 2, 3, 4, 7, 8]];
        for (own, shared) in [([5, 4, 6], 3), ([2, 4, 5], 2), ([0, 1, 1], 0)] {
            let pack = Pack::new(&sequences, &own);
            assert_eq!(pack.shared(), shared);
            assert_eq!(pack.rows(), 15 - 2 * shared);
            for (n, ids) in sequences.iter().enumerate() {
                for (position, id) in ids.iter().enumerate() {
                    let row = pack.row(n, position);
                    assert_eq!((pack.tokens[row], pack.positions[row]), (*id, position));
                }
            }
        }
        assert_eq!(Pack::new(&[&[1, 2]], &[1]).shared(), 0, "one sequence shares with nobody");
        assert_eq!(Pack::new(&[&[1, 2], &[3, 2]], &[1, 1]).segments[1].rows, 2..4);
    }
}
