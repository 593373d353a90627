//! Packs the best memories for a prompt.

use clap::Args;

use cubelog_api::context::ContextRequest;
use cubelog_api::search::Filter;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::when::rfc3339;

/// Pack the best memories for a prompt, with citations
#[derive(Debug, Args)]
pub struct ContextArgs {
    /// What the prompt is about
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// Most tokens that the text may take, by the encoder's tokenizer
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub tokens: u32,
    /// Cubes to search; may be repeated [default: all that you may read]
    #[arg(long = "cube", value_name = "CUBE")]
    pub cubes: Vec<String>,
    /// Most memories, at most 200
    #[arg(short, long, default_value_t = 50, value_name = "N")]
    pub k: u32,
    /// Only what this speaker said; may be repeated
    #[arg(long = "speaker", value_name = "NAME")]
    pub speakers: Vec<String>,
    /// Only what has been true since this time or later
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only what became true before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// When the query is asked, for what it says of time [default: now]
    #[arg(long, value_name = "TIME")]
    pub asked_at: Option<String>,
}

pub async fn run(app: &App, args: ContextArgs) -> Result<Exit> {
    let time = |text: &Option<String>| text.as_deref().map(|text| app.time(text).map(rfc3339)).transpose();
    let request = ContextRequest {
        query: args.query.clone(),
        tokens: Some(args.tokens),
        cubes: args.cubes.iter().map(|cube| app.cube(cube).map(|cube| cube.to_string())).collect::<Result<_>>()?,
        k: Some(args.k),
        filter: Filter {
            speakers: args.speakers.clone(),
            since: time(&args.since)?,
            until: time(&args.until)?,
            ..Filter::default()
        },
        asked_at: time(&args.asked_at)?,
        token: None,
    };
    app.with_store(Need::Read, async |store| {
        let context = store.context(request).await?;
        if !app.screen.is_table() {
            return app.screen.json(&context).map(|()| Exit::Ok);
        }
        app.screen.emit(&context.text)?;
        let memories = if context.cited.len() == 1 { "memory" } else { "memories" };
        let mut note = format!("{} {memories} in {} tokens", context.cited.len(), context.tokens);
        if context.left_out > 0 {
            note.push_str(&format!("; {} more did not fit", context.left_out));
        }
        app.screen.note(&note);
        Ok(Exit::Ok)
    })
    .await
}
