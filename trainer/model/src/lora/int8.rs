//! Cold adapters in 8 bits: every row of a factor as whole numbers from -127 to 127 and the size of one of them.

use std::collections::BTreeMap;

use super::Part;
use super::plain::{Pair, Plain};

/// Numbers in 8 bits, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// [rows, width].
    pub numbers: Vec<i8>,
    /// What each row's numbers are multiplied by: [rows].
    pub sizes: Vec<f32>,
}

/// One linear layer's factors in 8 bits. Rows are those that share a size: one for each of the rank's directions, so A is
/// kept as [rank, inputs] and B as [rank, outputs].
#[derive(Debug, Clone, PartialEq)]
pub struct Packed8 {
    /// A, transposed.
    pub a: Rows,
    /// B.
    pub b: Rows,
}

/// An adapter in 8 bits.
#[derive(Debug, Clone, PartialEq)]
pub struct Plain8 {
    /// What every product is multiplied by.
    pub scale: f64,
    /// The factors by layer and part.
    pub pairs: BTreeMap<(usize, Part), Packed8>,
}

impl Rows {
    fn pack<'a>(rows: impl Iterator<Item = &'a [f32]>) -> Self {
        let (mut numbers, mut sizes) = (Vec::new(), Vec::new());
        for row in rows {
            let most = row.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            let size = most / 127.0;
            sizes.push(size);
            numbers.extend(row.iter().map(|x| if size > 0.0 { (x / size).round() as i8 } else { 0 }));
        }
        Self { numbers, sizes }
    }

    fn unpack(&self) -> Vec<f32> {
        let width = self.numbers.len() / self.sizes.len().max(1);
        let rows = self.numbers.chunks_exact(width.max(1)).zip(&self.sizes);
        rows.flat_map(|(row, size)| row.iter().map(move |x| f32::from(*x) * size)).collect()
    }
}

impl Plain8 {
    /// Packs an adapter; [`loss`](super::compose::loss) against [`plain`](Self::plain) says what it cost.
    pub fn pack(plain: &Plain) -> Self {
        let pack = |pair: &Pair| {
            let a = super::plain::transposed(&pair.a, pair.inputs(), pair.rank);
            Packed8 {
                a: Rows::pack(a.chunks_exact(pair.inputs().max(1))),
                b: Rows::pack(pair.b.chunks_exact(pair.outputs().max(1))),
            }
        };
        Self { scale: plain.scale, pairs: plain.pairs.iter().map(|(place, pair)| (*place, pack(pair))).collect() }
    }

    /// The adapter again, as near as 8 bits are.
    pub fn plain(&self) -> Plain {
        let unpack = |packed: &Packed8| {
            let rank = packed.a.sizes.len();
            let a = packed.a.unpack();
            let inputs = a.len() / rank.max(1);
            Pair { rank, a: super::plain::transposed(&a, rank, inputs), b: packed.b.unpack() }
        };
        Plain { scale: self.scale, pairs: self.pairs.iter().map(|(place, packed)| (*place, unpack(packed))).collect() }
    }

    /// Bytes of the numbers.
    pub fn bytes(&self) -> usize {
        let rows = |rows: &Rows| rows.numbers.len() + 4 * rows.sizes.len();
        self.pairs.values().map(|pair| rows(&pair.a) + rows(&pair.b)).sum()
    }
}
