//! Policies of a cube.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use cubelog_api::cubes::Cube;
use cubelog_api::upkeep::PolicyRequest;
use cubelog_memory::CubeKey;

use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::store::Store;

/// Policies of a cube: show, set, remove
#[derive(Debug, Args)]
#[command(after_long_help = FORM)]
pub struct PolicyArgs {
    #[command(subcommand)]
    pub what: PolicyWhat,
}

const FORM: &str = "\
The policy `forgetting` is a TOML document. All of it may be left out:

  ending = \"archive-then-expire\"   # or \"archive\", or \"expire\"
  grace = \"30d\"                    # between archiving and expiry
  floor = 0.05                     # of the worth of a new memory, for half-lives

  [[rule]]                         # the first rule that fits a memory speaks
  semantic = [\"profile\"]           # one of these; path = \"work/trips\" and tags = [\"draft\"] narrow it as well
  keep = true

  [[rule]]
  semantic = [\"turn\"]
  ttl = \"365d\"                     # counted from when the log recorded it

  [[rule]]
  half-life = \"60d\"                # as long as it is used

A lifespan of a memory's own comes before the rules.";

#[derive(Debug, Subcommand)]
pub enum PolicyWhat {
    /// Show a policy, or the names of all
    Show {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// Which
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Set a policy
    Set {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// Which: `forgetting` is one that the program goes by
        #[arg(value_name = "NAME")]
        name: String,
        /// A TOML document
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove a policy
    Remove {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
    },
}

pub async fn run(app: &App, args: PolicyArgs) -> Result<Exit> {
    match args.what {
        PolicyWhat::Show { cube, name } => {
            let key = app.cube(&cube)?;
            app.with_store(Need::Read, async |store| {
                let cube = known_cube(store, &key).await?;
                match name {
                    None if app.screen.is_table() => {
                        cube.policies.keys().try_for_each(|name| app.screen.line(name))?;
                    }
                    None => app.screen.json(&cube.policies)?,
                    Some(name) => match cube.policies.get(&name) {
                        Some(document) => app.screen.emit(document)?,
                        None => {
                            return Err(Failure::new(Exit::NotFound, format!("cube {key} has no policy {name}"))
                                .next("set it with `cubelog policy set`"));
                        }
                    },
                }
                Ok(Exit::Ok)
            })
            .await
        }
        PolicyWhat::Set { cube, name, file } => {
            let document = std::fs::read_to_string(&file)
                .map_err(|error| Failure::io(&format!("cannot read {}", file.display()), &error))?;
            if document.trim().is_empty() {
                return Err(
                    Failure::usage(format!("{} is empty", file.display())).next("`cubelog policy remove` takes a policy away")
                );
            }
            set(app, &cube, name, document).await
        }
        PolicyWhat::Remove { cube, name } => set(app, &cube, name, String::new()).await,
    }
}

async fn set(app: &App, cube: &str, name: String, document: String) -> Result<Exit> {
    let request = PolicyRequest { cube: app.cube(cube)?.to_string(), name, document };
    app.with_store(Need::Write, async |store| {
        app.screen.record(&super::fields::WRITTEN, &store.set_policy(request).await?)?;
        Ok(Exit::Ok)
    })
    .await
}

/// A cube that the caller may read.
pub async fn known_cube(store: &Store, key: &CubeKey) -> Result<Cube> {
    let found = store.cubes().await?.cubes.into_iter().find(|cube| format!("{}/{}", cube.tenant, cube.cube) == key.to_string());
    found.ok_or_else(|| Failure::new(Exit::NotFound, format!("cube {key} does not exist")).next("see `cubelog cubes`"))
}
