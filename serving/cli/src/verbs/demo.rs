//! Shows the whole of Cubelog in a minute, on sample conversations.

use std::path::{Path, PathBuf};

use clap::Args;
use cubelog_api::memories::{Content, ResolveRequest, ReviseRequest};
use cubelog_api::memory::MemoryVersion;
use cubelog_api::read::{DiffRequest, GetRequest};
use cubelog_api::replay::{ReplayRequest, VerifyRequest};
use cubelog_api::search::SearchRequest;
use cubelog_runner::import::{Format, ImportOptions, Importer, Item};

use super::replay::without;
use crate::app::{App, Need};
use crate::directory::Directory;
use crate::failure::{Exit, Failure, Result};
use crate::output::{Screen, cut, printable, short_id, wrap};
use crate::progress::{Interrupt, Progress};
use crate::store::Store;
use crate::wire;

/// Watch all of it in a minute: ingest, search, revise, look back, replay, verify
#[derive(Debug, Args)]
#[command(
    long_about = "Ingests sample conversations into a fresh directory, asks questions, revises a fact, looks back at what was \
                        known before, provokes and settles a conflict, replays the log into a second directory and proves that both \
                        are equal. Every step shows the command behind it."
)]
pub struct DemoArgs {
    /// Where to put it: a new or empty directory [default: a new temporary one, which stays]
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
}

/// Three conversations with questions, written for this purpose.
const CONVERSATIONS: &str = include_str!("../../demo/conversations.jsonl");

/// Questions with the conversations that answer them.
const QUESTIONS: [(&str, &str); 3] = [
    ("Does Nadia drink coffee?", "nadia-tomas"),
    ("Is Kofi allergic to penicillin?", "kofi-brit"),
    ("May I offer June fish?", "june-move"),
];

/// The fact that changes: what June said in October, and what she said in January.
const CUBE: &str = "june-move";
const FACT: &str = "S1:7";
const REVISED: &str = "I eat fish again, but no meat and no milk: mostly plant-based.";
const SINCE: &str = "2026-01-25T11:03:00Z";
const BEFORE: &str = "2025-12-24";
const STALE: &str = "I'm a vegetarian.";
/// The session in which June says that she changed.
const SESSION: &str = "june-move/S4";

pub async fn run(app: &App, args: DemoArgs) -> Result<Exit> {
    let root = root(args.into)?;
    let demo = app_in(app, &root)?;
    demo.dir.create()?;
    let shown = root.display().to_string();
    let teller = Teller { screen: &demo.screen, root: &shown };
    teller.text("A minute's walk through Cubelog. Everything happens in")?;
    teller.line(&format!("  DEMO={shown}"))?;
    demo.with_store(Need::Write, async |store| tell(&teller, &demo, store, &root).await).await?;
    teller.line("")?;
    teller.heading("Where everything lies")?;
    for (name, what) in [
        ("data/log", "the log: every event, its content sealed; the truth"),
        ("data/keys", "the keys: without them nobody can read the log"),
        ("data/views", "LanceDB tables made from the log; delete them, they come back"),
        ("replayed", "the same views, made from the log alone"),
        ("without", "the views as if one session had never been"),
    ] {
        teller.line(&format!("  {shown}/{name}"))?;
        teller.text(what)?;
    }
    teller.heading("What to try next")?;
    teller.line(&format!("  export CUBELOG_DIR={shown}/data"))?;
    for command in [
        "search 'travelling with a dog' -k 3".to_owned(),
        format!("state {CUBE} --at 0:40 --limit 3"),
        "sql 'SELECT kind, count(*) FROM events GROUP BY 1'".to_owned(),
        "serve".to_owned(),
    ] {
        teller.line(&format!("  cubelog {command}"))?;
    }
    teller.line("  cubelog ingest YOUR-FILE.jsonl  # a directory of your own")?;
    teller.line(&demo.screen.dim(&format!("\nThe demo took {:.1} seconds.", wire::uptime().as_secs_f64())))?;
    Ok(Exit::Ok)
}

fn root(into: Option<PathBuf>) -> Result<PathBuf> {
    match into {
        Some(into) => {
            if std::fs::read_dir(&into).is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(
                    Failure::new(Exit::Refused, format!("{} is not empty", into.display())).next("name a new or empty directory")
                );
            }
            std::path::absolute(&into).map_err(|error| Failure::io(format!("cannot use {}", into.display()), &error))
        }
        None => match tempfile::Builder::new().prefix("cubelog-demo-").tempdir() {
            Ok(dir) => Ok(dir.keep()),
            Err(error) => Err(Failure::io("cannot make a temporary directory", &error).next("name a directory with --into DIR")),
        },
    }
}

/// Whatever the surroundings say, the demo keeps to its own directory, log and keys.
fn app_in(app: &App, root: &Path) -> Result<App> {
    let data = root.join("data");
    let mut demo = app.elsewhere(Directory::new(&data));
    demo.global.server = None;
    demo.global.config = None;
    demo.global.log = Some("local".to_owned());
    demo.global.keys = Some(data.join("keys"));
    let config = demo.config()?;
    if let Err(failure) = wire::embedder(config.embedder, &config.models, None) {
        demo.screen.line(&format!(
            "Without a model ({}), so search goes by words. {}",
            failure.what,
            failure.next.unwrap_or_default()
        ))?;
        demo.global.embedder = Some("hash".to_owned());
    }
    Ok(demo)
}

async fn tell(teller: &Teller<'_>, app: &App, store: &Store, root: &Path) -> Result<()> {
    ingest(teller, store).await?;
    ask(teller, store).await?;
    let fact = fact(store).await?;
    let before = fact.position.clone();
    revise(teller, store, &fact).await?;
    look_back(teller, store, &fact, &before).await?;
    conflict(teller, store, &fact).await?;
    replay(teller, app, store, root).await?;
    counterfactual(teller, store, root).await?;
    audit(teller, store, &fact).await
}

async fn ingest(teller: &Teller<'_>, store: &Store) -> Result<()> {
    teller.step(1, "Three conversations become memory")?;
    teller.command("ingest conversations.jsonl")?;
    let options = ImportOptions { conversation: "demo".to_owned() };
    let mut groups = crate::ingest::groups::Groups::new(None);
    let (mut turns, mut skipped) = (0, 0);
    for item in Importer::new(CONVERSATIONS.as_bytes(), Format::Jsonl, options) {
        match item {
            Ok(Item::Turn(turn)) => {
                turns += 1;
                groups.push(turn);
            }
            Ok(Item::Question(_)) => skipped += 1,
            Err(error) => return Err(Failure::new(Exit::Failure, format!("the sample conversations: {error}"))),
        }
    }
    let progress = Progress::new("ingest", "turns", Some(turns));
    let mut token = String::new();
    let mut done = 0;
    for (_, turns) in groups.take() {
        let response = store.ingest(super::ingest::request(turns)).await?;
        token = super::join_cuts(&token, &response.token);
        done += response.turns;
        progress.set(done, None);
    }
    let settled = store.settle(&token, &progress, &Interrupt::default()).await;
    progress.finish();
    settled?;
    teller.text(&format!(
        "{turns} turns are events on the log and memories in the views ({skipped} questions beside them were skipped). \
         Ingesting the file again would add nothing: the ids come from the source."
    ))?;
    teller.at(&format!("the log now ends at {token}"))
}

async fn ask(teller: &Teller<'_>, store: &Store) -> Result<()> {
    teller.step(2, "Questions find their evidence")?;
    for (question, cube) in QUESTIONS {
        teller.command(&format!("search {} --cube {cube} -k 2", quoted(question)))?;
        let request =
            SearchRequest { query: question.to_owned(), cubes: vec![cube.to_owned()], k: Some(2), ..SearchRequest::default() };
        for hit in store.search(request).await?.hits {
            let memory = &hit.memory;
            let day = memory.valid.from.get(..10).unwrap_or_default();
            let speaker = memory.speaker.as_deref().unwrap_or("somebody");
            let text = memory.text.as_deref().unwrap_or("[erased]");
            teller.quote(&format!("{} {:.2} {day} {speaker}: {text}", short_id(&memory.memory), hit.score))?;
        }
    }
    teller.text("Text and vectors are searched together; no language model is involved.")
}

/// What June said about her food at first.
async fn fact(store: &Store) -> Result<MemoryVersion> {
    let query = "please remember that I'm vegan".to_owned();
    let request = SearchRequest { query, cubes: vec![CUBE.to_owned()], k: Some(20), ..SearchRequest::default() };
    let hits = store.search(request).await?.hits;
    let found = hits.into_iter().find(|hit| hit.memory.source.as_deref() == Some(FACT));
    let found = found.ok_or_else(|| Failure::new(Exit::Failure, format!("the demo lost turn {FACT} of {CUBE}")))?;
    get(store, &found.memory.memory, None, None).await
}

async fn get(store: &Store, memory: &str, at: Option<String>, valid_at: Option<String>) -> Result<MemoryVersion> {
    store.get(GetRequest { memory: memory.to_owned(), at, valid_at, ..GetRequest::default() }).await
}

fn revision(fact: &MemoryVersion, text: &str) -> ReviseRequest {
    let known = &fact.memory;
    ReviseRequest {
        cube: known.cube.clone(),
        memory: known.memory.clone(),
        expected_version: Some(1),
        content: Content {
            text: text.to_owned(),
            speaker: known.speaker.clone(),
            caption: None,
            session: known.session.clone(),
            source: known.source.clone(),
        },
        valid_from: Some(SINCE.to_owned()),
        valid_to: None,
        occurred_at: None,
    }
}

async fn revise(teller: &Teller<'_>, store: &Store, fact: &MemoryVersion) -> Result<()> {
    let id = short_id(&fact.memory.memory);
    teller.step(3, "A fact changes")?;
    teller.text(&format!(
        "In October June said: \"{}\" In January she changed.",
        fact.memory.text.as_deref().unwrap_or_default()
    ))?;
    teller.at(&format!("said by event {}", fact.position))?;
    teller.command(&format!("revise {id} {} --valid-from {SINCE}", quoted(REVISED)))?;
    let written = store.revise(revision(fact, REVISED), None).await?;
    teller.at(&format!("revised by event {}, now version {}", written.position, written.version.unwrap_or_default()))
}

async fn look_back(teller: &Teller<'_>, store: &Store, fact: &MemoryVersion, before: &str) -> Result<()> {
    let id = short_id(&fact.memory.memory);
    teller.step(4, "Looking back, in both times")?;
    teller.command(&format!("history {id}"))?;
    history(teller, store, fact).await?;
    teller.text("What did we know before the change? That is a place on the log, or a recorded time:")?;
    teller.command(&format!("get {id} --at {before}"))?;
    let then = get(store, &fact.memory.memory, Some(below(before)?), None).await?;
    teller.quote(then.memory.text.as_deref().unwrap_or_default())?;
    teller.text("What was true at Christmas, going by what we know now?")?;
    teller.command(&format!("get {id} --valid-at {BEFORE}"))?;
    let true_then = get(store, &fact.memory.memory, None, Some(format!("{BEFORE}T00:00:00Z"))).await?;
    teller.quote(true_then.memory.text.as_deref().unwrap_or_default())?;
    teller.text("And today?")?;
    teller.command(&format!("get {id}"))?;
    teller.quote(get(store, &fact.memory.memory, None, None).await?.memory.text.as_deref().unwrap_or_default())
}

async fn history(teller: &Teller<'_>, store: &Store, fact: &MemoryVersion) -> Result<()> {
    for step in store.history(&fact.memory.memory).await?.versions {
        let conflict = if step.conflict { ", in conflict" } else { "" };
        let text = step.memory.text.as_deref().unwrap_or("[erased]");
        teller.quote(&format!("v{} {} at {}{conflict}: {text}", step.memory.version, step.change, step.position))?;
    }
    Ok(())
}

/// The cut behind a position.
fn below(position: &str) -> Result<String> {
    let position = position.parse::<cubelog_memory::Position>();
    let position = position.map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    let mut cut = cubelog_memory::Cut::start();
    cut.cover(position);
    Ok(cut.to_string())
}

async fn conflict(teller: &Teller<'_>, store: &Store, fact: &MemoryVersion) -> Result<()> {
    let id = short_id(&fact.memory.memory);
    teller.step(5, "Two writers, one memory")?;
    teller.text("Another agent still believes version 1 and writes over it:")?;
    teller.command(&format!("revise {id} {} --expect 1", quoted(STALE)))?;
    let stale = match store.revise(revision(fact, STALE), None).await {
        Ok(written) => written,
        // The answer to a conflict is a refusal that says where the content went.
        Err(Failure { written: Some(written), .. }) => *written,
        Err(failure) => return Err(failure),
    };
    let sibling = stale.version.unwrap_or_default();
    teller.at(&format!("event {}: {}, kept as version {sibling}", stale.position, stale.effect))?;
    teller.text("Nothing is overwritten; somebody decides which one stands:")?;
    teller.command(&format!("resolve {id} --winner 2 --reason 'June said so'"))?;
    let request = ResolveRequest {
        cube: fact.memory.cube.clone(),
        memory: fact.memory.memory.clone(),
        expected_version: Some(2),
        winner: 2,
        reason: Some("June said so".to_owned()),
    };
    let resolved = store.resolve(request).await?;
    teller.at(&format!("settled by event {}", resolved.position))?;
    history(teller, store, fact).await
}

async fn replay(teller: &Teller<'_>, app: &App, store: &Store, root: &Path) -> Result<()> {
    teller.step(6, "The views can be proved")?;
    let into = root.join("replayed").display().to_string();
    teller.command(&format!("replay --into {into}"))?;
    let progress = Progress::new("replay", "records", None);
    let report = store.replay(ReplayRequest { into: into.clone(), ..ReplayRequest::default() }, &progress).await;
    progress.finish();
    let report = report?;
    teller.at(&format!(
        "{} records up to {} gave {} memories in {:.0} ms",
        report.records, report.until, report.memories, report.elapsed_ms
    ))?;
    teller.command(&format!("verify --against {into}"))?;
    let verified = store.verify(VerifyRequest { against: Some(into) }, &Progress::hidden()).await?;
    if !verified.equal {
        super::verify::show(&app.screen, &verified)?;
        return Err(
            Failure::new(Exit::Differs, "the replayed views differ from the live ones").next("this is a bug; please report it")
        );
    }
    teller.text("Equal: every table, row by row. Deleting the views loses nothing.")
}

async fn counterfactual(teller: &Teller<'_>, store: &Store, root: &Path) -> Result<()> {
    teller.step(7, "What if June had never told us?")?;
    let into = root.join("without").display().to_string();
    teller.command(&format!("replay --into {into} --without source:{SESSION}"))?;
    let without = without(&[format!("source:{SESSION}")])?;
    let report = store.replay(ReplayRequest { into: into.clone(), until: None, without }, &Progress::hidden()).await?;
    teller.at(&format!("{} records were left out", report.left_out))?;
    teller.command(&format!("diff {CUBE} --against {into}"))?;
    let diff = store.diff(DiffRequest { cube: CUBE.to_owned(), against: Some(into), ..DiffRequest::default() }).await?;
    for difference in diff.differences.iter().take(3) {
        let version = difference.before.as_ref().or(difference.after.as_ref());
        let (position, text) =
            version.map_or(("", ""), |version| (version.position.as_str(), version.memory.text.as_deref().unwrap_or_default()));
        teller.quote(&cut(&format!("{} (event {position}): {text}", difference.change), 2 * teller.screen.width))?;
    }
    match diff.differences.len() {
        0..=3 => Ok(()),
        more => teller.text(&format!("and {} more differences", more - 3)),
    }
}

async fn audit(teller: &Teller<'_>, store: &Store, fact: &MemoryVersion) -> Result<()> {
    teller.step(8, "Who has seen it?")?;
    teller.command(&format!("audit reads {}", short_id(&fact.memory.memory)))?;
    let reads = store.audit_reads(&fact.memory.memory).await?.reads;
    for read in reads.iter().take(4) {
        let versions: Vec<String> = read.versions.iter().map(u32::to_string).collect();
        teller.quote(&format!(
            "{} by {}, version {} (access {})",
            read.purpose,
            read.principal,
            versions.join(", "),
            read.position
        ))?;
    }
    teller
        .text(&format!("{} in all: every search and get above is on the log.", crate::output::plural(reads.len() as u64, "read")))
}

/// Speaks to whoever watches.
struct Teller<'a> {
    screen: &'a Screen,
    root: &'a str,
}

impl Teller<'_> {
    fn line(&self, text: &str) -> Result<()> {
        self.screen.line(text)
    }

    fn heading(&self, title: &str) -> Result<()> {
        self.screen.line(&format!("\n{}", self.screen.bold(title)))
    }

    fn step(&self, number: u32, title: &str) -> Result<()> {
        self.heading(&format!("{number}. {title}"))
    }

    fn command(&self, command: &str) -> Result<()> {
        // The directory stands in every command; saying it once is enough.
        let command = command.replace(self.root, "$DEMO");
        self.screen.line(&self.screen.green(&format!("$ cubelog {command}")))
    }

    fn text(&self, text: &str) -> Result<()> {
        self.wrapped(text, 2)
    }

    /// What the store says.
    fn quote(&self, text: &str) -> Result<()> {
        self.wrapped(text, 4)
    }

    fn at(&self, place: &str) -> Result<()> {
        self.screen.line(&self.screen.dim(&format!("  -> {place}")))
    }

    fn wrapped(&self, text: &str, indent: usize) -> Result<()> {
        for line in wrap(&printable(text), self.screen.width.min(90).saturating_sub(indent), usize::MAX) {
            self.screen.line(&format!("{}{line}", " ".repeat(indent)))?;
        }
        Ok(())
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}
