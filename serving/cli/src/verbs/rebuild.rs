//! Makes the views anew from the log.

use clap::Args;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::progress::Progress;

/// Make the views anew from the log, and swap them in
#[derive(Debug, Args)]
pub struct RebuildArgs {}

pub async fn run(app: &App, _args: RebuildArgs) -> Result<Exit> {
    app.with_store(Need::Rebuild, async |store| {
        let progress = Progress::new("rebuild", "records", None);
        let report = store.rebuild(&progress).await;
        progress.finish();
        app.screen.record(&super::fields::REPLAYED, &report?)?;
        Ok(Exit::Ok)
    })
    .await
}
