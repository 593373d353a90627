//! The crate from outside: agreement with the reference implementation, bad model files, and the cache over restarts.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cubelog_model::{CacheCounts, CachedEncoder, Encoder, HashEncoder, Key, MiniLm, ModelError, VectorCache, locate};

/// Where the real model lies. Without it the test is skipped, unless CUBELOG_REQUIRE_MODELS=1 says that it must be there.
fn model_dir() -> Option<PathBuf> {
    let dir = locate().expect("HOME or CUBELOG_MODELS is set").join(MiniLm::NAME);
    if dir.join("model.safetensors").is_file() {
        return Some(dir);
    }
    let message = format!("all-MiniLM-L6-v2 is not at {}: run `deploy/models/fetch`", dir.display());
    assert!(std::env::var("CUBELOG_REQUIRE_MODELS").as_deref() != Ok("1"), "{message}");
    eprintln!("SKIPPED: {message}");
    None
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max)
}

#[derive(serde::Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    text: String,
    vector: Vec<f32>,
}

#[test]
fn vectors_agree_with_the_reference_implementation() {
    let Some(dir) = model_dir() else { return };
    let encoder = MiniLm::load(&dir).unwrap();
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/minilm.json")).unwrap();
    let texts: Vec<&str> = fixture.cases.iter().map(|case| case.text.as_str()).collect();
    assert!(texts.len() >= 24);

    let together = encoder.encode(&texts).unwrap();
    let mut worst = 0.0f32;
    for (case, vector) in fixture.cases.iter().zip(&together) {
        let difference = largest_difference(vector, &case.vector);
        assert!(difference < 1e-4, "{difference} on {:?}", case.text.chars().take(40).collect::<String>());
        worst = worst.max(difference);
    }
    eprintln!("largest difference from the reference: {worst:e}");

    // Alone, in another order, many times over: the neighbours of a text do not change its vector.
    for (text, vector) in texts.iter().zip(&together) {
        assert!(largest_difference(&encoder.encode(&[text]).unwrap()[0], vector) < 1e-5);
    }
    let many: Vec<&str> = texts.iter().rev().cycle().take(4 * texts.len()).copied().collect();
    for (n, vector) in encoder.encode(&many).unwrap().iter().enumerate() {
        assert!(largest_difference(vector, &together[texts.len() - 1 - n % texts.len()]) < 1e-5);
    }
}

#[test]
fn the_encoder_is_named_and_shared_and_takes_any_text() {
    let Some(dir) = model_dir() else { return };
    let encoder = Arc::new(MiniLm::load(&dir).unwrap());
    let parts: Vec<&str> = encoder.identity().split('/').collect();
    assert_eq!((parts[0], parts[1], parts[3]), ("all-MiniLM-L6-v2", "384", "256"));
    assert!(parts[2].len() == 16 && parts[2].bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(encoder.dim(), 384);
    assert!(encoder.encode(&[]).unwrap().is_empty());

    // A text of limit size is cut, with and without a space to cut at; what follows 256 tokens does not count.
    let (words, solid) = ("some words ".repeat(24_000), "x".repeat(256 * 1024));
    let short = "some words ".repeat(200);
    let all: String = (0u32..0x3000).filter_map(char::from_u32).collect();
    let vectors = encoder.encode(&[&words, &short, &solid, &all, "\u{0}\u{1b}[31m", "\u{feff}", "🧑‍🚀"]).unwrap();
    for vector in &vectors {
        let norm: f32 = vector.iter().map(|x| x * x).sum();
        assert!((norm - 1.0).abs() < 1e-4);
    }
    assert!(largest_difference(&vectors[0], &vectors[1]) < 1e-5);

    // From several threads at once.
    let alone = encoder.encode(&["where is the key"]).unwrap();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (encoder, alone) = (&encoder, &alone);
            scope.spawn(move || {
                let texts = vec!["where is the key"; 1 + 20 * n];
                for vector in encoder.encode(&texts).unwrap() {
                    assert!(largest_difference(&vector, &alone[0]) < 1e-5);
                }
            });
        }
    });
}

#[test]
fn a_directory_without_the_model_says_what_to_run() {
    let dir = tempfile::tempdir().unwrap();
    let error = MiniLm::load(dir.path()).err().unwrap();
    assert!(matches!(error, ModelError::Missing { .. }));
    assert!(error.to_string().contains("deploy/models/fetch"), "{error}");
}

const CONFIG: &str = r#"{"hidden_act":"gelu","hidden_size":384,"intermediate_size":1536,"layer_norm_eps":1e-12,
    "num_attention_heads":12,"num_hidden_layers":6}"#;

#[test]
fn damaged_and_foreign_model_files_are_refused() {
    /// A safetensors file with this header, whatever follows.
    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    }
    let word = "embeddings.word_embeddings.weight";
    let one = |dtype: &str, shape: &str, to: usize| {
        file(&format!(r#"{{"{word}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{to}]}}}}"#), to)
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("an empty file", vec![], "damaged"),
        ("a header longer than the file", u64::MAX.to_le_bytes().to_vec(), "damaged"),
        ("a header that is not JSON", file("{nonsense", 0), "damaged"),
        ("text", b"not a model at all, but long enough to look".to_vec(), "damaged"),
        ("a tensor beyond the end", file(r#"{"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}}"#, 8), "damaged"),
        ("a shape that overflows", one("F32", "[9223372036854775807,9223372036854775807]", 8), "damaged"),
        ("offsets that run backwards", file(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8), "damaged"),
        ("no tensors", file("{}", 0), "another model"),
        ("another type of number", one("F16", "[2,384]", 1536), "another model"),
        ("another width", one("F32", "[2,768]", 6144), "another model"),
        ("no dimensions", one("F32", "[]", 4), "another model"),
        ("words and nothing else", one("F32", "[2,384]", 3072), "another model"),
    ];
    for (what, bytes, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.json"), CONFIG).unwrap();
        fs::write(dir.path().join("model.safetensors"), bytes).unwrap();
        let error = MiniLm::load(dir.path()).err().unwrap_or_else(|| panic!("{what} was accepted"));
        assert!(error.to_string().contains(expected), "{what}: {error}");
    }

    let dir = tempfile::tempdir().unwrap();
    for (config, expected) in [("{", "damaged"), (&CONFIG.replace("1536", "3072"), "intermediate_size is 3072, expected 1536")] {
        fs::write(dir.path().join("config.json"), config).unwrap();
        let error = MiniLm::load(dir.path()).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn the_real_files_truncated_or_altered_are_refused() {
    let Some(real) = model_dir() else { return };
    let dir = tempfile::tempdir().unwrap();
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(real.join(name), dir.path().join(name)).unwrap();
    }
    let refused = |name: &str, bytes: &[u8], expected: &str| {
        let kept = fs::read(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name), bytes).unwrap();
        let error = MiniLm::load(dir.path()).err().unwrap_or_else(|| panic!("{name}: {expected} was accepted"));
        assert!(error.to_string().contains(expected), "{error}");
        fs::write(dir.path().join(name), kept).unwrap();
    };
    let weights = fs::read(real.join("model.safetensors")).unwrap();
    refused("model.safetensors", &weights[..weights.len() / 2], "damaged");
    let mut not_a_number = weights.clone();
    let at = weights.len() / 8 * 4;
    not_a_number[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    refused("model.safetensors", &not_a_number, "not finite");
    let tokenizer = fs::read_to_string(real.join("tokenizer.json")).unwrap();
    refused("tokenizer.json", &tokenizer.as_bytes()[..tokenizer.len() / 2], "damaged");
    refused("tokenizer.json", tokenizer.replace("30521", "30522").as_bytes(), "token id");
    MiniLm::load(dir.path()).unwrap();
}

/// Counts what reaches the encoder behind the cache.
#[derive(Default)]
struct Counting {
    encoded: AtomicUsize,
}

impl Encoder for Counting {
    fn identity(&self) -> &str {
        HashEncoder.identity()
    }
    fn dim(&self) -> usize {
        HashEncoder.dim()
    }
    fn encode(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.encoded.fetch_add(texts.len(), Ordering::Relaxed);
        HashEncoder.encode(texts)
    }
}

fn cached(path: &Path) -> (Arc<Counting>, CachedEncoder) {
    let encoder = Arc::new(Counting::default());
    (encoder.clone(), CachedEncoder::new(encoder, VectorCache::open(path)))
}

#[test]
fn a_text_is_embedded_once_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/vectors.redb");
    let texts = ["one", "two", "one", "", "a secret sentence that must not be on the disk"];
    let expected = HashEncoder.encode(&texts).unwrap();

    let (encoder, first) = cached(&path);
    assert!(first.cache().is_on_disk());
    assert_eq!(first.encode(&texts).unwrap(), expected);
    assert_eq!(first.encode(&texts[..2]).unwrap(), expected[..2]);
    assert_eq!(encoder.encoded.load(Ordering::Relaxed), 4);
    assert_eq!(first.counts(), CacheCounts { hits: 3, misses: 4 });
    drop(first);

    let (encoder, second) = cached(&path);
    assert_eq!(second.encode(&texts).unwrap(), expected);
    assert_eq!(encoder.encoded.load(Ordering::Relaxed), 0);
    assert_eq!(second.cache().len(), 4);

    second.cache().remove_many(&[second.key("two")]).unwrap();
    assert_eq!(second.cache().get_many(&[second.key("two"), second.key("one")])[0], None);
    assert_eq!(second.encode(&texts).unwrap(), expected);
    assert_eq!(encoder.encoded.load(Ordering::Relaxed), 1);
    second.cache().flush();
    let content = fs::read(&path).unwrap();
    assert!(!content.windows(15).any(|window| window == b"secret sentence"));
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);

    second.cache().clear().unwrap();
    assert!(second.cache().is_on_disk() && second.cache().is_empty());
    assert_eq!(second.encode(&texts).unwrap(), expected);
}

#[test]
fn identities_do_not_share_vectors() {
    assert_ne!(Key::new("ab", "c"), Key::new("a", "bc"));
    assert_eq!(Key::new("a", "b"), Key::new("a", "b"));
}

#[test]
fn a_cache_in_use_elsewhere_is_replaced_by_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vectors.redb");
    let (_, holder) = cached(&path);
    holder.encode(&["one"]).unwrap();

    let (encoder, guest) = cached(&path);
    assert!(!guest.cache().is_on_disk());
    guest.encode(&["one"]).unwrap();
    guest.encode(&["one"]).unwrap();
    assert_eq!(encoder.encoded.load(Ordering::Relaxed), 1);
    drop((guest, holder));
    assert_eq!(VectorCache::open(&path).len(), 1);
    assert!(!dir.path().join("vectors.redb.damaged").exists());
}

#[test]
fn a_damaged_file_is_set_aside_and_a_new_one_begun() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("vectors.redb");
    let texts: Vec<String> = (0..500).map(|n| format!("text number {n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let expected = HashEncoder.encode(&texts).unwrap();
    let (_, cache) = cached(&path);
    cache.encode(&texts).unwrap();
    drop(cache);
    let whole = fs::read(&path).unwrap();

    let mut garbled = whole.clone();
    garbled[4096..].iter_mut().for_each(|byte| *byte = 0x5a);
    let mut flipped = whole.clone();
    flipped.iter_mut().skip(64).step_by(97).for_each(|byte| *byte ^= 0x55);
    let cases: [(&str, &[u8]); 5] = [
        ("text", b"this is no database, and longer than the magic number of one"),
        ("half of it", &whole[..whole.len() / 2]),
        ("a header alone", &whole[..64]),
        ("pages of nonsense", &garbled),
        ("bits flipped everywhere", &flipped),
    ];
    for (what, bytes) in cases {
        fs::write(&path, bytes).unwrap();
        // Whatever is found out, and when: the vectors are right, now and after the next start.
        for _ in 0..2 {
            let (_, cache) = cached(&path);
            assert_eq!(cache.encode(&texts).unwrap(), expected, "{what}");
            assert_eq!(cache.encode(&texts).unwrap(), expected, "{what}");
        }
        let (encoder, cache) = cached(&path);
        assert!(cache.cache().is_on_disk(), "{what}");
        cache.encode(&texts).unwrap();
        assert_eq!(encoder.encoded.load(Ordering::Relaxed), 0, "{what}: nothing was kept in the end");
    }
    assert!(dir.path().join("vectors.redb.damaged").exists());
}

#[test]
fn a_place_that_cannot_be_written_does_not_stop_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let blocker = dir.path().join("file");
    fs::write(&blocker, "in the way").unwrap();
    for path in [blocker.join("vectors.redb"), dir.path().to_path_buf()] {
        let (_, cache) = cached(&path);
        assert!(!cache.cache().is_on_disk());
        assert_eq!(cache.encode(&["one"]).unwrap(), HashEncoder.encode(&["one"]).unwrap());
    }
}

#[test]
fn several_threads_use_one_cache() {
    let dir = tempfile::tempdir().unwrap();
    let (_, cache) = cached(&dir.path().join("vectors.redb"));
    let texts: Vec<String> = (0..400).map(|n| format!("text number {n}")).collect();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (cache, texts) = (&cache, &texts);
            scope.spawn(move || {
                for share in texts[n * 50..n * 50 + 250].chunks(30) {
                    let share: Vec<&str> = share.iter().map(String::as_str).collect();
                    assert_eq!(cache.encode(&share).unwrap(), HashEncoder.encode(&share).unwrap());
                }
            });
        }
    });
    assert_eq!(cache.cache().len(), 400);
    let counts = cache.counts();
    assert_eq!(counts.hits + counts.misses, 1000);
}
