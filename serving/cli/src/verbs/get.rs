//! Shows one memory, now or at a moment.

use clap::Args;

use cubelog_api::read::GetRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::when::rfc3339;

/// Show one memory, now or at a moment
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Id of the memory, or a unique part at its beginning or end
    #[arg(value_name = "ID")]
    pub memory: String,
    /// As it was known then: a time or a position; `cubelog help times`
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// As it was true then
    #[arg(long, value_name = "TIME")]
    pub valid_at: Option<String>,
}

pub async fn run(app: &App, args: GetArgs) -> Result<Exit> {
    let at = args.at.as_deref().map(|text| app.moment(text)).transpose()?.map(|when| when.to_string());
    let valid_at = args.valid_at.as_deref().map(|text| app.time(text)).transpose()?.map(rfc3339);
    app.with_store(Need::Read, async |store| {
        let memory = store.memory_id(&args.memory).await?;
        let found = store.get(GetRequest { memory, at, valid_at, ..GetRequest::default() }).await?;
        app.screen.record(&super::fields::MEMORY, &found)?;
        if !found.memory.siblings.is_empty() {
            app.screen.note(&format!("versions in conflict wait for `cubelog resolve {} --winner VERSION`", found.memory.memory));
        }
        Ok(Exit::Ok)
    })
    .await
}
