//! The passes written out by hand against burn's autodiff over the decoder in tensor operations: losses and every gradient.

mod common;

use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use common::tiny::shape;
use cubelog_model::lora::{Part, Plain};
use cubelog_model::weights::Drawn;
use cubelog_model::{Adapter, Decoder, DecoderConfig, Step, Worn};
use cubelog_trainer::cpu::factors::Layout;
use cubelog_trainer::cpu::weights::Base;
use cubelog_trainer::engine::{Engine, Weights};
use cubelog_trainer::plain;
use cubelog_trainer::samples::{Hold, Sample};

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().convert::<f32>().try_into_vec::<f32>().unwrap()
}

/// The same weighted loss in burn's operations; its value, and the gradients of A and B in the order of the layout.
fn by_autodiff(shape: &DecoderConfig, plain: &Plain, samples: &[Sample], weights: [f32; 3]) -> (f32, Vec<f32>) {
    let device = Device::flex().autodiff();
    let decoder = Decoder::assemble(shape.clone(), &Drawn::new(11), &device).unwrap();
    let adapter: Adapter = plain.adapter(shape.layers, &device);
    let mut total: Option<Tensor<1>> = None;
    for (sort, weight) in weights.into_iter().enumerate() {
        let of_sort = |hold: &Hold| match hold {
            Hold::Say | Hold::Match(_) => 0,
            Hold::Keep => 1,
            Hold::Replay => 2,
        };
        let those: Vec<&Sample> = samples.iter().filter(|sample| of_sort(&sample.hold) == sort).collect();
        let count: usize = those.iter().map(|sample| sample.answer_tokens()).sum();
        for sample in those {
            let step = Step::padded(&[&sample.ids]);
            let (first, tokens) = (sample.from - 1, sample.answer_tokens());
            let logs = |worn: &Worn<'_>| {
                let hidden = decoder.forward(&step, None, worn).unwrap();
                let hidden = hidden.narrow(1, first, tokens).reshape([tokens, shape.hidden]);
                log_softmax(decoder.logits(hidden), 1)
            };
            let logs_worn = logs(&Worn::all(&adapter));
            let loss = if sort == 0 {
                let targets: Vec<i64> = sample.ids[sample.from..].iter().map(|id| i64::from(*id)).collect();
                let targets: Tensor<2, Int> = Tensor::from_data(TensorData::new(targets, [tokens, 1]), &device);
                logs_worn.gather(1, targets).sum().neg()
            } else {
                let of_base = logs(&Worn::none()).detach();
                (of_base.clone().exp() * (of_base - logs_worn)).sum()
            };
            let loss = loss.mul_scalar(weight / count as f32);
            total = Some(match total {
                Some(total) => total + loss,
                None => loss,
            });
        }
    }
    let total = total.unwrap();
    let gradients = total.backward();
    let mut all = Vec::new();
    for (_, _, factor) in adapter.factors() {
        for tensor in [factor.a.val(), factor.b.val()] {
            all.extend(numbers(tensor.grad(&gradients).unwrap()));
        }
    }
    (numbers(total)[0], all)
}

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
        let samples: Vec<Sample> =
            [(90, 60, Hold::Say), (20, 6, Hold::Say), (25, 9, Hold::Keep), (17, 5, Hold::Replay), (12, 11, Hold::Keep)]
                .into_iter()
                .enumerate()
                .map(|(seed, (n, from, hold))| Sample { ids: ids(n, seed), from, hold })
                .collect();
        let base = Base::read(&shape, &Drawn::new(11), 256).unwrap();
        let mut engine = Engine::new(base, &layout, 1 << 30, 100).unwrap();
        let mut gradients = vec![0.0; layout.len()];
        let losses = engine.step(&layout, &factors, &samples, Weights { say: 1.0, keep: 0.8, replay: 0.5 }, &mut gradients);
        let loss = losses.say + 0.8 * losses.keep + 0.5 * losses.replay;
        let (expected, by_autodiff) = by_autodiff(&shape, &plain(&layout, &factors), &samples, [1.0, 0.8, 0.5]);
        assert!((loss - expected).abs() < 1e-4 * loss, "{loss} {expected}");
        assert_eq!(gradients.len(), by_autodiff.len());
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
