//! Replays the log into a directory of its own.

use std::path::PathBuf;

use clap::Args;

use cubelog_api::replay::{ReplayRequest, Without};

use crate::app::{App, Need};
use crate::failure::{Exit, Failure, Result};
use crate::progress::Progress;

/// Replay the log into a directory of its own, up to a moment or without something
#[derive(Debug, Args)]
#[command(
    long_about = "Makes views from the log alone, in a directory of their own: as of a moment with --until, or as if something had \
                        never happened with --without. Read them with `cubelog search --views DIR` and `cubelog diff CUBE --against DIR`."
)]
pub struct ReplayArgs {
    /// Where to: a new or empty directory
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// Only up to this time or position; `cubelog help times`
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Leave out event:ID, source:CUBE[/SESSION], principal:NAME or origin:WORD; may be repeated
    #[arg(long, value_name = "WHAT", num_args = 1..)]
    pub without: Vec<String>,
}

pub async fn run(app: &App, args: ReplayArgs) -> Result<Exit> {
    let request = ReplayRequest {
        into: args.into.to_string_lossy().into_owned(),
        until: args.until.as_deref().map(|text| app.moment(text)).transpose()?.map(|when| when.to_string()),
        without: without(&args.without)?,
    };
    let into = request.into.clone();
    app.with_store(Need::Read, async |store| {
        let progress = Progress::new("replay", "records", None);
        let report = store.replay(request, &progress).await;
        progress.finish();
        app.screen.record(&super::fields::REPLAYED, &report?)?;
        app.screen.note(&format!(
            "search it with `cubelog search QUERY --views {into}`, compare with `cubelog diff CUBE --against {into}`"
        ));
        Ok(Exit::Ok)
    })
    .await
}

/// `kind:value` words as what they leave out.
pub fn without(words: &[String]) -> Result<Without> {
    let mut without = Without::default();
    for word in words {
        let wrong = || {
            Failure::usage(format!("--without {word:?} names nothing"))
                .next("write event:ID, source:CUBE, source:CUBE/SESSION, principal:NAME or origin:WORD")
        };
        let (kind, value) = word.split_once(':').filter(|(_, value)| !value.is_empty()).ok_or_else(wrong)?;
        let list = match kind {
            "event" => &mut without.events,
            "source" => &mut without.sources,
            "principal" => &mut without.principals,
            "origin" => &mut without.origins,
            _ => return Err(wrong()),
        };
        list.push(value.to_owned());
    }
    Ok(without)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_named_by_kind() {
        let words = ["event:x", "source:a/b/S1", "source:c", "principal:ann", "origin:mcp"].map(str::to_owned);
        let without = without(&words).unwrap();
        assert_eq!(
            (without.events.len(), without.sources, without.principals.len()),
            (1, vec!["a/b/S1".to_owned(), "c".to_owned()], 1)
        );
        for word in ["x", "event:", "cube:x"] {
            assert!(super::without(&[word.to_owned()]).is_err(), "{word}");
        }
    }
}
