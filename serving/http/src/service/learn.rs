//! Learning from turns and settling what contradicts, by rules or by the model of the settings.

use std::sync::Arc;

use cubelog_api::learn::{Dispute, ExtractRequest, ExtractResponse, Learnt, SettleRequest, SettleResponse};
use cubelog_api::{Problem, VersionRef};
use cubelog_extract::{Extractor, Judge, OpenAi, Rules};
use cubelog_memory::CubeKey;
use cubelog_runner::{Caller, Disputed, ExtractOptions, ExtractReport, Fate, Progress, SettleReport};

use super::problems::problem;
use super::{Service, parse};

impl Service {
    /// Learns from the turns of a cube; goes on though whoever asked goes away.
    pub async fn extract(&self, caller: &Caller, request: ExtractRequest) -> Result<ExtractResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let extractor: Arc<dyn Extractor> = match self.model(request.with.as_deref(), self.inner.model.is_some())? {
            Some(model) => model,
            None => Arc::new(Rules),
        };
        let name = extractor.identity().to_owned();
        let (cubelog, caller, key) = (self.cubelog().clone(), caller.clone(), cube.clone());
        let work = |progress: Progress| async move {
            let options = ExtractOptions { dry_run: request.dry_run, progress: Some(progress), stop: None };
            cubelog.extract(&caller, &key, extractor.as_ref(), &options).await.map_err(problem)
        };
        let report = self.inner.work.run("extract", None, work).await?;
        Ok(extracted(&cube, &name, report))
    }

    /// Notes what contradicts, and has a model settle what it is sure of.
    pub async fn settle(&self, caller: &Caller, request: SettleRequest) -> Result<SettleResponse, Problem> {
        let model = self.model(request.with.as_deref(), false)?;
        self.settle_by(caller, request, model).await
    }

    /// The same with a judge of one's own, whatever the request says of it.
    pub async fn settle_by(
        &self,
        caller: &Caller,
        request: SettleRequest,
        judge: Option<Arc<OpenAi>>,
    ) -> Result<SettleResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let (cubelog, caller) = (self.cubelog().clone(), caller.clone());
        let work = |_| async move {
            let judge = judge.as_deref().map(|judge| judge as &dyn Judge);
            cubelog.settle_doubts(&caller, &cube, judge, request.dry_run).await.map_err(problem)
        };
        Ok(settled(self.inner.work.run("settle", None, work).await?))
    }

    /// The model if it is asked for, or if nobody says and it is the default.
    fn model(&self, with: Option<&str>, by_default: bool) -> Result<Option<Arc<OpenAi>>, Problem> {
        match (with, &self.inner.model) {
            (Some("rules"), _) => Ok(None),
            (None, _) if !by_default => Ok(None),
            (None | Some("model"), Some(model)) => Ok(Some(model.clone())),
            (None, None) => Ok(None),
            (Some("model"), None) => Err(Problem::invalid(
                "with",
                "asks for a model, and this server has none; set `extractor = \"openai\"` with its endpoint and model, or say rules",
            )),
            (Some(other), _) => Err(Problem::invalid("with", format!("is {other:?}; rules and model are known"))),
        }
    }
}

/// What an extraction did, as it is told.
pub fn extracted(cube: &CubeKey, extractor: &str, report: ExtractReport) -> ExtractResponse {
    ExtractResponse {
        tenant: cube.tenant.to_string(),
        cube: cube.cube.to_string(),
        extractor: extractor.to_owned(),
        turns: report.turns,
        windows: report.windows,
        done: report.done,
        failed: report.failed,
        reasons: report.reasons,
        resumed: report.resumed,
        recorded: report.recorded,
        known: report.known,
        dropped: report.dropped,
        withheld: report.withheld,
        stopped: report.stopped,
        calls: report.counts.calls,
        retries: report.counts.retries,
        tokens_in: report.counts.tokens_in,
        tokens_out: report.counts.tokens_out,
        statements: report
            .statements
            .into_iter()
            .map(|statement| Learnt { kind: statement.kind.word().to_owned(), text: statement.text })
            .collect(),
        token: report.token.to_string(),
    }
}

fn settled(report: SettleReport) -> SettleResponse {
    SettleResponse {
        dry_run: report.dry_run,
        disputes: report.disputes.iter().map(dispute).collect(),
        noted: report.noted,
        settled: report.settled,
        withheld: report.withheld,
        refused: report.refused,
        failed: report.failed,
        reason: report.reason,
        calls: report.counts.calls,
        tokens_in: report.counts.tokens_in,
        tokens_out: report.counts.tokens_out,
        token: report.token.to_string(),
    }
}

fn dispute(dispute: &Disputed) -> Dispute {
    let reference =
        |version: cubelog_memory::VersionRef| VersionRef { memory: version.memory.to_string(), version: version.version };
    Dispute {
        about: dispute.about.clone(),
        earlier: reference(dispute.earlier),
        later: reference(dispute.later),
        confidence: dispute.confidence,
        verdict: dispute.judged.map(|judged| judged.relates.word().to_owned()),
        sure: dispute.judged.map(|judged| judged.confidence),
        fate: match dispute.fate {
            Fate::Noted => "noted",
            Fate::Known => "known",
            Fate::Settled(outcome) => outcome.word(),
        }
        .to_owned(),
    }
}
