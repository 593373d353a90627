//! Replay, verify and rebuild: long work over the whole log, for administrators.

use std::path::{Path, PathBuf};

use cubelog_api::replay::{
    ReplayRequest, ReplayResponse, TableDifference, VerifyRequest, VerifyResponse, Without as WithoutRequest,
};
use cubelog_api::{Code, Problem};
use cubelog_memory::{Origin, Tag};
use cubelog_runner::{Caller, Progress, ReplayReport, Until, Without};
use cubelog_views::Known;

use super::problems::problem;
use super::{Service, admin_only, parse};

impl Service {
    /// Makes views from the log alone under a name, below the directory of replays.
    pub async fn replay(
        &self,
        caller: &Caller,
        request: ReplayRequest,
        progress: Option<Progress>,
    ) -> Result<ReplayResponse, Problem> {
        admin_only(caller, "replay")?;
        let name = Tag::new(&request.into).map_err(|error| Problem::invalid("into", error))?;
        let directory = self.replays()?.join(name.as_str());
        self.replay_into(caller, request, &directory, progress).await
    }

    /// Makes views from the log alone in `directory`, which is absent or empty. The request's `into` is only repeated.
    pub async fn replay_into(
        &self,
        caller: &Caller,
        request: ReplayRequest,
        directory: &Path,
        progress: Option<Progress>,
    ) -> Result<ReplayResponse, Problem> {
        admin_only(caller, "replay")?;
        let until = match parse::known("until", request.until.as_deref())? {
            Known::Now => None,
            Known::At(time) => Some(Until::Time(time)),
            Known::Below(cut) => Some(Until::Cut(cut)),
        };
        let without = without(&request.without)?;
        let (cubelog, directory) = (self.cubelog().clone(), directory.to_owned());
        let work = |progress| async move { cubelog.replay(&directory, until, &without, Some(progress)).await.map_err(problem) };
        let report = self.inner.work.run("replay", progress, work).await?;
        Ok(response(&report, Some(request.into)))
    }

    /// Compares the live views with a fresh replay of the log, or with a replay of some name.
    pub async fn verify(
        &self,
        caller: &Caller,
        request: VerifyRequest,
        progress: Option<Progress>,
    ) -> Result<VerifyResponse, Problem> {
        admin_only(caller, "verify")?;
        if let Some(name) = request.against.as_deref() {
            let directory = self.replay_named("against", name)?;
            return self.compare(caller, &directory).await;
        }
        let cubelog = self.cubelog().clone();
        let work = |progress| async move { cubelog.verify(Some(progress)).await.map_err(problem) };
        let report = self.inner.work.run("verify", progress, work).await?;
        Ok(VerifyResponse {
            equal: report.equal(),
            replay: Some(response(&report.replay, None)),
            differences: report.differences.iter().map(table_difference).collect(),
        })
    }

    /// Compares the live views with those in `directory`, made from this log or from another with the same content; log
    /// places and recorded times are ignored.
    pub async fn compare(&self, caller: &Caller, directory: &Path) -> Result<VerifyResponse, Problem> {
        admin_only(caller, "verify")?;
        let differences = self.cubelog().compare_with(directory).await.map_err(problem)?;
        let equal = differences.is_empty();
        Ok(VerifyResponse { equal, replay: None, differences: differences.iter().map(table_difference).collect() })
    }

    /// Makes the live views anew from the log, beside the old ones, and swaps.
    pub async fn rebuild(&self, caller: &Caller, progress: Option<Progress>) -> Result<ReplayResponse, Problem> {
        admin_only(caller, "rebuild")?;
        let cubelog = self.cubelog().clone();
        let work = |progress| async move { cubelog.rebuild(Some(progress)).await.map_err(problem) };
        let report = self.inner.work.run("rebuild", progress, work).await?;
        Ok(response(&report, None))
    }

    fn replays(&self) -> Result<&Path, Problem> {
        self.inner.replays.as_deref().ok_or_else(|| Problem::invalid("into", "this server keeps no replays"))
    }

    /// The directory of a replay that exists. Names are no paths: nothing outside the directory of replays can be named.
    pub(super) fn replay_named(&self, field: &str, name: &str) -> Result<PathBuf, Problem> {
        let name = Tag::new(name).map_err(|error| Problem::invalid(field, error))?;
        let directory = self.replays()?.join(name.as_str());
        if !directory.is_dir() {
            return Err(Problem::new(Code::UnknownReplay, format!("there is no replay {name}")));
        }
        Ok(directory)
    }
}

fn without(without: &WithoutRequest) -> Result<Without, Problem> {
    Ok(Without {
        events: without.events.iter().map(|text| parse::event("without.events", text)).collect::<Result<_, _>>()?,
        origins: without
            .origins
            .iter()
            .map(|word| parse::word("without.origins", word, Origin::from_word, Origin::ALL))
            .collect::<Result<_, _>>()?,
        principals: without
            .principals
            .iter()
            .map(|text| parse::principal("without.principals", text))
            .collect::<Result<_, _>>()?,
        sources: without.sources.clone(),
    })
}

fn response(report: &ReplayReport, into: Option<String>) -> ReplayResponse {
    ReplayResponse {
        into,
        records: report.records,
        left_out: report.left_out,
        refused: report.refused,
        dead: report.dead,
        memories: report.memories,
        until: report.until.to_string(),
        elapsed_ms: report.elapsed_micros as f64 / 1_000.0,
    }
}

fn table_difference(difference: &cubelog_runner::TableDifference) -> TableDifference {
    TableDifference {
        table: difference.table.clone(),
        rows_live: difference.rows_left,
        rows_other: difference.rows_right,
        differing: difference.differing,
        examples: difference.examples.clone(),
    }
}
