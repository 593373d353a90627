//! Pins a memory, so that it never expires.

use clap::Args;

use cubelog_api::read::GetRequest;
use cubelog_api::upkeep::GovernRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};

/// Pin a memory, so that it is not forgotten
#[derive(Debug, Args)]
pub struct PinArgs {
    /// Id of the memory, or a unique part at its beginning or end
    #[arg(value_name = "ID")]
    pub memory: String,
    /// Unpin it
    #[arg(long)]
    pub off: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

pub async fn run(app: &App, args: PinArgs) -> Result<Exit> {
    app.with_store(Need::Write, async |store| {
        let memory = store.memory_id(&args.memory).await?;
        let known = store.get(GetRequest { memory: memory.clone(), ..GetRequest::default() }).await?.memory;
        let request = GovernRequest {
            cube: format!("{}/{}", known.tenant, known.cube),
            memory,
            pinned: Some(!args.off),
            reason: args.reason.clone(),
            ..GovernRequest::default()
        };
        app.screen.record(&super::fields::WRITTEN, &store.govern(request).await?)?;
        Ok(Exit::Ok)
    })
    .await
}
