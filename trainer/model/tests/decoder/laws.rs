//! Laws that hold whatever the numbers are: caches, batches and adapters change nothing that they should not.

use burn::tensor::{Device, Tensor, TensorData};
use cubelog_model::decoder::{Cache, Fitted, Rope, RopeScaling, Span};
use cubelog_model::lora::{Adapter, Factor, LayerFactors, Part};
use cubelog_model::weights::Drawn;
use cubelog_model::{Decoder, DecoderConfig, KvCache, Step, Worn};

use crate::{largest_difference, numbers};

/// A small model of random numbers.
fn small(family: &str, scaling: RopeScaling, tied: bool) -> Decoder {
    let config = DecoderConfig {
        family: family.into(),
        layers: 3,
        hidden: 48,
        heads: 6,
        kv_heads: 2,
        head: 16,
        feed_forward: 80,
        vocabulary: 101,
        context: 64,
        norm_epsilon: 1e-5,
        rope: Rope { theta: 10_000.0, scaling },
        tied,
        qkv_bias: family == "qwen2",
        qk_norm: family == "qwen3",
        ends: vec![2],
        begin: None,
    };
    Decoder::assemble(config, &Drawn::new(7), &Device::flex()).unwrap()
}

fn models() -> Vec<Decoder> {
    let llama3 = RopeScaling::Llama3 { factor: 8.0, low: 1.0, high: 4.0, original: 16.0 };
    vec![
        small("llama", RopeScaling::None, true),
        small("llama", llama3, false),
        small("qwen2", RopeScaling::Linear { factor: 2.0 }, true),
        small("qwen3", RopeScaling::yarn(4.0, 16.0), false),
    ]
}

fn sequence(seed: usize, length: usize) -> Vec<u32> {
    (0..length).map(|n| ((n * 37 + seed * 53 + n * n * 11) % 101) as u32).collect()
}

/// An adapter whose factors are random, B included.
fn adapter(decoder: &Decoder, seed: usize, rank: usize, parts: &[Part], device: &Device) -> Adapter {
    let mut n = seed * 1_000_003;
    let mut draw = move || {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (n >> 40) as f32 / (1u64 << 24) as f32
    };
    let config = decoder.config();
    let mut factor = |part: Part| {
        let (inputs, outputs) = part.widths(config);
        let mut some = |count: usize| (0..count).map(|_| draw() * 0.4 - 0.2).collect::<Vec<f32>>();
        Factor::from_numbers(some(inputs * rank), some(rank * outputs), [inputs, rank, outputs], device)
    };
    let mut layer = || LayerFactors::try_new(|part| Ok::<_, ()>(parts.contains(&part).then(|| factor(part)))).unwrap();
    Adapter { layers: (0..config.layers).map(|_| layer()).collect(), scale: 2.0 }
}

/// The last vectors of every token of a sequence alone: [tokens * hidden].
fn alone(decoder: &Decoder, ids: &[u32], adapter: Option<&Adapter>) -> Vec<f32> {
    let worn = adapter.map_or_else(Worn::none, Worn::all);
    numbers(decoder.forward(&Step::padded(&[ids]), None, &worn).unwrap())
}

#[test]
fn rows_of_a_batch_are_the_rows_alone_padded_or_packed() {
    for decoder in models() {
        let hidden = decoder.config().hidden;
        let sequences: Vec<Vec<u32>> = [9, 1, 14].iter().enumerate().map(|(n, length)| sequence(n, *length)).collect();
        let rows: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let padded = numbers(decoder.forward(&Step::padded(&rows), None, &Worn::none()).unwrap());
        let packed = numbers(decoder.forward(&Step::packed(&rows), None, &Worn::none()).unwrap());
        let mut first = 0;
        for (n, ids) in rows.iter().enumerate() {
            let expected = alone(&decoder, ids, None);
            assert!(largest_difference(&padded[n * 14 * hidden..][..expected.len()], &expected) < 1e-5);
            assert!(largest_difference(&packed[first * hidden..][..expected.len()], &expected) < 1e-5);
            first += ids.len();
        }
    }
}

#[test]
fn decoding_with_a_cache_is_one_forward_pass_and_a_used_cache_is_as_good_as_new() {
    for decoder in models() {
        let hidden = decoder.config().hidden;
        let mut cache = KvCache::new(decoder.config(), 2, 24, decoder.device());
        for round in 0..2 {
            let sequences = [sequence(round, 20), sequence(round + 5, 17)];
            let expected: Vec<Vec<f32>> = sequences.iter().map(|ids| alone(&decoder, ids, None)).collect();
            // Chunks of different lengths for the two rows, so that they stand at different positions.
            let mut starts = [0, 0];
            for lengths in [[5, 7], [1, 1], [3, 1], [1, 3], [10, 5]] {
                let fed: Vec<&[u32]> = (0..2).map(|row| &sequences[row][starts[row]..starts[row] + lengths[row]]).collect();
                let step = Step::after(&fed, &starts);
                let out = numbers(decoder.forward(&step, Some(&mut cache), &Worn::none()).unwrap());
                for row in 0..2 {
                    let got = &out[row * step.columns * hidden..][..lengths[row] * hidden];
                    let wanted = &expected[row][starts[row] * hidden..][..lengths[row] * hidden];
                    assert!(largest_difference(got, wanted) < 1e-5, "row {row} from {starts:?}");
                    starts[row] += lengths[row];
                }
            }
        }
    }
}

#[test]
fn a_later_token_changes_nothing_before_it() {
    for decoder in models() {
        let mut ids = sequence(3, 12);
        let before = alone(&decoder, &ids, None);
        ids[11] = 99;
        let after = alone(&decoder, &ids, None);
        let hidden = decoder.config().hidden;
        assert_eq!(before[..11 * hidden], after[..11 * hidden]);
        assert!(largest_difference(&before[11 * hidden..], &after[11 * hidden..]) > 1e-3);
    }
}

#[test]
fn an_adapter_with_zero_b_is_the_base_bit_for_bit() {
    for decoder in models() {
        let ids = sequence(1, 13);
        let mut n = 0.0f32;
        let draw = move || {
            n = (n + 0.381_966).fract();
            n
        };
        let fresh = Adapter::fresh(decoder.config(), &Part::ALL, 4, 8.0, draw, decoder.device());
        assert_eq!(fresh.factors().count(), 7 * decoder.config().layers);
        assert_eq!(alone(&decoder, &ids, Some(&fresh)), alone(&decoder, &ids, None));
    }
}

#[test]
fn adapters_side_by_side_in_a_batch_are_each_alone() {
    for decoder in models() {
        let device = decoder.device();
        let one = adapter(&decoder, 1, 4, &Part::ALL, device);
        let two = adapter(&decoder, 2, 3, &[Part::Q, Part::V, Part::Down], device);
        let sequences: Vec<Vec<u32>> = (0..5).map(|n| sequence(n, 6 + n)).collect();
        let rows: Vec<&[u32]> = sequences.iter().map(Vec::as_slice).collect();
        let wearing = [Some(&one), None, Some(&two), Some(&one), None];
        let together = numbers(decoder.forward(&Step::padded(&rows), None, &Worn::rows(&wearing)).unwrap());
        let hidden = decoder.config().hidden;
        for (n, (ids, adapter)) in rows.iter().zip(wearing).enumerate() {
            let expected = alone(&decoder, ids, adapter);
            assert!(largest_difference(&together[n * 10 * hidden..][..expected.len()], &expected) < 1e-5);
            let base = alone(&decoder, ids, None);
            assert_eq!(adapter.is_some(), largest_difference(&base, &expected) > 1e-3);
        }
    }
}

#[test]
fn an_adapter_is_the_base_with_its_product_added_to_the_weights() {
    // One layer's o projection, worn, and the same by hand: its inputs times A times B.
    let decoder = small("llama", RopeScaling::None, true);
    let device = decoder.device();
    let worn = adapter(&decoder, 3, 4, &[Part::Down], device);
    let ids = sequence(2, 8);
    let got = alone(&decoder, &ids, Some(&worn));
    let merged = Merged { base: Drawn::new(7), adapter: &worn };
    let merged = Decoder::assemble(decoder.config().clone(), &merged, device).unwrap();
    assert!(largest_difference(&got, &alone(&merged, &ids, None)) < 1e-4);
}

/// The numbers of a model into whose down projections an adapter was merged.
struct Merged<'a> {
    base: Drawn,
    adapter: &'a Adapter,
}

impl cubelog_model::weights::Tensors for Merged<'_> {
    fn has(&self, name: &str) -> bool {
        self.base.has(name)
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, cubelog_model::ModelError> {
        self.base.shape(name)
    }

    fn floats(&self, name: &str, shape: &[usize], heads: Option<usize>) -> Result<Vec<f32>, cubelog_model::ModelError> {
        let mut floats = self.base.floats(name, shape, heads)?;
        for (layer, part, factor) in self.adapter.factors() {
            if name == format!("model.layers.{layer}.{}.{}.weight", part.block(), part.name()) {
                let product = factor.a.val().matmul(factor.b.val()).transpose().mul_scalar(self.adapter.scale);
                floats.iter_mut().zip(numbers(product)).for_each(|(x, y)| *x += y);
            }
        }
        Ok(floats)
    }
}

#[test]
fn gradients_reach_the_adapter_alone_and_are_right() {
    for decoder in models() {
        let device = decoder.device().clone().autodiff();
        let ids = [sequence(4, 7), sequence(5, 7)];
        let rows: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let step = Step::padded(&rows);
        let trained = adapter(&decoder, 5, 2, &Part::ALL, &device);
        // Some loss that depends on every number: the hidden states weighted by a fixed pattern.
        let pattern: Vec<f32> = (0..2 * 7 * 48).map(|n| ((n * 29) % 17) as f32 / 17.0 - 0.5).collect();
        let loss = |adapter: &Adapter| -> Tensor<1> {
            let hidden = decoder.forward(&step, None, &Worn::all(adapter)).unwrap();
            let pattern: Tensor<3> = Tensor::from_data(TensorData::new(pattern.clone(), [2, 7, 48]), decoder.device());
            (hidden * pattern).sum()
        };
        let value = loss(&trained);
        assert!(value.is_tracked());
        let gradients = value.backward();
        for (layer, part) in [(0, Part::Q), (1, Part::K), (1, Part::Down), (2, Part::Gate)] {
            let factor = trained.layers[layer].get(part).unwrap();
            for (tensor, which) in [(factor.a.val(), 0), (factor.b.val(), 1)] {
                let gradient = numbers(tensor.grad(&gradients).expect("a gradient"));
                // The slope along one number, by its neighbours.
                let at = gradient.len() / 2;
                let slope = |by: f32| {
                    let mut moved = adapter(&decoder, 5, 2, &Part::ALL, decoder.device());
                    let layers = &mut moved.layers[layer];
                    let factor = match part {
                        Part::Q => layers.q.as_mut(),
                        Part::K => layers.k.as_mut(),
                        Part::Down => layers.down.as_mut(),
                        _ => layers.gate.as_mut(),
                    };
                    let factor = factor.unwrap();
                    let param = if which == 0 { &mut factor.a } else { &mut factor.b };
                    let dims = param.val().dims();
                    let mut values = numbers(param.val());
                    values[at] += by;
                    let value = Tensor::from_data(TensorData::new(values, dims), decoder.device());
                    *param = burn::module::Param::from_tensor(value);
                    f64::from(numbers(loss(&moved))[0])
                };
                let slope = (slope(1e-2) - slope(-1e-2)) / 2e-2;
                let difference = (slope - f64::from(gradient[at])).abs();
                assert!(difference < 2e-2 * slope.abs().max(0.1), "{part:?}: {slope} and {}", gradient[at]);
            }
        }
    }
}

/// The last vectors of every token by kernels: one span, in chunks of the given lengths, then one by one.
fn extended(decoder: &Decoder, cache: &mut Cache, ids: &[u32], chunks: &[usize], adapter: Option<&Fitted>) -> Vec<f32> {
    let (mut out, mut start) = (Vec::new(), 0);
    let rest = ids.len() - chunks.iter().sum::<usize>();
    for length in chunks.iter().copied().chain(std::iter::repeat_n(1, rest)) {
        let ids = &ids[start..start + length];
        out.extend(decoder.extend(&mut [Span { ids, start, cache, adapter }]).unwrap());
        start += length;
    }
    out
}

#[test]
fn kernels_compute_what_tensor_operations_do() {
    for decoder in models() {
        let mut cache = decoder.cache(64);
        let worn = adapter(&decoder, 9, 3, &Part::ALL, decoder.device());
        let fitted = decoder.fit(&worn).unwrap();
        for (round, chunks) in [vec![], vec![45], vec![3, 30, 2], vec![20, 9]].iter().enumerate() {
            let ids = sequence(round, 45);
            for (adapter, fitted) in [(None, None), (Some(&worn), Some(&fitted))] {
                let got = extended(&decoder, &mut cache, &ids, chunks, fitted);
                assert!(largest_difference(&got, &alone(&decoder, &ids, adapter)) < 2e-5, "{chunks:?}");
            }
        }
        let hidden = alone(&decoder, &sequence(1, 12), None);
        let rows: Tensor<2> = Tensor::from_data(TensorData::new(hidden.clone(), [12, 48]), decoder.device());
        assert!(largest_difference(&decoder.score(&hidden).unwrap(), &numbers(decoder.logits(rows))) < 1e-5);
    }
}

#[test]
fn sequences_side_by_side_are_each_alone() {
    for decoder in models() {
        let one = decoder.fit(&adapter(&decoder, 1, 4, &Part::ALL, decoder.device())).unwrap();
        let two = decoder.fit(&adapter(&decoder, 2, 3, &[Part::Q, Part::O, Part::Up], decoder.device())).unwrap();
        let wearing = [Some(&one), None, Some(&two), Some(&one), None];
        let sequences: Vec<Vec<u32>> = (0..5).map(|n| sequence(n, 4 + 3 * n)).collect();
        let both: Vec<(&[u32], Option<&Fitted>)> = sequences.iter().map(Vec::as_slice).zip(wearing).collect();
        let together = decoder.continue_greedily(&both, 9, &[2, 3]).unwrap();
        for (n, (ids, adapter)) in both.iter().enumerate() {
            assert_eq!(decoder.continue_greedily(&[(ids, *adapter)], 9, &[2, 3]).unwrap()[0], together[n]);
        }
        assert!(together.iter().all(|said| said[..said.len() - 1].iter().all(|id| ![2, 3].contains(id))));
    }
}

#[test]
fn keys_and_values_can_be_kept_and_placed_in_another_cache() {
    for decoder in models() {
        let ids = sequence(6, 40);
        let mut first = decoder.cache(40);
        let expected = extended(&decoder, &mut first, &ids, &[40], None);
        let mut second = decoder.cache(50);
        for layer in 0..decoder.config().layers {
            for slots in [0..7, 7..8, 8..39] {
                let [keys, values] = decoder.read_cache(&first, layer, slots.clone()).unwrap();
                decoder.write_cache(&mut second, layer, slots.start, keys, &values).unwrap();
            }
        }
        let last = decoder.extend(&mut [Span { ids: &ids[39..], start: 39, cache: &mut second, adapter: None }]).unwrap();
        assert!(largest_difference(&last, &expected[39 * decoder.config().hidden..]) < 1e-5);
        // The same token at another place has the same key before it is turned.
        let mut moved = decoder.cache(64);
        decoder.extend(&mut [Span { ids: &ids[..1], start: 17, cache: &mut moved, adapter: None }]).unwrap();
        let [here, _] = decoder.read_cache(&first, 0, 0..1).unwrap();
        let [there, _] = decoder.read_cache(&moved, 0, 17..18).unwrap();
        assert!(largest_difference(&here, &there) < 1e-5);
        assert!(decoder.read_cache(&first, 0, 60..65).is_err() && decoder.read_cache(&first, 3, 0..1).is_err());
        assert!(decoder.write_cache(&mut first, 0, 63, vec![0.0; 64], &[0.0; 64]).is_err());
    }
}

#[test]
fn spans_that_do_not_fit_are_refused() {
    let decoder = small("llama", RopeScaling::None, true);
    let other = DecoderConfig { hidden: 32, kv_heads: 3, ..decoder.config().clone() };
    let other = Decoder::assemble(other, &Drawn::new(1), decoder.device()).unwrap();
    let mut cache = decoder.cache(32);
    let mut foreign = other.cache(32);
    let mut fails = |ids: &[u32], start: usize, what: &str| {
        let error = decoder.extend(&mut [Span { ids, start, cache: &mut cache, adapter: None }]).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    fails(&[], 0, "no tokens");
    fails(&[101], 0, "token 101");
    fails(&[1, 2], 31, "cache of 32");
    fails(&[1], usize::MAX, "cache of 32");
    let span = Span { ids: &[1], start: 0, cache: &mut foreign, adapter: None };
    assert!(decoder.extend(&mut [span]).unwrap_err().to_string().contains("another decoder"));
    assert!(decoder.fit(&adapter(&other, 1, 2, &[Part::Q], decoder.device())).is_err());
    assert!(decoder.score(&[0.0; 47]).is_err());
}

#[test]
fn steps_that_do_not_fit_are_refused() {
    let decoder = small("llama", RopeScaling::None, true);
    let fails = |step: &Step, cache: Option<&mut KvCache>, worn: &Worn<'_>, what: &str| {
        let error = decoder.forward(step, cache, worn).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    };
    let mut cache = KvCache::new(decoder.config(), 1, 4, decoder.device());
    fails(&Step::padded(&[]), None, &Worn::none(), "no tokens");
    fails(&Step::padded(&[&[1, 101]]), None, &Worn::none(), "token 101");
    fails(&Step::padded(&[&[1, 2, 3, 4, 5]]), Some(&mut cache), &Worn::none(), "up to token 5");
    fails(&Step::after(&[&[1]], &[4]), Some(&mut cache), &Worn::none(), "up to token 5");
    fails(&Step::padded(&[&[1], &[2]]), Some(&mut cache), &Worn::none(), "2 rows");
    fails(&Step::after(&[&[1]], &[3]), None, &Worn::none(), "no cache");
    fails(&Step::padded(&[&[1]]), None, &Worn::rows(&[None, None]), "1 rows");
    let other = DecoderConfig { hidden: 32, ..decoder.config().clone() };
    let other = Decoder::assemble(other, &Drawn::new(1), decoder.device()).unwrap();
    let foreign = adapter(&other, 1, 2, &[Part::V], decoder.device());
    fails(&Step::padded(&[&[1]]), None, &Worn::all(&foreign), "v_proj");
    let shorter = Adapter { layers: vec![], scale: 1.0 };
    fails(&Step::padded(&[&[1]]), None, &Worn::all(&shorter), "0 layers");
}
