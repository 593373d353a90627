//! The parts of a store as the benchmarks want them: the same that users run.

mod models;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use cubelog_bench::{Decoding, Kit, Step};
use cubelog_keyring::Keyring;
use cubelog_log::{EventLog, KafkaLog, KafkaOptions};
use cubelog_runner::{Cubelog, Embedder};

use crate::config::{Config, EmbedderKind, LogPlace};
use crate::directory::Directory;
use crate::wire;

/// The composition root for scratch stores.
pub struct ProgramKit {
    pub config: Config,
}

impl ProgramKit {
    /// The settings in force, for another directory and log.
    fn config(&self, directory: &Path, log: LogPlace) -> Config {
        // Commits are as large as the runner makes them: nobody watches the progress of a measurement.
        let embedder = EmbedderKind::Hash;
        Config { log, keys: directory.join("keys"), master_key: None, embedder, ..self.config.clone() }
    }

    fn embedder(&self, kind: EmbedderKind) -> Option<Arc<dyn Embedder>> {
        // Without a file there is no cache: a benchmark measures the encoder.
        match wire::embedder(kind, &self.config.models, None) {
            Ok(embedder) => Some(embedder),
            Err(failure) => {
                eprintln!("{failure}; what needs it is skipped");
                None
            }
        }
    }
}

#[async_trait]
impl Kit for ProgramKit {
    async fn open(&self, directory: &Path, log: Arc<dyn EventLog>, embedder: Arc<dyn Embedder>) -> anyhow::Result<Cubelog> {
        let config = self.config(directory, LogPlace::Local);
        let service = wire::assemble(&Directory::new(directory), &config, log, embedder, None, true).await;
        Ok(service.map_err(anyhow::Error::new)?.cubelog().clone())
    }

    fn local_log(&self, directory: &Path) -> anyhow::Result<Arc<dyn EventLog>> {
        Ok(Arc::new(wire::local_log(directory, 1)?))
    }

    async fn kafka_log(&self, bootstrap: &str, prefix: &str) -> anyhow::Result<Arc<KafkaLog>> {
        let options = KafkaOptions { prefix: prefix.to_owned(), ..KafkaOptions::new(bootstrap) };
        Ok(Arc::new(KafkaLog::open(options).await?))
    }

    fn lora_step(&self, sequences: usize, tokens: usize, rank: usize) -> anyhow::Result<Step> {
        let mut trainer = models::Trainer::new(sequences, tokens, rank)?;
        Ok(Box::new(move || trainer.step()))
    }

    fn decoder(&self, model: &Path) -> anyhow::Result<Box<dyn Decoding>> {
        Ok(Box::new(models::Reader::new(model)?))
    }

    fn keyring(&self, directory: &Path) -> anyhow::Result<Arc<Keyring>> {
        let keyring = wire::keyring(&self.config(directory, LogPlace::Local), true);
        Ok(Arc::new(keyring.map_err(anyhow::Error::new)?))
    }

    fn encoder(&self) -> Option<Arc<dyn Embedder>> {
        self.embedder(EmbedderKind::MiniLm)
    }

    fn hash_encoder(&self) -> Arc<dyn Embedder> {
        wire::hash_embedder()
    }

    fn seconds(&self) -> f64 {
        wire::uptime().as_secs_f64()
    }
}
