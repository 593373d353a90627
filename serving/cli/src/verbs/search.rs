//! Finds memories by meaning and by words.

use std::path::PathBuf;

use clap::Args;

use cubelog_api::search::{Filter, SearchRequest};

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::when::rfc3339;

/// Find memories by meaning and by words
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// A question, or words
    #[arg(value_name = "QUERY")]
    pub query: String,
    /// Cubes to search; may be repeated [default: all that you may read]
    #[arg(long = "cube", value_name = "CUBE")]
    pub cubes: Vec<String>,
    /// How many hits
    #[arg(short, long, default_value_t = 10, value_name = "N")]
    pub k: usize,
    /// Only what this speaker said; may be repeated
    #[arg(long = "speaker", value_name = "NAME")]
    pub speakers: Vec<String>,
    /// Only from this session; may be repeated
    #[arg(long = "session", value_name = "SESSION")]
    pub sessions: Vec<String>,
    /// Only with this label; all of them if repeated
    #[arg(long = "tag", value_name = "TAG")]
    pub tags: Vec<String>,
    /// Only at this path and below it
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Only what has been true since this time or later
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only what became true before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Also archived, merged and expired memories
    #[arg(long)]
    pub hidden: bool,
    /// Search these replayed views instead of the live ones
    #[arg(long, value_name = "DIR")]
    pub views: Option<PathBuf>,
    /// Show how each score came about
    #[arg(long)]
    pub explain: bool,
}

pub async fn run(app: &App, args: SearchArgs) -> Result<Exit> {
    let request = request(app, &args)?;
    let need = match args.views {
        None => Need::Read,
        Some(views) => {
            app.directory_only("search --views")?;
            Need::ReadViews(views)
        }
    };
    app.with_store(need, async |store| {
        let answer = store.search(request).await?;
        let columns = if args.explain { &super::fields::HITS_EXPLAINED } else { &super::fields::HITS };
        app.screen.answer(&answer, columns, &answer.hits)?;
        if answer.query_cut {
            app.screen.note("the query was longer than 8 KiB and was cut");
        }
        if answer.hits.is_empty() {
            app.screen.note("nothing found; `cubelog cubes` lists what there is to search");
        } else if args.explain {
            app.screen.note(
                &app.screen.dim(&format!("score = dense + lexical; the answer reflects the log up to {}", answer.reflected)),
            );
        }
        Ok(Exit::Ok)
    })
    .await
}

fn request(app: &App, args: &SearchArgs) -> Result<SearchRequest> {
    let time = |text: &Option<String>| text.as_deref().map(|text| app.time(text).map(rfc3339)).transpose();
    Ok(SearchRequest {
        query: args.query.clone(),
        cubes: args.cubes.iter().map(|cube| app.cube(cube).map(|cube| cube.to_string())).collect::<Result<_>>()?,
        k: Some(u32::try_from(args.k).unwrap_or(u32::MAX)),
        filter: Filter {
            speakers: args.speakers.clone(),
            sessions: args.sessions.clone(),
            tags: args.tags.clone(),
            path: args.path.clone(),
            since: time(&args.since)?,
            until: time(&args.until)?,
            include_hidden: args.hidden,
            ..Filter::default()
        },
        token: None,
    })
}
