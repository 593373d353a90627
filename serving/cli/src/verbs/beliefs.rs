//! What is believed in a cube, what was believed before, and what a person should look at.

use clap::{Args, Subcommand};
use serde::Serialize;

use cubelog_api::VersionRef;
use cubelog_api::beliefs::{Belief, BeliefsRequest, BeliefsResponse, ResolveBeliefRequest};
use cubelog_api::learn::SettleRequest;
use cubelog_api::read::GetRequest;

use super::endpoint::EndpointArgs;
use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col};
use crate::store::Store;
use crate::when::rfc3339;

/// Show what a cube's memories amount to: one current belief for each question, its history, what needs a look
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BeliefsArgs {
    #[command(subcommand)]
    pub what: Option<BeliefsWhat>,
    /// The cube
    #[arg(long, value_name = "CUBE")]
    pub cube: Option<String>,
    /// Only this person, and whoever is theirs
    #[arg(long, value_name = "WHO")]
    pub about: Option<String>,
    /// As it was known then: a time or a position; `cubelog help times`
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// As it was true then
    #[arg(long, value_name = "TIME")]
    pub valid_at: Option<String>,
    /// Also what was believed before
    #[arg(long)]
    pub history: bool,
    /// Only what a person should look at
    #[arg(long, conflicts_with = "history")]
    pub review: bool,
}

#[derive(Debug, Subcommand)]
pub enum BeliefsWhat {
    /// Put contradictions on the log for review; with a model, settle those that it is sure of
    Settle {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        #[command(flatten)]
        judge: EndpointArgs,
        /// Write nothing and ask no model: show what would be noted
        #[arg(long)]
        dry_run: bool,
    },
    /// Settle a contradiction: one memory is believed in place of others, or all stand
    Resolve {
        /// Id of the memory that is believed, or a unique part at its beginning or end
        #[arg(value_name = "ID")]
        memory: String,
        /// A memory that it is decided over; may be repeated
        #[arg(long, value_name = "ID", required = true)]
        over: Vec<String>,
        /// There is no contradiction: all of them stand
        #[arg(long)]
        both: bool,
        /// From when on it is believed in their place [default: from where its own validity begins]
        #[arg(long, value_name = "TIME", conflicts_with = "both")]
        since: Option<String>,
        /// Why; it stands on the log in clear
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

const CURRENT: [Column; 9] = [
    col("who", "/subject", Kind::Plain),
    col("what", "/attribute", Kind::Plain),
    col("believed", "/value", Kind::Plain),
    col("since", "/since", Kind::Time),
    col("sure", "/confidence", Kind::Number),
    col("memory", "/memory", Kind::Id),
    col("", "/until", Kind::Hidden),
    col("", "/version", Kind::Hidden),
    col("", "/said", Kind::Hidden),
];

const HISTORY: [Column; 10] = [
    col("who", "/subject", Kind::Plain),
    col("what", "/attribute", Kind::Plain),
    col("value", "/value", Kind::Plain),
    col("since", "/since", Kind::Time),
    col("until", "/until", Kind::Time),
    col("now", "/current", Kind::Flag),
    col("memory", "/memory", Kind::Id),
    col("because", "/reason", Kind::Text),
    col("", "/confidence", Kind::Hidden),
    col("", "/withdrawn", Kind::Hidden),
];

const REVIEW: [Column; 9] = [
    col("who", "/subject", Kind::Plain),
    col("what", "/attribute", Kind::Plain),
    col("earlier", "/earlier/value", Kind::Plain),
    col("memory", "/earlier/memory", Kind::Id),
    col("later", "/later/value", Kind::Plain),
    col("memory", "/later/memory", Kind::Id),
    col("because", "/reason", Kind::Text),
    col("", "/earlier/said_at", Kind::Hidden),
    col("", "/later/said_at", Kind::Hidden),
];

const DISPUTES: [Column; 7] = [
    col("about", "/about", Kind::Text),
    col("earlier", "/earlier/memory", Kind::Id),
    col("later", "/later/memory", Kind::Id),
    col("sure", "/confidence", Kind::Number),
    col("verdict", "/verdict", Kind::Plain),
    col("model sure", "/sure", Kind::Number),
    col("fate", "/fate", Kind::Plain),
];

/// A belief as a row: what its line is about stands with it.
#[derive(Debug, Serialize)]
struct Row<'a> {
    subject: &'a str,
    attribute: &'a str,
    value: &'a str,
    since: &'a str,
    until: Option<&'a str>,
    confidence: f32,
    current: bool,
    withdrawn: bool,
    /// How often it was said.
    said: usize,
    memory: Option<&'a str>,
    version: Option<u32>,
    reason: Option<&'a str>,
}

pub async fn run(app: &App, args: BeliefsArgs) -> Result<Exit> {
    if let Some(BeliefsWhat::Settle { cube, judge, dry_run }) = args.what {
        return settle(app, &cube, &judge, dry_run).await;
    }
    if let Some(BeliefsWhat::Resolve { memory, over, both, since, reason }) = args.what {
        let since = since.as_deref().map(|text| app.time(text)).transpose()?.map(rfc3339);
        return app
            .with_store(Need::Write, async |store| {
                let (cube, memory) = version(store, &memory).await?;
                let mut others = Vec::with_capacity(over.len());
                for other in &over {
                    others.push(version(store, other).await?.1);
                }
                let outcome = both.then(|| "coexists".to_owned());
                let request =
                    ResolveBeliefRequest { cube, memory, over: others, outcome, since: since.clone(), reason: reason.clone() };
                let written = store.resolve_belief(request).await?;
                app.screen.record(&super::fields::WRITTEN, &written)?;
                Ok(Exit::Ok)
            })
            .await;
    }
    let Some(cube) = args.cube.as_deref() else {
        return Err(Failure::usage("no cube is named").next("name it with --cube CUBE; `cubelog cubes` lists them"));
    };
    let request = BeliefsRequest {
        cube: app.cube(cube)?.to_string(),
        about: args.about.clone(),
        at: args.at.as_deref().map(|text| app.moment(text)).transpose()?.map(|when| when.to_string()),
        valid_at: args.valid_at.as_deref().map(|text| app.time(text)).transpose()?.map(rfc3339),
        history: args.history,
        token: None,
    };
    app.with_store(Need::Read, async |store| {
        let answer = store.beliefs(request).await?;
        if args.review {
            app.screen.answer(&answer, &REVIEW, &answer.review)?;
            if answer.review.is_empty() {
                app.screen.note("nothing contradicts, and nothing is believed on weak grounds");
            } else if answer.review.iter().any(|doubt| doubt.earlier.is_some()) {
                app.screen.note("`cubelog beliefs resolve ID --over ID` settles which of two is believed");
            }
            return Ok(Exit::Ok);
        }
        app.screen.answer(&answer, if args.history { &HISTORY[..] } else { &CURRENT[..] }, &rows(&answer, args.history))?;
        match answer.review.len() {
            0 if answer.beliefs.is_empty() => app.screen.note("no memory claims anything that rules can read"),
            0 => {}
            count => app.screen.note(&format!("{count} to look at; --review shows them")),
        }
        Ok(Exit::Ok)
    })
    .await
}

async fn settle(app: &App, cube: &str, judge: &EndpointArgs, dry_run: bool) -> Result<Exit> {
    let cube = app.cube(cube)?.to_string();
    app.with_store(Need::Write, async |store| {
        let (with, judge) = match store.local() {
            Some(_) => (None, judge.judge(&app.config()?)?),
            None => (judge.of_server()?, None),
        };
        let answer = store.settle_doubts(SettleRequest { cube, with, dry_run }, judge).await?;
        app.screen.answer(&answer, &DISPUTES, &answer.disputes)?;
        app.screen.note(&match dry_run {
            true => format!("{} would be noted for review", answer.noted),
            false => format!("{} noted for review, {} settled", answer.noted, answer.settled),
        });
        if answer.withheld > 0 {
            app.screen.note(&format!("{} with secret memories were not shown to the model", answer.withheld));
        }
        match answer.reason.filter(|_| answer.failed > 0) {
            Some(reason) => Err(Failure::new(Exit::Failure, format!("the model did not answer {} times", answer.failed))
                .because(reason)
                .next("give the same command again: what is settled stays")),
            None => Ok(Exit::Ok),
        }
    })
    .await
}

/// The memory that a person means, in its current version, and the cube it is in.
async fn version(store: &Store, text: &str) -> Result<(String, VersionRef)> {
    let memory = store.memory_id(text).await?;
    let known = store.get(GetRequest { memory: memory.clone(), ..GetRequest::default() }).await?.memory;
    Ok((format!("{}/{}", known.tenant, known.cube), VersionRef { memory, version: known.current }))
}

fn rows(answer: &BeliefsResponse, history: bool) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for line in &answer.beliefs {
        let beliefs = if history { &line.history } else { &line.current };
        rows.extend(beliefs.iter().map(|belief: &Belief| {
            let cited = belief.cited.last();
            Row {
                subject: &line.subject,
                attribute: &line.attribute,
                value: belief.value.as_deref().unwrap_or("(none)"),
                since: &belief.since,
                until: belief.until.as_deref(),
                confidence: belief.confidence,
                current: line.current.contains(belief),
                withdrawn: belief.withdrawn,
                said: belief.cited.len(),
                memory: cited.map(|cited| cited.memory.as_str()),
                version: cited.map(|cited| cited.version),
                reason: belief.reason.as_deref(),
            }
        }));
    }
    rows
}
