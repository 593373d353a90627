//! Proves that the views say what the log says.

use std::path::PathBuf;

use clap::Args;

use cubelog_api::replay::{VerifyRequest, VerifyResponse};

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, Screen, col};
use crate::progress::Progress;

/// Prove that the views are what the log says
#[derive(Debug, Args)]
#[command(
    long_about = "Rebuilds every table from the log alone and compares it row by row with the live views. Exit code 6 if they differ.\n\n\
                        With --against, compares the live views with others instead, for example of the same conversations on another \
                        log; positions and recorded times, which differ from log to log, are left out."
)]
pub struct VerifyArgs {
    /// Compare with these views: a replayed directory, or another data directory
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
}

const COLUMNS: [Column; 5] = [
    col("table", "/table", Kind::Plain),
    col("live", "/rows_live", Kind::Number),
    col("other", "/rows_other", Kind::Number),
    col("differing", "/differing", Kind::Number),
    col("examples", "/examples", Kind::Text),
];

pub async fn run(app: &App, args: VerifyArgs) -> Result<Exit> {
    let request = VerifyRequest { against: args.against.as_ref().map(|dir| dir.to_string_lossy().into_owned()) };
    app.with_store(Need::Read, async |store| {
        let progress = Progress::new("verify", "records", None);
        let verified = store.verify(request, &progress).await;
        progress.finish();
        let verified = verified?;
        show(&app.screen, &verified)?;
        Ok(if verified.equal { Exit::Ok } else { Exit::Differs })
    })
    .await
}

pub fn show(screen: &Screen, verified: &VerifyResponse) -> Result<()> {
    if !screen.is_table() {
        return screen.answer(verified, &COLUMNS, &verified.differences);
    }
    let from = match &verified.replay {
        Some(replay) => format!("{} records of the log replayed to {}", replay.records, replay.until),
        None => "compared without log places".to_owned(),
    };
    if verified.equal {
        return screen.line(&format!("{}: every table has the same rows ({from})", screen.green("equal")));
    }
    screen.answer(verified, &COLUMNS, &verified.differences)?;
    screen.line(&format!("{} ({from})", screen.red("different")))?;
    match verified.replay {
        Some(_) => screen.note("`cubelog rebuild` makes the views anew from the log; the log is the truth"),
        None => screen.note(
            "subjects and fingerprints come from the keys: if they differ everywhere, the others were made with other keys; make \
             them with the same --keys to compare",
        ),
    }
    Ok(())
}
