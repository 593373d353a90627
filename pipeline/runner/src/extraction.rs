//! Extraction: turns that nobody has read yet go to an extractor; what it put out is an event, and every statement in it a memory.
//!
//! Three steps stand on the log: the output word for word, the memories that it led to, and that it was settled. The memories' ids come
//! from the output's event, so whoever is stopped in between goes on without asking the extractor again, and nothing is learnt twice.

mod derived;
mod known;
mod logged;
mod windows;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cubelog_extract::{Counts, ExtractError, Extracted, Extractor, Output, read_output};
use cubelog_log::{Append, Topic};
use cubelog_memory::{
    Body, Command, Content, CubeKey, Cut, Decision, Descriptive, EventId, ExtractionRecorded, JobOutcome, JobRun, Kind, MemoryId,
    MemoryRecorded, Origin, Purpose, Right, SubjectId, Tag, Timestamp, VersionRef, derive_uuid,
};
use cubelog_views::{CubeRow, VersionRow};
use futures::StreamExt;
use futures::future::BoxFuture;

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::submit::to_record;
use crate::types::{Moment, Progress};
use derived::{OfStatement, of_statement, valid};
use known::Known;
use windows::{Job, Jobs};

/// Windows that may fail one after the other before the rest is left for another time.
const FAILURES_MAX: u64 = 3;
/// Most reasons of failures that a report keeps.
const REASONS_MAX: usize = 20;

/// How to extract.
#[derive(Clone, Default)]
pub struct ExtractOptions {
    /// Write nothing. An extractor outside of this process is not asked either.
    pub dry_run: bool,
    /// Called with turns done and turns in all.
    pub progress: Option<Progress>,
    /// No further window is begun once this says so; those under way are finished.
    pub stop: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

/// What an extraction did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExtractReport {
    /// Turns that wait to be read, and in how many windows.
    pub turns: u64,
    pub windows: u64,
    /// Windows that were read, or left for another time because the extractor failed.
    pub done: u64,
    pub failed: u64,
    pub reasons: Vec<String>,
    /// Outputs of an earlier run that stood on the log unsettled, and were settled.
    pub resumed: u64,
    /// Statements that became memories; in a dry run those that would.
    pub recorded: u64,
    /// Statements that the cube holds already.
    pub known: u64,
    /// Statements whose sources are gone, or that the cube refused.
    pub dropped: u64,
    /// Secret turns that were not shown to an extractor outside of this process.
    pub withheld: u64,
    /// Stopped before the end: somebody asked for it, or the extractor cannot go on.
    pub stopped: bool,
    /// What a dry run would record.
    pub statements: Vec<Extracted>,
    pub counts: Counts,
    /// The cut that holds everything written.
    pub token: Cut,
}

impl ExtractReport {
    fn fail(&mut self, reason: String) {
        self.failed += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason);
        }
    }
}

/// An output with what its statements need to become memories.
struct Extraction {
    event: EventId,
    /// The window's own turns, in order.
    sources: Vec<VersionRef>,
    raw: String,
}

/// The memories of a cube as one extraction sees them.
struct Scene<'a> {
    caller: &'a Caller,
    cube: &'a CubeRow,
    rows: HashMap<MemoryId, VersionRow>,
    known: Known,
}

impl Cubelog {
    /// Reads the turns of a cube that this sort of extractor has not read, and records what they say.
    pub async fn extract(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        extractor: &dyn Extractor,
        options: &ExtractOptions,
    ) -> Result<ExtractReport, RunError> {
        self.must_write(caller, cube)?;
        self.flush().await?;
        let cube = self.authorize(caller, cube, Right::Write)?;
        let logged = self.logged_extractions(&cube.state.key).await?;
        let rows = self.state_unseen(&cube.state.key, &Moment::default(), false).await?;
        let done = logged.read_by(extractor.identity());
        let readable = |subject: &SubjectId| !cube.state.is_erased(subject);
        let Jobs { jobs, withheld } = windows::windows(&rows, &done, &readable, extractor.leaves_process());
        let known = Known::of(&rows);
        let mut scene = Scene { caller, cube: &cube, known, rows: rows.into_iter().map(|row| (row.memory.id, row)).collect() };
        let mut report = ExtractReport {
            turns: jobs.iter().map(|job| job.sources.len() as u64).sum(),
            windows: jobs.len() as u64,
            withheld,
            ..ExtractReport::default()
        };
        if options.dry_run {
            self.try_out(&mut scene, jobs, extractor, &mut report).await?;
            return Ok(report);
        }
        for extraction in logged.unsettled() {
            self.settle_extraction(&mut scene, extraction, &mut report).await?;
            report.resumed += 1;
        }
        self.work(&mut scene, jobs, extractor, options, &mut report).await?;
        report.counts = extractor.counts();
        Ok(report)
    }

    /// Asks for all windows, several at once, and settles the outputs in order.
    async fn work(
        &self,
        scene: &mut Scene<'_>,
        jobs: Vec<Job>,
        extractor: &dyn Extractor,
        options: &ExtractOptions,
        report: &mut ExtractReport,
    ) -> Result<(), RunError> {
        let identity = Tag::new(extractor.identity())?;
        let stop = || options.stop.as_ref().is_some_and(|stop| stop());
        let (caller, cube) = (scene.caller, scene.cube);
        let ask = |job: Job| self.ask_extractor(caller, cube, extractor, job);
        let total = report.turns;
        let (mut turns, mut failures) = (0, 0);
        let broken = AtomicBool::new(false);
        let begun = jobs.into_iter().take_while(|_| !(broken.load(Ordering::Relaxed) || stop()));
        let mut answers = std::pin::pin!(futures::stream::iter(begun).map(ask).buffered(extractor.at_once().max(1)));
        while let Some(answer) = answers.next().await {
            let (job, output) = answer?;
            match output {
                Ok(output) => {
                    failures = 0;
                    report.done += 1;
                    turns += job.sources.len() as u64;
                    self.record_output(scene, &identity, job, output, report).await?;
                }
                Err(error) => {
                    failures += 1;
                    report.fail(error.to_string());
                    broken.fetch_or(error.is_fatal() || failures >= FAILURES_MAX, Ordering::Relaxed);
                }
            }
            if let Some(progress) = &options.progress {
                progress(turns, Some(total));
            }
        }
        report.stopped = broken.load(Ordering::Relaxed) || report.done + report.failed < report.windows;
        Ok(())
    }

    /// Asks for one window. (Boxed: the compiler cannot see otherwise that it is `Send`.)
    fn ask_extractor<'a>(
        &'a self,
        caller: &'a Caller,
        cube: &'a CubeRow,
        extractor: &'a dyn Extractor,
        job: Job,
    ) -> BoxFuture<'a, Result<(Job, Result<Output, ExtractError>), RunError>> {
        Box::pin(async move {
            if extractor.leaves_process() {
                // Who was shown what, before it leaves.
                self.remember(caller, cube, Purpose::Export, None, job.shown.clone()).await?;
            }
            let output = extractor.extract(&job.window).await;
            Ok((job, output))
        })
    }

    /// Puts an output on the log and settles it.
    async fn record_output(
        &self,
        scene: &mut Scene<'_>,
        extractor: &Tag,
        job: Job,
        output: Output,
        report: &mut ExtractReport,
    ) -> Result<(), RunError> {
        let key = &scene.cube.state.key;
        let parts: Vec<String> = [key.to_string(), extractor.to_string()]
            .into_iter()
            .chain(job.sources.iter().map(|source| format!("{}@{}", source.memory, source.version)))
            .collect();
        let event = EventId::new(derive_uuid("extraction", &parts.iter().map(String::as_str).collect::<Vec<_>>()));
        let content = Content { text: output.raw.clone(), session: job.session, ..Content::default() };
        let (sealed, _) = self.shared().sealer.seal(event, key, &job.subject, &content)?;
        let body = Body::ExtractionRecorded(ExtractionRecorded {
            extractor: extractor.clone(),
            sources: job.sources.clone(),
            tokens_in: output.tokens_in,
            tokens_out: output.tokens_out,
            output: sealed,
        });
        let now = self.inner.clock.now();
        let is_new = match self.decide_one(now, command(scene, event, None, now, body)).await? {
            Decision::Append(event) => self.append_all(vec![to_record(&event)?], report).await? == 1,
            Decision::Known => false,
        };
        if !is_new {
            // Another process was faster; its output counts, and the next run settles that if need be.
            return Ok(());
        }
        self.settle_extraction(scene, Extraction { event, sources: job.sources, raw: output.raw }, report).await
    }

    /// Records the statements of an output that are news, and that this was done. Safe to repeat.
    async fn settle_extraction(
        &self,
        scene: &mut Scene<'_>,
        extraction: Extraction,
        report: &mut ExtractReport,
    ) -> Result<(), RunError> {
        let started_at = self.inner.clock.now();
        let (mut recorded, mut known, mut dropped) = (0, 0, 0);
        let read = read_output(&extraction.raw);
        let mut records = Vec::new();
        for (index, statement) in read.as_deref().unwrap_or_default().iter().enumerate() {
            let id = [extraction.event.to_string(), index.to_string()];
            let id = [id[0].as_str(), id[1].as_str()];
            let memory = MemoryId::new(derive_uuid("memory-of-extraction", &id));
            if scene.rows.contains_key(&memory) {
                recorded += 1;
                continue;
            }
            let Some(origin) = of_statement(scene, &extraction.sources, statement) else {
                dropped += 1;
                continue;
            };
            if scene.known.holds(&statement.text, &origin.speaker, origin.said_at) {
                known += 1;
                continue;
            }
            let event = EventId::new(derive_uuid("event-of-extraction", &id));
            let Some(record) = self.memory_record(scene, extraction.event, event, memory, statement, &origin).await? else {
                dropped += 1;
                continue;
            };
            scene.known.add(&statement.text, &origin.speaker, origin.said_at);
            records.push(record);
            recorded += 1;
        }
        let outcome = if read.is_ok() { JobOutcome::Succeeded } else { JobOutcome::Failed };
        let counts = serde_json::json!({
            "extraction": extraction.event.to_string(), "recorded": recorded, "known": known, "dropped": dropped,
        });
        let body = Body::JobRun(JobRun {
            job: Tag::new(logged::JOB)?,
            started_at,
            ended_at: self.inner.clock.now(),
            outcome,
            report: counts.to_string(),
        });
        let settled = logged::settled(extraction.event);
        if let Decision::Append(event) =
            self.decide_one(started_at, command(scene, settled, Some(extraction.event), started_at, body)).await?
        {
            records.push(to_record(&event)?);
        }
        self.append_all(records, report).await?;
        report.recorded += recorded;
        report.known += known;
        report.dropped += dropped;
        Ok(())
    }

    /// The record of one new memory; `None` where the cube does not take it.
    async fn memory_record(
        &self,
        scene: &Scene<'_>,
        extraction: EventId,
        event: EventId,
        memory: MemoryId,
        statement: &Extracted,
        origin: &OfStatement,
    ) -> Result<Option<Append>, RunError> {
        let content = Content {
            text: statement.text.clone(),
            speaker: Some(origin.speaker.clone()).filter(|speaker| !speaker.is_empty()),
            session: origin.session.clone(),
            ..Content::default()
        };
        if content.check().is_err() {
            return Ok(None);
        }
        let (content, fingerprint) = self.shared().sealer.seal(event, &scene.cube.state.key, &origin.subject, &content)?;
        let body = Body::MemoryRecorded(MemoryRecorded {
            memory,
            kind: Kind::Plaintext,
            fingerprint,
            descriptive: Descriptive::of(statement.kind),
            governance: origin.governance.clone(),
            valid: valid(statement, origin.said_at),
            sources: origin.sources.clone(),
            content,
        });
        let command = command(scene, event, Some(extraction), origin.said_at, body);
        match self.decide_one(self.inner.clock.now(), command).await {
            Ok(Decision::Append(event)) => Ok(Some(to_record(&event)?)),
            Ok(Decision::Known) | Err(RunError::Rejected(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Appends records and answers how many of them are new.
    async fn append_all(&self, records: Vec<Append>, report: &mut ExtractReport) -> Result<usize, RunError> {
        if records.is_empty() {
            return Ok(0);
        }
        let appended = self.shared().log.append(Topic::Events, records).await?;
        let new = appended.iter().filter(|appended| !appended.duplicate).count();
        appended.iter().for_each(|appended| report.token.cover(appended.position));
        self.inner.appended.fetch_add(new as u64, Ordering::Relaxed);
        let mut submitted_to = self.inner.submitted_to.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *submitted_to = submitted_to.join(&report.token);
        Ok(new)
    }

    /// What an extraction would record, where that can be told without showing turns to anybody.
    async fn try_out(
        &self,
        scene: &mut Scene<'_>,
        jobs: Vec<Job>,
        extractor: &dyn Extractor,
        report: &mut ExtractReport,
    ) -> Result<(), RunError> {
        if extractor.leaves_process() {
            return Ok(());
        }
        let mut shown = Vec::new();
        for job in jobs {
            let statements = match extractor.extract(&job.window).await.map(|output| read_output(&output.raw)) {
                Ok(Ok(statements)) => statements,
                Ok(Err(error)) => {
                    report.fail(error.to_string());
                    continue;
                }
                Err(error) => {
                    report.fail(error.to_string());
                    continue;
                }
            };
            report.done += 1;
            for statement in statements {
                let Some(origin) = of_statement(scene, &job.sources, &statement) else { continue };
                if scene.known.holds(&statement.text, &origin.speaker, origin.said_at) {
                    report.known += 1;
                    continue;
                }
                scene.known.add(&statement.text, &origin.speaker, origin.said_at);
                shown.extend(origin.sources);
                report.recorded += 1;
                report.statements.push(statement);
            }
        }
        self.remember(scene.caller, scene.cube, Purpose::State, None, shown).await
    }
}

fn command(scene: &Scene<'_>, event: EventId, causation: Option<EventId>, occurred_at: Timestamp, body: Body) -> Command {
    Command {
        event,
        command: None,
        cube: scene.cube.state.key.clone(),
        actor: scene.caller.principal.clone(),
        admin: scene.caller.admin,
        origin: Origin::Extraction,
        occurred_at,
        causation,
        correlation: None,
        body,
    }
}
