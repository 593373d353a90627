//! The catalogue from outside: a model is whole and in place, or not there; what happens to its files is found out.

use std::fs;
use std::path::Path;

use cubelog_model::catalogue::{Catalogue, Kind, is_model_file};
use cubelog_model::{ModelError, locate};

/// A small whole model of random numbers in `dir`: one layer, 8 numbers wide, 4 tokens.
fn write_model(dir: &Path) {
    let config = r#"{"model_type":"llama","hidden_size":8,"num_attention_heads":2,"num_key_value_heads":1,"num_hidden_layers":1,
        "intermediate_size":12,"vocab_size":4,"max_position_embeddings":32,"tie_word_embeddings":true}"#;
    let tokenizer =
        r#"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2,"c":3},"merges":[["a","b"]]}}"#;
    fs::write(dir.join("config.json"), config).unwrap();
    fs::write(dir.join("tokenizer.json"), tokenizer).unwrap();
    fs::write(dir.join("model.safetensors"), weights(12)).unwrap();
}

/// Safetensors of that model, its feed-forward part `width` wide.
fn weights(width: usize) -> Vec<u8> {
    let layer = [
        ("input_layernorm", vec![8]),
        ("post_attention_layernorm", vec![8]),
        ("self_attn.q_proj", vec![8, 8]),
        ("self_attn.k_proj", vec![4, 8]),
        ("self_attn.v_proj", vec![4, 8]),
        ("self_attn.o_proj", vec![8, 8]),
        ("mlp.gate_proj", vec![width, 8]),
        ("mlp.up_proj", vec![width, 8]),
        ("mlp.down_proj", vec![8, width]),
    ];
    let mut all = vec![("model.embed_tokens".to_owned(), vec![4, 8]), ("model.norm".to_owned(), vec![8])];
    all.extend(layer.map(|(name, shape)| (format!("model.layers.0.{name}"), shape)));
    let (mut header, mut at) = (serde_json::Map::new(), 0);
    for (name, shape) in all {
        let bytes = 4 * shape.iter().product::<usize>();
        let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [at, at + bytes]});
        header.insert(format!("{name}.weight"), entry);
        at += bytes;
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.resize(file.len() + at, 0);
    file
}

fn add(catalogue: &Catalogue, name: &str, unique: u64) -> Result<(), ModelError> {
    let staged = catalogue.stage(name, unique)?;
    write_model(staged.path());
    staged.publish("path:somewhere", "2024-02-29T14:30:00Z").map(drop)
}

#[test]
fn a_model_is_added_whole_listed_and_verified() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::new(&dir.path().join("deep/models"));
    assert!(catalogue.list().unwrap().is_empty());
    add(&catalogue, "small", 1).unwrap();
    let entries = catalogue.list().unwrap();
    assert_eq!(entries.len(), 1);
    let manifest = entries[0].manifest.clone().unwrap();
    assert_eq!((entries[0].name.as_str(), entries[0].kind, manifest.kind), ("small", Some(Kind::Decoder), Kind::Decoder));
    let names: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["config.json", "model.safetensors", "tokenizer.json"]);
    assert_eq!(manifest.files.iter().map(|file| file.bytes.unwrap()).sum::<u64>(), entries[0].bytes);
    assert!(manifest.files.iter().all(|file| file.sha256.len() == 64));
    assert_eq!((manifest.base.len(), manifest.tokenizer.unwrap().len()), (64, 32));
    assert!(catalogue.verify("small").unwrap().is_empty());

    // A second of the same name, also one that began earlier.
    assert!(matches!(add(&catalogue, "small", 2), Err(ModelError::Exists { .. })));
    let late = catalogue.stage("other", 3).unwrap();
    write_model(late.path());
    add(&catalogue, "other", 4).unwrap();
    assert!(matches!(late.publish("path:x", "2024-02-29T14:30:00Z"), Err(ModelError::Exists { .. })));
    assert!(catalogue.verify("other").unwrap().is_empty());
    assert!(matches!(catalogue.get("third"), Err(ModelError::Missing { .. })));
    // The base's hash depends on its numbers and not on when or whence it came.
    let base = |name: &str| catalogue.get(name).unwrap().manifest.unwrap().base;
    assert_eq!(base("small"), base("other"));
}

#[test]
fn what_is_not_whole_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::new(dir.path());
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil, &str); 8] = [
        ("no weights", |dir| fs::remove_file(dir.join("model.safetensors")).unwrap(), "is missing"),
        ("no tokenizer", |dir| fs::remove_file(dir.join("tokenizer.json")).unwrap(), "is missing"),
        ("no settings", |dir| fs::remove_file(dir.join("config.json")).unwrap(), "is missing"),
        ("half the weights", |dir| fs::write(dir.join("model.safetensors"), &weights(12)[..900]).unwrap(), "damaged"),
        ("other weights", |dir| fs::write(dir.join("model.safetensors"), weights(16)).unwrap(), "expected [12, 8]"),
        ("a broken tokenizer", |dir| fs::write(dir.join("tokenizer.json"), "{").unwrap(), "damaged"),
        (
            "a larger tokenizer",
            |dir| {
                let vocabulary =
                    r#"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":0,"b":4},"merges":[]}}"#;
                fs::write(dir.join("tokenizer.json"), vocabulary).unwrap();
            },
            "highest token id",
        ),
        ("another family", |dir| fs::write(dir.join("config.json"), r#"{"model_type":"mamba"}"#).unwrap(), "mamba"),
    ];
    for (n, (what, spoil, expected)) in cases.into_iter().enumerate() {
        let staged = catalogue.stage("model", n as u64).unwrap();
        write_model(staged.path());
        spoil(staged.path());
        let error = staged.publish("path:x", "2024-02-29T14:30:00Z").unwrap_err().to_string();
        assert!(error.contains(expected), "{what}: {error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "{what}: something was left behind");
    }
    for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "ä", &"x".repeat(129)] {
        assert!(matches!(catalogue.stage(name, 1), Err(ModelError::Name { .. })), "{name:?}");
    }
}

#[test]
fn changed_missing_and_foreign_files_are_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::new(dir.path());
    add(&catalogue, "small", 1).unwrap();
    let path = dir.path().join("small");
    let mut bytes = weights(12);
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(path.join("model.safetensors"), bytes).unwrap();
    fs::remove_file(path.join("tokenizer.json")).unwrap();
    fs::write(path.join("model-00002-of-00002.safetensors"), "x").unwrap();
    fs::write(path.join("notes.txt"), "not a model's").unwrap();
    let wrong = catalogue.verify("small").unwrap();
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    for (wrong, expected) in wrong.iter().zip(["model.safetensors was changed", "tokenizer.json is gone", "does not belong"]) {
        assert!(wrong.contains(expected), "{wrong}");
    }
    fs::write(path.join("manifest.json"), "{").unwrap();
    assert!(matches!(catalogue.list(), Err(ModelError::Damaged { .. })));
}

#[test]
fn fetched_models_are_verified_by_the_published_checksums() {
    let models = locate().unwrap();
    let catalogue = Catalogue::new(&models);
    for name in ["all-MiniLM-L6-v2", "SmolLM2-135M-Instruct"] {
        if !models.join(name).is_dir() {
            assert!(std::env::var("CUBELOG_REQUIRE_MODELS").as_deref() != Ok("1"), "{name} is missing");
            eprintln!("SKIPPED: {name} is not at {}: run `deploy/models/fetch all`", models.display());
            continue;
        }
        assert_eq!(catalogue.verify(name).unwrap(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn only_a_models_own_files_are_taken_along() {
    for (name, own) in [
        ("model.safetensors", true),
        ("model-00001-of-00002.safetensors", true),
        ("SmolLM2.Q4_1.gguf", true),
        ("chat_template.jinja", true),
        ("pytorch_model.bin", false),
        ("adapter_model.safetensors", false),
        ("modeling_custom.py", false),
        (".hidden.gguf", false),
        ("manifest.json", false),
    ] {
        assert_eq!(is_model_file(name), own, "{name}");
    }
}
