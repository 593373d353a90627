//! Lists everything about something in the order of time.

use clap::Args;

use cubelog_api::graph::TimelineRequest;
use cubelog_api::search::Filter;

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, col};
use crate::when::rfc3339;

/// List everything about something in the order of time
#[derive(Debug, Args)]
#[command(
    long_about = "Lists everything about something in the order of time: complete, where `search` shows the best few. Names of speakers \
                  mean what they said and what names them, dates narrow the time, and every other word with content must occur: \
                  `cubelog timeline \"the support group in March\"`."
)]
pub struct TimelineArgs {
    /// A name, a thing, words; with or without dates [default: everything]
    #[arg(value_name = "ABOUT", default_value = "")]
    pub about: String,
    /// Cubes to look in; may be repeated [default: all that you may read]
    #[arg(long = "cube", value_name = "CUBE")]
    pub cubes: Vec<String>,
    /// From this time on
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Until before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
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
    /// Also archived, merged and expired memories
    #[arg(long)]
    pub hidden: bool,
    /// When it is asked, for what it says of time [default: now]
    #[arg(long, value_name = "TIME")]
    pub asked_at: Option<String>,
}

const MOMENTS: [Column; 9] = [
    col("true since", "/valid/from", Kind::Time),
    col("memory", "/memory", Kind::Id),
    col("cube", "/cube", Kind::Plain),
    col("speaker", "/speaker", Kind::Plain),
    col("text", "/text", Kind::Text),
    col("", "/path", Kind::Hidden),
    col("", "/version", Kind::Hidden),
    col("", "/session", Kind::Hidden),
    col("", "/source", Kind::Hidden),
];

pub async fn run(app: &App, args: TimelineArgs) -> Result<Exit> {
    let time = |text: &Option<String>| text.as_deref().map(|text| app.time(text).map(rfc3339)).transpose();
    let request = TimelineRequest {
        about: args.about.clone(),
        cubes: args.cubes.iter().map(|cube| app.cube(cube).map(|cube| cube.to_string())).collect::<Result<_>>()?,
        filter: Filter {
            speakers: args.speakers.clone(),
            sessions: args.sessions.clone(),
            tags: args.tags.clone(),
            path: args.path.clone(),
            since: time(&args.from)?,
            until: time(&args.to)?,
            include_hidden: args.hidden,
            ..Filter::default()
        },
        asked_at: time(&args.asked_at)?,
        ..TimelineRequest::default()
    };
    app.with_store(Need::Read, async |store| {
        let answer = store.timeline(request).await?;
        app.screen.answer(&answer, &MOMENTS, &answer.memories)?;
        let understood = &answer.understood;
        if answer.memories.is_empty() && !understood.words.is_empty() {
            app.screen.note(&format!("nothing has all of {:?}; `cubelog search` finds what is near", understood.words));
        } else if answer.memories.is_empty() {
            app.screen.note("nothing there; `cubelog cubes` lists what there is to look in");
        }
        Ok(Exit::Ok)
    })
    .await
}
