//! Completions for shells.

use clap::Args;

/// Completions for a shell, on standard output
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

pub fn run(args: &CompletionsArgs) {
    let mut command = <crate::args::Cli as clap::CommandFactory>::command();
    clap_complete::generate(args.shell, &mut command, "cubelog", &mut std::io::stdout());
}
