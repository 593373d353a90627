//! Measures how well memories are found, on questions whose evidence is known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use cubelog_eval::{System, judge};
use cubelog_memory::CubeKey;
use cubelog_memory::ranking::{Method, TERMS, Term};
use cubelog_runner::import::{Item, QuestionInput, TurnInput};
use cubelog_runner::{Caller, Cubelog, IngestOptions, SearchRequest};
use cubelog_views::Filter;

use crate::app::{App, Need};
use crate::directory::Directory;
use crate::failure::{Exit, Failure, Result};
use crate::ingest::source::Source;
use crate::progress::{Interrupt, Progress};
use crate::store::Store;
use crate::wire;

/// Measure how well memories are found, beside the usual baselines
#[derive(Debug, Args)]
pub struct EvalArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Share of the evidence among the first hits, by category, beside BM25, vectors alone, and both fused by rank
    #[command(
        long_about = "Ingests the conversations of a file in the ordinary way, asks its questions one by one, each of its own \
                            conversation only (and, where it says so, only of what came before a session), and counts how much of \
                            the evidence stands among the first hits: R@k, any@k, nDCG@10, with 95 % bootstrap intervals. \
                            The baselines answer from the same store."
    )]
    Retrieval(RetrievalArgs),
}

#[derive(Debug, Args)]
pub struct RetrievalArgs {
    /// Conversations with questions: JSON lines, or LoCoMo's own file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Form of the file
    #[arg(long, value_name = "FORMAT", default_value = "auto", value_parser = ["auto", "jsonl", "locomo"])]
    pub format: String,
    /// Keep the store in this directory: the next run has it already [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// Ask only the first N questions
    #[arg(long, value_name = "N")]
    pub questions: Option<usize>,
    /// Leave out the baselines
    #[arg(long)]
    pub alone: bool,
    /// Search with two steps through the graph of entities
    #[arg(long)]
    pub expand: bool,
    /// Switch off one term of the ranking, to see what it is worth; may be repeated
    #[arg(long = "without", value_name = "TERM", value_parser = TERMS)]
    pub without: Vec<String>,
}

/// Turns in one chunk of the ingest.
const CHUNK: usize = 1_000;
/// Hits that are judged.
const DEPTH: usize = 20;

pub async fn run(app: &App, args: EvalArgs) -> Result<Exit> {
    app.directory_only("eval")?;
    let What::Retrieval(args) = args.what;
    let (turns, mut questions) = read(&args)?;
    if questions.is_empty() {
        return Err(Failure::new(Exit::Refused, format!("{} has no questions with evidence", args.file.display()))
            .because("an evaluation needs lines of kind \"question\" whose evidence names turns")
            .next("see the README on evaluation for the form"));
    }
    questions.truncate(args.questions.unwrap_or(usize::MAX));
    let scratch = tempfile::Builder::new().prefix("cubelog-eval-").tempdir();
    let scratch = scratch.map_err(|error| Failure::io("cannot make a temporary directory", &error))?;
    let directory = args.into.clone().unwrap_or_else(|| scratch.path().join("store"));
    let inner = app.elsewhere(Directory::new(&directory));
    let systems =
        inner.with_store(Need::Create, async |store| evaluate(store, &inner.caller()?, &args, turns, &questions).await).await?;
    if app.screen.is_table() {
        return app.screen.emit(&cubelog_eval::table(&systems)).map(|()| Exit::Ok);
    }
    app.screen.json(&cubelog_eval::json(&systems)).map(|()| Exit::Ok)
}

/// The file's turns, and its questions that have evidence.
fn read(args: &RetrievalArgs) -> Result<(Vec<TurnInput>, Vec<QuestionInput>)> {
    let source = Source::open(&args.file, &args.format, false)?;
    let name = source.name().to_owned();
    let (mut turns, mut questions) = (Vec::new(), Vec::new());
    for item in source.items()? {
        match item.map_err(|error| Failure::new(Exit::Refused, format!("{name}: {error}")))? {
            Item::Turn(turn) => turns.push(turn),
            Item::Question(question) if !question.evidence.is_empty() => questions.push(question),
            Item::Question(_) => {}
        }
    }
    Ok((turns, questions))
}

async fn evaluate(
    store: &Store,
    caller: &Caller,
    args: &RetrievalArgs,
    turns: Vec<TurnInput>,
    questions: &[QuestionInput],
) -> Result<Vec<System>> {
    let Store::Local(local) = store else { return Err(Failure::usage("an evaluation needs a directory")) };
    let cubelog = local.service.cubelog();
    let sessions = first_of_sessions(&turns);
    ingest(cubelog, caller, turns).await?;
    let mut systems: Vec<System> = Method::ALL
        .iter()
        .take(if args.alone { 1 } else { 4 })
        .map(|method| System { name: method.word(), judged: Vec::new() })
        .collect();
    let progress = Progress::new("questions", "asked", Some(questions.len() as u64));
    let interrupt = Interrupt::listen();
    for (asked, question) in questions.iter().enumerate() {
        if interrupt.asked() {
            return Err(Failure::new(Exit::Interrupted, "interrupted"));
        }
        for (method, system) in Method::ALL.iter().zip(&mut systems) {
            let begin = wire::uptime();
            let answer = cubelog.search(caller, request(caller, args, question, &sessions, *method)?).await?;
            let millis = (wire::uptime() - begin).as_secs_f64() * 1_000.0;
            let found: Vec<&str> = answer.hits.iter().filter_map(|hit| hit.row.content.clear()?.source.as_deref()).collect();
            let tokens =
                answer.hits.iter().take(10).filter_map(|hit| hit.row.content.clear()).map(|content| words(&content.text)).sum();
            let category = question.category.as_deref().unwrap_or("all");
            system.judged.extend(judge(category, &question.evidence, &found, millis, tokens));
        }
        progress.set(asked as u64 + 1, None);
    }
    progress.finish();
    Ok(systems)
}

/// Tokens of a text by the usual rule of thumb, four thirds of its words.
fn words(text: &str) -> f64 {
    text.split_whitespace().count() as f64 * 4.0 / 3.0
}

/// Stream index of the first turn of every session, by conversation and session.
fn first_of_sessions(turns: &[TurnInput]) -> BTreeMap<(String, String), u64> {
    let mut first = BTreeMap::new();
    for turn in turns {
        if let Some(session) = &turn.session {
            first.entry((turn.conversation.clone(), session.clone())).or_insert(turn.index);
        }
    }
    first
}

async fn ingest(cubelog: &Cubelog, caller: &Caller, mut turns: Vec<TurnInput>) -> Result<()> {
    let options = IngestOptions {
        tenant: caller.tenant.clone(),
        cube: None,
        create: true,
        auditable: false,
        keep_going: false,
        subject: None,
    };
    let progress = Progress::new("ingest", "turns", Some(turns.len() as u64));
    let mut done = 0;
    while !turns.is_empty() {
        let rest = turns.split_off(CHUNK.min(turns.len()));
        let chunk = std::mem::replace(&mut turns, rest);
        done += chunk.len() as u64;
        cubelog.ingest_turns(caller, &options, chunk).await?;
        cubelog.flush().await?;
        progress.set(done, None);
    }
    progress.finish();
    Ok(())
}

fn request(
    caller: &Caller,
    args: &RetrievalArgs,
    question: &QuestionInput,
    sessions: &BTreeMap<(String, String), u64>,
    method: Method,
) -> Result<SearchRequest> {
    let cube = cubelog_runner::cube_of_conversation(&question.conversation)
        .map_err(|error| Failure::new(Exit::Refused, error.to_string()))?;
    let before_index = match &question.before_session {
        None => None,
        Some(session) => {
            let key = (question.conversation.clone(), session.clone());
            Some(*sessions.get(&key).ok_or_else(|| {
                Failure::new(Exit::Refused, format!("line {}: the file has no session {session:?}", question.line))
            })?)
        }
    };
    Ok(SearchRequest {
        filter: Filter { before_index, ..Filter::default() },
        method,
        asked_at: question.asked_at,
        context: question.context.clone(),
        expand: args.expand,
        without: args.without.iter().filter_map(|term| Term::from_word(term)).collect(),
        ..SearchRequest::new(vec![CubeKey::new(caller.tenant.clone(), cube)], question.question.as_str(), DEPTH)
    })
}
