//! Measures this machine.

use std::path::PathBuf;

use clap::Args;

use cubelog_bench::{Measured, Options, result};

use crate::app::App;
use crate::failure::{Exit, Failure, Result};
use crate::kit::ProgramKit;
use crate::output::{Column, Kind, col};

/// Measure this machine: append, replay, search, time machine
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Write the results to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only these parts: log, kafka, encoder, search, state; may be repeated
    #[arg(long = "only", value_name = "PART", value_parser = ["log", "kafka", "encoder", "decoder", "training", "search", "state"])]
    pub only: Vec<String>,
    /// A Kafka broker to measure beside, host:port; without one that part is skipped
    #[arg(long, value_name = "BROKER", env = "CUBELOG_KAFKA_BOOTSTRAP", hide_env_values = true)]
    pub kafka: Option<String>,
    /// A Python in which the peers are installed (`make peers`); without one they are left out
    #[arg(long, value_name = "PYTHON", env = "CUBELOG_BENCH_PYTHON", hide_env_values = true)]
    pub python: Option<PathBuf>,
    /// Runs of each throughput measurement; their median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub runs: usize,
    /// A tenth of the sizes, for a quick look; nothing is judged
    #[arg(long)]
    pub quick: bool,
}

const COLUMNS: [Column; 10] = [
    col("what", "/name", Kind::Plain),
    col("value", "/value", Kind::Number),
    col("unit", "/unit", Kind::Plain),
    col("peer", "/peer", Kind::Plain),
    col("peer value", "/peer_value", Kind::Number),
    col("ratio", "/ratio", Kind::Number),
    col("target", "/target", Kind::Plain),
    col("met", "/met", Kind::Plain),
    col("", "/runs", Kind::Hidden),
    col("", "/note", Kind::Hidden),
];

pub async fn run(app: &App, args: BenchArgs) -> Result<Exit> {
    app.directory_only("bench")?;
    let scratch = tempfile::Builder::new().prefix("cubelog-bench-").tempdir();
    let scratch = scratch.map_err(|error| Failure::io("cannot make a temporary directory", &error))?;
    let config = app.config()?;
    let options = Options {
        python: args.python,
        models: config.models.clone(),
        only: args.only,
        kafka: args.kafka,
        runs: args.runs.max(1),
        quick: args.quick,
        scratch: scratch.path().to_owned(),
    };
    let kit = ProgramKit { config };
    // For people each line appears as soon as it is measured, and is the answer; other forms are written whole at the end.
    let table = app.screen.is_table();
    let report = |measured: &Measured| match table {
        true => println!("{}", result::line(measured)),
        false => eprintln!("{}", result::line(measured)),
    };
    let measured = cubelog_bench::run(&kit, &options, report).await;
    let measured =
        measured.map_err(|error| Failure::new(Exit::Failure, "the measurement ended early").because(format!("{error:#}")))?;
    if let Some(out) = &args.out {
        result::write(out, &measured).map_err(|error| Failure::io(format!("cannot write {}", out.display()), &error))?;
    }
    if !table {
        app.screen.list(&COLUMNS, &measured)?;
    }
    Ok(Exit::Ok)
}
