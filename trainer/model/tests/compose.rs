//! Adapters composed and stored, held to the products that they stand for.

use std::collections::BTreeMap;

use cubelog_model::lora::compose::{Compact, compact, concatenate, loss, weighted};
use cubelog_model::lora::int8::Plain8;
use cubelog_model::lora::{Pair, Part, Plain};
use proptest::prelude::*;

/// An adapter over two layers; q in both, down in the second. `seed` draws its numbers.
fn adapter(rank: usize, scale: f64, seed: u64) -> Plain {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let mut pair = |inputs: usize, outputs: usize| Pair {
        rank,
        a: (0..inputs * rank).map(|_| draw()).collect(),
        b: (0..rank * outputs).map(|_| draw()).collect(),
    };
    let pairs = BTreeMap::from([((0, Part::Q), pair(12, 9)), ((1, Part::Q), pair(12, 9)), ((1, Part::Down), pair(20, 12))]);
    Plain { scale, pairs }
}

/// s A B of one place, in full.
fn product(plain: &Plain, place: (usize, Part)) -> Vec<f64> {
    let Some(pair) = plain.pairs.get(&place) else { return Vec::new() };
    let (inputs, outputs) = (pair.inputs(), pair.outputs());
    let entry = |i: usize, j: usize| -> f64 {
        (0..pair.rank).map(|r| f64::from(pair.a[i * pair.rank + r]) * f64::from(pair.b[r * outputs + j])).sum::<f64>()
            * plain.scale
    };
    (0..inputs).flat_map(|i| (0..outputs).map(move |j| (i, j))).map(|(i, j)| entry(i, j)).collect()
}

fn norm(numbers: &[f64]) -> f64 {
    numbers.iter().map(|x| x * x).sum::<f64>().sqrt()
}

fn apart(a: &[f64], b: &[f64]) -> f64 {
    norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn side_by_side_is_the_sum(ranks in prop::collection::vec(1usize..6, 1..4), seed in 0u64..1000, weight in -2.0f64..2.0) {
        let adapters: Vec<Plain> = ranks.iter().enumerate().map(|(n, rank)| adapter(*rank, 1.5, seed + n as u64)).collect();
        let weights: Vec<f64> = (0..adapters.len()).map(|n| weight + n as f64 * 0.3).collect();
        let those: Vec<(&Plain, f64)> = adapters.iter().zip(weights.iter().copied()).collect();
        let together = concatenate(&those).unwrap();
        prop_assert_eq!(together.rank(), Some(ranks.iter().sum()));
        for place in together.pairs.keys() {
            let found = product(&together, *place);
            let mut sum = vec![0.0; found.len()];
            for (plain, weight) in &those {
                sum.iter_mut().zip(product(plain, *place)).for_each(|(sum, x)| *sum += weight * x);
            }
            prop_assert!(apart(&found, &sum) < 1e-5 * (1.0 + norm(&sum)));
        }
    }

    #[test]
    fn a_compacted_adapter_is_as_near_as_it_can_be(rank in 2usize..8, to in 1usize..8, seed in 0u64..1000) {
        // Twice the same side by side, so that half of the rank holds nothing.
        let one = adapter(rank, 0.7, seed);
        let twice = concatenate(&[(&one, 1.0), (&one, 0.5)]).unwrap();
        let exact = compact(&twice, Compact::Rank(rank)).unwrap();
        prop_assert!(loss(&twice, &exact).unwrap() < 1e-5);
        prop_assert_eq!(compact(&twice, Compact::Energy(1.0 - 1e-9)).unwrap().rank().unwrap() <= rank, true);

        let less = compact(&one, Compact::Rank(to)).unwrap();
        let (mut missing, mut all) = (0.0, 0.0);
        for place in one.pairs.keys() {
            let full = product(&one, *place);
            missing += apart(&full, &product(&less, *place)).powi(2);
            all += norm(&full).powi(2);
        }
        let by_definition = (missing / all).sqrt();
        prop_assert!((loss(&one, &less).unwrap() - by_definition).abs() < 1e-4);
        // Cutting off the last columns of A is one adapter of that rank, and no nearer.
        if to < rank {
            let cut = Plain { pairs: one.pairs.iter().map(|(place, pair)| (*place, cut(pair, to))).collect(), ..one.clone() };
            prop_assert!(by_definition <= loss(&one, &cut).unwrap() + 1e-6);
        }
    }
}

fn cut(pair: &Pair, rank: usize) -> Pair {
    let a = pair.a.chunks_exact(pair.rank).flat_map(|row| row[..rank].to_vec()).collect();
    Pair { rank, a, b: pair.b[..rank * pair.outputs()].to_vec() }
}

#[test]
fn energy_decides_the_rank() {
    let one = adapter(6, 1.0, 4);
    let ranks: Vec<usize> =
        [0.3, 0.6, 0.9, 0.999].iter().map(|e| compact(&one, Compact::Energy(*e)).unwrap().rank().unwrap()).collect();
    assert!(ranks.windows(2).all(|pair| pair[0] <= pair[1]) && ranks[0] < 6, "{ranks:?}");
    for energy in [0.6, 0.9, 0.999] {
        let kept = compact(&one, Compact::Energy(energy)).unwrap();
        assert!(loss(&one, &kept).unwrap() <= (1.0f64 - energy).sqrt() + 1e-6, "{energy}");
    }
}

#[test]
fn the_weighted_sum_is_exact_for_one_and_rough_for_several() {
    let (one, other) = (adapter(4, 2.0, 1), adapter(4, 0.5, 2));
    assert!(loss(&one, &weighted(&[(&one, 1.0)]).unwrap()).unwrap() < 1e-5);
    let exact = concatenate(&[(&one, 0.5), (&other, 0.5)]).unwrap();
    let rough = weighted(&[(&one, 0.5), (&other, 0.5)]).unwrap();
    assert_eq!(rough.rank(), Some(4));
    assert!(loss(&exact, &rough).unwrap() > 0.05);
}

#[test]
fn eight_bits_cost_little_and_say_how_much() {
    let one = adapter(5, 1.0, 8);
    let packed = Plain8::pack(&one);
    let lost = loss(&one, &packed.plain()).unwrap();
    assert!(lost > 0.0 && lost < 0.01, "{lost}");
    let full: usize = one.pairs.values().map(|pair| 4 * (pair.a.len() + pair.b.len())).sum();
    assert!(packed.bytes() * 2 < full);
    assert_eq!(Plain8::pack(&packed.plain()).pairs.len(), 3);
}

#[test]
fn what_cannot_be_composed_is_refused() {
    let (one, mut other) = (adapter(3, 1.0, 1), adapter(2, 1.0, 2));
    assert!(concatenate(&[]).is_err());
    assert!(weighted(&[(&one, 1.0), (&other, 1.0)]).is_err());
    assert!(weighted(&[(&one, -1.0)]).is_err());
    assert!(concatenate(&[(&one, f64::NAN)]).is_err());
    assert!(compact(&one, Compact::Rank(0)).is_err() && compact(&one, Compact::Energy(1.5)).is_err());
    other.pairs.insert((0, Part::Q), Pair { rank: 2, a: vec![0.0; 26], b: vec![0.0; 18] });
    assert!(concatenate(&[(&one, 1.0), (&other, 1.0)]).is_err());
}
