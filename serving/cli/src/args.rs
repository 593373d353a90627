//! The command line: global flags and verbs. What a verb takes is declared beside its code, in `verbs/`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::verbs;

#[derive(Debug, Parser)]
#[command(
    name = "cubelog",
    version,
    about = "A memory for LLM agents that is a log: ingest, search, look back in time, replay, prove",
    long_about = "A memory for LLM agents that is a log. Conversations go in as events; what is remembered now, what was \
                  remembered last Tuesday, and who has read it are views of that log, and every view can be replayed and \
                  proved.\n\nStart with `cubelog demo`, which shows all of it in a minute, or with `cubelog ingest FILE`.",
    after_help = "`cubelog help times` explains times and positions, `cubelog help exit-codes` the exit codes.",
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags that every verb takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global flags")]
pub struct Global {
    /// Directory of log, views and keys [default: ~/.local/share/cubelog]
    #[arg(long, global = true, env = "CUBELOG_DIR", value_name = "DIR", hide_env_values = true)]
    pub dir: Option<PathBuf>,
    /// Where the log is: `local` (in the directory) or kafka://host:port[,host:port]/prefix [env: CUBELOG_LOG]
    #[arg(long, global = true, value_name = "LOG")]
    pub log: Option<String>,
    /// Directory of the master key [env: CUBELOG_KEYS] [default: DIR/keys]
    #[arg(long, global = true, value_name = "DIR")]
    pub keys: Option<PathBuf>,
    /// Directory of the models [env: CUBELOG_MODELS] [default: ~/.cache/cubelog/models]
    #[arg(long, global = true, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// What turns texts into vectors: minilm, hash (no model, words only) or none (text search only) [env: CUBELOG_EMBEDDER]
    #[arg(long, global = true, value_name = "EMBEDDER")]
    pub embedder: Option<String>,
    /// Configuration file [default: DIR/cubelog.toml]
    #[arg(long, global = true, env = "CUBELOG_CONFIG", value_name = "FILE", hide_env_values = true)]
    pub config: Option<PathBuf>,
    /// Work through the server at this URL instead of on a directory
    #[arg(long, global = true, env = "CUBELOG_SERVER", value_name = "URL", hide_env_values = true)]
    pub server: Option<String>,
    /// Key for the server, from `cubelog key create`
    #[arg(long, global = true, env = "CUBELOG_KEY", value_name = "KEY", hide_env_values = true)]
    pub key: Option<String>,
    /// Tenant whose cubes are meant
    #[arg(long, global = true, env = "CUBELOG_TENANT", value_name = "TENANT", default_value = "default", hide_env_values = true)]
    pub tenant: String,
    /// Who is acting, when working on a directory [default: $USER]
    #[arg(long, global = true, env = "CUBELOG_PRINCIPAL", value_name = "NAME", hide_env_values = true)]
    pub principal: Option<String>,
    /// Form of the answer
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub output: Format,
    /// No colour (the variable NO_COLOR does the same)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Say more on standard error; -vv more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    Demo(verbs::demo::DemoArgs),
    Init(verbs::init::InitArgs),
    Ingest(verbs::ingest::IngestArgs),
    Extract(verbs::extract::ExtractArgs),
    Add(verbs::add::AddArgs),
    Revise(verbs::revise::ReviseArgs),
    Resolve(verbs::resolve::ResolveArgs),
    Search(verbs::search::SearchArgs),
    Context(verbs::context::ContextArgs),
    Beliefs(verbs::beliefs::BeliefsArgs),
    Get(verbs::get::GetArgs),
    History(verbs::history::HistoryArgs),
    State(verbs::state::StateArgs),
    Timeline(verbs::timeline::TimelineArgs),
    Tree(verbs::tree::TreeArgs),
    Graph(verbs::graph::GraphArgs),
    Diff(verbs::diff::DiffArgs),
    Cubes(verbs::cubes::CubesArgs),
    Grant(verbs::grant::GrantArgs),
    Revoke(verbs::revoke::RevokeArgs),
    Policy(verbs::policy::PolicyArgs),
    Forget(verbs::forget::ForgetArgs),
    Dedupe(verbs::dedupe::DedupeArgs),
    Pin(verbs::pin::PinArgs),
    Hold(verbs::hold::HoldArgs),
    Distill(verbs::distill::DistillArgs),
    Module(verbs::module::ModuleArgs),
    Replay(verbs::replay::ReplayArgs),
    Verify(verbs::verify::VerifyArgs),
    Rebuild(verbs::rebuild::RebuildArgs),
    Sql(verbs::sql::SqlArgs),
    Audit(verbs::audit::AuditArgs),
    Dead(verbs::dead::DeadArgs),
    Serve(verbs::serve::ServeArgs),
    Model(verbs::model::ModelArgs),
    Key(verbs::key::KeyArgs),
    Status(verbs::status::StatusArgs),
    Doctor(verbs::doctor::DoctorArgs),
    Bench(verbs::bench::BenchArgs),
    Eval(verbs::eval::EvalArgs),
    Config(verbs::config::ConfigArgs),
    Completions(verbs::completions::CompletionsArgs),
    /// Times and places on the log, as --at, --since and others take them
    #[command(hide = true, long_about = crate::when::HELP)]
    Times,
    /// What exit codes mean
    #[command(hide = true, long_about = crate::failure::EXIT_CODES)]
    ExitCodes,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Cli::command().debug_assert();
    }
}
