//! Legal holds.

use clap::{Args, Subcommand};

use cubelog_api::upkeep::{HoldRequest, LiftRequest};

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};

/// Legal holds on memories or on whole cubes: list, place, lift
#[derive(Debug, Args)]
pub struct HoldArgs {
    #[command(subcommand)]
    pub what: HoldWhat,
}

#[derive(Debug, Subcommand)]
pub enum HoldWhat {
    /// Holds in force
    List {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
    },
    /// Place one: nothing that it holds expires or is merged until it is lifted
    Place {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// Only this memory: its id, or a unique part at its beginning or end
        #[arg(value_name = "ID")]
        memory: Option<String>,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lift one
    Lift {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// Id of the hold
        #[arg(value_name = "HOLD")]
        hold: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

const HOLDS: [Column; 2] = [col("hold", "/hold", Kind::Plain), col("memory", "/memory", Kind::Plain)];
const PLACED: [Column; 3] =
    [col("hold", "/hold", Kind::Plain), col("position", "/position", Kind::Plain), col("", "/token", Kind::Hidden)];

pub async fn run(app: &App, args: HoldArgs) -> Result<Exit> {
    let need = if matches!(args.what, HoldWhat::List { .. }) { Need::Read } else { Need::Write };
    app.with_store(need, async |store| {
        match args.what {
            HoldWhat::List { cube } => {
                let cube = super::policy::known_cube(store, &app.cube(&cube)?).await?;
                app.screen.list(&HOLDS, &cube.holds)?;
            }
            HoldWhat::Place { cube, memory, reason } => {
                let cube = app.cube(&cube)?.to_string();
                let memory = match memory {
                    Some(memory) => Some(store.memory_id(&memory).await?),
                    None => None,
                };
                app.screen.record(&PLACED, &store.place_hold(HoldRequest { cube, memory, reason }).await?)?;
            }
            HoldWhat::Lift { cube, hold, reason } => {
                let cube = app.cube(&cube)?.to_string();
                app.screen.record(&super::fields::WRITTEN, &store.lift_hold(LiftRequest { cube, hold, reason }).await?)?;
            }
        }
        Ok(Exit::Ok)
    })
    .await
}
