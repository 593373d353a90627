//! Shows and makes the configuration.

use std::io::Write;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::app::App;
use crate::config::{Origin, default_file};
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col};

/// Settings: show, path, init
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    pub what: ConfigWhat,
}

#[derive(Debug, Subcommand)]
pub enum ConfigWhat {
    /// The settings in force
    Show {
        /// Also where each value came from
        #[arg(long)]
        origin: bool,
    },
    /// Where the file is looked for
    Path,
    /// Write a file with every setting, commented out
    Init {
        /// To standard output instead
        #[arg(long)]
        stdout: bool,
    },
}

pub fn run(app: &App, args: &ConfigArgs) -> Result<Exit> {
    match args.what {
        ConfigWhat::Path => {
            let file = app.config_file();
            app.screen.line(&file.display().to_string())?;
            if !file.exists() {
                app.screen.note("it does not exist; `cubelog config init` writes it");
            }
        }
        ConfigWhat::Init { stdout: true } => app.screen.emit(&default_file())?,
        ConfigWhat::Init { stdout: false } => init(app)?,
        ConfigWhat::Show { origin } => show(app, origin)?,
    }
    Ok(Exit::Ok)
}

fn init(app: &App) -> Result<()> {
    let file = app.config_file();
    let shown = file.display();
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|error| Failure::io(format!("cannot make the directory {}", parent.display()), &error))?;
    }
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(&file);
    match made.and_then(|mut made| made.write_all(default_file().as_bytes())) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Failure::new(Exit::Refused, format!("{shown} exists already"))
                .next("edit it, or see `cubelog config init --stdout`"))
        }
        Err(error) => Err(Failure::io(format!("cannot write {shown}"), &error)),
        Ok(()) => app.screen.line(&format!("wrote {shown}")),
    }
}

/// One setting as it is shown.
#[derive(Serialize)]
struct Setting {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
}

fn show(app: &App, origin: bool) -> Result<()> {
    let config = app.config()?;
    let setting = |name: &str, value: &str, from: &Origin| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        origin: origin.then(|| from.to_string()),
    };
    let dir = app.dir.path().display().to_string();
    let mut settings = vec![setting("dir", &dir, &app.dir_origin())];
    settings
        .extend(config.shown.iter().map(|(name, value, from)| setting(name, &value.replace("DIR/", &format!("{dir}/")), from)));
    let from = Origin::File(config.file.clone());
    // What is passed on to Kafka may hold a password.
    settings.extend(config.kafka.iter().map(|(name, value)| {
        let secret = ["password", "secret", "token", "key.pem"].iter().any(|word| name.contains(word));
        setting(&format!("kafka.{name}"), if secret { "(hidden)" } else { value }, &from)
    }));
    const COLUMNS: [Column; 3] =
        [col("setting", "/name", Kind::Plain), col("value", "/value", Kind::Plain), col("from", "/origin", Kind::Plain)];
    app.screen.list(if origin { &COLUMNS } else { &COLUMNS[..2] }, &settings)
}
