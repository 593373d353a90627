//! The benchmark suite: what Cubelog reaches, measured beside the parts below it in the same run.

mod corpus;
mod encoder;
mod events;
mod kit;
mod log;
mod model;
pub mod result;
mod search;
mod state;

pub use kit::{Decoding, Kit, Options, Step};
pub use result::Measured;

/// Runs the suite part by part; `report` gets every measurement as soon as it is made.
pub async fn run(kit: &dyn Kit, options: &Options, mut report: impl FnMut(&Measured)) -> anyhow::Result<Vec<Measured>> {
    let wanted = |part: &str| options.only.is_empty() || options.only.iter().any(|only| only == part);
    let mut all = Vec::new();
    let mut take = |measured: Vec<Measured>| {
        for mut one in measured {
            if options.quick {
                one.met = None;
                one.name = format!("quick: {}", one.name);
            }
            report(&one);
            all.push(one);
        }
    };
    std::fs::create_dir_all(&options.scratch)?;
    if wanted("log") {
        take(log::local(kit, options).await?);
    }
    if wanted("kafka") {
        match &options.kafka {
            Some(bootstrap) => take(log::kafka(kit, options, bootstrap).await?),
            None => eprintln!("kafka: skipped, no broker (set CUBELOG_KAFKA_BOOTSTRAP or run under deploy/kafka/run)"),
        }
    }
    if wanted("encoder") {
        take(encoder::encoder(kit, options).await?);
    }
    if wanted("decoder") {
        take(model::decoder(kit, options).await?);
    }
    if wanted("training") {
        take(model::training(kit, options).await?);
    }
    if wanted("search") {
        take(search::search(kit, options).await?);
    }
    if wanted("state") {
        take(state::state(kit, options).await?);
    }
    if let Some(bytes) = peak_memory_bytes() {
        take(vec![Measured::new("peak memory of the whole run", bytes as f64 / (1024.0 * 1024.0), "MiB")]);
    }
    Ok(all)
}

/// The process's largest resident size so far, as Linux counts it.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
