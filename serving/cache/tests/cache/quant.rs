//! Eight bits: how far a number may be from itself.

use cubelog_cache::physical::*;
use half::bf16;
use proptest::prelude::*;

/// Any float that is a number, of all sizes, and many that are near each other.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => -10.0f32..10.0,
        2 => any::<f32>().prop_filter("a number", |number| number.is_finite()),
        1 => Just(0.0f32),
        1 => Just(f32::MAX),
        1 => Just(f32::MIN_POSITIVE / 2.0),
        1 => -1e-30f32..1e-30,
    ]
}

fn layer() -> impl Strategy<Value = (LayerShape, Vec<f32>)> {
    (1usize..3, prop_oneof![1usize..9, 120usize..140], 1usize..20).prop_flat_map(|(kv_heads, tokens, head_dim)| {
        let shape = LayerShape { kv_heads, tokens, head_dim };
        (Just(shape), proptest::collection::vec(number(), shape.half()))
    })
}

/// Half the scale, and what rounding the scale and the product adds; numbers below what a scale can say become zero.
fn bound(most: f32) -> f64 {
    f64::from(most) / 127.0 * 0.5 * (1.0 + 1e-4) + 1.5e-36
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_key_moves_further_than_half_the_scale_of_its_channel_and_group((shape, keys) in layer()) {
        let (mut codes, mut scales) = (vec![0; shape.half()], vec![0.0; shape.key_scales()]);
        quantise_keys(&keys, shape, &mut codes, &mut scales).unwrap();
        let mut back = vec![0.0f32; shape.half()];
        dequantise_keys(&codes, &scales, shape, &mut back);
        for (index, (key, back)) in keys.iter().zip(&back).enumerate() {
            let (head, token, channel) = (index / (shape.tokens * shape.head_dim), index / shape.head_dim % shape.tokens, index % shape.head_dim);
            let group = token / GROUP_TOKENS * GROUP_TOKENS..shape.tokens.min((token / GROUP_TOKENS + 1) * GROUP_TOKENS);
            let most = group.map(|token| keys[(head * shape.tokens + token) * shape.head_dim + channel].abs()).fold(0.0, f32::max);
            let error = (f64::from(*key) - f64::from(*back)).abs();
            prop_assert!(back.is_finite() && error <= bound(most), "{key} became {back}, most {most}");
        }
    }

    #[test]
    fn no_value_moves_further_than_half_the_scale_of_its_token((shape, values) in layer()) {
        let (mut codes, mut scales) = (vec![0; shape.half()], vec![0.0; shape.value_scales()]);
        quantise_values(&values, shape, &mut codes, &mut scales).unwrap();
        let mut back = vec![0.0f32; shape.half()];
        dequantise_values(&codes, &scales, shape, &mut back);
        for (row, back) in values.chunks(shape.head_dim).zip(back.chunks(shape.head_dim)) {
            let most = row.iter().map(|value| value.abs()).fold(0.0, f32::max);
            for (value, back) in row.iter().zip(back) {
                let error = (f64::from(*value) - f64::from(*back)).abs();
                prop_assert!(back.is_finite() && error <= bound(most), "{value} became {back}, most {most}");
            }
        }
    }

    #[test]
    fn what_was_quantised_once_stays((shape, numbers) in layer()) {
        let numbers: Vec<f32> = numbers.into_iter().map(|number| number.clamp(-1e6, 1e6)).collect();
        let (mut codes, mut scales) = (vec![0; shape.half()], vec![0.0; shape.value_scales()]);
        quantise_values(&numbers, shape, &mut codes, &mut scales).unwrap();
        let mut once = vec![0.0f32; shape.half()];
        dequantise_values(&codes, &scales, shape, &mut once);
        let (mut again, mut scales_again) = (vec![0; shape.half()], vec![0.0; shape.value_scales()]);
        quantise_values(&once, shape, &mut again, &mut scales_again).unwrap();
        prop_assert_eq!(codes, again);
    }
}

#[test]
fn a_number_that_is_none_is_named() {
    let shape = LayerShape { kv_heads: 2, tokens: 200, head_dim: 20 };
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (token, group) in [(0, 0), (127, 0), (130, 128), (199, 128)] {
            let mut numbers = vec![1.0f32; shape.half()];
            numbers[(shape.tokens + token) * shape.head_dim + 19] = bad;
            let mut codes = vec![0; shape.half()];
            let found = quantise_keys(&numbers, shape, &mut codes, &mut vec![0.0; shape.key_scales()]).unwrap_err();
            assert_eq!(found, NotFinite { half: "keys", head: 1, token: group });
            let found = quantise_values(&numbers, shape, &mut codes, &mut vec![0.0; shape.value_scales()]).unwrap_err();
            assert_eq!(found, NotFinite { half: "values", head: 1, token });
        }
    }
}

#[test]
fn into_bfloat16_the_error_is_that_of_both() {
    let shape = LayerShape { kv_heads: 1, tokens: 3, head_dim: 5 };
    let values: Vec<bf16> = (0..15).map(|n| bf16::from_f32(n as f32 - 7.3)).collect();
    let (mut codes, mut scales) = (vec![0; 15], vec![0.0; 3]);
    quantise_values(&values, shape, &mut codes, &mut scales).unwrap();
    let mut back = vec![bf16::ZERO; 15];
    dequantise_values(&codes, &scales, shape, &mut back);
    for (value, back) in values.iter().zip(&back) {
        assert!((value.to_f32() - back.to_f32()).abs() <= 7.7 / 127.0 * 0.5 + back.to_f32().abs() / 256.0);
    }
}
