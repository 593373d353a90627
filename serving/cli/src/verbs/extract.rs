//! Learns from the turns of a cube: facts, preferences, events and profiles, by rules or by a model.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cubelog_extract::{Extractor, OpenAi, OpenAiOptions, Rules};
use cubelog_runner::{ExtractOptions, ExtractReport};
use serde::Serialize;

use crate::app::{App, Need, env};
use crate::config::{Config, ExtractorKind};
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col, plural};
use crate::progress::{Interrupt, Progress};
use crate::wire;

/// Learn facts, preferences, events and profiles from turns
#[derive(Debug, Args)]
#[command(
    long_about = "Reads the turns of a cube that were not read before, and records what people say about themselves: facts, preferences, \
                        events, profiles, each with the turns that say it. What the model puts out is kept on the log word for word, so \
                        that no replay needs the model. What the cube knows already is not learnt again, and what assistants say is not \
                        learnt at all.\n\nThe command may be stopped and given again at any time: it goes on where it stopped. With an \
                        endpoint, turns leave this machine, except those that are marked secret; the access log says which."
)]
pub struct ExtractArgs {
    /// Cube to read
    #[arg(long, value_name = "CUBE")]
    pub cube: String,
    /// What reads: written rules, or a model behind an OpenAI-compatible endpoint [default: the setting `extractor`]
    #[arg(long, value_name = "EXTRACTOR", value_parser = ["rules", "openai"])]
    pub with: Option<String>,
    /// Where the model is [default: the setting `extractor-endpoint`]
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
    /// Which model [default: the setting `extractor-model`]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Variable of the environment that holds the endpoint's key [default: the setting `extractor-key-env`]
    #[arg(long, value_name = "VAR")]
    pub key_env: Option<String>,
    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub at_once: u8,
    /// Seconds that one request may take
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// Write nothing: show what rules would record, or how many turns a model would be sent
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    cube: String,
    extractor: String,
    /// Turns that waited to be read, and in how many windows.
    turns: u64,
    windows: u64,
    done: u64,
    failed: u64,
    reasons: Vec<String>,
    resumed: u64,
    recorded: u64,
    known: u64,
    dropped: u64,
    withheld: u64,
    calls: u64,
    retries: u64,
    tokens_in: u64,
    tokens_out: u64,
    /// Only in a dry run.
    statements: Vec<Statement>,
    token: String,
}

#[derive(Debug, Serialize)]
struct Statement {
    kind: &'static str,
    text: String,
}

const COLUMNS: [Column; 12] = [
    col("turns", "/turns", Kind::Number),
    col("windows", "/windows", Kind::Number),
    col("read", "/done", Kind::Number),
    col("failed", "/failed", Kind::Number),
    col("new memories", "/recorded", Kind::Number),
    col("known before", "/known", Kind::Number),
    col("dropped", "/dropped", Kind::Number),
    col("secret turns", "/withheld", Kind::Number),
    col("requests", "/calls", Kind::Number),
    col("tokens in", "/tokens_in", Kind::Number),
    col("tokens out", "/tokens_out", Kind::Number),
    col("up to", "/token", Kind::Plain),
];

const STATEMENTS: [Column; 2] = [col("kind", "/kind", Kind::Plain), col("text", "/text", Kind::Text)];

pub async fn run(app: &App, args: ExtractArgs) -> Result<Exit> {
    app.directory_only("extract")?;
    let cube = app.cube(&args.cube)?;
    let extractor = extractor(&app.config()?, &args)?;
    let interrupt = Interrupt::listen();
    let report = app
        .with_store(Need::Read, async |store| {
            let local = store.local().ok_or_else(|| Failure::usage("extraction works on a data directory"))?;
            let progress = Progress::new("extract", "turns", None);
            let asked = interrupt.clone();
            let options = ExtractOptions {
                dry_run: args.dry_run,
                progress: Some(progress.callback()),
                stop: Some(Arc::new(move || asked.asked())),
            };
            let done = local.service.cubelog().extract(&local.caller, &cube, extractor.as_ref(), &options).await;
            progress.finish();
            let report = done.map_err(Failure::from)?;
            let progress = Progress::new("views", "records", None);
            // What is on the log stays there; whoever stops here finds it at the next read.
            let settled = store.settle(&report.token.to_string(), &progress, &interrupt).await;
            progress.finish();
            settled.map(|_| report)
        })
        .await?;
    let summary = summary(&cube.to_string(), extractor.identity(), report.clone());
    if args.dry_run && app.screen.is_table() && !summary.statements.is_empty() {
        app.screen.list(&STATEMENTS, &summary.statements)?;
    } else {
        app.screen.record(&COLUMNS, &summary)?;
    }
    ended(&report, args.dry_run, interrupt.asked())
}

fn extractor(config: &Config, args: &ExtractArgs) -> Result<Box<dyn Extractor>> {
    let kind = match args.with.as_deref() {
        Some("rules") => ExtractorKind::Rules,
        Some(_) => ExtractorKind::OpenAi,
        None if args.endpoint.is_some() || args.model.is_some() => ExtractorKind::OpenAi,
        None => config.extractor,
    };
    match kind {
        ExtractorKind::None => Err(Failure::usage("no extractor is chosen, and none is by default")
            .next("say --with rules or --with openai, or set `extractor`")),
        ExtractorKind::Rules => Ok(Box::new(Rules)),
        ExtractorKind::OpenAi => {
            let written = |flag: &Option<String>, setting: &String| flag.as_ref().unwrap_or(setting).clone();
            let variable = written(&args.key_env, &config.extractor_key_env);
            let key = env(&variable).filter(|key| !key.is_empty());
            if key.is_none() && args.key_env.is_some() {
                return Err(
                    Failure::usage(format!("the variable {variable} is empty or not set")).next("put the endpoint's key into it")
                );
            }
            let options = OpenAiOptions {
                key,
                timeout: Duration::from_secs(args.timeout),
                at_once: usize::from(args.at_once),
                seed: wire::now().as_microsecond().unsigned_abs(),
                ..OpenAiOptions::new(
                    written(&args.endpoint, &config.extractor_endpoint),
                    written(&args.model, &config.extractor_model),
                )
            };
            let model = OpenAi::new(options).map_err(|error| {
                Failure::usage(error.to_string()).next("name the endpoint with --endpoint URL and the model with --model NAME")
            })?;
            Ok(Box::new(model))
        }
    }
}

fn summary(cube: &str, extractor: &str, report: ExtractReport) -> Summary {
    Summary {
        cube: cube.to_owned(),
        extractor: extractor.to_owned(),
        turns: report.turns,
        windows: report.windows,
        done: report.done,
        failed: report.failed,
        reasons: report.reasons,
        resumed: report.resumed,
        recorded: report.recorded,
        known: report.known,
        dropped: report.dropped,
        withheld: report.withheld,
        calls: report.counts.calls,
        retries: report.counts.retries,
        tokens_in: report.counts.tokens_in,
        tokens_out: report.counts.tokens_out,
        statements: report
            .statements
            .into_iter()
            .map(|statement| Statement { kind: statement.kind.word(), text: statement.text })
            .collect(),
        token: report.token.to_string(),
    }
}

fn ended(report: &ExtractReport, dry_run: bool, interrupted: bool) -> Result<Exit> {
    let again = "give the same command again: it goes on where it stopped";
    if report.stopped && interrupted && !dry_run {
        let done = format!("{} of {} were read", report.done, plural(report.windows, "window"));
        return Err(Failure::new(Exit::Interrupted, "interrupted").because(done).next(again));
    }
    if report.failed > 0 {
        let exit = if report.stopped { Exit::Unavailable } else { Exit::Failure };
        let what = format!("{} of {} could not be read", report.failed, plural(report.windows, "window"));
        return Err(Failure::new(exit, what).because(report.reasons.join("; ")).next(again));
    }
    Ok(Exit::Ok)
}
