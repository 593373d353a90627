//! Archives and expires what is due.

use clap::Args;

use cubelog_api::upkeep::ForgetRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};

/// Archive and expire what is due
#[derive(Debug, Args)]
#[command(
    long_about = "Archives and expires what is due in a cube: by the lifespans of its memories, and by the policy that `cubelog \
                  policy set --cube CUBE forgetting FILE` gave it. What is pinned, frozen or held is never touched. Expired \
                  memories leave search at once; `cubelog get`, `history` and `audit` still show them, with the reason."
)]
pub struct ForgetArgs {
    /// The cube
    #[arg(long, value_name = "CUBE")]
    pub cube: String,
    /// Say what is due and change nothing
    #[arg(long)]
    pub dry_run: bool,
}

const MOVES: [Column; 3] =
    [col("memory", "/memory", Kind::Id), col("step", "/step", Kind::Plain), col("reason", "/reason", Kind::Text)];

pub(super) fn memories(count: u64) -> String {
    if count == 1 { "1 memory".to_owned() } else { format!("{count} memories") }
}

pub async fn run(app: &App, args: ForgetArgs) -> Result<Exit> {
    let cube = app.cube(&args.cube)?.to_string();
    app.with_store(Need::Write, async |store| {
        let answer = store.forget(ForgetRequest { cube, dry_run: args.dry_run }).await?;
        app.screen.answer(&answer, &MOVES, &answer.moves)?;
        let (archived, expired) = (memories(answer.archived), memories(answer.expired));
        app.screen.note(&match answer.dry_run {
            true => format!("{archived} would be archived, {expired} would expire"),
            false => format!("{archived} archived, {expired} expired"),
        });
        if answer.refused > 0 {
            app.screen.note(&format!("{} left for the next run, because another change came first", answer.refused));
        }
        Ok(Exit::Ok)
    })
    .await
}
