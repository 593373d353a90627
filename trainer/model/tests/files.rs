//! Weight files from outside: every packing, single and sharded, and bad ones, which must be refused before memory is taken.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use cubelog_model::weights::{Gguf, Packing, Shards, Tensors};
use cubelog_model::{Decoder, DecoderConfig, ModelError, Tokenizer};
use proptest::prelude::*;

/// Notes the largest piece of memory that each thread asked for.
struct Watched;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "an allocator is unsafe to write; this one only notes sizes and asks the system's")]
// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static WATCHED: Watched = Watched;

/// What `run` gives, and the largest piece of memory that it asked for, in bytes.
fn watched<T>(run: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let value = run();
    (value, LARGEST.get())
}

/// More than any of the small files here has, and far less than the sizes that the bad ones name.
const ENOUGH: usize = 4 << 20;

#[derive(serde::Deserialize)]
struct Block {
    name: String,
    kind: u32,
    bytes: String,
    numbers: Vec<f32>,
}

fn blocks() -> Vec<Block> {
    serde_json::from_str(include_str!("fixtures/blocks.json")).unwrap()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn every_packing_unpacks_to_the_reference_implementations_numbers() {
    let blocks = blocks();
    assert_eq!(blocks.len(), 8);
    for block in blocks {
        let packing = Packing::of_gguf(block.kind).unwrap();
        let bytes = unhex(&block.bytes);
        assert_eq!(packing.bytes_of(block.numbers.len()), Some(bytes.len()), "{}", block.name);
        let unpacked = packing.unpack(&bytes);
        assert_eq!(unpacked.len(), block.numbers.len());
        for (got, wanted) in unpacked.iter().zip(&block.numbers) {
            assert!((got - wanted).abs() <= 1e-6 * wanted.abs().max(1e-3), "{}: {got} and {wanted}", block.name);
        }
    }
}

/// A GGUF file, written piece by piece.
#[derive(Clone, Default)]
struct Writer {
    values: Vec<Vec<u8>>,
    tensors: Vec<(String, Vec<u64>, u32, Vec<u8>)>,
}

impl Writer {
    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn value(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        self.values.push([&Self::text(key)[..], &kind.to_le_bytes(), value].concat());
        self
    }

    fn size(self, key: &str, value: u32) -> Self {
        self.value(key, 4, &value.to_le_bytes())
    }

    fn texts(self, key: &str, values: &[&str]) -> Self {
        let head = [&8u32.to_le_bytes()[..], &(values.len() as u64).to_le_bytes()].concat();
        let all: Vec<u8> = values.iter().flat_map(|value| Self::text(value)).collect();
        self.value(key, 9, &[head, all].concat())
    }

    fn tensor(mut self, name: &str, dims: &[u64], kind: u32, bytes: Vec<u8>) -> Self {
        self.tensors.push((name.into(), dims.to_vec(), kind, bytes));
        self
    }

    fn floats(self, name: &str, dims: &[u64]) -> Self {
        let count = dims.iter().product::<u64>();
        let bytes = (0..count).flat_map(|n| ((n * 37 % 101) as f32 / 101.0 - 0.5).to_le_bytes()).collect();
        self.tensor(name, dims, 0, bytes)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = b"GGUF".to_vec();
        out.extend(3u32.to_le_bytes());
        out.extend((self.tensors.len() as u64).to_le_bytes());
        out.extend((self.values.len() as u64).to_le_bytes());
        self.values.iter().for_each(|value| out.extend(value));
        let mut at = 0u64;
        for (name, dims, kind, bytes) in &self.tensors {
            out.extend(Self::text(name));
            out.extend((dims.len() as u32).to_le_bytes());
            dims.iter().for_each(|dim| out.extend(dim.to_le_bytes()));
            out.extend(kind.to_le_bytes());
            out.extend(at.to_le_bytes());
            at += (bytes.len() as u64).next_multiple_of(32);
        }
        for (_, _, _, bytes) in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(bytes);
        }
        out
    }
}

/// A whole model of one layer: 8 numbers wide, two heads, 6 tokens.
fn tiny() -> Writer {
    Writer::default()
        .value("general.architecture", 8, &Writer::text("llama"))
        .size("llama.block_count", 1)
        .size("llama.embedding_length", 8)
        .size("llama.feed_forward_length", 12)
        .size("llama.attention.head_count", 2)
        .size("llama.attention.head_count_kv", 1)
        .size("llama.context_length", 32)
        .value("tokenizer.ggml.model", 8, &Writer::text("gpt2"))
        .value("tokenizer.ggml.pre", 8, &Writer::text("smollm"))
        .texts("tokenizer.ggml.tokens", &["a", "b", "ab", "c", "Ġ", "d"])
        .texts("tokenizer.ggml.merges", &["a b"])
        .floats("token_embd.weight", &[8, 6])
        .floats("output_norm.weight", &[8])
        .floats("blk.0.attn_norm.weight", &[8])
        .floats("blk.0.ffn_norm.weight", &[8])
        .floats("blk.0.attn_q.weight", &[8, 8])
        .floats("blk.0.attn_k.weight", &[8, 4])
        .floats("blk.0.attn_v.weight", &[8, 4])
        .floats("blk.0.attn_output.weight", &[8, 8])
        .floats("blk.0.ffn_gate.weight", &[8, 12])
        .floats("blk.0.ffn_up.weight", &[8, 12])
        .floats("blk.0.ffn_down.weight", &[12, 8])
}

fn load(bytes: &[u8]) -> Result<Decoder, ModelError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    fs::write(&path, bytes).unwrap();
    Tokenizer::load(&path)?.check(&path, 6)?;
    Decoder::load(dir.path(), &Device::flex())
}

#[test]
fn a_whole_gguf_file_is_read_and_its_heads_put_in_order() {
    let decoder = load(&tiny().bytes()).unwrap();
    assert_eq!((decoder.config().layers, decoder.config().head, decoder.config().vocabulary), (1, 4, 6));
    assert!(decoder.config().tied);

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.gguf");
    fs::write(&path, tiny().bytes()).unwrap();
    let tokenizer = Tokenizer::load(&path).unwrap();
    assert_eq!(tokenizer.ids("abcab d").unwrap(), [2, 3, 2, 4, 5]);

    // llama.cpp keeps the rows of a head in pairs: 0, 2 of the halves, then 1, 3.
    let gguf = Gguf::open(&path).unwrap();
    let name = "model.layers.0.self_attn.k_proj.weight";
    let (kept, ours) = (gguf.floats(name, &[4, 8], None).unwrap(), gguf.floats(name, &[4, 8], Some(1)).unwrap());
    let row = |numbers: &[f32], row: usize| numbers[8 * row..8 * row + 8].to_vec();
    for (place, from) in [(0, 0), (1, 2), (2, 1), (3, 3)] {
        assert_eq!(row(&ours, place), row(&kept, from));
    }
    assert!(gguf.floats(name, &[8, 4], None).unwrap_err().to_string().contains("expected [8, 4]"));
}

#[test]
fn bad_gguf_files_are_refused_before_memory_is_taken() {
    let huge = u64::MAX / 8;
    let head = |tensors: u64, values: u64, rest: &[u8]| {
        [b"GGUF\x03\0\0\0", &tensors.to_le_bytes()[..], &values.to_le_bytes(), rest].concat()
    };
    let text = |length: u64| [&length.to_le_bytes()[..], b"general.name"].concat();
    let list =
        |kind: u32, count: u64| [&Writer::text("k")[..], &9u32.to_le_bytes(), &kind.to_le_bytes(), &count.to_le_bytes()].concat();
    let entry = |dims: &[u64], kind: u32, at: u64| {
        let dims_bytes: Vec<u8> = dims.iter().flat_map(|dim| dim.to_le_bytes()).collect();
        let count = dims.len() as u32;
        let entry = [&Writer::text("t")[..], &count.to_le_bytes(), &dims_bytes, &kind.to_le_bytes(), &at.to_le_bytes()];
        head(1, 0, &entry.concat())
    };
    let mut not_a_number = tiny();
    not_a_number.tensors[3].3[4..8].copy_from_slice(&f32::NAN.to_le_bytes());
    let mut twice = tiny();
    let again = twice.tensors[1].clone();
    twice.tensors.push(again);
    let mut narrow = tiny();
    narrow.tensors[4] = ("blk.0.attn_q.weight".into(), vec![8, 4], 0, vec![0; 128]);
    let mut gone = tiny();
    gone.tensors.remove(9);
    let with = |key: &str, value: u32| {
        let mut writer = tiny();
        writer.values.retain(|old| !old.starts_with(&Writer::text(key)));
        writer.size(key, value).bytes()
    };
    let other = |key: &str, value: &str| {
        let mut writer = tiny();
        writer.values.retain(|old| !old.starts_with(&Writer::text(key)));
        writer.value(key, 8, &Writer::text(value)).bytes()
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "goes beyond"),
        ("text", b"this is no model at all, but long enough".to_vec(), "does not begin"),
        ("another version", b"GGUF\x63\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec(), "version is 99"),
        ("billions of tensors", head(huge, 0, &[]), "tensors, where"),
        ("billions of values", head(0, huge, &[]), "values, where"),
        ("a name without an end", head(0, 1, &text(huge)), "a text of"),
        ("a name beyond the end", head(0, 1, &text(60_000)), "goes beyond"),
        (
            "a text without an end",
            head(0, 1, &[&Writer::text("k")[..], &8u32.to_le_bytes(), &text(huge)].concat()),
            "goes beyond",
        ),
        ("a list of billions", head(0, 1, &list(4, 1 << 40)), "goes beyond"),
        ("a list that overflows", head(0, 1, &list(10, u64::MAX / 4)), "goes beyond"),
        ("a list of texts without an end", head(0, 1, &list(8, 1 << 50)), "goes beyond"),
        ("lists in lists", head(0, 1, &list(9, 1)), "list of lists"),
        ("an unknown type of value", head(0, 1, &[&Writer::text("k")[..], &77u32.to_le_bytes()].concat()), "unknown type 77"),
        ("a name that is not text", head(0, 1, &[&3u64.to_le_bytes()[..], b"\xff\xfe\xfd"].concat()), "not UTF-8"),
        ("a tensor beyond the end", entry(&[1 << 20], 0, 0), "goes beyond"),
        ("a tensor of billions", entry(&[1 << 20, 1 << 20, 1 << 20], 0, 0), "too large"),
        ("a tensor that overflows", entry(&[u64::MAX, u64::MAX], 0, 0), "too large"),
        ("an offset that overflows", entry(&[4], 0, u64::MAX - 8), "goes beyond"),
        ("many dimensions", entry(&[1; 9], 0, 0), "9 dimensions"),
        ("an unknown packing", entry(&[256], 16, 0), "type 16"),
        ("broken blocks", entry(&[33], 8, 0), "whole blocks"),
        ("a tensor twice", twice.bytes(), "comes twice"),
        ("not a number", not_a_number.bytes(), "not finite"),
        ("a narrow q", narrow.bytes(), "expected [8, 8]"),
        ("no gate", gone.bytes(), "tensor model.layers.0.mlp.up_proj.weight is absent"),
        ("no heads", with("llama.attention.head_count", 0), "0 heads"),
        ("heads that do not divide", with("llama.attention.head_count_kv", 3), "3 key heads"),
        ("billions of layers", with("llama.block_count", u32::MAX), "layers"),
        ("more layers than there are", with("llama.block_count", 2), "tensor model.layers.1"),
        ("billions of positions", with("llama.context_length", u32::MAX), "positions"),
        ("an odd alignment", with("general.alignment", 0), "alignment"),
        ("an end of text that is no token", with("tokenizer.ggml.eos_token_id", 6), "special token 6"),
        ("another family", other("general.architecture", "mamba"), "mamba"),
        ("another tokenizer", other("tokenizer.ggml.model", "bert"), "bert"),
        ("another way of cutting words", other("tokenizer.ggml.pre", "viking"), "viking"),
        ("a broken template", tiny().value("tokenizer.chat_template", 8, &Writer::text("{% if %}")).bytes(), "chat template"),
    ];
    for (what, bytes, expected) in cases {
        let (result, largest) = watched(|| load(&bytes));
        let error = result.err().unwrap_or_else(|| panic!("{what} was accepted")).to_string();
        assert!(error.contains(expected), "{what}: {error}");
        assert!(largest < ENOUGH, "{what} took {largest} bytes");
    }
}

#[test]
fn a_gguf_file_cut_anywhere_is_refused() {
    let whole = tiny().bytes();
    for length in (0..whole.len() - 1).rev().step_by(7) {
        let (result, largest) = watched(|| load(&whole[..length]));
        assert!(result.is_err(), "cut to {length} bytes it was accepted");
        assert!(largest < ENOUGH);
    }
}

fn header(json: &str, data: usize) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(json.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn shards(bytes: &[u8], shape: &[usize]) -> Result<Vec<f32>, ModelError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("model.safetensors"), bytes).unwrap();
    Shards::open_dir(dir.path())?.floats("a", shape, None)
}

#[test]
fn bad_safetensors_are_refused_before_memory_is_taken() {
    let one = |dtype: &str, shape: &str, to: &str, data: usize| {
        header(&format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{to}]}}}}"#), data)
    };
    let max = usize::MAX.to_string();
    let infinite = [one("F32", "[2]", "8", 4), f32::INFINITY.to_le_bytes().to_vec()].concat();
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("nothing", vec![], "too short"),
        ("a header longer than the file", u64::MAX.to_le_bytes().to_vec(), "goes beyond"),
        ("a header of the longest length", 99_999_999u64.to_le_bytes().to_vec(), "goes beyond"),
        ("a header that is not JSON", header("{nonsense", 0), "damaged"),
        ("a tensor beyond the end", one("F32", "[1000]", "4000", 8), "it has 8"),
        ("billions of numbers", one("F32", "[1099511627776]", "4398046511104", 8), "it has 8"),
        ("a shape that overflows", one("F32", "[9223372036854775807,9223372036854775807]", "8", 8), "damaged"),
        ("offsets that overflow", one("F32", "[2]", &max, 8), "damaged"),
        ("an offset that is no number", one("F32", "[2]", "-8", 8), "damaged"),
        ("offsets that run backwards", header(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8), "damaged"),
        ("an unknown type", one("F33", "[2]", "8", 8), "damaged"),
        ("whole numbers", one("I64", "[2]", "16", 16), "expected F32, F16 or BF16 [2]"),
        ("another shape", one("F32", "[1,2]", "8", 8), "found"),
        ("no such tensor", header("{}", 0), "tensor a is absent"),
        ("bytes that belong to nothing", one("F32", "[2]", "8", 64), "it has 64"),
        ("infinity", infinite, "not finite"),
    ];
    for (what, bytes, expected) in cases {
        let (result, largest) = watched(|| shards(&bytes, &[2]));
        let error = result.err().unwrap_or_else(|| panic!("{what} was accepted")).to_string();
        assert!(error.contains(expected) || (expected == "found" && error.contains("[1, 2]")), "{what}: {error}");
        assert!(largest < ENOUGH, "{what} took {largest} bytes");
    }
}

#[test]
fn floats_of_sixteen_bits_and_several_files_are_read_and_an_index_stays_in_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let one = |name: &str, dtype: &str, bytes: &[u8]| {
        let json = format!(r#"{{"{name}":{{"dtype":"{dtype}","shape":[2],"data_offsets":[0,{}]}}}}"#, bytes.len());
        [header(&json, 0), bytes.to_vec()].concat()
    };
    fs::write(dir.path().join("one.safetensors"), one("a", "F16", &[0x00, 0x3c, 0x00, 0xc0])).unwrap();
    fs::write(dir.path().join("two.safetensors"), one("b", "BF16", &[0x80, 0x3f, 0x00, 0xc0])).unwrap();
    let index = dir.path().join("model.safetensors.index.json");
    fs::write(&index, r#"{"metadata":{},"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}"#).unwrap();
    let shards = Shards::open_dir(dir.path()).unwrap();
    for name in ["a", "b"] {
        assert_eq!(shards.floats(name, &[2], None).unwrap(), [1.0, -2.0]);
    }
    assert_eq!(shards.paths().count(), 2);

    for (content, expected) in [
        (r#"{"weight_map":{"a":"../one.safetensors"}}"#, "own directory"),
        (r#"{"weight_map":{"a":"/etc/passwd"}}"#, "own directory"),
        (r#"{"weight_map":{}}"#, "0 files"),
        (r#"{"weight_map":{"a":"three.safetensors"}}"#, "is missing"),
        ("[]", "damaged"),
    ] {
        fs::write(&index, content).unwrap();
        let error = Shards::open_dir(dir.path()).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn settings_of_other_models_are_refused() {
    let good = serde_json::json!({"model_type": "llama", "hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3,
        "num_hidden_layers": 30, "intermediate_size": 1536, "vocab_size": 49152, "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-5, "rope_theta": 100000, "tie_word_embeddings": true, "eos_token_id": [2, 0], "bos_token_id": 1});
    let read = |value: &serde_json::Value| DecoderConfig::from_json(Path::new("config.json"), value.to_string().as_bytes());
    let config = read(&good).unwrap();
    assert_eq!((config.parameters(), config.head, config.ends.clone()), (134_515_008, 64, vec![2, 0]));
    let cases = [
        ("model_type", serde_json::json!("gemma"), "gemma"),
        ("hidden_act", serde_json::json!("gelu"), "gelu"),
        ("attention_bias", serde_json::json!(true), "attention_bias"),
        ("mlp_bias", serde_json::json!(true), "mlp_bias"),
        ("use_sliding_window", serde_json::json!(true), "use_sliding_window"),
        ("hidden_size", serde_json::json!(-1), "no hidden_size"),
        ("hidden_size", serde_json::json!(1e12 as u64), "numbers in a vector"),
        ("vocab_size", serde_json::json!(u64::MAX), "vocabulary"),
        ("head_dim", serde_json::json!(63), "in pairs"),
        ("rms_norm_eps", serde_json::json!(0), "epsilon"),
        ("rope_theta", serde_json::json!(0), "rope base"),
        ("eos_token_id", serde_json::json!(49152), "special token"),
        ("rope_scaling", serde_json::json!({"rope_type": "longrope"}), "longrope"),
        ("rope_scaling", serde_json::json!({"rope_type": "llama3"}), "no factor"),
    ];
    for (name, value, expected) in cases {
        let mut changed = good.clone();
        changed[name] = value;
        let error = read(&changed).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(read(&serde_json::json!([])).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_gguf_file_with_bytes_changed_is_read_or_refused_and_takes_little_memory(
        changes in prop::collection::vec((0usize..1400, any::<u8>()), 1..6)
    ) {
        let mut bytes = tiny().bytes();
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        let (_, largest) = watched(|| load(&bytes));
        prop_assert!(largest < ENOUGH, "{largest}");
    }

    #[test]
    fn safetensors_with_bytes_changed_are_read_or_refused_and_take_little_memory(
        changes in prop::collection::vec((0usize..80, any::<u8>()), 1..6)
    ) {
        let mut bytes = header(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 8);
        for (at, byte) in changes {
            let length = bytes.len();
            bytes[at % length] = byte;
        }
        let (_, largest) = watched(|| shards(&bytes, &[2]));
        prop_assert!(largest < ENOUGH, "{largest}");
    }
}
