//! The passes written out by hand against burn's autodiff over the decoder in tensor operations: losses and every gradient.

mod common;

use std::sync::Arc;

use burn::tensor::Device;
use common::tiny::shape;
use cubelog_model::Decoder;
use cubelog_model::lora::Part;
use cubelog_model::weights::Drawn;
use cubelog_trainer::Autodiff;
use cubelog_trainer::cpu::factors::Layout;
use cubelog_trainer::cpu::weights::Base;
use cubelog_trainer::engine::{Engine, Steps, Weights};
use cubelog_trainer::samples::{Hold, Sample};

#[test]
fn losses_and_gradients_are_burns() {
    let cases: [(bool, &[Part]); 3] = [(true, &Part::ALL), (false, &Part::ALL), (true, &[Part::Q, Part::Gate, Part::Down])];
    for (extras, parts) in cases {
        let mut shape = shape();
        (shape.qkv_bias, shape.tied) = (extras, !extras);
        let layout = Layout::new(&shape, parts, 4, 8.0);
        let factors: Vec<f32> = (0..layout.len()).map(|n| (n as f32 * 0.7).sin() * 0.1).collect();
        let ids =
            |n: usize, seed: usize| (0..n).map(|at| if at < 4 { 9 } else { ((at * 31 + seed * 17) % 257) as u32 }).collect();
        let likely = Arc::new((0..6).map(|n| vec![(n, 0.5), (n + 90, 0.3), (n + 200, 0.2)]).collect());
        let holds = [
            (90, 60, Hold::Say),
            (20, 6, Hold::Say),
            (25, 9, Hold::Keep),
            (17, 5, Hold::Replay),
            (12, 11, Hold::Keep),
            (21, 15, Hold::Match(likely)),
        ];
        let samples: Vec<Sample> =
            holds.into_iter().enumerate().map(|(seed, (n, from, hold))| Sample { ids: ids(n, seed), from, hold }).collect();
        let weights = Weights { say: 1.0, keep: 0.8, replay: 0.5 };
        let base = Base::read(&shape, &Drawn::new(11), 256).unwrap();
        let mut engine = Engine::new(base, &layout, 1 << 30, 100).unwrap();
        let mut gradients = vec![0.0; layout.len()];
        let losses = engine.step(&layout, &factors, &samples, weights, &mut gradients).unwrap();
        let decoder = Decoder::assemble(shape.clone(), &Drawn::new(11), &Device::flex().autodiff()).unwrap();
        let mut by_autodiff = vec![0.0; layout.len()];
        let expected = Autodiff::new(decoder, 2).step(&layout, &factors, &samples, weights, &mut by_autodiff).unwrap();
        for (ours, theirs) in [(losses.say, expected.say), (losses.keep, expected.keep), (losses.replay, expected.replay)] {
            assert!((ours - theirs).abs() < 1e-4 * theirs && theirs > 0.0, "{losses:?} {expected:?}");
        }
        // Matrix by matrix, so that small gradients are not hidden by large ones.
        for layer in 0..shape.layers {
            for part in parts {
                let pair = layout.pair(layer, *part).unwrap();
                for place in [pair.a, pair.b] {
                    let (ours, theirs) = (&gradients[place.clone()], &by_autodiff[place]);
                    let norm = theirs.iter().map(|g| g * g).sum::<f32>().sqrt();
                    let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
                    assert!(norm > 0.0 && apart < 2e-4 * norm, "{layer} {part:?}: {apart} of {norm}");
                }
            }
        }
    }
}
