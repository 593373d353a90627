//! Looks for what is wrong with an installation, and says how to repair it.

use std::path::Path;
use std::process::Command;

use clap::Args;
use cubelog_model::MiniLm;
use serde::Serialize;

use crate::app::{App, Need};
use crate::config::{Config, EmbedderKind, LogPlace};
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col};
use crate::wire;

/// Look for what is wrong, and say how to repair it
#[derive(Debug, Args)]
pub struct DoctorArgs {}

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    /// `ok`, `warning` or `bad`.
    status: &'static str,
    found: String,
    /// What to do; empty where nothing is to be done.
    #[serde(skip_serializing_if = "String::is_empty")]
    fix: String,
}

const COLUMNS: [Column; 4] = [
    col("check", "/check", Kind::Plain),
    col("status", "/status", Kind::Plain),
    col("found", "/found", Kind::Text),
    col("fix", "/fix", Kind::Text),
];

/// Below this there is no room for a rebuild of ordinary size.
const FREE_BYTES_MIN: u64 = 1024 * 1024 * 1024;
/// Identity of the model that `deploy/models/fetch` brings: the hash in it is over weights and tokenizer.
const MINILM_IDENTITY: &str = "all-MiniLM-L6-v2/384/";

pub async fn run(app: &App, _args: DoctorArgs) -> Result<Exit> {
    app.directory_only("doctor")?;
    let mut findings = vec![ok(
        "program",
        format!("cubelog {} on {}-{}", env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH),
    )];
    match app.config() {
        Err(failure) => findings.push(bad("configuration", failure)),
        Ok(config) => {
            let source = if config.file_exists { config.file.display().to_string() } else { "no file, defaults".to_owned() };
            findings.push(ok("configuration", source));
            examine(app, &config, &mut findings).await;
        }
    }
    for finding in &findings {
        tracing::debug!(check = finding.check, status = finding.status, "examined");
    }
    show(app, &findings)?;
    Ok(if findings.iter().any(|finding| finding.status == "bad") { Exit::Differs } else { Exit::Ok })
}

async fn examine(app: &App, config: &Config, findings: &mut Vec<Finding>) {
    let usable = directory(app, findings);
    findings.push(space(app.dir.path()));
    findings.push(keys(config));
    findings.push(model(config).await);
    if !usable {
        return;
    }
    // Log, keys and views together, as every verb opens them.
    let opened = app
        .with_store(Need::Read, async |store| {
            let status = store.status().await?;
            let dead = store.dead().await?.dead.iter().filter(|letter| letter.status == "parked").count();
            Ok((status, dead))
        })
        .await;
    match opened {
        Err(failure) => findings.push(bad("log and views", failure)),
        Ok((status, dead)) => {
            findings.push(ok("log", format!("{}, ends at {}", status.log, status.end)));
            if let LogPlace::Kafka { bootstrap, .. } = &config.log {
                // Opening the log refuses topics that could lose events.
                findings.push(ok("broker", format!("answers at {bootstrap}; its topics keep everything")));
            }
            findings.push(ok("views", format!("reflect {}, vectors by {}", status.reflected, status.embedder)));
            findings.push(match dead {
                0 => ok("dead letters", "none".to_owned()),
                parked => Finding {
                    check: "dead letters",
                    status: "bad",
                    found: format!("{} cannot be read and hold up their cubes", crate::output::plural(parked as u64, "record")),
                    fix: "`cubelog dead list`, then `cubelog dead retry` or `cubelog dead discard`".to_owned(),
                },
            });
        }
    }
}

/// Whether the directory is one that can be opened.
fn directory(app: &App, findings: &mut Vec<Finding>) -> bool {
    let shown = app.dir.path().display().to_string();
    if let Err(failure) = app.dir.check() {
        let mut finding = bad("directory", failure);
        if !app.dir.path().exists() {
            finding.status = "warning";
        }
        findings.push(finding);
        return false;
    }
    if let Err(error) = tempfile::tempfile_in(app.dir.path()) {
        findings.push(bad("directory", Failure::io(format!("cannot write to {shown}"), &error)));
        return false;
    }
    findings.push(match others_may_read(app.dir.path()) {
        true => Finding {
            check: "directory",
            status: "bad",
            found: format!("{shown} can be read by others; views hold memories in clear"),
            fix: format!("chmod 700 {shown}"),
        },
        false => ok("directory", format!("{shown}, of format {}, writable, yours alone", crate::directory::FORMAT_VERSION)),
    });
    true
}

/// Whether group or others have any right.
fn others_may_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// `df` knows every file system; where there is none, nothing is claimed.
fn space(path: &Path) -> Finding {
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(Path::new("/"));
    let output = Command::new("df").arg("-Pk").arg(existing).output();
    let free = output.ok().and_then(|output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.lines().nth(1)?.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match free.map(|kib| kib.saturating_mul(1024)) {
        None => Finding { check: "disk", status: "warning", found: "free space is not known".to_owned(), fix: String::new() },
        Some(free) if free < FREE_BYTES_MIN => Finding {
            check: "disk",
            status: "bad",
            found: format!("{} MiB free", free >> 20),
            fix: "free some space: a rebuild needs as much as the views take, for a while".to_owned(),
        },
        Some(free) => ok("disk", format!("{} GiB free", free >> 30)),
    }
}

fn keys(config: &Config) -> Finding {
    let dir = config.keys.as_path();
    let shown = dir.display();
    if !dir.exists() {
        return Finding {
            check: "keys",
            status: "warning",
            found: format!("there are none yet in {shown}"),
            fix: "the first `cubelog ingest` makes them; back them up apart from the log".to_owned(),
        };
    }
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    if let Some(open) = files.filter(|path| path.is_file()).find(|path| others_may_read(path)) {
        return Finding {
            check: "keys",
            status: "bad",
            found: format!("{} can be read by others", open.display()),
            fix: format!("chmod -R go= {shown}"),
        };
    }
    match wire::keyring(config, false) {
        Ok(_) => ok("keys", format!("{shown}, yours alone")),
        Err(failure) if failure.exit == Exit::Unavailable => ok("keys", format!("{shown}, in use by another process")),
        Err(failure) => bad("keys", failure),
    }
}

async fn model(config: &Config) -> Finding {
    if config.embedder != EmbedderKind::MiniLm {
        return ok("model", "none is configured".to_owned());
    }
    let models = config.models.join(MiniLm::NAME);
    let loaded = tokio::task::spawn_blocking(move || {
        let model = MiniLm::load(&models)?;
        // A model that loads and cannot embed is of no use.
        model.encode(&["a sentence"])?;
        Ok::<_, cubelog_model::ModelError>(model.identity().to_owned())
    });
    match loaded.await {
        Ok(Ok(identity)) if identity.starts_with(MINILM_IDENTITY) => ok("model", identity),
        Ok(Ok(identity)) => Finding {
            check: "model",
            status: "warning",
            found: format!("{identity} is not the one that is distributed ({MINILM_IDENTITY})"),
            fix: "run `deploy/models/fetch`, then `cubelog rebuild`; or keep it, if it is meant".to_owned(),
        },
        Ok(Err(error)) => bad("model", error.into()),
        Err(error) => bad("model", Failure::new(Exit::Failure, error.to_string())),
    }
}

fn ok(check: &'static str, found: String) -> Finding {
    Finding { check, status: "ok", found, fix: String::new() }
}

fn bad(check: &'static str, failure: Failure) -> Finding {
    let found = match failure.why {
        Some(why) => format!("{}: {why}", failure.what),
        None => failure.what,
    };
    Finding { check, status: "bad", found, fix: failure.next.unwrap_or_default() }
}

fn show(app: &App, findings: &[Finding]) -> Result<()> {
    let screen = &app.screen;
    if !screen.is_table() {
        return screen.list(&COLUMNS, findings);
    }
    for finding in findings {
        let status = match finding.status {
            "ok" => screen.green("ok     "),
            "warning" => screen.yellow("warning"),
            _ => screen.red("bad    "),
        };
        screen.line(&format!("{status}  {:14} {}", finding.check, finding.found))?;
        if !finding.fix.is_empty() {
            screen.line(&format!("{:24} fix: {}", "", finding.fix))?;
        }
    }
    Ok(())
}
