//! Distils what a cube knows into a LoRA module, judges it by its gates, and puts all of it on the log.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use cubelog_memory::{Gate, SemanticType, Sensitivity, Stage, Tag, VersionRef};
use cubelog_runner::{Lesson, ModuleOrigin, NewModule};
use cubelog_trainer::dataset::fact::read;
use cubelog_trainer::dataset::{Admission, Source, Standing};
use cubelog_trainer::publish::Manifest;
use cubelog_trainer::{DistillError, Evaluation, Gates, Job, Method, News, Recipe, distill};
use serde::Serialize;

use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::modules::{self, Modules};
use crate::output::{Column, Kind, col, plural};
use crate::progress::{Interrupt, Progress};
use crate::wire;

/// Distil what a cube knows into a LoRA module
#[derive(Debug, Args)]
#[command(
    long_about = "Reads the facts of a cube's memories, makes questions of them, trains a LoRA module on a base model until it answers them \
                  without any text in its prompt, and judges it on wordings that it never saw: recall, leaking to other names, drift of \
                  everything else. A module that fails a gate is kept as rejected and never serves. Sources, settings and measures are \
                  events on the log.\n\nThe command may be stopped and given again: it goes on where it stopped. Memories that are too \
                  sensitive, not trusted, held, in conflict or under erasure are left out."
)]
pub struct DistillArgs {
    /// Cube to distil
    #[arg(long, value_name = "CUBE")]
    pub cube: String,
    /// Name that versions of the module share
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub name: String,
    /// Base model: a name in the directory of models, or a path to a directory or GGUF file
    #[arg(long, value_name = "MODEL", default_value = BASE)]
    pub model: String,
    /// Only what these speakers said; may be repeated
    #[arg(long = "speaker", value_name = "WHO")]
    pub speakers: Vec<String>,
    /// Only memories of these types (turn, fact, preference, event, profile, procedure, note); may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// The most sensitive that may go into the module: public, internal, personal
    #[arg(long, value_name = "LEVEL", default_value = "internal", value_parser = ["public", "internal", "personal"])]
    pub sensitivity: String,
    /// Most facts
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub facts: usize,
    /// Rank of the factors
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub rank: usize,
    /// Steps [default: as many as the facts ask for]
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// What decides every draw; the same seed over the same memories gives the same module
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Learn from what the base says with the memory in its prompt, where that is right, instead of from the sentence: of so many of its
    /// likeliest tokens
    #[arg(long, value_name = "TOKENS")]
    pub teacher: Option<usize>,
    /// Least share of held-out questions that it must answer right
    #[arg(long, value_name = "SHARE", default_value_t = Gates::default().recall_min)]
    pub recall_min: f64,
    /// Largest share of questions about other names that it may answer with the fact
    #[arg(long, value_name = "SHARE", default_value_t = Gates::default().leak_max)]
    pub leak_max: f64,
    /// Largest growth of the perplexity on a fixed text
    #[arg(long, value_name = "SHARE", default_value_t = Gates::default().drift_max)]
    pub drift_max: f64,
    /// Memory that training may use, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 6_144)]
    pub memory: usize,
    /// Wear it at once if it passes
    #[arg(long)]
    pub activate: bool,
    /// Train nothing: show which facts would be distilled and what is left out
    #[arg(long)]
    pub dry_run: bool,
}

/// The small model that `deploy/models/fetch smollm2` brings.
pub const BASE: &str = "SmolLM2-135M-Instruct";

#[derive(Debug, Serialize)]
struct Planned {
    about: String,
    kind: String,
    value: String,
    sentence: String,
    memories: usize,
}

const PLANNED: [Column; 5] = [
    col("about", "/about", Kind::Plain),
    col("kind", "/kind", Kind::Plain),
    col("value", "/value", Kind::Plain),
    col("memories", "/memories", Kind::Number),
    col("fact", "/sentence", Kind::Text),
];

#[derive(Debug, Serialize)]
struct Done {
    module: String,
    name: String,
    stage: &'static str,
    facts: usize,
    steps: usize,
    recall: f64,
    recall_before: f64,
    whole_facts: f64,
    leak: f64,
    drift: f64,
    locality: f64,
    files: String,
    failures: Vec<String>,
    token: String,
}

const DONE: [Column; 13] = [
    col("module", "/module", Kind::Plain),
    col("name", "/name", Kind::Plain),
    col("stage", "/stage", Kind::Plain),
    col("facts", "/facts", Kind::Number),
    col("steps", "/steps", Kind::Number),
    col("recall of the base", "/recall_before", Kind::Number),
    col("recall on held-out questions", "/recall", Kind::Number),
    col("facts right in every wording", "/whole_facts", Kind::Number),
    col("leak to other names", "/leak", Kind::Number),
    col("drift of perplexity", "/drift", Kind::Number),
    col("agreement with the base elsewhere", "/locality", Kind::Number),
    col("files", "/files", Kind::Plain),
    col("up to", "/token", Kind::Plain),
];

/// Tells a person how training goes.
struct Told {
    bar: Progress,
    begun: jiff::Timestamp,
    interrupt: Interrupt,
}

impl cubelog_trainer::Progress for Told {
    fn elapsed(&mut self) -> Duration {
        wire::now().duration_since(self.begun).try_into().unwrap_or_default()
    }
    fn tell(&mut self, news: News) {
        match news {
            News::Step { point, steps, tokens_per_second, left } => {
                self.bar.set(point.step as u64 + 1, Some(steps as u64));
                if point.step == 0 || (point.step + 1) % 20 == 0 || point.step + 1 == steps {
                    self.bar.println(&format!(
                        "step {:>4} of {steps}: loss {:.3} on the facts, {:.3} and {:.3} kept elsewhere; {tokens_per_second:.0} tokens/s, {} s left",
                        point.step + 1,
                        point.losses.say,
                        point.losses.keep,
                        point.losses.replay,
                        left.as_secs(),
                    ));
                }
            }
            News::Reading => self.bar.println("reading the base model"),
            News::Recording => self.bar.println("asking the base what it says by itself"),
            News::Teaching => self.bar.println("asking the base with the memories in its prompt"),
            News::Evaluating => self.bar.println("asking questions that it never saw"),
            News::Publishing => self.bar.println("writing the module"),
        }
    }
    fn stop(&mut self) -> bool {
        self.interrupt.asked()
    }
}

pub async fn run(app: &App, args: DistillArgs) -> Result<Exit> {
    app.directory_only("distill")?;
    let cube = app.cube(&args.cube)?;
    let name = Tag::new(&args.name).map_err(|error| Failure::usage(error.to_string()))?;
    let types = args.types.iter().map(|word| semantic(word)).collect::<Result<Vec<_>>>()?;
    let sensitivity_max = Sensitivity::from_word(&args.sensitivity).unwrap_or(Sensitivity::Internal);
    let admission = Admission { sensitivity_max, ..Admission::default() };
    let config = app.config()?;
    let model = model_path(&config.models, &args.model)?;
    let interrupt = Interrupt::listen();
    app.with_store(Need::Read, async |store| {
        let local = store.local().ok_or_else(|| Failure::usage("distillation works on a data directory"))?;
        let lessons = local.service.cubelog().lessons(&local.caller, &cube).await?;
        let wanted = |lesson: &&Lesson| {
            let said = |who: &String| lesson.speaker.as_deref().is_some_and(|speaker| speaker.eq_ignore_ascii_case(who));
            (args.speakers.is_empty() || args.speakers.iter().any(said)) && (types.is_empty() || types.contains(&lesson.semantic))
        };
        let sources: Vec<Source> = lessons.iter().filter(wanted).map(source).collect();
        if args.dry_run {
            return show_plan(app, &sources, &admission, args.facts);
        }
        let files = Modules { root: app.dir.modules() };
        let known = modules::of_cube(local, &local.caller, &cube).await?;
        files.sweep(&known)?;
        let worn: Vec<&modules::Known> = known.iter().filter(|known| known.module.stage == Stage::Active).collect();
        let replaced = worn.iter().find(|known| known.module.name == name);
        let job = Job {
            model,
            model_name: base_name(&args.model),
            name: args.name.clone(),
            parent: replaced.and_then(|known| known.module.artefact).map(|artefact| artefact.to_string()),
            sources,
            admission,
            facts_max: args.facts,
            recipe: Recipe {
                rank: args.rank,
                alpha: 2.0 * args.rank as f32,
                steps: args.steps,
                seed: args.seed,
                method: args.teacher.map_or(Method::Sentences, |top| Method::Context { top }),
                ..Recipe::default()
            },
            gates: Gates { recall_min: args.recall_min, leak_max: args.leak_max, drift_max: args.drift_max, ..Gates::default() },
            // The one that it takes the place of is not worn beside it.
            active: worn.iter().filter(|known| known.module.name != name).filter_map(|known| files.dir(&known.module)).collect(),
            modules: files.root.clone(),
            work: files.work(&cube, &args.name),
            memory_bytes: args.memory << 20,
            code: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let told = Told { bar: Progress::new("distil", "steps", None), begun: wire::now(), interrupt: interrupt.clone() };
        let bar = told.bar.clone();
        // The run takes minutes of all cores; the store goes on meanwhile.
        let work = job.work.clone();
        let trained = tokio::task::spawn_blocking(move || {
            let mut told = told;
            distill(&job, &mut told)
        });
        let trained = trained.await.map_err(|panic| Failure::new(Exit::Failure, format!("training panicked: {panic}")))?;
        bar.finish();
        let dir = match trained {
            Ok(published) => published.dir,
            Err(DistillError::Rejected { dir, .. }) => dir,
            Err(error) => return Err(modules::failure(error)),
        };
        let manifest = cubelog_trainer::publish::open(&dir).map_err(modules::failure)?;
        let parents = replaced.map(|known| known.id).into_iter().collect();
        let new = new_module(&manifest, &args.model, name.clone(), parents, modules::size(&dir))?;
        let cubelog = local.service.cubelog();
        let mut recorded = cubelog.record_module(&local.caller, &cube, new).await?;
        // What the run kept of the texts has done its work; only the module's own directory may hold them.
        std::fs::remove_dir_all(&work).ok();
        if args.activate && recorded.stage == Stage::Published {
            recorded = cubelog.activate_module(&local.caller, &cube, recorded.module, None).await?;
        }
        let evaluation = &manifest.evaluation;
        app.screen.record(
            &DONE,
            &Done {
                module: recorded.module.memory().to_string(),
                name: args.name.clone(),
                stage: recorded.stage.word(),
                facts: evaluation.facts,
                steps: manifest.steps,
                recall: evaluation.after.recall,
                recall_before: evaluation.before.recall,
                whole_facts: evaluation.after.whole_facts,
                leak: evaluation.after.leak,
                drift: evaluation.drift,
                locality: evaluation.locality,
                files: dir.display().to_string(),
                failures: evaluation.failures.clone(),
                token: recorded.token.to_string(),
            },
        )?;
        if recorded.stage == Stage::Rejected {
            return Err(Failure::new(Exit::Refused, "the module was rejected, and will not serve")
                .because(evaluation.failures.join("; "))
                .next("more steps (--steps) or a higher rank (--rank) may help; --dry-run shows what it is taught"));
        }
        if recorded.stage == Stage::Published {
            app.screen.note(&format!("`cubelog module activate {} --cube {}` wears it", recorded.module.memory(), cube));
        }
        Ok(Exit::Ok)
    })
    .await
}

fn semantic(word: &str) -> Result<SemanticType> {
    SemanticType::from_word(word).ok_or_else(|| {
        let known: Vec<&str> = SemanticType::ALL.iter().map(|semantic| semantic.word()).collect();
        Failure::usage(format!("{word:?} is no type of memory")).next(format!("types are {}", known.join(", ")))
    })
}

/// A model by its name in the directory of models, or by its path.
pub fn model_path(models: &std::path::Path, text: &str) -> Result<std::path::PathBuf> {
    let named = models.join(text);
    let path = std::path::PathBuf::from(text);
    match (named.exists(), path.exists()) {
        (true, _) => Ok(named),
        (false, true) => Ok(path),
        (false, false) => {
            Err(Failure::new(Exit::NotFound, format!("the model {text} is neither in {} nor a path", models.display()))
                .next("`deploy/models/fetch smollm2` brings the small one"))
        }
    }
}

/// The name under which Hugging Face knows a base model, for whoever loads the adapter there.
fn base_name(model: &str) -> String {
    if model == BASE { format!("HuggingFaceTB/{BASE}") } else { model.to_owned() }
}

/// A lesson as the trainer takes it. The digest is of the keyed fingerprint, so that it betrays nothing.
pub fn source(lesson: &Lesson) -> Source {
    let mut digest = [0; 32];
    digest[..16].copy_from_slice(&lesson.fingerprint.0);
    Source {
        version: lesson.version,
        digest: cubelog_memory::Digest(digest),
        text: lesson.text.clone(),
        speaker: lesson.speaker.clone(),
        said_at: lesson.said_at,
        trust: lesson.trust,
        sensitivity: lesson.sensitivity,
        standing: Standing { quarantined: false, erasing: lesson.erasing, held: lesson.held, outdated: lesson.outdated },
    }
}

fn show_plan(app: &App, sources: &[Source], admission: &Admission, most: usize) -> Result<Exit> {
    let (facts, excluded) = read(sources, admission, most);
    let planned: Vec<Planned> = facts
        .iter()
        .map(|fact| Planned {
            about: fact.entity.clone(),
            kind: fact.kind.clone(),
            value: fact.value.clone(),
            sentence: fact.sentence.clone(),
            memories: fact.sources.len(),
        })
        .collect();
    app.screen.list(&PLANNED, &planned)?;
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for out in &excluded {
        *reasons.entry(out.reason.words()).or_default() += 1;
    }
    app.screen.note(&format!("{} out of {}", plural(facts.len() as u64, "fact"), super::forget::memories(sources.len() as u64)));
    for (reason, count) in reasons {
        app.screen.note(&format!("{} left out: {reason}", super::forget::memories(count)));
    }
    Ok(Exit::Ok)
}

/// A manifest as events tell it: numbers and names, never text.
fn new_module(
    manifest: &Manifest,
    model: &str,
    name: Tag,
    parents: Vec<cubelog_memory::ModuleId>,
    bytes: u64,
) -> Result<NewModule> {
    let sources = manifest.sources.iter().map(version).collect::<Result<Vec<_>>>()?;
    let json = |value: serde_json::Result<String>| value.map_err(|error| Failure::new(Exit::Failure, error.to_string()));
    Ok(NewModule {
        name,
        parents,
        sources,
        base: base_name(model),
        base_digest: modules::digest(&manifest.base)?,
        tokenizer_digest: modules::digest(&manifest.tokenizer)?,
        data: manifest.data.digest.clone(),
        artefact: modules::digest(&manifest.weights)?,
        bytes,
        seed: manifest.recipe.seed,
        code: manifest.code.clone(),
        settings: json(serde_json::to_string(&manifest.recipe))?,
        run: serde_json::json!({ "steps": manifest.steps, "facts": manifest.data.facts }).to_string(),
        evaluation: report(&manifest.evaluation),
        gates: gates(&manifest.evaluation, &manifest.gates)?,
        passed: manifest.evaluation.failures.is_empty(),
        origin: ModuleOrigin::Distilled,
    })
}

pub fn version(named: &cubelog_trainer::dataset::Named) -> Result<VersionRef> {
    let memory = named.memory.parse().map_err(|_| Failure::new(Exit::Failure, format!("{:?} is no memory", named.memory)))?;
    Ok(VersionRef { memory, version: named.version })
}

/// What was measured without any of the texts.
pub fn report(evaluation: &Evaluation) -> String {
    serde_json::json!({
        "facts": evaluation.facts, "before": evaluation.before, "after": evaluation.after, "locality": evaluation.locality,
        "drift": evaluation.drift, "interference": evaluation.interference,
    })
    .to_string()
}

/// The gates as events name them.
pub fn gates(evaluation: &Evaluation, gates: &Gates) -> Result<Vec<Gate>> {
    let after = &evaluation.after;
    let lost = evaluation.before.in_context - after.in_context;
    let least = |value: f64, threshold: f64| (value, threshold, value >= threshold);
    let most = |value: f64, threshold: f64| (value, threshold, value <= threshold);
    [
        ("recall", least(after.recall, gates.recall_min)),
        ("whole-facts", least(after.whole_facts, gates.whole_facts_min)),
        ("locality", least(evaluation.locality, gates.locality_min)),
        ("leak", most(after.leak, gates.leak_max)),
        ("drift", most(evaluation.drift, gates.drift_max)),
        ("in-context-loss", most(lost, gates.in_context_loss_max)),
    ]
    .into_iter()
    .map(|(name, (value, threshold, passed))| {
        let name = Tag::new(name).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
        // An event takes only numbers; what is none did not pass.
        let value = if value.is_finite() { value as f32 } else { f32::MAX };
        Ok(Gate { name, value, threshold: Some(threshold as f32), passed })
    })
    .collect()
}
