//! Modules: which a cube has, where each comes from, which is worn, and the way back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cubelog_memory::{MemoryId, Tag, VersionRef};
use cubelog_model::lora::peft;
use cubelog_runner::{Lesson, Standing};
use cubelog_trainer::cpu::weights::Merged;
use cubelog_trainer::dataset::{Dataset, Source, artefact, fact};
use cubelog_trainer::evaluate::{Asked, evaluate};
use cubelog_trainer::publish::Manifest;
use cubelog_trainer::{Model, Talk, factors};
use serde::{Deserialize, Serialize};

use super::distill::{BASE, gates, model_path, report, source, version};
use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::modules::{self, Known, Modules};
use crate::output::{Column, Kind, col, plural};
use crate::store::Local;

/// Show, judge, wear and take off a cube's modules
#[derive(Debug, Args)]
pub struct ModuleArgs {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Debug, Args)]
pub struct Which {
    /// Id of the module, a unique part of it, or its name
    #[arg(value_name = "MODULE")]
    pub module: String,
    /// The cube
    #[arg(long, value_name = "CUBE")]
    pub cube: String,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// The modules of a cube
    List {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
    },
    /// What was measured of a module
    Show {
        #[command(flatten)]
        which: Which,
    },
    /// The memories that a module was made from, and what became of them since
    Lineage {
        #[command(flatten)]
        which: Which,
    },
    /// Ask a question with a module worn and nothing in the prompt, beside what the base says
    Ask {
        #[command(flatten)]
        which: Which,
        /// The question; may be repeated
        #[arg(long = "question", value_name = "TEXT", required = true)]
        questions: Vec<String>,
        /// Base model, as `distill` takes it
        #[arg(long, value_name = "MODEL", default_value = BASE)]
        model: String,
    },
    /// Rebuild a module's data set from the log, and measure it again
    Eval {
        #[command(flatten)]
        which: Which,
        /// Base model, as `distill` takes it
        #[arg(long, value_name = "MODEL", default_value = BASE)]
        model: String,
    },
    /// Wear a module from now on
    Activate {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take the active module of a name off at once, for the one before it or for the base alone
    Rollback {
        /// Name of the module
        #[arg(value_name = "NAME")]
        name: String,
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Take a module out of service, and write back as memories what only it knows
    Demote {
        #[command(flatten)]
        which: Which,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Copy a module's adapter, in PEFT's format, to where other servers can load it
    Export {
        #[command(flatten)]
        which: Which,
        /// A directory that does not exist yet
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
    },
}

#[derive(Debug, Serialize)]
struct Row {
    module: String,
    name: String,
    stage: &'static str,
    state: String,
    memories: usize,
    parents: Vec<String>,
    artefact: Option<String>,
}

const LIST: [Column; 7] = [
    col("module", "/module", Kind::Id),
    col("name", "/name", Kind::Plain),
    col("stage", "/stage", Kind::Plain),
    col("state", "/state", Kind::Plain),
    col("memories", "/memories", Kind::Number),
    col("", "/parents", Kind::Hidden),
    col("", "/artefact", Kind::Hidden),
];

fn row(known: &Known) -> Row {
    Row {
        module: known.id(),
        name: known.module.name.to_string(),
        stage: known.module.stage.word(),
        state: known.freshness(),
        memories: known.module.sources.versions().len(),
        parents: known.module.parents.iter().map(|parent| parent.memory().to_string()).collect(),
        artefact: known.module.artefact.map(|artefact| artefact.to_string()),
    }
}

pub async fn run(app: &App, args: ModuleArgs) -> Result<Exit> {
    app.directory_only("module")?;
    let named = match &args.what {
        What::List { cube } | What::Rollback { cube, .. } => cube,
        What::Show { which }
        | What::Lineage { which }
        | What::Ask { which, .. }
        | What::Eval { which, .. }
        | What::Activate { which, .. }
        | What::Demote { which, .. }
        | What::Export { which, .. } => &which.cube,
    };
    let cube = app.cube(named)?;
    let files = Modules { root: app.dir.modules() };
    app.with_store(Need::Read, async |store| {
        let local = store.local().ok_or_else(|| Failure::usage("modules lie in a data directory"))?;
        let known = modules::of_cube(local, &local.caller, &cube).await?;
        let swept = files.sweep(&known)?;
        if swept > 0 {
            app.screen.note(&format!("{} revoked and removed from the disk", plural(swept as u64, "module")));
        }
        let at = At { app, local, cube: &cube, files: &files };
        match &args.what {
            What::List { .. } => {
                app.screen.list(&LIST, &known.iter().map(row).collect::<Vec<_>>())?;
                if known.is_empty() {
                    app.screen.note("no module yet; `cubelog distill --cube CUBE` makes one");
                }
                Ok(Exit::Ok)
            }
            What::Show { which } => at.show(modules::find(&known, &which.module)?),
            What::Lineage { which } => at.lineage(modules::find(&known, &which.module)?).await,
            What::Ask { which, questions, model } => at.ask(modules::find(&known, &which.module)?, questions, model).await,
            What::Eval { which, model } => at.evaluate(modules::find(&known, &which.module)?, model).await,
            What::Activate { which, reason } => {
                let one = modules::find(&known, &which.module)?;
                let done = local.service.cubelog().activate_module(&local.caller, &cube, one.id, reason.clone()).await?;
                app.screen.note(&format!("{} is {} now", one.id(), done.stage.word()));
                Ok(Exit::Ok)
            }
            What::Rollback { name, reason, .. } => {
                let name = Tag::new(name).map_err(|error| Failure::usage(error.to_string()))?;
                let (done, to) = local.service.cubelog().roll_back_module(&local.caller, &cube, &name, reason.clone()).await?;
                let worn = to.map_or_else(|| "the base alone is worn".to_owned(), |to| format!("{} is worn again", to.memory()));
                app.screen.note(&format!("{} was taken off; {worn}", done.module.memory()));
                Ok(Exit::Ok)
            }
            What::Demote { which, reason } => at.demote(modules::find(&known, &which.module)?, reason.clone()).await,
            What::Export { which, to } => at.export(modules::find(&known, &which.module)?, to),
        }
    })
    .await
}

/// What the verbs share.
struct At<'a> {
    app: &'a App,
    local: &'a Local,
    cube: &'a cubelog_memory::CubeKey,
    files: &'a Modules,
}

#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    row: Row,
    manifest: &'a Manifest,
    files: String,
}

const SHOWN: [Column; 17] = [
    col("module", "/module", Kind::Plain),
    col("name", "/name", Kind::Plain),
    col("stage", "/stage", Kind::Plain),
    col("state", "/state", Kind::Plain),
    col("facts", "/manifest/data/facts", Kind::Number),
    col("memories", "/memories", Kind::Number),
    col("rank", "/manifest/recipe/rank", Kind::Number),
    col("steps", "/manifest/steps", Kind::Number),
    col("recall of the base", "/manifest/evaluation/before/recall", Kind::Number),
    col("recall on held-out questions", "/manifest/evaluation/after/recall", Kind::Number),
    col("facts right in every wording", "/manifest/evaluation/after/whole_facts", Kind::Number),
    col("leak to other names", "/manifest/evaluation/after/leak", Kind::Number),
    col("drift of perplexity", "/manifest/evaluation/drift", Kind::Number),
    col("agreement with the base elsewhere", "/manifest/evaluation/locality", Kind::Number),
    col("base", "/manifest/base", Kind::Plain),
    col("data set", "/manifest/data/digest", Kind::Plain),
    col("files", "/files", Kind::Plain),
];

#[derive(Debug, Serialize)]
struct Ancestor {
    memory: String,
    version: u32,
    now: String,
    text: Option<String>,
}

const LINEAGE: [Column; 4] = [
    col("memory", "/memory", Kind::Id),
    col("version", "/version", Kind::Number),
    col("now", "/now", Kind::Plain),
    col("says", "/text", Kind::Text),
];

#[derive(Debug, Serialize)]
struct Answer {
    question: String,
    base: String,
    module: String,
}

const ANSWERS: [Column; 3] =
    [col("question", "/question", Kind::Plain), col("base", "/base", Kind::Text), col("module", "/module", Kind::Text)];

/// A fact's line in the data set of a module.
#[derive(Debug, Deserialize)]
struct Taught {
    sentence: String,
    sources: Vec<(String, u32)>,
    held_out: Vec<String>,
}

impl At<'_> {
    fn show(&self, known: &Known) -> Result<Exit> {
        let (dir, manifest) = self.files.manifest(known)?;
        self.app.screen.record(&SHOWN, &Shown { row: row(known), manifest: &manifest, files: dir.display().to_string() })?;
        Ok(Exit::Ok)
    }

    async fn lineage(&self, known: &Known) -> Result<Exit> {
        let cubelog = self.local.service.cubelog();
        let sources = cubelog.module_sources(&self.local.caller, self.cube, known.id).await?;
        let lessons = cubelog.lessons(&self.local.caller, self.cube).await?;
        let ancestors: Vec<Ancestor> = sources
            .iter()
            .map(|source| Ancestor {
                memory: source.version.memory.to_string(),
                version: source.version.version,
                now: match source.now {
                    Standing::Same => "believed".to_owned(),
                    Standing::Revised { current } => format!("revised: version {current}"),
                    Standing::Superseded { by } => format!("superseded by {}", crate::output::short_id(&by.to_string())),
                    Standing::Gone => "gone".to_owned(),
                },
                text: lessons.iter().find(|lesson| lesson.version == source.version).map(|lesson| lesson.text.clone()),
            })
            .collect();
        self.app.screen.list(&LINEAGE, &ancestors)?;
        self.app.screen.note(&format!("module {} is {} and {}", known.id(), known.module.stage.word(), known.freshness()));
        Ok(Exit::Ok)
    }

    async fn ask(&self, known: &Known, questions: &[String], model: &str) -> Result<Exit> {
        let (dir, manifest) = self.files.manifest(known)?;
        let path = model_path(&self.app.config()?.models, model)?;
        let questions = questions.to_vec();
        let answers = tokio::task::spawn_blocking(move || -> Result<Vec<Answer>> {
            let model = open_base(&path, &manifest)?;
            let talk = Talk::new(&model.tokenizer);
            let (layout, factors) = adapter(&dir, &model)?;
            let alone = Asked { base: &model.base, matrices: &model.base.matrices, talk: &talk };
            let before = alone.answer(&questions).map_err(modules::failure)?;
            let mut merged = Merged::default();
            merged.update(&model.base, &[(&layout, factors.as_slice())]);
            let after =
                Asked { base: &model.base, matrices: &merged.0, talk: &talk }.answer(&questions).map_err(modules::failure)?;
            let rows = questions.into_iter().zip(before).zip(after);
            Ok(rows.map(|((question, base), module)| Answer { question, base, module }).collect())
        });
        let answers = answers.await.map_err(|panic| Failure::new(Exit::Failure, format!("the model panicked: {panic}")))??;
        self.app.screen.list(&ANSWERS, &answers)?;
        Ok(Exit::Ok)
    }

    /// Measures again what the log still has the memories for.
    async fn evaluate(&self, known: &Known, model: &str) -> Result<Exit> {
        let (dir, manifest) = self.files.manifest(known)?;
        let cubelog = self.local.service.cubelog();
        let lessons = cubelog.lessons(&self.local.caller, self.cube).await?;
        let wanted = manifest.sources.iter().map(version).collect::<Result<BTreeSet<VersionRef>>>()?;
        let sources: Vec<Source> = taught(&lessons, &wanted)?;
        let path = model_path(&self.app.config()?.models, model)?;
        let judged = tokio::task::spawn_blocking(move || -> Result<_> {
            let (facts, _) = fact::read(&sources, &everything(), usize::MAX);
            let set = Dataset::new(facts, manifest.data.seed);
            let rebuilt = cubelog_trainer::dataset::artefact::manifest(&set, &artefact::lines(&set), &sources, &[]).digest;
            if rebuilt != manifest.data.digest {
                return Err(Failure::new(
                    Exit::Differs,
                    "the data set that the log gives now is another than the module was trained on",
                )
                .because(format!("{rebuilt} instead of {}", manifest.data.digest))
                .next("`cubelog distill` makes a module of what is known now"));
            }
            let model = open_base(&path, &manifest)?;
            let talk = Talk::new(&model.tokenizer);
            let (layout, factors) = adapter(&dir, &model)?;
            let mut judged = evaluate(&model.base, (&layout, factors.as_slice()), &set, &[], &talk).map_err(modules::failure)?;
            judged.failures = manifest.gates.failures(&judged);
            Ok((manifest.gates, judged))
        });
        let (limits, judged) =
            judged.await.map_err(|panic| Failure::new(Exit::Failure, format!("the model panicked: {panic}")))??;
        let passed = judged.failures.is_empty();
        let (caller, report) = (&self.local.caller, report(&judged));
        let done = cubelog.evaluate_module(caller, self.cube, known.id, passed, gates(&judged, &limits)?, report).await?;
        let rows = [
            ("recall on held-out questions", judged.after.recall),
            ("facts right in every wording", judged.after.whole_facts),
            ("leak to other names", judged.after.leak),
            ("drift of perplexity", judged.drift),
            ("agreement with the base elsewhere", judged.locality),
        ];
        let rows: Vec<_> = rows.map(|(what, value)| serde_json::json!({ "what": what, "value": value })).into();
        self.app.screen.list(&[col("measure", "/what", Kind::Plain), col("value", "/value", Kind::Number)], &rows)?;
        self.app
            .screen
            .note(&format!("the data set was rebuilt from the log, bit for bit; the module is {} now", done.stage.word()));
        match passed {
            true => Ok(Exit::Ok),
            false => Err(Failure::new(Exit::Refused, "the module fails its gates").because(judged.failures.join("; "))),
        }
    }

    async fn demote(&self, known: &Known, reason: Option<String>) -> Result<Exit> {
        let (dir, manifest) = self.files.manifest(known)?;
        let right: BTreeSet<&str> =
            manifest.evaluation.held_out.iter().filter(|answered| answered.right).map(|one| one.question.as_str()).collect();
        let lines = std::fs::read_to_string(dir.join("data.jsonl"))
            .map_err(|error| Failure::io(format!("cannot read what module {} was taught", known.id()), &error))?;
        let mut knows: Vec<(String, BTreeSet<VersionRef>)> = Vec::new();
        for taught in lines.lines().filter_map(|line| serde_json::from_str::<Taught>(line).ok()) {
            // What it got wrong it does not know.
            if taught.held_out.iter().all(|question| right.contains(question.as_str())) {
                let sources = taught.sources.iter().filter_map(|(memory, version)| {
                    Some(VersionRef { memory: memory.parse::<MemoryId>().ok()?, version: *version })
                });
                knows.push((taught.sentence, sources.collect()));
            }
        }
        let cubelog = self.local.service.cubelog();
        let (done, written) = cubelog.retire_module(&self.local.caller, self.cube, known.id, knows, reason).await?;
        self.app.screen.note(&format!(
            "{} is {}; {} written back, the rest stands in its own words",
            known.id(),
            done.stage.word(),
            super::forget::memories(written.len() as u64)
        ));
        Ok(Exit::Ok)
    }

    fn export(&self, known: &Known, to: &Path) -> Result<Exit> {
        let (dir, _) = self.files.manifest(known)?;
        if known.module.is_revoked() {
            return Err(Failure::new(Exit::Refused, "a revoked module is not given away"));
        }
        let failed = |error: std::io::Error| Failure::io(format!("cannot write {}", to.display()), &error);
        std::fs::create_dir(to).map_err(failed)?;
        for name in [peft::CONFIG, peft::WEIGHTS] {
            std::fs::copy(dir.join(name), to.join(name)).map_err(failed)?;
        }
        self.app.screen.note(&format!("PEFT loads it with PeftModel.from_pretrained(base, {:?})", to.display().to_string()));
        Ok(Exit::Ok)
    }
}

/// The sources of a module as the cube has them now, all of them.
fn taught(lessons: &[Lesson], wanted: &BTreeSet<VersionRef>) -> Result<Vec<Source>> {
    let sources: Vec<Source> = lessons.iter().filter(|lesson| wanted.contains(&lesson.version)).map(source).collect();
    match wanted.len() - sources.len() {
        0 => Ok(sources),
        gone => Err(Failure::new(Exit::Differs, "the memories that the module was made from are not what they were")
            .because(format!("{} of {} were revised or are gone; `cubelog module lineage` shows which", gone, wanted.len()))),
    }
}

/// What was admitted once is admitted: the module's own sources.
fn everything() -> cubelog_trainer::dataset::Admission {
    cubelog_trainer::dataset::Admission {
        trust_min: cubelog_memory::Trust::Untrusted,
        sensitivity_max: cubelog_memory::Sensitivity::Secret,
    }
}

fn open_base(path: &Path, manifest: &Manifest) -> Result<Model> {
    let model = Model::read(path).map_err(modules::failure)?;
    if model.digest != manifest.base {
        return Err(Failure::new(Exit::Refused, format!("{} is not the base that the module was made for", path.display()))
            .because(format!("its SHA-256 is {}, not {}", model.digest, manifest.base))
            .next("name the right one with --model"));
    }
    Ok(model)
}

fn adapter(dir: &Path, model: &Model) -> Result<(cubelog_trainer::cpu::factors::Layout, Vec<f32>)> {
    let wrong = |error: cubelog_model::lora::AdapterError| {
        Failure::new(Exit::Failure, format!("the adapter in {} cannot be used", dir.display())).because(error.to_string())
    };
    let plain = peft::read(dir, &model.base.shape).map_err(wrong)?;
    factors(&plain, &model.base.shape).map_err(wrong)
}
