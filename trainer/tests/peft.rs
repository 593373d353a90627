//! PEFT's files: ours as PEFT reads them and PEFT's as we do, and bad ones, which are refused.
//!
//! The comparison needs Python with torch, transformers and peft: `CUBELOG_PEFT_PYTHON` names the interpreter.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use burn::tensor::Device;
use common::tiny::{llama, write};
use cubelog_model::lora::compose::loss;
use cubelog_model::lora::int8::Plain8;
use cubelog_model::lora::peft::{self, CONFIG, Stored, WEIGHTS};
use cubelog_model::lora::{AdapterError, Pair, Part, Plain};
use cubelog_model::weights::Drawn;
use cubelog_model::{Decoder, DecoderConfig, Step, Worn};

fn adapter(shape: &DecoderConfig, rank: usize) -> Plain {
    let mut pairs = BTreeMap::new();
    for layer in 0..shape.layers {
        for part in Part::ALL {
            let (inputs, outputs) = part.widths(shape);
            let numbers = |n: usize, at: usize| (0..n).map(|i| ((i * 7 + at * 13) as f32 * 0.37).sin() * 0.2).collect();
            pairs.insert((layer, part), Pair { rank, a: numbers(inputs * rank, layer), b: numbers(rank * outputs, layer + 3) });
        }
    }
    Plain { scale: 2.0, pairs }
}

fn put(dir: &Path, plain: &Plain, stored: Stored) {
    let notes = BTreeMap::from([("base_sha256".to_owned(), "0".repeat(64))]);
    let files = peft::write(plain, "some/base", &notes, stored).unwrap();
    fs::write(dir.join(CONFIG), files.config).unwrap();
    fs::write(dir.join(WEIGHTS), files.weights).unwrap();
}

#[test]
fn an_adapter_comes_back_bit_for_bit_and_the_same_one_is_the_same_bytes() {
    let (dir, shape) = (tempfile::tempdir().unwrap(), llama());
    let plain = adapter(&shape, 3);
    put(dir.path(), &plain, Stored::F32);
    let first = fs::read(dir.path().join(WEIGHTS)).unwrap();
    let read = peft::read(dir.path(), &shape).unwrap();
    assert!(read == plain);
    put(dir.path(), &read, Stored::F32);
    assert!(first == fs::read(dir.path().join(WEIGHTS)).unwrap());

    put(dir.path(), &plain, Stored::F16);
    let half = peft::read(dir.path(), &shape).unwrap();
    let apart =
        plain.pairs[&(0, Part::Q)].a.iter().zip(&half.pairs[&(0, Part::Q)].a).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart > 0.0 && apart < 2e-4, "{apart}");
    assert!(fs::metadata(dir.path().join(WEIGHTS)).unwrap().len() < first.len() as u64 * 6 / 10);
}

#[test]
fn eight_bits_come_back_and_bad_files_of_them_are_refused() {
    let (dir, shape) = (tempfile::tempdir().unwrap(), llama());
    let packed = Plain8::pack(&adapter(&shape, 3));
    let (path, whole) = (dir.path().join("module.int8.safetensors"), packed.to_bytes());
    fs::write(&path, &whole).unwrap();
    assert!(Plain8::read(&path, &shape).unwrap() == packed);
    assert!(loss(&adapter(&shape, 3), &packed.plain()).unwrap() < 0.01);
    for other in [DecoderConfig { hidden: 64, ..shape.clone() }, DecoderConfig { layers: 1, ..shape.clone() }] {
        assert!(Plain8::read(&path, &other).is_err());
    }
    for at in (0..whole.len()).step_by(211) {
        fs::write(&path, &whole[..at]).unwrap();
        assert!(Plain8::read(&path, &shape).is_err(), "cut at {at}");
    }
    for (from, to) in [("int8/1", "int8/9"), ("\"I8\"", "\"U8\""), ("\"scale\":\"2", "\"scale\":\"x"), ("a.sizes", "a.sizzz")] {
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, bytes).unwrap();
        assert!(Plain8::read(&path, &shape).is_err(), "{from} became {to}");
    }
}

#[test]
fn files_cut_off_or_damaged_are_refused() {
    let (dir, shape) = (tempfile::tempdir().unwrap(), llama());
    let mut shape = shape;
    shape.layers = 1;
    put(dir.path(), &adapter(&shape, 1), Stored::F16);
    let path = dir.path().join(WEIGHTS);
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(97).chain([7, 8, 9, whole.len() - 1]) {
        fs::write(&path, &whole[..at]).unwrap();
        assert!(peft::read(dir.path(), &shape).is_err(), "cut at {at}");
    }
    fs::write(&path, [whole.as_slice(), &[0]].concat()).unwrap();
    assert!(peft::read(dir.path(), &shape).is_err(), "something behind it");
    let header = String::from_utf8_lossy(&whole).into_owned();
    for (what, from, to) in [
        ("a header longer than the file", "\u{0}", "\u{7f}"),
        ("a shape of billions", "\"shape\":[1,48]", "\"shape\":[9,99]"),
        ("offsets out of order", "\"data_offsets\":[0,", "\"data_offsets\":[9,"),
        ("another type", "\"dtype\":\"F16\"", "\"dtype\":\"I64\""),
        ("not an adapter's name", "lora_A", "lora_X"),
        ("a layer that the base lacks", "layers.0", "layers.7"),
    ] {
        assert!(header.contains(from), "{what}");
        let at = whole.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
        let mut bytes = whole.clone();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, bytes).unwrap();
        assert!(peft::read(dir.path(), &shape).is_err(), "{what}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(peft::read(dir.path(), &shape), Err(AdapterError::Missing { path: missing }) if missing == path));
}

#[test]
fn settings_that_would_be_computed_wrongly_are_refused() {
    let (dir, shape) = (tempfile::tempdir().unwrap(), llama());
    put(dir.path(), &adapter(&shape, 2), Stored::F32);
    let whole: serde_json::Value = serde_json::from_slice(&fs::read(dir.path().join(CONFIG)).unwrap()).unwrap();
    let broken = [
        ("peft_type", serde_json::json!("LOHA")),
        ("use_dora", true.into()),
        ("bias", "all".into()),
        ("fan_in_fan_out", true.into()),
        ("modules_to_save", serde_json::json!(["lm_head"])),
        ("rank_pattern", serde_json::json!({ "q_proj": 3 })),
        ("r", 0.into()),
        ("r", 1_000_000_000_000u64.into()),
        ("r", 3.into()),
        ("lora_alpha", "much".into()),
    ];
    for (name, value) in broken {
        let mut settings = whole.clone();
        settings[name] = value.clone();
        fs::write(dir.path().join(CONFIG), settings.to_string()).unwrap();
        assert!(peft::read(dir.path(), &shape).is_err(), "{name} = {value}");
    }
    fs::write(dir.path().join(CONFIG), "{").unwrap();
    assert!(matches!(peft::read(dir.path(), &shape), Err(AdapterError::Damaged { .. })));
}

#[test]
fn an_adapter_for_another_base_is_refused_and_named() {
    let (dir, shape) = (tempfile::tempdir().unwrap(), llama());
    put(dir.path(), &adapter(&shape, 2), Stored::F32);
    let others = [
        DecoderConfig { hidden: 64, ..shape.clone() },
        DecoderConfig { layers: 1, ..shape.clone() },
        DecoderConfig { kv_heads: 3, ..shape.clone() },
        DecoderConfig { feed_forward: 100, ..shape },
    ];
    for other in others {
        let error = peft::read(dir.path(), &other).unwrap_err();
        assert!(matches!(error, AdapterError::AnotherBase { .. }), "{error}");
    }
}

/// What our decoder computes for the ids of `peft_check.py`.
fn logits(shape: &DecoderConfig, plain: &Plain) -> Vec<Vec<f32>> {
    let device = Device::flex();
    let decoder = Decoder::assemble(shape.clone(), &Drawn::new(11), &device).unwrap();
    let adapter = plain.adapter(shape.layers, &device);
    [&[1, 5, 9, 200, 17, 3, 42][..], &[7, 7, 100, 30]]
        .into_iter()
        .map(|ids: &[u32]| {
            let hidden = decoder.forward(&Step::padded(&[ids]), None, &Worn::all(&adapter)).unwrap();
            let last = hidden.narrow(1, ids.len() - 1, 1).reshape([1, shape.hidden]);
            decoder.logits(last).into_data().try_into_vec::<f32>().unwrap()
        })
        .collect()
}

#[test]
fn ours_in_peft_and_theirs_in_ours_have_equal_logits() {
    let Some(python) = std::env::var_os("CUBELOG_PEFT_PYTHON") else {
        eprintln!("skipped: CUBELOG_PEFT_PYTHON does not name a Python with torch, transformers and peft");
        return;
    };
    let shape = llama();
    for verb in ["read", "write"] {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("base"), &shape);
        put(dir.path(), &adapter(&shape, 4), Stored::F32);
        let out = dir.path().join("out.json");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peft_check.py");
        let ran = Command::new(&python).arg(script).arg(verb).arg(dir.path()).arg(&out).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let theirs: Vec<Vec<f32>> = serde_json::from_slice(&fs::read(out).unwrap()).unwrap();
        let plain = peft::read(dir.path(), &shape).unwrap();
        assert_eq!(plain.parts().len(), if verb == "read" { 7 } else { 5 });
        let ours = logits(&shape, &plain);
        let without = logits(&shape, &Plain { scale: 0.0, ..plain });
        for ((ours, theirs), without) in ours.iter().zip(&theirs).zip(&without) {
            let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let moved = ours.iter().zip(without).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-4 && moved > 0.05, "{verb}: {apart} apart, {moved} moved");
        }
    }
}
