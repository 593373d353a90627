//! Matrices that stay as small in memory as they are in their file: what decoding one token costs is reading them.

use super::kernels::fma;
use crate::weights::Packing;

/// Numbers of a block.
const BLOCK: usize = 32;

/// A matrix [outputs, inputs] in blocks of 32 numbers, its scales apart from its integers.
pub struct Packed {
    kind: Kind,
    inputs: usize,
    /// [outputs, blocks, 16 or 32]: nibbles, or 8-bit integers.
    integers: Vec<u8>,
    /// 16-bit floats: [outputs, blocks].
    scales: Vec<u16>,
    /// 16-bit floats, for Q4_1: [outputs, blocks].
    minima: Vec<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// scale * (q - 8)
    Q4Around8,
    /// scale * q + minimum
    Q4WithMinimum,
    /// scale * q
    Q8,
}

impl Packed {
    /// Takes whole rows apart, if their packing is one of those that are kept. `parts`: bytes of matrices of the same inputs,
    /// one below the other.
    pub fn new(parts: &[(Packing, Vec<u8>)], inputs: usize) -> Option<Self> {
        let packing = parts.first()?.0;
        let (kind, head) = match packing {
            Packing::Q4_0 => (Kind::Q4Around8, 2),
            Packing::Q4_1 => (Kind::Q4WithMinimum, 4),
            Packing::Q8_0 => (Kind::Q8, 2),
            _ => return None,
        };
        if inputs % BLOCK != 0 || parts.iter().any(|part| part.0 != packing) {
            return None;
        }
        let mut packed = Self { kind, inputs, integers: Vec::new(), scales: Vec::new(), minima: Vec::new() };
        for block in parts.iter().flat_map(|part| part.1.chunks_exact(packing.bytes())) {
            packed.scales.push(u16::from_le_bytes([block[0], block[1]]));
            if kind == Kind::Q4WithMinimum {
                packed.minima.push(u16::from_le_bytes([block[2], block[3]]));
            }
            packed.integers.extend_from_slice(&block[head..]);
        }
        Some(packed)
    }

    /// Rows `first..` times each of the M vectors of `x`: out[row][m]. x: M rows of `inputs` numbers.
    pub fn rows<const M: usize>(&self, first: usize, x: &Vectors<'_, M>, out: &mut [[f32; M]]) {
        match self.kind {
            Kind::Q8 => self.each::<M, BLOCK>(first, x, out, |q| q.map(|q| f32::from(q as i8))),
            _ => self.each::<M, { BLOCK / 2 }>(first, x, out, |q| {
                let mut numbers = [0.0; BLOCK];
                for (n, q) in q.iter().enumerate() {
                    numbers[n] = f32::from(q & 15);
                    numbers[n + BLOCK / 2] = f32::from(q >> 4);
                }
                numbers
            }),
        }
    }

    #[inline(always)]
    fn each<const M: usize, const B: usize>(
        &self,
        first: usize,
        x: &Vectors<'_, M>,
        out: &mut [[f32; M]],
        unpack: impl Fn(&[u8; B]) -> [f32; BLOCK],
    ) {
        let blocks = self.inputs / BLOCK;
        let (integers, _) = self.integers.as_chunks::<B>();
        let (mut scales, mut minima) = (vec![0.0; blocks], vec![0.0; blocks]);
        for (n, out) in out.iter_mut().enumerate() {
            let row = (first + n) * blocks..(first + n + 1) * blocks;
            widen(&self.scales[row.clone()], &mut scales);
            match self.kind {
                Kind::Q8 => {}
                Kind::Q4WithMinimum => widen(&self.minima[row.clone()], &mut minima),
                Kind::Q4Around8 => minima.iter_mut().zip(&scales).for_each(|(minimum, scale)| *minimum = -8.0 * scale),
            }
            // Each block's integers are summed up first and scaled then; minima meet the sums of x's blocks.
            let mut sums = [[0.0f32; 8]; M];
            for (block, (integers, scale)) in integers[row].iter().zip(&scales).enumerate() {
                let q = unpack(integers);
                for (sums, x) in sums.iter_mut().zip(&x.blocks) {
                    let x = &x[block];
                    let mut sum = [0.0f32; 8];
                    for part in 0..BLOCK / 8 {
                        for lane in 0..8 {
                            sum[lane] = fma(q[8 * part + lane], x[8 * part + lane], sum[lane]);
                        }
                    }
                    sums.iter_mut().zip(sum).for_each(|(total, sum)| *total = fma(sum, *scale, *total));
                }
            }
            for ((out, sums), x) in out.iter_mut().zip(sums).zip(&x.sums) {
                *out = sums.iter().sum();
                if self.kind != Kind::Q8 {
                    *out += dot(&minima, x);
                }
            }
        }
    }
}

/// M vectors, with the sums of their blocks.
pub struct Vectors<'a, const M: usize> {
    blocks: [&'a [[f32; BLOCK]]; M],
    sums: [Vec<f32>; M],
}

impl<'a, const M: usize> Vectors<'a, M> {
    /// Vectors of `inputs` numbers each, one after the other; `inputs` is a multiple of 32.
    pub fn new(x: &'a [f32], inputs: usize) -> Self {
        let blocks = std::array::from_fn(|m| x[m * inputs..(m + 1) * inputs].as_chunks::<BLOCK>().0);
        let sums = blocks.map(|blocks| blocks.iter().map(|block| block.iter().sum()).collect());
        Self { blocks, sums }
    }
}

/// 16-bit floats into 32 bits, without the branches and the calls of the usual conversion. They are finite.
fn widen(from: &[u16], to: &mut [f32]) {
    // The exponents of the two formats are 112 apart.
    const SHIFT: f32 = f32::from_bits((127 + 112) << 23);
    for (to, from) in to.iter_mut().zip(from) {
        let magnitude = f32::from_bits((u32::from(*from) & 0x7fff) << 13) * SHIFT;
        *to = f32::from_bits(magnitude.to_bits() | (u32::from(*from) & 0x8000) << 16);
    }
}

/// a . b
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; BLOCK];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<BLOCK>(), b.as_chunks::<BLOCK>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..BLOCK {
            lanes[lane] = fma(a[lane], b[lane], lanes[lane]);
        }
    }
    lanes.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use burn::tensor::f16;

    use super::*;

    #[test]
    fn sixteen_bits_are_widened_exactly() {
        let all: Vec<u16> = (0..=u16::MAX).filter(|bits| f16::from_bits(*bits).is_finite()).collect();
        let mut wide = vec![0.0; all.len()];
        widen(&all, &mut wide);
        for (bits, wide) in all.iter().zip(wide) {
            assert_eq!(wide, f16::from_bits(*bits).to_f32());
        }
    }

    #[test]
    fn packed_products_are_those_of_the_unpacked_numbers() {
        let mut state = 1u32;
        let mut byte = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for packing in [Packing::Q4_0, Packing::Q4_1, Packing::Q8_0] {
            let (inputs, outputs) = (96, 5);
            let mut bytes: Vec<u8> = (0..packing.bytes_of(inputs * outputs).unwrap()).map(|_| byte()).collect();
            for block in bytes.chunks_exact_mut(packing.bytes()) {
                block[..2].copy_from_slice(&f16::from_f32(0.01).to_le_bytes());
                if packing == Packing::Q4_1 {
                    block[2..4].copy_from_slice(&f16::from_f32(-0.07).to_le_bytes());
                }
            }
            let numbers = packing.unpack(&bytes);
            let x: Vec<f32> = (0..2 * inputs).map(|_| f32::from(byte()) / 128.0 - 1.0).collect();
            let packed = Packed::new(&[(packing, bytes)], inputs).unwrap();
            let mut out = [[0.0; 2]; 4];
            packed.rows(1, &Vectors::<2>::new(&x, inputs), &mut out);
            for (row, out) in out.iter().enumerate() {
                for m in 0..2 {
                    let (a, b) = (&numbers[(row + 1) * inputs..(row + 2) * inputs], &x[m * inputs..(m + 1) * inputs]);
                    let exact: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    assert!((f64::from(out[m]) - exact).abs() < 1e-4, "{packing:?} {row} {m}");
                }
            }
        }
        assert!(Packed::new(&[(Packing::F16, vec![])], 32).is_none());
    }
}
