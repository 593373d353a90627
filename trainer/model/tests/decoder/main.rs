//! The decoder from outside: agreement with the reference implementation, and laws of caches, batches and adapters.

mod laws;
mod reference;

use std::path::PathBuf;
use std::sync::OnceLock;

use burn::tensor::{Device, Tensor};
use cubelog_model::{Decoder, Tokenizer, locate};

/// Where the real model lies. Without it the test is skipped, unless CUBELOG_REQUIRE_MODELS=1 says that it must be there.
fn model_path() -> Option<PathBuf> {
    let path = locate().expect("HOME or CUBELOG_MODELS is set").join("SmolLM2-135M-Instruct");
    if path.is_dir() {
        return Some(path);
    }
    let message = format!("SmolLM2-135M-Instruct is not at {}: run `deploy/models/fetch all`", path.display());
    assert!(std::env::var("CUBELOG_REQUIRE_MODELS").as_deref() != Ok("1"), "{message}");
    eprintln!("SKIPPED: {message}");
    None
}

/// The real model and its tokenizer, loaded once for all tests.
fn real() -> Option<&'static (Decoder, Tokenizer)> {
    static REAL: OnceLock<Option<(Decoder, Tokenizer)>> = OnceLock::new();
    let load = || {
        let path = model_path()?;
        let tokenizer = Tokenizer::load(&path).unwrap();
        let decoder = Decoder::load(&path, &Device::flex()).unwrap();
        tokenizer.check(&path, decoder.config().vocabulary).unwrap();
        Some((decoder, tokenizer))
    };
    REAL.get_or_init(load).as_ref()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.try_into_vec_as().unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}
