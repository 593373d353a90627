//! How numbers are packed in weight files, and how they are unpacked: the block formats of ggml.

use burn::tensor::{bf16, f16};

/// A packing of numbers. Quantised ones come in blocks of 32 or 256 numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Packing {
    /// 32-bit floats.
    F32,
    /// 16-bit floats of IEEE 754.
    F16,
    /// The upper halves of 32-bit floats.
    Bf16,
    /// 32 numbers: scale, 8-bit integers.
    Q8_0,
    /// 32 numbers: scale, 4-bit integers around 8.
    Q4_0,
    /// 32 numbers: scale, minimum, 4-bit integers.
    Q4_1,
    /// 256 numbers in eight groups: two scales, 6-bit scales and minima, 4-bit integers.
    Q4K,
    /// 256 numbers in sixteen groups: scale, 8-bit scales, 6-bit integers around 32.
    Q6K,
}

impl Packing {
    /// The packing that GGUF files call by this number.
    pub fn of_gguf(kind: u32) -> Option<Self> {
        Some(match kind {
            0 => Self::F32,
            1 => Self::F16,
            2 => Self::Q4_0,
            3 => Self::Q4_1,
            8 => Self::Q8_0,
            12 => Self::Q4K,
            14 => Self::Q6K,
            30 => Self::Bf16,
            _ => return None,
        })
    }

    /// Numbers in a block.
    pub fn numbers(self) -> usize {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => 1,
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 => 32,
            Self::Q4K | Self::Q6K => 256,
        }
    }

    /// Bytes of a block.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q4K => 144,
            Self::Q6K => 210,
        }
    }

    /// Bytes of `numbers` numbers; none if they do not fill whole blocks, or are too many to count.
    pub fn bytes_of(self, numbers: usize) -> Option<usize> {
        if numbers % self.numbers() != 0 {
            return None;
        }
        (numbers / self.numbers()).checked_mul(self.bytes())
    }

    /// Unpacks whole blocks; bytes after the last whole one are left out.
    pub fn unpack(self, bytes: &[u8]) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(bytes.len() / self.bytes() * self.numbers());
        match self {
            Self::F32 => numbers.extend(bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
            Self::F16 => numbers.extend(bytes.as_chunks().0.iter().map(|b| f16::from_le_bytes(*b).to_f32())),
            Self::Bf16 => numbers.extend(bytes.as_chunks().0.iter().map(|b| bf16::from_le_bytes(*b).to_f32())),
            Self::Q8_0 => bytes.as_chunks().0.iter().for_each(|block| q8_0(block, &mut numbers)),
            Self::Q4_0 => bytes.as_chunks().0.iter().for_each(|block| q4_0(block, &mut numbers)),
            Self::Q4_1 => bytes.as_chunks().0.iter().for_each(|block| q4_1(block, &mut numbers)),
            Self::Q4K => bytes.as_chunks().0.iter().for_each(|block| q4_k(block, &mut numbers)),
            Self::Q6K => bytes.as_chunks().0.iter().for_each(|block| q6_k(block, &mut numbers)),
        }
        numbers
    }
}

fn half(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// {f16 d, i8 q[32]}: d q.
fn q8_0(block: &[u8; 34], out: &mut Vec<f32>) {
    let d = half(block, 0);
    out.extend(block[2..].iter().map(|q| d * f32::from(*q as i8)));
}

/// {f16 d, nibbles[16]}: d (q - 8); the low nibbles first.
fn q4_0(block: &[u8; 18], out: &mut Vec<f32>) {
    let d = half(block, 0);
    out.extend(block[2..].iter().map(|q| d * (f32::from(q & 15) - 8.0)));
    out.extend(block[2..].iter().map(|q| d * (f32::from(q >> 4) - 8.0)));
}

/// {f16 d, f16 m, nibbles[16]}: d q + m; the low nibbles first.
fn q4_1(block: &[u8; 20], out: &mut Vec<f32>) {
    let (d, m) = (half(block, 0), half(block, 2));
    out.extend(block[4..].iter().map(|q| d * f32::from(q & 15) + m));
    out.extend(block[4..].iter().map(|q| d * f32::from(q >> 4) + m));
}

/// {f16 d, f16 dmin, 8 scales and 8 minima of 6 bits in 12 bytes, nibbles[128]}: d scale q - dmin minimum, in groups of 32.
fn q4_k(block: &[u8; 144], out: &mut Vec<f32>) {
    let (d, least) = (half(block, 0), half(block, 2));
    let s = &block[4..16];
    let scale_and_minimum = |group: usize| {
        if group < 4 {
            (s[group] & 63, s[group + 4] & 63)
        } else {
            ((s[group + 4] & 15) | ((s[group - 4] >> 6) << 4), (s[group + 4] >> 4) | ((s[group] >> 6) << 4))
        }
    };
    for (pair, nibbles) in block[16..].chunks_exact(32).enumerate() {
        for (half, shift) in [(0, 0), (1, 4)] {
            let (scale, minimum) = scale_and_minimum(2 * pair + half);
            let (scale, minimum) = (d * f32::from(scale), least * f32::from(minimum));
            out.extend(nibbles.iter().map(|q| scale * f32::from((q >> shift) & 15) - minimum));
        }
    }
}

/// {low nibbles[128], upper two bits[64], i8 scales[16], f16 d}: d scale (q - 32), in groups of 16.
fn q6_k(block: &[u8; 210], out: &mut Vec<f32>) {
    let d = half(block, 208);
    for n in 0..2 {
        let (low, high, scales) = (&block[64 * n..], &block[128 + 32 * n..], &block[192 + 8 * n..]);
        for quarter in 0..4 {
            out.extend((0..32).map(|l| {
                let nibble = low[l + 32 * (quarter % 2)] >> (4 * (quarter / 2)) & 15;
                let q = nibble | ((high[l] >> (2 * quarter)) & 3) << 4;
                let scale = f32::from(scales[l / 16 + 2 * quarter] as i8);
                d * scale * (f32::from(q) - 32.0)
            }));
        }
    }
}
