//! Shows every change of a memory.

use clap::Args;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};

/// Show every change of a memory, oldest first
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Id of the memory, or a unique part at its beginning or end
    #[arg(value_name = "ID")]
    pub memory: String,
}

pub async fn run(app: &App, args: HistoryArgs) -> Result<Exit> {
    app.with_store(Need::Read, async |store| {
        let memory = store.memory_id(&args.memory).await?;
        let history = store.history(&memory).await?;
        app.screen.answer(&history, &super::fields::HISTORY, &history.versions)?;
        Ok(Exit::Ok)
    })
    .await
}
