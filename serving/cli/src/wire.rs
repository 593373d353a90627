//! The composition root: builds a store out of the configuration. The only place with the system's clock and random ids.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use cubelog_http::Service;
use cubelog_keyring::{KeyError, Keyring, KeyringOptions};
use cubelog_log::{EventLog, KafkaLog, KafkaOptions, LocalLog, LocalOptions, LogError, Topic};
use cubelog_memory::{Cut, Timestamp};
use cubelog_model::{CachedEncoder, Encoder, HashEncoder, MiniLm, VectorCache};
use cubelog_runner::{Clock, Cubelog, EmbedError, Embedder, Ids, NoEmbedder, Parts, Role, Settings};
use uuid::Uuid;

use crate::config::{Config, EmbedderKind, LogPlace};
use crate::directory::Directory;
use crate::failure::{Exit, Failure, Result};
use crate::views::{Factory, Sql};

/// Rows in one commit while a model embeds them: small enough that progress shows and that an interruption does not take long.
const COMMIT_ROWS_EMBEDDED: usize = 1_024;

/// Opens the store in `dir`; `views` names views other than the live ones, which are then only read.
pub async fn open(dir: &Directory, config: &Config, views: Option<&Path>) -> Result<Service> {
    // The model is read from disk and built while the log opens.
    let embedder = {
        let (kind, models, vectors) = (config.embedder, config.models.clone(), dir.vectors());
        tokio::task::spawn_blocking(move || embedder(kind, &models, Some(&vectors)))
    };
    let log = open_log(dir, config).await?;
    let embedder =
        embedder.await.map_err(|error| Failure::new(Exit::Failure, format!("loading the model was cut off: {error}")))??;
    // Keys are made for an empty log only: a fresh keyring over a log that has content would show all of it as erased.
    let empty = log.end(Topic::Events).await? == Cut::start();
    assemble(dir, config, log, embedder, views, empty).await
}

/// Puts opened parts together; `create_keys` allows to make a keyring where there is none.
pub async fn assemble(
    dir: &Directory,
    config: &Config,
    log: Arc<dyn EventLog>,
    embedder: Arc<dyn Embedder>,
    views: Option<&Path>,
    create_keys: bool,
) -> Result<Service> {
    let keyring = keyring(config, create_keys)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let factory = Arc::new(Factory::new(embedder.clone(), clock.clone()));
    let views_dir = views.map_or_else(|| dir.views(), Path::to_owned);
    let role = if views.is_some() { Role::Reader } else { Role::Writer };
    let mut settings = Settings { commit_interval: config.commit_interval, ..Settings::default() };
    if config.embedder == EmbedderKind::MiniLm {
        settings.commit_rows_max = COMMIT_ROWS_EMBEDDED;
    }
    let parts = Parts {
        log: log.clone(),
        keyring: Arc::new(keyring),
        embedder,
        factory: factory.clone(),
        clock: clock.clone(),
        ids: Arc::new(SystemIds),
        views_dir: views_dir.clone(),
        settings,
    };
    let cubelog = Cubelog::open(parts, role).await.map_err(|error| held(dir, error.into()))?;
    let sql = Arc::new(Sql { factory, log, views_dir });
    Ok(Service::new(cubelog, sql, clock).with_replays_dir(dir.replays()))
}

/// Opens the log alone.
pub async fn open_log(dir: &Directory, config: &Config) -> Result<Arc<dyn EventLog>> {
    match &config.log {
        LogPlace::Local => {
            let (path, partitions) = (dir.log(), config.partitions);
            let opened = tokio::task::spawn_blocking(move || match local_log(&path, partitions.unwrap_or(1)) {
                // Nobody asked for a number: what the log was made with is right.
                Err(LogError::PartitionCount { found, .. }) if partitions.is_none() => local_log(&path, found),
                opened => opened,
            })
            .await;
            let opened = opened.map_err(|error| Failure::new(Exit::Failure, format!("opening the log was cut off: {error}")))?;
            let log = opened.map_err(|error| held(dir, error.into()))?;
            Ok(Arc::new(log))
        }
        LogPlace::Kafka { bootstrap, prefix } => {
            let mut options = KafkaOptions::new(bootstrap);
            options.prefix = prefix.clone();
            options.partitions = config.partitions.unwrap_or(options.partitions);
            options.extra = config.kafka.clone().into_iter().collect();
            Ok(Arc::new(KafkaLog::open(options).await?))
        }
    }
}

/// The log in a directory. Blocks for some file operations.
pub fn local_log(path: &Path, partitions: u32) -> Result<LocalLog, LogError> {
    LocalLog::open(path, LocalOptions { partitions, clock: Arc::new(now_micros) })
}

/// A directory that a server holds is reached through the server.
fn held(dir: &Directory, failure: Failure) -> Failure {
    match (failure.exit, dir.serving_url()) {
        (Exit::Unavailable, Some(url)) => failure
            .next(format!("work through the server that holds it: --server {url} --key KEY (`cubelog key create` makes one)")),
        _ => failure,
    }
}

/// Opens the keys, or makes them where that does no harm.
pub fn keyring(config: &Config, create: bool) -> Result<Keyring> {
    let options = KeyringOptions { dir: config.keys.clone(), master: config.master_key.clone() };
    if create {
        return Ok(Keyring::open_or_create(options)?);
    }
    Keyring::open(options).map_err(|error| {
        let missing = matches!(error, KeyError::Missing { .. });
        let failure = Failure::from(error);
        if missing {
            failure.next(
                "restore the keys from your backup, or name their directory with --keys; the log cannot be read without them",
            )
        } else {
            failure
        }
    })
}

/// The encoder behind the runner's port, with a cache in the file `vectors` if one is named.
pub fn embedder(kind: EmbedderKind, models: &Path, vectors: Option<&Path>) -> Result<Arc<dyn Embedder>> {
    match kind {
        EmbedderKind::None => Ok(Arc::new(NoEmbedder)),
        // Hashing is faster than looking a vector up.
        EmbedderKind::Hash => Ok(hash_embedder()),
        EmbedderKind::MiniLm => {
            let model: Arc<dyn Encoder> = Arc::new(MiniLm::load(&models.join(MiniLm::NAME))?);
            let encoder = match vectors {
                Some(file) => Arc::new(CachedEncoder::new(model, VectorCache::open(file))),
                None => model,
            };
            Ok(Arc::new(Encoding(encoder)))
        }
    }
}

/// Hashed words as vectors.
pub fn hash_embedder() -> Arc<dyn Embedder> {
    Arc::new(Encoding(Arc::new(HashEncoder)))
}

/// [`Encoder`] as the runner's [`Embedder`].
struct Encoding(Arc<dyn Encoder>);

impl Embedder for Encoding {
    fn identity(&self) -> &str {
        self.0.identity()
    }
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.0.encode(texts).map_err(|error| EmbedError(Box::new(error)))
    }
    fn tokens(&self, text: &str) -> usize {
        self.0.tokens(text)
    }
}

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now_micros()
    }
}

pub fn now_micros() -> Timestamp {
    Timestamp(now().as_microsecond())
}

#[expect(clippy::disallowed_methods, reason = "this file is the edge where the real clock comes in")]
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// How long this process has run.
#[expect(clippy::disallowed_methods, reason = "this file is the edge where the real clock comes in")]
pub fn uptime() -> std::time::Duration {
    static STARTED: OnceLock<std::time::Instant> = OnceLock::new();
    STARTED.get_or_init(std::time::Instant::now).elapsed()
}

/// UUIDv7 from the system's clock and generator.
pub struct SystemIds;

impl Ids for SystemIds {
    #[expect(clippy::disallowed_methods, reason = "this file is the edge where real randomness comes in")]
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}
