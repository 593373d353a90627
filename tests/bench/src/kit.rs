//! What the suite needs from the program that runs it: stores, an encoder, and a stopwatch.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cubelog_keyring::Keyring;
use cubelog_log::{EventLog, KafkaLog};
use cubelog_runner::{Cubelog, Embedder};

/// The composition root, seen by the benchmarks: they measure the same parts that users run.
#[async_trait]
pub trait Kit: Send + Sync {
    /// A store over `log` with views and keys in `directory`.
    async fn open(&self, directory: &Path, log: Arc<dyn EventLog>, embedder: Arc<dyn Embedder>) -> anyhow::Result<Cubelog>;
    /// The local log in `directory`.
    fn local_log(&self, directory: &Path) -> anyhow::Result<Arc<dyn EventLog>>;
    /// A Kafka log with fresh topics under `prefix`.
    async fn kafka_log(&self, bootstrap: &str, prefix: &str) -> anyhow::Result<Arc<KafkaLog>>;
    /// Keys in `directory`, made if they are missing; the store that `open` gives uses the same.
    fn keyring(&self, directory: &Path) -> anyhow::Result<Arc<Keyring>>;
    /// The real encoder without a cache; `None` where its model is not installed.
    fn encoder(&self) -> Option<Arc<dyn Embedder>>;
    /// Hashed features as vectors, for stores too large to embed here.
    fn hash_encoder(&self) -> Arc<dyn Embedder>;
    /// One step of training a LoRA module of this rank on all linear layers of a model of SmolLM2-135M's shape, over sequences of so many
    /// tokens, each with a loss.
    fn lora_step(&self, sequences: usize, tokens: usize, rank: usize) -> anyhow::Result<Step>;
    /// The decoder in a directory.
    fn decoder(&self, model: &Path) -> anyhow::Result<Box<dyn Decoding>>;
    /// Seconds on a clock that only goes forward.
    fn seconds(&self) -> f64;
}

/// Something that can be done again and again.
pub type Step = Box<dyn FnMut() -> anyhow::Result<()> + Send>;

/// A decoder as it is measured.
pub trait Decoding: Send {
    /// Reads so many made-up tokens at once, with room for `more` behind them.
    fn read(&mut self, tokens: usize, more: usize) -> anyhow::Result<()>;
    /// Writes so many more, one after the other.
    fn write(&mut self, tokens: usize) -> anyhow::Result<()>;
}

/// What one run of the suite does.
#[derive(Debug, Clone)]
pub struct Options {
    /// Parts to run (`log`, `kafka`, `encoder`, `decoder`, `training`, `search`, `state`); empty runs all.
    pub only: Vec<String>,
    /// Address of a Kafka broker; without one the Kafka part is skipped and says so.
    pub kafka: Option<String>,
    /// Runs of each throughput measurement, whose median counts.
    pub runs: usize,
    /// A tenth of the sizes, for a quick look; nothing is judged.
    pub quick: bool,
    /// A Python with the peers installed; without one they are left out.
    pub python: Option<std::path::PathBuf>,
    /// Where models lie, for peers that read the same ones.
    pub models: std::path::PathBuf,
    /// Where scratch stores are made; removed at the end.
    pub scratch: std::path::PathBuf,
}
