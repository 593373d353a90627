//! Learns from the turns of a cube: facts, preferences, events and profiles, by rules or by a model.

use std::sync::Arc;

use clap::Args;
use cubelog_api::learn::{ExtractRequest, ExtractResponse};
use cubelog_http::extracted;
use cubelog_runner::ExtractOptions;

use super::endpoint::EndpointArgs;
use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col, plural};
use crate::progress::{Interrupt, Progress};

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
    #[command(flatten)]
    pub reader: EndpointArgs,
    /// Write nothing: show what rules would record, or how many turns a model would be sent
    #[arg(long)]
    pub dry_run: bool,
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
    let cube = app.cube(&args.cube)?;
    let interrupt = Interrupt::listen();
    let report = app
        .with_store(Need::Read, async |store| {
            let progress = Progress::new("extract", "turns", None);
            let report = match store.local() {
                Some(local) => {
                    let extractor = args.reader.extractor(&app.config()?)?;
                    let asked = interrupt.clone();
                    let options = ExtractOptions {
                        dry_run: args.dry_run,
                        progress: Some(progress.callback()),
                        stop: Some(Arc::new(move || asked.asked())),
                    };
                    let done = local.service.cubelog().extract(&local.caller, &cube, extractor.as_ref(), &options).await;
                    done.map(|report| extracted(&cube, extractor.identity(), report)).map_err(Failure::from)
                }
                None => {
                    let with = args.reader.of_server()?;
                    store.extract(ExtractRequest { cube: cube.to_string(), with, dry_run: args.dry_run }, &progress).await
                }
            };
            progress.finish();
            let report = report?;
            let progress = Progress::new("views", "records", None);
            // What is on the log stays there; whoever stops here finds it at the next read.
            let settled = store.settle(&report.token, &progress, &interrupt).await;
            progress.finish();
            settled.map(|_| report)
        })
        .await?;
    if args.dry_run && app.screen.is_table() && !report.statements.is_empty() {
        app.screen.list(&STATEMENTS, &report.statements)?;
    } else {
        app.screen.record(&COLUMNS, &report)?;
    }
    ended(&report, args.dry_run, interrupt.asked())
}

fn ended(report: &ExtractResponse, dry_run: bool, interrupted: bool) -> Result<Exit> {
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
