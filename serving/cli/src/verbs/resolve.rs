//! Settles a conflict between versions of a memory.

use clap::Args;

use cubelog_api::memories::ResolveRequest;
use cubelog_api::read::GetRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};

/// Settle a conflict: one version wins
#[derive(Debug, Args)]
pub struct ResolveArgs {
    /// Id of the memory, or a unique part at its beginning or end
    #[arg(value_name = "ID")]
    pub memory: String,
    /// The version that shall stand; `cubelog history ID` lists them
    #[arg(long, value_name = "VERSION")]
    pub winner: u32,
    /// The current version that this was decided over [default: the current one]
    #[arg(long, value_name = "VERSION")]
    pub expect: Option<u32>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

pub async fn run(app: &App, args: ResolveArgs) -> Result<Exit> {
    app.with_store(Need::Write, async |store| {
        let memory = store.memory_id(&args.memory).await?;
        let known = store.get(GetRequest { memory: memory.clone(), ..GetRequest::default() }).await?.memory;
        let request = ResolveRequest {
            cube: format!("{}/{}", known.tenant, known.cube),
            memory,
            expected_version: Some(args.expect.unwrap_or(known.current)),
            winner: args.winner,
            reason: args.reason.clone(),
        };
        let written = store.resolve(request).await?;
        app.screen.record(&super::fields::WRITTEN, &written)?;
        Ok(Exit::Ok)
    })
    .await
}
