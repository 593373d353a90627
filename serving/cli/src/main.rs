//! The program `cubelog`.

mod app;
mod args;
mod config;
mod directory;
mod failure;
mod ingest;
mod kit;
mod modules;
mod output;
mod progress;
mod remote;
mod run;
mod store;
mod verbs;
mod views;
mod when;
mod wire;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    std::process::exit(run::main() as i32)
}
