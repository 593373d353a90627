//! Vectors as bytes stay close to what they were.

use cubelog_memory::vectors::{Query, cosine, dot, quantise};
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
        let mut bytes = Vec::new();
        let scale = quantise(&b, &mut bytes);
        let found = Query::new(Some(&a)).similarity(&bytes, &[scale], 0).unwrap();
        prop_assert!((found - cosine(&a, &b)).abs() < 0.005, "{} {}", found, cosine(&a, &b));
    }

    #[test]
    fn a_dot_product_of_any_length_is_the_sum_of_its_products(
        a in proptest::collection::vec(-127i16..=127, 0..100), b in proptest::collection::vec(-127i8..=127, 0..100),
    ) {
        let expected: i32 = a.iter().zip(&b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
        prop_assert_eq!(dot(&a, &b), expected);
    }
}

#[test]
fn what_is_no_number_becomes_none() {
    let mut bytes = Vec::new();
    let scale = quantise(&[f32::NAN, f32::INFINITY, 0.5], &mut bytes);
    assert_eq!((bytes.as_slice(), scale), ([0, 0, 127].as_slice(), 0.5 / 127.0));
    let query = Query::new(Some(&[1.0, 0.0, 0.0]));
    assert_eq!(query.similarity(&[3, 4, 5], &[f32::NAN], 0), None);
    assert_eq!(query.similarity(&[3, 4, 5], &[1.0], 1), None);
    assert_eq!(Query::new(None).similarity(&[3, 4, 5], &[1.0], 0), None);
}
