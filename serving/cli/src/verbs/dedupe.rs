//! Merges memories that are one statement, and takes a merge back.

use clap::Args;

use cubelog_api::upkeep::{DedupeRequest, UndoMergeRequest};

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};

/// Merge memories that say the same
#[derive(Debug, Args)]
#[command(
    long_about = "Merges memories that are one statement: the same words, nearly the same, or the same claims in other words. \
                  The earliest remains, with the words of the one that says most; the others stand as merged into it. Turns of a \
                  conversation are merged only where they were plainly sent twice.\n\nEvery merge names its event, and --undo \
                  EVENT takes it back: all of its memories stand for themselves again, and are marked `kept-apart`."
)]
pub struct DedupeArgs {
    /// The cube
    #[arg(long, value_name = "CUBE")]
    pub cube: String,
    /// Say what would be merged and change nothing
    #[arg(long, conflicts_with = "undo")]
    pub dry_run: bool,
    /// Take this merge back
    #[arg(long, value_name = "EVENT")]
    pub undo: Option<String>,
}

const GROUPS: [Column; 4] = [
    col("into", "/into", Kind::Id),
    col("likeness", "/likeness", Kind::Plain),
    col("merged", "/sources", Kind::Plain),
    col("event", "/event", Kind::Plain),
];

const UNDONE: [Column; 3] = [
    col("memory", "/into", Kind::Id),
    col("says what it said before", "/restored", Kind::Flag),
    col("stand for themselves again", "/returned", Kind::Plain),
];

pub async fn run(app: &App, args: DedupeArgs) -> Result<Exit> {
    let cube = app.cube(&args.cube)?.to_string();
    app.with_store(Need::Write, async |store| {
        if let Some(event) = args.undo {
            let answer = store.undo_merge(UndoMergeRequest { cube, event }).await?;
            app.screen.record(&UNDONE, &answer)?;
            return Ok(Exit::Ok);
        }
        let answer = store.dedupe(DedupeRequest { cube, dry_run: args.dry_run }).await?;
        app.screen.answer(&answer, &GROUPS, &answer.groups)?;
        let merged = super::forget::memories(answer.merged);
        app.screen.note(&match answer.dry_run {
            true => format!("{merged} would be merged into others"),
            false => format!("{merged} merged into others"),
        });
        if answer.refused > 0 {
            app.screen.note(&format!("{} left for the next run, because another change came first", answer.refused));
        }
        Ok(Exit::Ok)
    })
    .await
}
