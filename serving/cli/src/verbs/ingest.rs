//! Brings conversation files in, chunk by chunk.

use std::path::PathBuf;

use clap::Args;
use cubelog_api::ingest::{EndIngestRequest, IngestRequest, IngestResponse, Turn};
use futures::StreamExt;

use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::ingest::check::check;
use crate::ingest::groups::Groups;
use crate::ingest::source::Source;
use crate::output::{Column, Kind, col};
use crate::progress::{Interrupt, Progress};
use crate::store::Store;
use cubelog_runner::import::{Item, TurnInput};
use serde::Serialize;

/// Bring conversations in
#[derive(Debug, Args)]
#[command(
    long_about = "Brings conversations in. Each turn becomes a memory with speaker, time and session. What was ingested before is \
                        recognised, so that the same file, or one that has grown, can be given again at any time: only what is new is \
                        added.\n\nUnless --keep-going is given, every file is read and checked to its end before the first turn is \
                        taken: a file with an error in it is not half ingested."
)]
pub struct IngestArgs {
    /// Files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Form of the files
    #[arg(long, value_name = "FORMAT", default_value = "auto", value_parser = ["auto", "jsonl", "locomo", "openai", "chatgpt"])]
    pub format: String,
    /// Put everything into this cube [default: a cube for each conversation, of its name]
    #[arg(long, value_name = "CUBE")]
    pub cube: Option<String>,
    /// Report lines that cannot be taken, with line number and field, and take the rest
    #[arg(long)]
    pub keep_going: bool,
    /// Reads of cubes that this creates are on the log before their answer leaves
    #[arg(long)]
    pub auditable: bool,
    /// Whom the content is about [default: each turn's speaker]
    #[arg(long, value_name = "NAME")]
    pub subject: Option<String>,
}

/// Requests under way at once; each is one group of one conversation.
const REQUESTS_AT_ONCE: usize = 4;
/// Most complaints that are printed; the others are counted.
const COMPLAINTS_MAX: usize = 50;

/// What became of all files.
#[derive(Debug, Default, Serialize)]
struct Summary {
    files: u64,
    turns: u64,
    received: u64,
    duplicates: u64,
    refused: u64,
    /// Questions and other things that are no turns.
    skipped: u64,
    cubes: Vec<String>,
    /// The cut that holds everything; a read may carry it.
    token: String,
}

const COLUMNS: [Column; 8] = [
    col("turns", "/turns", Kind::Number),
    col("new", "/received", Kind::Number),
    col("known before", "/duplicates", Kind::Number),
    col("refused", "/refused", Kind::Number),
    col("skipped", "/skipped", Kind::Number),
    col("cubes", "/cubes", Kind::Plain),
    col("up to", "/token", Kind::Plain),
    col("files", "/files", Kind::Number),
];

pub async fn run(app: &App, args: IngestArgs) -> Result<Exit> {
    let cube = args.cube.as_deref().map(|cube| app.cube(cube)).transpose()?.map(|cube| cube.to_string());
    let mut sources =
        args.files.iter().map(|file| Source::open(file, &args.format, args.keep_going)).collect::<Result<Vec<_>>>()?;
    let mut total = None;
    if !args.keep_going {
        total = Some(check_all(&mut sources)?);
    }
    let interrupt = Interrupt::listen();
    let mut summary = Summary { files: sources.len() as u64, ..Summary::default() };
    app.with_store(Need::Create, async |store| {
        let progress = Progress::new("ingest", "turns", total);
        let mut taking =
            Taking { store, args: &args, cube, progress: &progress, interrupt: &interrupt, summary: &mut summary, complaints: 0 };
        let taken = taking.all(sources).await;
        progress.finish();
        if taken? || interrupt.asked() {
            return Err(interrupted(&summary));
        }
        let progress = Progress::new("views", "records", None);
        let settled = store.settle(&summary.token, &progress, &interrupt).await;
        progress.finish();
        if !settled? {
            return Err(interrupted(&summary));
        }
        app.screen.record(&COLUMNS, &summary)
    })
    .await?;
    if summary.refused > 0 {
        return Ok(Exit::Refused);
    }
    Ok(Exit::Ok)
}

fn interrupted(summary: &Summary) -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
        .because(format!("{} turns were taken, {} of them new; they are on the log", summary.turns, summary.received))
        .next("run the same command again: it goes on where it stopped, what is there is recognised")
}

/// Reads every source to its end; answers the number of turns, or every complaint at once.
fn check_all(sources: &mut [Source]) -> Result<u64> {
    let mut turns = 0;
    for source in sources {
        let checked = check(source)?;
        if checked.errors > 0 {
            checked.first.iter().for_each(|complaint| eprintln!("{complaint}"));
            let more = checked.errors - checked.first.len() as u64;
            if more > 0 {
                eprintln!("and {more} more");
            }
            return Err(Failure::new(Exit::Refused, format!("{} was not ingested", source.name()))
                .because(format!("{} of it cannot be taken, as listed above", crate::output::plural(checked.errors, "item")))
                .next("correct it, or take the rest with --keep-going; nothing was ingested"));
        }
        turns += checked.turns;
        source.rewind()?;
    }
    Ok(turns)
}

/// The taking of all sources into a store.
struct Taking<'a> {
    store: &'a Store,
    args: &'a IngestArgs,
    cube: Option<String>,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
    summary: &'a mut Summary,
    complaints: usize,
}

impl Taking<'_> {
    /// Answers whether it stopped early because somebody asked.
    async fn all(&mut self, sources: Vec<Source>) -> Result<bool> {
        for source in sources {
            if self.one(source).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn one(&mut self, source: Source) -> Result<bool> {
        let (name, format) = (source.name().to_owned(), source.format());
        let mut groups = Groups::new(self.cube.clone());
        let mut items = source.items()?;
        let mut stopped = false;
        loop {
            let item = items.next();
            let ended = item.is_none();
            match item {
                Some(Ok(Item::Turn(turn))) => groups.push(turn),
                Some(Ok(Item::Question(_))) => self.summary.skipped += 1,
                Some(Err(error)) => self.complain(&name, &error.to_string()),
                None => {}
            }
            if ended || groups.is_full() {
                self.send(&name, &mut groups).await?;
                stopped = !ended && self.interrupt.asked();
            }
            if ended || stopped {
                break;
            }
        }
        for (cube, counts) in groups.finish() {
            // An import that brought nothing new is no event.
            if counts.received + counts.refused > 0 {
                self.end(cube, format.name(), &counts).await?;
            }
        }
        Ok(stopped)
    }

    /// Sends all groups, several at once: they are of different conversations.
    async fn send(&mut self, name: &str, groups: &mut Groups) -> Result<()> {
        let requests: Vec<IngestRequest> = groups.take().into_iter().map(|(_, turns)| self.request(turns)).collect();
        let store = self.store;
        let mut sent = futures::stream::iter(requests).map(|request| store.ingest(request)).buffered(REQUESTS_AT_ONCE);
        let mut failed = None;
        while let Some(response) = sent.next().await {
            match response {
                Ok(response) => {
                    response.reasons.iter().for_each(|reason| self.complain_of_refusal(name, reason));
                    self.add(&response);
                    groups.count(response);
                }
                Err(failure) => failed = failed.or(Some(failure)),
            }
            self.progress.set(self.summary.turns, None);
        }
        match failed {
            None => Ok(()),
            Some(failure) => {
                let taken = format!("after {} turns, which are on the log", self.summary.turns);
                Err(failure.while_doing(format!("ingest of {name} ended {taken}")))
            }
        }
    }

    fn request(&self, turns: Vec<TurnInput>) -> IngestRequest {
        IngestRequest {
            cube: self.cube.clone(),
            auditable: self.args.auditable,
            keep_going: self.args.keep_going,
            subject: self.args.subject.clone(),
            ..request(turns)
        }
    }

    async fn end(&self, cube: String, format: &str, counts: &IngestResponse) -> Result<()> {
        let request = EndIngestRequest {
            cube,
            format: format.to_owned(),
            turns: counts.turns,
            received: counts.received,
            duplicates: counts.duplicates,
            refused: counts.refused,
            skipped: counts.skipped,
        };
        self.store.end_ingest(request).await.map(|_| ())
    }

    fn add(&mut self, response: &IngestResponse) {
        let summary = &mut *self.summary;
        summary.turns += response.turns;
        summary.received += response.received;
        summary.duplicates += response.duplicates;
        summary.refused += response.refused;
        summary.skipped += response.skipped;
        summary.cubes.extend(response.cubes.iter().cloned());
        summary.cubes.sort();
        summary.cubes.dedup();
        summary.token = super::join_cuts(&summary.token, &response.token);
    }

    fn complain(&mut self, name: &str, error: &str) {
        self.summary.refused += 1;
        self.complain_of_refusal(name, error);
    }

    fn complain_of_refusal(&mut self, name: &str, error: &str) {
        self.complaints += 1;
        if self.complaints <= COMPLAINTS_MAX {
            self.progress.println(&format!("{name} {error}"));
        } else if self.complaints == COMPLAINTS_MAX + 1 {
            self.progress.println("further ones are counted and not shown");
        }
    }
}

/// Turns as a request that asks for nothing special.
pub fn request(turns: Vec<TurnInput>) -> IngestRequest {
    IngestRequest { turns: turns.into_iter().map(turn).collect(), ..IngestRequest::default() }
}

fn turn(turn: TurnInput) -> Turn {
    Turn {
        conversation: Some(turn.conversation),
        session: turn.session,
        turn_id: turn.turn_id,
        speaker: turn.speaker,
        at: turn.at.map(crate::when::rfc3339),
        text: turn.text,
        caption: turn.caption,
        index: Some(turn.index),
        line: Some(turn.line),
    }
}
