//! AdamW, its learning rate over a run, and the clipping of gradients.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Settings of AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101). The defaults are PyTorch's, but for the decay of weights,
/// of which factors that begin at zero need none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    /// How slowly the mean of the gradients moves.
    pub beta1: f32,
    /// How slowly the mean of their squares moves.
    pub beta2: f32,
    /// Added to the root of that mean.
    pub epsilon: f32,
    /// Share of a weight that is taken away per unit of learning rate.
    pub decay: f32,
}

impl Default for AdamW {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.0 }
    }
}

/// What an optimiser remembers of earlier steps.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moments {
    /// Moving mean of the gradients.
    pub first: Vec<f32>,
    /// Moving mean of their squares.
    pub second: Vec<f32>,
}

impl Moments {
    /// Before the first step.
    pub fn new(len: usize) -> Self {
        Self { first: vec![0.0; len], second: vec![0.0; len] }
    }
}

impl AdamW {
    /// Step number `step`, counted from 1, in place.
    pub fn step(&self, step: usize, rate: f32, weights: &mut [f32], gradients: &[f32], moments: &mut Moments) {
        const SHARE: usize = 1 << 14;
        let correction = |beta: f32| 1.0 - beta.powi(i32::try_from(step).unwrap_or(i32::MAX));
        let (first_correction, second_root) = (correction(self.beta1), correction(self.beta2).sqrt());
        let shares = weights
            .par_chunks_mut(SHARE)
            .zip(gradients.par_chunks(SHARE))
            .zip(moments.first.par_chunks_mut(SHARE))
            .zip(moments.second.par_chunks_mut(SHARE));
        shares.for_each(|(((weights, gradients), first), second)| {
            for (((w, g), m), v) in weights.iter_mut().zip(gradients).zip(first).zip(second) {
                *m = self.beta1 * *m + (1.0 - self.beta1) * g;
                *v = self.beta2 * *v + (1.0 - self.beta2) * g * g;
                *w -= rate * self.decay * *w;
                *w -= rate / first_correction * *m / (v.sqrt() / second_root + self.epsilon);
            }
        });
    }
}

/// The learning rate over a run: a linear warm-up, then half a cosine down to zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The highest rate.
    pub peak: f32,
    /// Steps until it is reached.
    pub warm_up: usize,
    /// Steps of the run.
    pub steps: usize,
}

impl Schedule {
    /// The rate of step `step`, counted from 0.
    pub fn rate(&self, step: usize) -> f32 {
        if step < self.warm_up {
            return self.peak * (step + 1) as f32 / self.warm_up as f32;
        }
        let past = (step - self.warm_up) as f32 / self.steps.saturating_sub(self.warm_up).max(1) as f32;
        self.peak * 0.5 * (1.0 + (std::f32::consts::PI * past.min(1.0)).cos())
    }
}

/// Scales gradients down to a norm of `most` over all of them together; gives the norm before. Summed in one order, in f64.
pub fn clip(gradients: &mut [f32], most: f32) -> f32 {
    let sums: Vec<f64> = gradients.par_chunks(1 << 14).map(|share| share.iter().map(|g| f64::from(*g).powi(2)).sum()).collect();
    let norm = sums.iter().sum::<f64>().sqrt() as f32;
    if norm > most {
        let scale = most / (norm + 1e-6);
        gradients.par_iter_mut().for_each(|g| *g *= scale);
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;

    /// w = 1, gradients 0.5, -0.25, 0.125 at rates 0.1, decay 0.01: by torch.optim.AdamW 2.8 in 64 bits.
    #[test]
    fn weights_move_as_pytorch_moves_them() {
        let optimiser = AdamW { decay: 0.01, ..AdamW::default() };
        let (mut weights, mut moments) = (vec![1.0f32], Moments::new(1));
        let expected = [0.899, 0.871_467_3, 0.836_552_9];
        for (n, (gradient, expected)) in [0.5, -0.25, 0.125].into_iter().zip(expected).enumerate() {
            optimiser.step(n + 1, 0.1, &mut weights, &[gradient], &mut moments);
            assert!((weights[0] - expected).abs() < 1e-5, "{n}: {} {expected}", weights[0]);
        }
    }

    #[test]
    fn the_rate_rises_then_falls_to_nothing() {
        let schedule = Schedule { peak: 1.0, warm_up: 10, steps: 110 };
        assert_eq!((schedule.rate(0), schedule.rate(9), schedule.rate(10)), (0.1, 1.0, 1.0));
        assert!((schedule.rate(60) - 0.5).abs() < 1e-6 && schedule.rate(109) < 1e-3);
        assert!((11..110).all(|step| schedule.rate(step) < schedule.rate(step - 1)));
    }

    #[test]
    fn the_norm_is_that_of_all_gradients_together() {
        let mut gradients = vec![3.0, 0.0, 4.0];
        assert_eq!(clip(&mut gradients, 10.0), 5.0);
        assert_eq!(gradients, [3.0, 0.0, 4.0]);
        clip(&mut gradients, 1.0);
        assert!((gradients[0] - 0.6).abs() < 1e-5 && (gradients[2] - 0.8).abs() < 1e-5);
    }
}
