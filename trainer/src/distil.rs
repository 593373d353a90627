//! From memories to a module: the one call that does everything.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cubelog_model::decoder::{DecoderConfig, RopeScaling, WeightFiles};
use cubelog_model::lora::peft::{self, Stored};
use cubelog_model::lora::{AdapterError, Pair, Part, Plain};
use cubelog_model::text::Tokenizer;
use cubelog_model::weights::{Gguf, Shards, Tensors, read_small};
use sha2::{Digest, Sha256};

use crate::cpu::decode::answers;
use crate::cpu::factors::Layout;
use crate::cpu::weights::Base;
use crate::dataset::artefact;
use crate::dataset::fact::read;
use crate::dataset::general::REPLAY;
use crate::dataset::{Admission, Dataset, Reason, Source};
use crate::digest::{hex, sha256};
use crate::disk;
use crate::engine::Engine;
use crate::error::DistillError;
use crate::evaluate::{Active, evaluate};
use crate::gates::Gates;
use crate::publish::{self, Manifest, Parts};
use crate::recipe::{Method, Recipe};
use crate::run::{News, Progress, Run};
use crate::samples::{ANSWER_TOKENS_MAX, Recorded, Teacher};
use crate::talk::Talk;
use crate::teacher::teach;

/// Longest sequence that is trained on or asked, in tokens.
const POSITIONS: usize = 1024;
/// Longest answer of the base that is kept, in tokens.
const RECORDED_TOKENS: usize = 40;

/// A distillation to be done.
#[derive(Debug, Clone)]
pub struct Job {
    /// Directory of the base model, or its GGUF file.
    pub model: PathBuf,
    /// The base model's name as Hugging Face has it; goes into the adapter's settings.
    pub model_name: String,
    /// Name that versions of the module share.
    pub name: String,
    /// The module that it takes the place of: the SHA-256 that names it.
    pub parent: Option<String>,
    /// The memories, in the order in which they were recorded.
    pub sources: Vec<Source>,
    /// Which of them may be distilled.
    pub admission: Admission,
    /// Most facts.
    pub facts_max: usize,
    /// How to train.
    pub recipe: Recipe,
    /// What the module must reach.
    pub gates: Gates,
    /// Directories of the modules that are active.
    pub active: Vec<PathBuf>,
    /// Where modules are published; rejected ones are kept in `rejected` below it.
    pub modules: PathBuf,
    /// Where the run keeps its state. The same job with the same directory goes on where it was interrupted.
    pub work: PathBuf,
    /// Memory that the run may use.
    pub memory_bytes: usize,
    /// Version of the code, for the manifest.
    pub code: String,
}

/// A module that may serve.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Its directory.
    pub dir: PathBuf,
    /// Where it comes from and what was measured.
    pub manifest: Manifest,
}

/// Distils memories into a module: data set, training, evaluation, gates, publishing.
///
/// Everything that comes out is decided by the job; a clock is only asked of `progress`, to tell how long the rest will take.
///
/// # Errors
/// [`DistillError::Nothing`] if no memory can be distilled, [`DistillError::Rejected`] if the module fails its gates,
/// [`DistillError::Stopped`] if `progress` says so; others as their words say.
pub fn distill(job: &Job, progress: &mut dyn Progress) -> Result<Published, DistillError> {
    let (facts, excluded) = read(&job.sources, &job.admission, job.facts_max);
    if facts.is_empty() {
        let unread = excluded.iter().filter(|out| out.reason == Reason::NothingRead).count();
        return Err(DistillError::Nothing { memories: job.sources.len(), refused: excluded.len() - unread, unread });
    }
    let parts = check(&job.recipe)?;
    let set = Dataset::new(facts, job.recipe.seed);
    let lines = artefact::lines(&set);
    let data = artefact::manifest(&set, &lines, &job.sources, &excluded);

    progress.tell(News::Reading);
    let Model { base, tokenizer, digest } = Model::read(&job.model)?;
    let talk = Talk::new(&tokenizer);
    let layout = Layout::new(&base.shape, &parts, job.recipe.rank, job.recipe.alpha);
    let active = job.active.iter().map(|dir| open_active(dir, &base.shape, &digest)).collect::<Result<Vec<_>, _>>()?;

    disk::make_dir(&job.work)?;
    disk::write(&job.work.join("data.jsonl"), lines.as_bytes())?;
    let recipe = serde_json::to_string(&job.recipe).unwrap_or_default();
    let run = sha256(format!("{digest}\n{}\n{}\n{recipe}", tokenizer.identity(), data.digest).as_bytes());

    progress.tell(News::Recording);
    let recorded = record(&base, &set, &talk, &job.work, &run)?;
    let teacher = match job.recipe.method {
        Method::Sentences => Teacher::new(),
        Method::Context { top } => {
            progress.tell(News::Teaching);
            teach(&base, &set, &talk, top)?
        }
    };
    let longest = POSITIONS / 2 + ANSWER_TOKENS_MAX;
    let mut engine = Engine::new(base, &layout, job.memory_bytes, longest)?;
    let checkpoint = job.work.join("run.checkpoint");
    let this = Run {
        set: &set,
        recipe: &job.recipe,
        layout: &layout,
        recorded: &recorded,
        teacher: &teacher,
        name: &run,
        checkpoint: &checkpoint,
    };
    let state = this.train(&mut engine, &talk, progress)?;

    progress.tell(News::Evaluating);
    let mut evaluation = evaluate(&engine.base, (&layout, &state.factors), &set, &active, &talk)?;
    evaluation.failures = job.gates.failures(&evaluation);

    progress.tell(News::Publishing);
    let plain = plain(&layout, &state.factors);
    let notes = BTreeMap::from([("base_sha256".to_owned(), digest.clone())]);
    let files = peft::write(&plain, &job.model_name, &notes, Stored::F32).map_err(adapter(&job.modules))?;
    let passed = evaluation.failures.is_empty();
    let manifest = Manifest {
        name: job.name.clone(),
        parent: job.parent.clone(),
        weights: sha256(&files.weights),
        base: digest,
        tokenizer: tokenizer.identity().to_owned(),
        sources: data.sources.clone(),
        data,
        recipe: job.recipe.clone(),
        steps: state.step,
        gates: job.gates,
        evaluation,
        code: job.code.clone(),
    };
    let written = Parts { files: &files, manifest: &manifest, data: &lines, curve: &state.curve };
    if passed {
        let dir = publish::publish(&job.modules, &written)?;
        Ok(Published { dir, manifest })
    } else {
        let dir = publish::publish(&job.modules.join("rejected"), &written)?;
        Err(DistillError::Rejected { dir, evaluation: Box::new(manifest.evaluation) })
    }
}

/// Refuses settings that cannot be; gives the adapted layers.
fn check(recipe: &Recipe) -> Result<Vec<Part>, DistillError> {
    let wrong = |what, found: String, wanted| Err(DistillError::Recipe { what, found, wanted });
    if !(1..=1024).contains(&recipe.rank) {
        return wrong("rank", recipe.rank.to_string(), "it has to be from 1 to 1024");
    }
    if !(recipe.rate > 0.0 && recipe.rate.is_finite() && recipe.alpha.is_finite() && recipe.clip > 0.0) {
        let found = format!("{}, {}, {}", recipe.rate, recipe.alpha, recipe.clip);
        return wrong("rate, alpha, clip", found, "they have to be numbers, rate and clip above 0");
    }
    if recipe.mix.positives == 0 || recipe.mix.positives + recipe.mix.negatives + recipe.mix.replay > 4096 {
        return wrong("mix", format!("{:?}", recipe.mix), "a step needs positives, and at most 4096 examples");
    }
    if matches!(recipe.method, Method::Context { top: 0 }) {
        return wrong("method", "context with no tokens".into(), "a teacher's distribution needs at least one token");
    }
    let parts: Option<Vec<Part>> = recipe.targets.iter().map(|name| Part::of_name(name)).collect();
    match parts {
        Some(parts) if !parts.is_empty() => Ok(parts),
        _ => wrong(
            "targets",
            recipe.targets.join(", "),
            "name some of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj",
        ),
    }
}

/// A base model read for training.
pub struct Model {
    /// Its weights.
    pub base: Base,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// SHA-256 over its weight files.
    pub digest: String,
}

impl Model {
    /// Reads a model from its directory or GGUF file.
    ///
    /// # Errors
    /// [`DistillError::Model`], and [`DistillError::Io`] if its files cannot be read through.
    pub fn read(path: &Path) -> Result<Self, DistillError> {
        let (shape, tensors, files): (DecoderConfig, Box<dyn Tensors>, Vec<PathBuf>) = match WeightFiles::find(path)? {
            WeightFiles::Gguf(file) => {
                let gguf = Gguf::open(&file)?;
                let vocabulary = gguf.shape("model.embed_tokens.weight")?.first().copied().unwrap_or(0);
                let mut shape = DecoderConfig::from_gguf(&file, gguf.metadata(), vocabulary, !gguf.has("lm_head.weight"))?;
                if gguf.has("rope_freqs.weight") {
                    shape.rope.scaling = RopeScaling::Divisors(gguf.floats("rope_freqs.weight", &[shape.head / 2], None)?);
                }
                (shape, Box::new(gguf), vec![file])
            }
            WeightFiles::Directory(dir) => {
                let config = dir.join("config.json");
                let shape = DecoderConfig::from_json(&config, &read_small(&config)?)?;
                let shards = Shards::open_dir(&dir)?;
                let files = std::iter::once(config).chain(shards.paths().map(Path::to_owned)).collect();
                (shape, Box::new(shards), files)
            }
        };
        let tokenizer = Tokenizer::load(path)?;
        tokenizer.check(path, shape.vocabulary)?;
        Ok(Self { base: Base::read(&shape, tensors.as_ref(), POSITIONS)?, tokenizer, digest: digest_of(&files)? })
    }
}

/// SHA-256 over files, one after the other; of one file, its own.
fn digest_of(files: &[PathBuf]) -> Result<String, DistillError> {
    let mut hasher = Sha256::new();
    for path in files {
        let copied = std::fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
        copied.map_err(|source| DistillError::Io { path: path.clone(), doing: "read", source })?;
    }
    Ok(hex(&hasher.finalize()))
}

/// What the base says by itself: asked once, kept beside the run.
fn record(base: &Base, set: &Dataset, talk: &Talk<'_>, work: &Path, run: &str) -> Result<Recorded, DistillError> {
    let path = work.join("recorded.json");
    if let Some(bytes) = disk::read(&path)?
        && let Ok((of, recorded)) = serde_json::from_slice::<(String, Recorded)>(&bytes)
        && of == run
        && recorded.unknown.len() == set.unknown.len()
        && recorded.replay.len() == REPLAY.len()
    {
        return Ok(recorded);
    }
    let ask = |questions: Vec<&str>| -> Result<Vec<Vec<u32>>, DistillError> {
        let prompts = questions.iter().map(|question| talk.prompt(question)).collect::<Result<Vec<_>, _>>()?;
        Ok(answers(base, &base.matrices, &prompts, talk.ends(), RECORDED_TOKENS))
    };
    let unknown = ask(set.unknown.iter().map(String::as_str).collect())?;
    let recorded = Recorded { unknown, replay: ask(REPLAY.to_vec())? };
    disk::write(&path, serde_json::to_string(&(run, &recorded)).unwrap_or_default().as_bytes())?;
    Ok(recorded)
}

/// The factors of a run as an adapter's.
pub fn plain(layout: &Layout, factors: &[f32]) -> Plain {
    let mut pairs = BTreeMap::new();
    for layer in 0..layout.layers() {
        for &part in layout.targets() {
            if let Some(place) = layout.pair(layer, part) {
                let pair = Pair { rank: layout.rank, a: factors[place.a].to_vec(), b: factors[place.b].to_vec() };
                pairs.insert((layer, part), pair);
            }
        }
    }
    Plain { scale: f64::from(layout.scale), pairs }
}

/// The same back: an adapter's factors as a run has them; parts that a layer lacks are zero.
///
/// # Errors
/// [`AdapterError::Compose`] if its ranks differ.
pub fn factors(plain: &Plain, shape: &DecoderConfig) -> Result<(Layout, Vec<f32>), AdapterError> {
    let rank = plain.rank().ok_or_else(|| AdapterError::Compose { reason: "its ranks differ".into() })?;
    let layout = Layout::new(shape, &plain.parts(), rank, (plain.scale * rank as f64) as f32);
    let mut factors = vec![0.0; layout.len()];
    for ((layer, part), pair) in &plain.pairs {
        if let Some(place) = layout.pair(*layer, *part) {
            factors[place.a].copy_from_slice(&pair.a);
            factors[place.b].copy_from_slice(&pair.b);
        }
    }
    Ok((layout, factors))
}

fn open_active(dir: &Path, shape: &DecoderConfig, base: &str) -> Result<Active, DistillError> {
    let manifest = publish::open(dir)?;
    if manifest.base != base {
        let (what, expected) = ("the SHA-256 of its weights".into(), base.to_owned());
        return Err(adapter(dir)(AdapterError::AnotherBase { path: dir.into(), what, found: manifest.base, expected }));
    }
    let plain = peft::read(dir, shape).map_err(adapter(dir))?;
    let (layout, factors) = factors(&plain, shape).map_err(adapter(dir))?;
    Ok(Active { module: manifest.weights.clone(), layout, factors, questions: manifest.questions() })
}

fn adapter(path: &Path) -> impl Fn(AdapterError) -> DistillError {
    let path = path.to_owned();
    move |source| DistillError::Adapter { path: path.clone(), source: Box::new(source) }
}
