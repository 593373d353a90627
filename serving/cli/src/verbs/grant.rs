//! Allows a principal something in a cube.

use clap::Args;

use cubelog_api::cubes::GrantRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};

/// Allow somebody to read, write or share a cube
#[derive(Debug, Args)]
pub struct GrantArgs {
    /// The cube
    #[arg(value_name = "CUBE")]
    pub cube: String,
    /// Whom
    #[arg(value_name = "PRINCIPAL")]
    pub to: String,
    /// What: each includes the ones before it
    #[arg(default_value = "read", value_name = "RIGHT", value_parser = ["read", "write", "share"])]
    pub right: String,
}

pub async fn run(app: &App, args: GrantArgs) -> Result<Exit> {
    let request = GrantRequest { cube: app.cube(&args.cube)?.to_string(), principal: args.to, right: args.right };
    app.with_store(Need::Write, async |store| {
        app.screen.record(&super::fields::WRITTEN, &store.grant(request).await?)?;
        Ok(Exit::Ok)
    })
    .await
}
