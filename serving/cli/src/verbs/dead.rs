//! Records that could not be read, and what became of them.

use clap::{Args, Subcommand};

use cubelog_api::dead::DeadLetter;

use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col};
use crate::store::Store;

/// Records that could not be read: list, inspect, retry, discard
#[derive(Debug, Args)]
pub struct DeadArgs {
    #[command(subcommand)]
    pub what: DeadWhat,
}

#[derive(Debug, Subcommand)]
pub enum DeadWhat {
    /// All of them, oldest first
    List,
    /// One of them, with all that is known
    Show {
        /// Its position, for example 0:1841
        #[arg(value_name = "POSITION")]
        position: String,
    },
    /// Try again, for example with a newer program
    Retry {
        /// Its position, for example 0:1841
        #[arg(value_name = "POSITION")]
        position: String,
    },
    /// Give it up, so that its cube goes on without it; this is recorded
    Discard {
        /// Its position, for example 0:1841
        #[arg(value_name = "POSITION")]
        position: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

const COLUMNS: [Column; 6] = [
    col("position", "/position", Kind::Plain),
    col("status", "/status", Kind::Plain),
    col("cube", "/key", Kind::Plain),
    col("recorded", "/recorded_at", Kind::Time),
    col("handled", "/handled_at", Kind::Time),
    col("reason", "/reason", Kind::Text),
];

const HANDLED: [Column; 2] = [col("position", "/position", Kind::Plain), col("action", "/action", Kind::Plain)];

pub async fn run(app: &App, args: DeadArgs) -> Result<Exit> {
    let need = if matches!(args.what, DeadWhat::List | DeadWhat::Show { .. }) { Need::Read } else { Need::Write };
    app.with_store(need, async |store| {
        match args.what {
            DeadWhat::List => {
                let answer = store.dead().await?;
                app.screen.answer(&answer, &COLUMNS, &answer.dead)?;
                if answer.dead.is_empty() {
                    app.screen.note("every record on the log could be read");
                } else if answer.dead.iter().any(|letter| letter.status == "parked") {
                    app.screen.note("a parked record holds up its cube until `cubelog dead retry` or `cubelog dead discard`");
                }
            }
            DeadWhat::Show { position } => app.screen.record(&COLUMNS, &letter(store, &position).await?)?,
            DeadWhat::Retry { position } => {
                let answer = store.dead_retry(&position).await?;
                app.screen.record(&HANDLED, &answer)?;
                let letter = letter(store, &position).await?;
                if letter.status == "parked" {
                    return Err(Failure::new(Exit::Refused, format!("the record at {position} still cannot be read"))
                        .because(letter.reason)
                        .next(format!("use a program that knows its form, or give it up: `cubelog dead discard {position}`")));
                }
            }
            DeadWhat::Discard { position, reason } => {
                let answer = store.dead_discard(&position, reason).await?;
                app.screen.record(&HANDLED, &answer)?;
            }
        }
        Ok(Exit::Ok)
    })
    .await
}

async fn letter(store: &Store, position: &str) -> Result<DeadLetter> {
    let found = store.dead().await?.dead.into_iter().find(|letter| letter.position == position);
    found.ok_or_else(|| {
        Failure::new(Exit::NotFound, format!("no record at {position} is a dead letter")).next("see `cubelog dead list`")
    })
}
