//! Shows a cube, now or at a moment.

use clap::Args;

use cubelog_api::read::StateRequest;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::when::rfc3339;

/// Show what a cube holds, now or at a moment
#[derive(Debug, Args)]
pub struct StateArgs {
    /// The cube
    #[arg(value_name = "CUBE")]
    pub cube: String,
    /// As it was known then: a time or a position; `cubelog help times`
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// As it was true then
    #[arg(long, value_name = "TIME")]
    pub valid_at: Option<String>,
    /// Also archived, merged and expired memories
    #[arg(long)]
    pub all: bool,
    /// At most so many memories; 0 shows all
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub limit: usize,
}

pub async fn run(app: &App, args: StateArgs) -> Result<Exit> {
    let request = StateRequest {
        cube: app.cube(&args.cube)?.to_string(),
        at: args.at.as_deref().map(|text| app.moment(text)).transpose()?.map(|when| when.to_string()),
        valid_at: args.valid_at.as_deref().map(|text| app.time(text)).transpose()?.map(rfc3339),
        include_hidden: args.all,
        ..StateRequest::default()
    };
    let limit = (args.limit > 0).then_some(args.limit);
    app.with_store(Need::Read, async |store| {
        let state = store.state(request, limit).await?;
        app.screen.answer(&state, &super::fields::STATE, &state.memories)?;
        let shown = state.memories.len() as u64;
        if shown < state.total {
            // Programs see `next_cursor`; whoever reads CSV must not take a part for the whole either.
            eprintln!("{shown} of {} memories; --limit 0 shows all", state.total);
        } else if shown == 0 {
            app.screen.note("the cube holds nothing at that moment");
        }
        Ok(Exit::Ok)
    })
    .await
}
