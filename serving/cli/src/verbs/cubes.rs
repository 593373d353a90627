//! Lists cubes.

use clap::Args;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};

/// List the cubes that you may read
#[derive(Debug, Args)]
pub struct CubesArgs {}

const COLUMNS: [Column; 8] = [
    col("cube", "/cube", Kind::Plain),
    col("owner", "/owner", Kind::Plain),
    col("visibility", "/visibility", Kind::Plain),
    col("auditable", "/auditable", Kind::Flag),
    col("created", "/created_at", Kind::Time),
    col("changed", "/changed", Kind::Plain),
    col("", "/tenant", Kind::Hidden),
    col("", "/changed_at", Kind::Hidden),
];

pub async fn run(app: &App, _args: CubesArgs) -> Result<Exit> {
    app.with_store(Need::Read, async |store| {
        let answer = store.cubes().await?;
        app.screen.answer(&answer, &COLUMNS, &answer.cubes)?;
        if answer.cubes.is_empty() {
            app.screen.note("no cubes yet; `cubelog ingest FILE` and `cubelog init --cube NAME` make them");
        }
        if app.screen.is_table() {
            for cube in answer.cubes.iter().filter(|cube| !cube.grants.is_empty()) {
                let grants: Vec<String> =
                    cube.grants.iter().map(|grant| format!("{} {}", grant.principal, grant.right)).collect();
                app.screen.line(&app.screen.dim(&format!("{}: {}", cube.cube, grants.join(", "))))?;
            }
        }
        Ok(Exit::Ok)
    })
    .await
}
