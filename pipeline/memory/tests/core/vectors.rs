//! Vectors as bytes stay close to what they were.

use cubelog_memory::vectors::{cosine, dot, quantise, scores};
use proptest::prelude::*;

fn unit(vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
    vector.into_iter().map(|x| x / length).collect()
}

proptest! {
    #[test]
    fn similarities_of_bytes_are_those_of_numbers(
        a in proptest::collection::vec(-1.0f32..1.0, 384), b in proptest::collection::vec(-1.0f32..1.0, 384),
    ) {
        let (a, b) = (unit(a), unit(b));
        let (mut a_bytes, mut b_bytes) = (Vec::new(), Vec::new());
        let (a_scale, b_scale) = (quantise(&a, &mut a_bytes), quantise(&b, &mut b_bytes));
        let mut found = Vec::new();
        scores(&a_bytes, a_scale, &b_bytes, &[b_scale], &[0], &mut found);
        prop_assert!((found[0] - cosine(&a, &b)).abs() < 0.005, "{} {}", found[0], cosine(&a, &b));
    }

    #[test]
    fn a_dot_product_of_any_length_is_the_sum_of_its_products(
        a in proptest::collection::vec(-127i8..=127, 0..100), b in proptest::collection::vec(-127i8..=127, 0..100),
    ) {
        let expected: i32 = a.iter().zip(&b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        let shorter = a.len().min(b.len());
        prop_assert_eq!(dot(&a[..shorter], &b[..shorter]), expected);
    }
}

#[test]
fn what_is_no_number_becomes_none() {
    let mut bytes = Vec::new();
    let scale = quantise(&[f32::NAN, f32::INFINITY, 0.5], &mut bytes);
    assert_eq!((bytes.as_slice(), scale), ([0, 0, 127].as_slice(), 0.5 / 127.0));
    let mut found = Vec::new();
    scores(&[1, 2], 1.0, &[3, 4], &[f32::NAN], &[0, 1], &mut found);
    assert!(found.iter().all(|score| score.is_nan()));
}
