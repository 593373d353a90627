//! A model that is small enough to train in a test: random weights, and one token for every byte.

use std::path::Path;

use cubelog_model::DecoderConfig;
use cubelog_model::decoder::{Rope, RopeScaling};
use cubelog_model::lora::Part;
use cubelog_model::text::Tokenizer;
use cubelog_model::weights::{Drawn, Tensors};
use cubelog_trainer::cpu::weights::Base;

/// A shape of everything that the passes know: groups of heads, biases, an output matrix of its own.
pub fn shape() -> DecoderConfig {
    DecoderConfig {
        family: "qwen2".into(),
        layers: 2,
        hidden: 48,
        heads: 6,
        kv_heads: 2,
        head: 8,
        feed_forward: 96,
        vocabulary: 257,
        context: 1024,
        norm_epsilon: 1e-5,
        rope: Rope { theta: 10_000.0, scaling: RopeScaling::None },
        tied: false,
        qkv_bias: true,
        qk_norm: false,
        ends: vec![256],
        begin: None,
    }
}

#[allow(dead_code)]
pub fn base() -> Base {
    Base::read(&shape(), &Drawn::new(11), 1024).unwrap()
}

/// The tokenizer whose tokens are the bytes, as byte-level BPE without merges has them; 256 ends an answer.
#[allow(dead_code)]
pub fn tokenizer(dir: &Path) -> Tokenizer {
    // GPT-2's table of printable stand-ins for bytes.
    let printable = |byte: u32| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut next = 256;
    let mut vocabulary = serde_json::Map::new();
    for byte in 0..256 {
        let stand_in = if printable(byte) {
            byte
        } else {
            next += 1;
            next - 1
        };
        vocabulary.insert(char::from_u32(stand_in).unwrap().to_string(), byte.into());
    }
    vocabulary.insert("<end>".into(), 256.into());
    let level = serde_json::json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true });
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "pre_tokenizer": level, "post_processor": null,
        "decoder": level,
        "added_tokens": [{ "id": 256, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true }],
        "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "vocab": vocabulary, "merges": [] },
    });
    std::fs::write(dir.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    std::fs::write(dir.join("tokenizer_config.json"), r#"{ "eos_token": "<end>" }"#).unwrap();
    if !dir.join("config.json").exists() {
        std::fs::write(dir.join("config.json"), "{}").unwrap();
    }
    Tokenizer::load(dir).unwrap()
}

/// The tiny model as files, so that it can be read by everything that reads models; without biases, which Llama has none of.
#[allow(dead_code)]
pub fn write(dir: &Path, shape: &DecoderConfig) {
    std::fs::create_dir_all(dir).unwrap();
    let config = serde_json::json!({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "attention_bias": false,
        "hidden_size": shape.hidden, "intermediate_size": shape.feed_forward, "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads, "num_key_value_heads": shape.kv_heads, "head_dim": shape.head,
        "vocab_size": shape.vocabulary, "max_position_embeddings": shape.context, "rms_norm_eps": shape.norm_epsilon,
        "rope_theta": shape.rope.theta, "tie_word_embeddings": true, "bos_token_id": 1, "eos_token_id": 256,
    });
    std::fs::write(dir.join("config.json"), config.to_string()).unwrap();
    let mut names = vec![("model.embed_tokens.weight".to_owned(), vec![shape.vocabulary, shape.hidden])];
    names.push(("model.norm.weight".into(), vec![shape.hidden]));
    for layer in 0..shape.layers {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            names.push((format!("model.layers.{layer}.{norm}.weight"), vec![shape.hidden]));
        }
        for part in Part::ALL {
            let (inputs, outputs) = part.widths(shape);
            names.push((format!("model.layers.{layer}.{}.{}.weight", part.block(), part.name()), vec![outputs, inputs]));
        }
    }
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = names
        .into_iter()
        .map(|(name, sizes)| {
            let numbers = Drawn::new(11).floats(&name, &sizes, None).unwrap();
            (name, sizes, numbers.iter().flat_map(|x| x.to_le_bytes()).collect())
        })
        .collect();
    let views = bytes.iter().map(|(name, sizes, bytes)| {
        (name.as_str(), safetensors::tensor::TensorView::new(safetensors::Dtype::F32, sizes.clone(), bytes).unwrap())
    });
    let notes = std::collections::HashMap::from([("format".to_owned(), "pt".to_owned())]);
    std::fs::write(dir.join("model.safetensors"), safetensors::serialize(views, Some(notes)).unwrap()).unwrap();
}

/// The shape that transformers' Llama has too.
#[allow(dead_code)]
pub fn llama() -> DecoderConfig {
    DecoderConfig { family: "llama".into(), qkv_bias: false, tied: true, ..shape() }
}
