//! Compares a cube at two moments, or with a replay.

use std::path::PathBuf;

use clap::Args;

use cubelog_api::memory::MemoryVersion;
use cubelog_api::read::{DiffRequest, DiffResponse};

use crate::app::{App, Need};
use crate::failure::{Exit, Result};
use crate::output::{Column, Kind, Screen, col, printable, short_id, wrap};

/// Compare a cube at two moments, or with a replay
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["from", "against"]))]
pub struct DiffArgs {
    /// The cube
    #[arg(value_name = "CUBE")]
    pub cube: String,
    /// The earlier moment: a time or a position; `cubelog help times`
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// The later moment [default: now]
    #[arg(long, value_name = "TIME", requires = "from")]
    pub to: Option<String>,
    /// Compare the live views with those that `cubelog replay` made in this directory
    #[arg(long, value_name = "DIR")]
    pub against: Option<PathBuf>,
}

const COLUMNS: [Column; 10] = [
    col("change", "/change", Kind::Plain),
    col("memory", "/memory", Kind::Id),
    col("fields", "/fields", Kind::Plain),
    col("before", "/before/text", Kind::Plain),
    col("after", "/after/text", Kind::Plain),
    col("", "/before/version", Kind::Hidden),
    col("", "/after/version", Kind::Hidden),
    col("", "/before/position", Kind::Hidden),
    col("", "/after/position", Kind::Hidden),
    col("", "/after/recorded_at", Kind::Hidden),
];

pub async fn run(app: &App, args: DiffArgs) -> Result<Exit> {
    let moment = |text: &Option<String>| text.as_deref().map(|text| app.moment(text)).transpose();
    let request = DiffRequest {
        cube: app.cube(&args.cube)?.to_string(),
        before: moment(&args.from)?.map(|when| when.to_string()),
        after: moment(&args.to)?.map(|when| when.to_string()),
        against: args.against.as_ref().map(|dir| dir.to_string_lossy().into_owned()),
        ..DiffRequest::default()
    };
    app.with_store(Need::Read, async |store| {
        let diff = store.diff(request).await?;
        show(&app.screen, &diff)?;
        Ok(Exit::Ok)
    })
    .await
}

/// Differences as lines with + and -, or as data.
pub fn show(screen: &Screen, diff: &DiffResponse) -> Result<()> {
    if !screen.is_table() {
        return screen.answer(diff, &COLUMNS, &diff.differences);
    }
    for difference in &diff.differences {
        let fields = if difference.fields.is_empty() { String::new() } else { format!(": {}", difference.fields.join(", ")) };
        screen.line(&screen.bold(&format!("{} {}{fields}", difference.change, short_id(&difference.memory))))?;
        side(screen, "-", difference.before.as_ref())?;
        // The same text on both sides says nothing twice.
        let same = difference.before.as_ref().zip(difference.after.as_ref()).is_some_and(|(a, b)| a.memory.text == b.memory.text);
        if !same {
            side(screen, "+", difference.after.as_ref())?;
        }
    }
    let count = |change: &str| diff.differences.iter().filter(|difference| difference.change == change).count();
    screen.line(&format!("{} added, {} removed, {} changed", count("added"), count("removed"), count("changed")))
}

fn side(screen: &Screen, sign: &str, version: Option<&MemoryVersion>) -> Result<()> {
    let Some(version) = version else { return Ok(()) };
    let speaker = version.memory.speaker.as_ref().map_or_else(String::new, |speaker| format!("{speaker}: "));
    let text = version.memory.text.as_deref().unwrap_or("[erased]");
    let text = printable(&format!("{speaker}{text}"));
    for line in wrap(&text, screen.width.saturating_sub(4), 4) {
        let line = format!("  {sign} {line}");
        screen.line(&if sign == "-" { screen.red(&line) } else { screen.green(&line) })?;
    }
    Ok(())
}
