//! Rotary position embeddings in the half-split layout: what each position turns each pair of numbers by.

/// How positions turn the heads.
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// The base of the geometric series of wavelengths.
    pub theta: f64,
    /// How the series is stretched for contexts longer than the first training's.
    pub scaling: RopeScaling,
}

/// A stretching of the wavelengths; formulas as in transformers' `modeling_rope_utils`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum RopeScaling {
    /// None.
    None,
    /// Every position divided by a factor.
    Linear {
        /// The factor.
        factor: f64,
    },
    /// Llama 3.1: long wavelengths divided, short ones kept, those between mixed.
    Llama3 {
        /// The factor.
        factor: f64,
        /// Wavelengths above `original / low` are divided.
        low: f64,
        /// Wavelengths below `original / high` are kept.
        high: f64,
        /// Context of the first training, in tokens.
        original: f64,
    },
    /// YaRN (Peng et al. 2023, arXiv 2309.00071): divided by a ramp over the pairs, and cosines and sines scaled.
    Yarn {
        /// The factor.
        factor: f64,
        /// Context of the first training, in tokens.
        original: f64,
        /// Pairs that turn more often than this within the original context are kept.
        fast: f64,
        /// Pairs that turn less often than this are divided.
        slow: f64,
        /// What cosines and sines are multiplied by.
        attention: f64,
    },
    /// A divisor for every pair, as GGUF files of Llama 3.1 carry them (`rope_freqs.weight`).
    Divisors(Vec<f32>),
}

impl RopeScaling {
    /// YaRN with the settings of its paper.
    pub fn yarn(factor: f64, original: f64) -> Self {
        Self::Yarn { factor, original, fast: 32.0, slow: 1.0, attention: yarn_amplitude(factor) }
    }
}

/// What YaRN's paper multiplies cosines and sines by.
pub fn yarn_amplitude(factor: f64) -> f64 {
    if factor > 1.0 { 0.1 * factor.ln() + 1.0 } else { 1.0 }
}

impl Rope {
    /// Radians that one position turns each of the `head / 2` pairs by.
    pub fn frequencies(&self, head: usize) -> Vec<f64> {
        let half = head / 2;
        let plain = |pair: usize| self.theta.powf(-2.0 * pair as f64 / head as f64);
        let wavelength = |frequency: f64| 2.0 * std::f64::consts::PI / frequency;
        match &self.scaling {
            RopeScaling::None => (0..half).map(plain).collect(),
            RopeScaling::Linear { factor } => (0..half).map(|pair| plain(pair) / factor).collect(),
            RopeScaling::Divisors(divisors) => {
                (0..half).map(|pair| plain(pair) / divisors.get(pair).map_or(1.0, |d| f64::from(*d))).collect()
            }
            RopeScaling::Llama3 { factor, low, high, original } => (0..half)
                .map(|pair| {
                    let frequency = plain(pair);
                    // How often the pair turns within the original context decides how much of it is kept.
                    let kept = ((original / wavelength(frequency) - low) / (high - low)).clamp(0.0, 1.0);
                    (1.0 - kept) * frequency / factor + kept * frequency
                })
                .collect(),
            RopeScaling::Yarn { factor, original, fast, slow, .. } => {
                // The pair that turns `turns` times within the original context.
                let pair_of =
                    |turns: f64| head as f64 * (original / (turns * 2.0 * std::f64::consts::PI)).ln() / (2.0 * self.theta.ln());
                let first = pair_of(*fast).floor().max(0.0);
                let last = pair_of(*slow).ceil().min(head as f64 - 1.0);
                let width = if last > first { last - first } else { 0.001 };
                (0..half)
                    .map(|pair| {
                        let divided = ((pair as f64 - first) / width).clamp(0.0, 1.0);
                        plain(pair) * (divided / factor + 1.0 - divided)
                    })
                    .collect()
            }
        }
    }

    /// What cosines and sines are multiplied by.
    pub fn amplitude(&self) -> f64 {
        if let RopeScaling::Yarn { attention, .. } = self.scaling { attention } else { 1.0 }
    }
}

/// Cosines and sines of some positions.
#[derive(Debug, Clone)]
pub struct Turns {
    /// [positions, head / 2].
    pub cos: Vec<f32>,
    /// [positions, head / 2].
    pub sin: Vec<f32>,
}

/// The cosines and sines of `positions` under `frequencies` (one per pair) times `amplitude`.
pub fn turns(frequencies: &[f64], amplitude: f64, positions: impl Iterator<Item = usize>) -> Turns {
    let mut turns = Turns { cos: Vec::new(), sin: Vec::new() };
    for position in positions {
        for frequency in frequencies {
            // The reference multiplies in f32, so its angles are rounded before the cosine is taken.
            let angle = position as f32 * *frequency as f32;
            let (sin, cos) = f64::from(angle).sin_cos();
            turns.cos.push((cos * amplitude) as f32);
            turns.sin.push((sin * amplitude) as f32);
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaling_keeps_short_waves_and_divides_long_ones() {
        let plain = Rope { theta: 500_000.0, scaling: RopeScaling::None }.frequencies(128);
        let llama3 = RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 8192.0 };
        for scaling in [llama3, RopeScaling::yarn(8.0, 8192.0)] {
            let scaled = Rope { theta: 500_000.0, scaling: scaling.clone() }.frequencies(128);
            assert!((scaled[0] / plain[0] - 1.0).abs() < 1e-12, "{scaling:?}");
            assert!((scaled[63] / plain[63] - 0.125).abs() < 1e-12, "{scaling:?}");
            let between = scaled.iter().zip(&plain).filter(|(s, p)| **s < **p * 0.99 && **s > **p * 0.13).count();
            assert!(between > 2, "{scaling:?}");
        }
    }
}
