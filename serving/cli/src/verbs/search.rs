//! Finds memories by meaning and by words.

use std::path::PathBuf;

use clap::Args;

use cubelog_api::search::{Filter, Hit, SearchRequest};
use serde::Serialize;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::Column;
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
    /// How hits are ordered [default: cubelog, by everything that is known]
    #[arg(long, value_name = "METHOD", value_parser = ["cubelog", "bm25", "dense", "rrf"])]
    pub method: Option<String>,
    /// When the query is asked, for what it says of time [default: now]
    #[arg(long, value_name = "TIME")]
    pub asked_at: Option<String>,
    /// What was said just before, one turn each, with "Name: " in front or without; may be repeated
    #[arg(long = "context", value_name = "TURN")]
    pub context: Vec<String>,
    /// From 0, the order by worth alone, to 1, where memories that say nearly the same give way to others
    #[arg(long, value_name = "SHARE")]
    pub diversity: Option<f32>,
    /// Leave a term out of the score; may be repeated
    #[arg(long = "without", value_name = "TERM", value_parser = cubelog_memory::ranking::TERMS)]
    pub without: Vec<String>,
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
        let columns: &[Column] = if args.explain { &super::fields::HITS_EXPLAINED } else { &super::fields::HITS };
        if app.screen.is_table() {
            let hits: Vec<Shown<'_>> = answer.hits.iter().map(|hit| Shown { because: because(hit), hit }).collect();
            app.screen.answer(&answer, columns, &hits)?;
        } else {
            app.screen.answer(&answer, columns, &answer.hits)?;
        }
        if answer.query_cut {
            app.screen.note("the query was longer than 8 KiB and was cut");
        }
        if answer.hits.is_empty() {
            app.screen.note("nothing found; `cubelog cubes` lists what there is to search");
        } else if args.explain {
            app.screen.note(&app.screen.dim(&format!(
                "a score is the sum of what it is because of; the answer reflects the log up to {}",
                answer.reflected
            )));
        }
        Ok(Exit::Ok)
    })
    .await
}

/// A hit with its terms in words.
#[derive(Serialize)]
struct Shown<'a> {
    because: String,
    #[serde(flatten)]
    hit: &'a Hit,
}

/// The terms of a score, the largest first, and why it passed: "meaning 0.41, words 0.20; in cube acme/notes".
fn because(hit: &Hit) -> String {
    let mut terms: Vec<(&String, &f32)> = hit.terms.iter().collect();
    terms.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let terms = terms.iter().map(|(term, value)| format!("{term} {value:.2}")).collect::<Vec<_>>().join(", ");
    match hit.passed.is_empty() {
        true => terms,
        false => format!("{terms}; {}", hit.passed.join("; ")),
    }
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
        method: args.method.clone(),
        asked_at: time(&args.asked_at)?,
        context: args.context.clone(),
        diversity: args.diversity,
        without: args.without.clone(),
        token: None,
    })
}
