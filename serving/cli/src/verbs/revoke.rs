//! Takes a principal's rights in a cube away.

use clap::Args;

use cubelog_api::cubes::RevokeRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};

/// Take somebody's rights in a cube away
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The cube
    #[arg(value_name = "CUBE")]
    pub cube: String,
    /// Whose
    #[arg(value_name = "PRINCIPAL")]
    pub from: String,
}

pub async fn run(app: &App, args: RevokeArgs) -> Result<Exit> {
    let request = RevokeRequest { cube: app.cube(&args.cube)?.to_string(), principal: args.from };
    app.with_store(Need::Write, async |store| {
        app.screen.record(&super::fields::WRITTEN, &store.revoke(request).await?)?;
        Ok(Exit::Ok)
    })
    .await
}
