//! Health and size of a store.

use clap::Args;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};

/// How the store is: log, views, sizes, counters
#[derive(Debug, Args)]
pub struct StatusArgs {}

const COLUMNS: [Column; 16] = [
    col("log", "/log", Kind::Plain),
    col("end of log", "/end", Kind::Plain),
    col("views reflect", "/reflected", Kind::Plain),
    col("behind", "/lag", Kind::Number),
    col("encoder", "/embedder", Kind::Plain),
    col("parked cubes", "/parked", Kind::Number),
    col("appended", "/events_appended", Kind::Number),
    col("folded", "/events_folded", Kind::Number),
    col("rows committed", "/rows_committed", Kind::Number),
    col("searches", "/searches", Kind::Number),
    col("reads pending", "/access_pending", Kind::Number),
    col("reads dropped", "/access_dropped", Kind::Number),
    col("stopped", "/stopped", Kind::Plain),
    col("work", "/work/name", Kind::Plain),
    col("version", "/version", Kind::Plain),
    col("", "/folded", Kind::Hidden),
];

pub async fn run(app: &App, _args: StatusArgs) -> Result<Exit> {
    app.with_store(Need::Read, async |store| {
        let status = store.status().await?;
        app.screen.record(&COLUMNS, &status)?;
        if app.global.server.is_none() {
            app.screen.note(&format!("directory {}", app.dir.path().display()));
        }
        Ok(if status.stopped.is_some() { Exit::Failure } else { Exit::Ok })
    })
    .await
}
