//! Tensors of random numbers, for a model that has a shape and no training.

use super::Tensors;
use crate::ModelError;

/// Tensors of any name and shape, drawn from a seed: matrices evenly around 0 within sqrt(3 / inputs), so that what goes through
/// them keeps its size; norms near 1, biases small. The same seed gives the same numbers.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    seed: u64,
}

impl Drawn {
    /// Tensors of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }
}

impl Tensors for Drawn {
    fn has(&self, _name: &str) -> bool {
        true
    }

    fn shape(&self, _name: &str) -> Result<Vec<usize>, ModelError> {
        Ok(Vec::new())
    }

    fn floats(&self, name: &str, shape: &[usize], _heads: Option<usize>) -> Result<Vec<f32>, ModelError> {
        // FNV-1a over the name, so that tensors differ whatever the order in which they are drawn.
        let hash =
            name.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut state = hash ^ self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (middle, width) = match shape {
            [_] if name.ends_with("bias") => (0.0, 0.1),
            [_] => (1.0, 0.1),
            _ => (0.0, (3.0 / shape.last().copied().unwrap_or(1).max(1) as f32).sqrt()),
        };
        Ok((0..shape.iter().product::<usize>()).map(|_| middle + width * (2.0 * draw(&mut state) - 1.0)).collect())
    }
}

/// SplitMix64 (Steele et al. 2014), its upper 24 bits as a number from [0, 1).
fn draw(state: &mut u64) -> f32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut x = *state;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 40) as f32 / (1u64 << 24) as f32
}
