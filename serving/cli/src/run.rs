//! From the command line to a verb, and from its result to an exit code.

use clap::Parser;
use clap::error::ErrorKind;

use crate::app::App;
use crate::args::{Cli, Verb};
use crate::failure::{EXIT_CODES, Exit, Failure, Result};
use crate::{verbs, when, wire};

/// Stack of every worker thread.
const STACK_BYTES: usize = 8 * 1024 * 1024;

pub fn main() -> Exit {
    wire::uptime();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nobody is left to be told that this could not be written.
            let _ = error.print();
            return if asked { Exit::Ok } else { Exit::Usage };
        }
    };
    log_to_stderr(cli.global.verbose);
    let red =
        std::io::IsTerminal::is_terminal(&std::io::stderr()) && !cli.global.no_color && crate::app::env("NO_COLOR").is_none();
    let done = App::new(cli.global).and_then(|app| {
        // LanceDB's and DataFusion's futures nest deeply; two megabytes, the default, are too close for comfort.
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK_BYTES).build();
        let runtime = runtime.map_err(|error| Failure::io("cannot start", &error))?;
        let done = runtime.block_on(run(app, cli.verb));
        // A task that hangs (a broker that does not answer) must not keep the process.
        runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        done
    });
    done.unwrap_or_else(|failure| {
        failure.print(red);
        failure.exit
    })
}

async fn run(mut app: App, verb: Verb) -> Result<Exit> {
    match verb {
        Verb::Demo(args) => verbs::demo::run(&app, args).await,
        Verb::Init(args) => verbs::init::run(&app, args).await,
        Verb::Ingest(args) => verbs::ingest::run(&app, args).await,
        Verb::Extract(args) => verbs::extract::run(&app, args).await,
        Verb::Add(args) => verbs::add::run(&app, args).await,
        Verb::Revise(args) => verbs::revise::run(&app, args).await,
        Verb::Resolve(args) => verbs::resolve::run(&app, args).await,
        Verb::Search(args) => verbs::search::run(&app, args).await,
        Verb::Context(args) => verbs::context::run(&app, args).await,
        Verb::Beliefs(args) => verbs::beliefs::run(&app, args).await,
        Verb::Get(args) => verbs::get::run(&app, args).await,
        Verb::History(args) => verbs::history::run(&app, args).await,
        Verb::State(args) => verbs::state::run(&app, args).await,
        Verb::Timeline(args) => verbs::timeline::run(&app, args).await,
        Verb::Tree(args) => verbs::tree::run(&app, args).await,
        Verb::Graph(args) => verbs::graph::run(&app, args).await,
        Verb::Diff(args) => verbs::diff::run(&app, args).await,
        Verb::Cubes(args) => verbs::cubes::run(&app, args).await,
        Verb::Grant(args) => verbs::grant::run(&app, args).await,
        Verb::Revoke(args) => verbs::revoke::run(&app, args).await,
        Verb::Policy(args) => verbs::policy::run(&app, args).await,
        Verb::Forget(args) => verbs::forget::run(&app, args).await,
        Verb::Distill(args) => verbs::distill::run(&app, args).await,
        Verb::Module(args) => verbs::module::run(&app, args).await,
        Verb::Dedupe(args) => verbs::dedupe::run(&app, args).await,
        Verb::Pin(args) => verbs::pin::run(&app, args).await,
        Verb::Hold(args) => verbs::hold::run(&app, args).await,
        Verb::Replay(args) => verbs::replay::run(&app, args).await,
        Verb::Verify(args) => verbs::verify::run(&app, args).await,
        Verb::Rebuild(args) => verbs::rebuild::run(&app, args).await,
        Verb::Sql(args) => verbs::sql::run(&app, args).await,
        Verb::Audit(args) => verbs::audit::run(&app, args).await,
        Verb::Dead(args) => verbs::dead::run(&app, args).await,
        Verb::Serve(args) => {
            app.listen = args.listen.clone();
            verbs::serve::run(&app, args).await
        }
        Verb::Model(args) => verbs::model::run(&app, args).await,
        Verb::Key(args) => verbs::key::run(&app, args).await,
        Verb::Status(args) => verbs::status::run(&app, args).await,
        Verb::Doctor(args) => verbs::doctor::run(&app, args).await,
        Verb::Bench(args) => verbs::bench::run(&app, args).await,
        Verb::Eval(args) => verbs::eval::run(&app, args).await,
        Verb::Config(args) => verbs::config::run(&app, &args),
        Verb::Completions(args) => {
            verbs::completions::run(&args);
            Ok(Exit::Ok)
        }
        Verb::Times => app.screen.line(when::HELP).map(|()| Exit::Ok),
        Verb::ExitCodes => app.screen.line(EXIT_CODES).map(|()| Exit::Ok),
    }
}

/// What the parts report: warnings always, more with -v and -vv; RUST_LOG overrides.
fn log_to_stderr(verbose: u8) {
    let ours = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let quiet = if verbose > 1 { "info" } else { "error" };
    let default = ["api", "cli", "extract", "http", "keyring", "log", "memory", "model", "runner", "views"]
        .iter()
        .fold(quiet.to_owned(), |filter, part| format!("{filter},cubelog_{part}={ours}"))
        + &format!(",cubelog={ours}");
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let layer = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(verbose > 0);
    // Only the first subscriber of a process counts.
    let _ = if verbose == 0 { layer.without_time().try_init() } else { layer.try_init() };
}
