//! Contradictions on the log: what the rules doubt is noted for review, and a judge settles what it is sure of, each by an event.

use std::collections::{BTreeMap, HashMap};

use cubelog_extract::{Counts, Dispute, Judge, Judgement, Relates, Statement};
use cubelog_memory::{
    BeliefOutcome, BeliefResolved, Body, ConflictNoted, CubeKey, Cut, EventId, MemoryId, Origin, Purpose, Right, Sensitivity,
    Tag, VersionRef,
};
use cubelog_views::{CubeRow, MemoryRow};
use futures::StreamExt;
use futures::future::BoxFuture;

use crate::beliefs::Doubt;
use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::types::Moment;

/// How sure a judge must be for its word to stand without a person's.
const SETTLES_AT: f32 = 0.8;
/// Who notices where no judge is asked.
const RULES: &str = "rules";
/// What the rules call what they notice.
const CONTRADICTS: &str = "contradicts";
/// Disputes that a judge is asked about at once.
const AT_ONCE: usize = 4;
/// Failures one after the other after which a judge is left alone.
const FAILURES_MAX: u64 = 3;

/// What became of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is on the review list now, or would be.
    Noted,
    /// It was on the review list before.
    Known,
    /// The judge settled it: the later is believed, or both are.
    Settled(BeliefOutcome),
}

/// Two memories that seem to contradict each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Disputed {
    /// Whom and what both are about, where rules could tell.
    pub about: Option<String>,
    pub earlier: VersionRef,
    pub later: VersionRef,
    /// How sure the less sure of the two is read, 0 to 1.
    pub confidence: f32,
    /// What the judge said, where one was asked and answered.
    pub judged: Option<Judgement>,
    pub fate: Fate,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SettleReport {
    /// Nothing was appended, and no judge was asked.
    pub dry_run: bool,
    pub disputes: Vec<Disputed>,
    pub noted: u64,
    pub settled: u64,
    /// Disputes with secret memories, which no judge outside of this process may see.
    pub withheld: u64,
    /// Events that another change came before.
    pub refused: u64,
    /// Questions that the judge did not answer, and why the last of them.
    pub failed: u64,
    pub reason: Option<String>,
    pub counts: Counts,
    /// The cut that holds everything written.
    pub token: Cut,
}

/// What a judgement does to a dispute; `None` leaves it to a person.
fn outcome(judgement: Judgement) -> Option<BeliefOutcome> {
    match judgement.relates {
        _ if judgement.confidence.is_nan() || judgement.confidence < SETTLES_AT => None,
        Relates::Changes | Relates::Corrects => Some(BeliefOutcome::Replaces),
        Relates::Coexists | Relates::Restates => Some(BeliefOutcome::Coexists),
        Relates::Unsure => None,
    }
}

impl Cubelog {
    /// Notes every contradiction of a cube that is not on the log yet, and has those settled that a judge is sure of. Repeated, it does
    /// nothing twice. Needs the right to write.
    pub async fn settle_doubts(
        &self,
        caller: &Caller,
        cube: &CubeKey,
        judge: Option<&dyn Judge>,
        dry_run: bool,
    ) -> Result<SettleReport, RunError> {
        if !dry_run {
            self.must_write(caller, cube)?;
        }
        let row = self.authorize(caller, cube, Right::Write)?;
        let run = self.begin("settle", cube, Origin::Job, None);
        let mut report = SettleReport { dry_run, disputes: self.disputed(caller, cube).await?, ..SettleReport::default() };
        if let Some(judge) = judge.filter(|_| !dry_run) {
            self.have_judged(caller, &row, judge, &mut report).await?;
            report.counts = judge.counts();
        }
        let mut wanted = Vec::new();
        for dispute in &mut report.disputes {
            let settled = dispute.judged.and_then(outcome);
            match settled {
                Some(outcome) => dispute.fate = Fate::Settled(outcome),
                None if dispute.fate == Fate::Known => continue,
                None => {}
            }
            wanted.push((EventId::new(self.inner.ids.next()), event_of(dispute, judge.map(Judge::identity))?));
        }
        if dry_run {
            report.noted = wanted.len() as u64;
            return Ok(report);
        }
        let applied = self.carry_out(caller, &run, wanted).await?;
        report.refused = applied.refused;
        let count = |is: fn(Fate) -> bool| report.disputes.iter().filter(|dispute| is(dispute.fate)).count() as u64;
        (report.noted, report.settled) = (count(|fate| fate == Fate::Noted), count(|fate| matches!(fate, Fate::Settled(_))));
        let counts = serde_json::json!({
            "disputes": report.disputes.len(), "noted": report.noted, "settled": report.settled, "refused": report.refused,
            "withheld": report.withheld, "failed": report.failed,
        });
        report.token = self.end(caller, run, &counts).await?;
        Ok(report)
    }

    /// The doubts of a cube between two memories, each pair once, the ones on the review list marked as known.
    async fn disputed(&self, caller: &Caller, cube: &CubeKey) -> Result<Vec<Disputed>, RunError> {
        let beliefs = self.beliefs(caller, cube, None, &Moment::default()).await?;
        let reviews = self
            .with_state(cube, |state| {
                let versions = |review: &cubelog_memory::Review| (review.version, review.against_version);
                state.reviews.iter().map(|(pair, review)| (*pair, versions(review))).collect::<BTreeMap<_, _>>()
            })
            .await?;
        let mut disputes: BTreeMap<(MemoryId, MemoryId), Disputed> = BTreeMap::new();
        for Doubt { subject, attribute, earlier, later, .. } in &beliefs.doubts {
            let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.memory != later.memory) else { continue };
            let pair = (later.memory, earlier.memory);
            let known = reviews.get(&pair) == Some(&(later.version, earlier.version));
            let version = |cited: &crate::beliefs::Cited| VersionRef { memory: cited.memory, version: cited.version };
            disputes.entry(pair).or_insert_with(|| Disputed {
                about: subject.as_ref().zip(attribute.as_ref()).map(|(subject, attribute)| format!("{subject}: {attribute}")),
                earlier: version(earlier),
                later: version(later),
                confidence: earlier.confidence.min(later.confidence),
                judged: None,
                fate: if known { Fate::Known } else { Fate::Noted },
            });
        }
        Ok(disputes.into_values().collect())
    }

    /// Asks a judge about every dispute that it may see.
    async fn have_judged(
        &self,
        caller: &Caller,
        cube: &CubeRow,
        judge: &dyn Judge,
        report: &mut SettleReport,
    ) -> Result<(), RunError> {
        let mut ids: Vec<MemoryId> =
            report.disputes.iter().flat_map(|dispute| [dispute.earlier.memory, dispute.later.memory]).collect();
        ids.sort_unstable();
        ids.dedup();
        let rows = self.views().memories(&ids).await?;
        let rows: HashMap<MemoryId, MemoryRow> = rows.into_iter().map(|row| (row.memory.id, row)).collect();
        let secret = |id: &MemoryId| rows.get(id).is_some_and(|row| row.memory.governance.sensitivity == Sensitivity::Secret);
        let side = |id: &MemoryId| {
            let row = rows.get(id).filter(|row| self.shared().sealer.readable(&row.memory.subject))?;
            let content = row.content.clear()?;
            let speaker = content.speaker.clone().unwrap_or_default();
            Some(Statement { speaker, said_at: row.memory.valid.from, text: content.text.clone() })
        };
        let mut questions: Vec<(usize, [VersionRef; 2], Dispute)> = Vec::new();
        for (place, dispute) in report.disputes.iter().enumerate() {
            let shown = [dispute.earlier, dispute.later];
            if shown.iter().any(|version| secret(&version.memory)) {
                report.withheld += 1;
            } else if let (Some(earlier), Some(later)) = (side(&dispute.earlier.memory), side(&dispute.later.memory)) {
                questions.push((place, shown, Dispute { about: dispute.about.clone(), earlier, later }));
            }
        }
        let asked = questions.into_iter().map(|question| self.ask_judge(caller, cube, judge, question));
        let mut answers = futures::stream::iter(asked).buffered(AT_ONCE);
        let mut failures = 0;
        while let Some(answer) = answers.next().await {
            match answer? {
                (place, Ok(judgement)) => {
                    failures = 0;
                    report.disputes[place].judged = Some(judgement);
                }
                (_, Err(error)) => {
                    failures += 1;
                    report.failed += 1;
                    report.reason = Some(error.to_string());
                    if error.is_fatal() || failures >= FAILURES_MAX {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// One question. It is on the log who was shown what before it leaves. (Boxed: the compiler cannot see otherwise that it is `Send`.)
    fn ask_judge<'a>(
        &'a self,
        caller: &'a Caller,
        cube: &'a CubeRow,
        judge: &'a dyn Judge,
        (place, shown, dispute): (usize, [VersionRef; 2], Dispute),
    ) -> BoxFuture<'a, Result<(usize, Result<Judgement, cubelog_extract::ExtractError>), RunError>> {
        Box::pin(async move {
            self.remember(caller, cube, Purpose::Export, None, shown.to_vec()).await?;
            Ok((place, judge.judge(&dispute).await))
        })
    }
}

/// What goes on the log about a dispute.
fn event_of(dispute: &Disputed, judge: Option<&str>) -> Result<Body, RunError> {
    let verdict = dispute.judged.map(|judged| judged.relates.word());
    if let (Fate::Settled(outcome), Some(judged), Some(judge)) = (dispute.fate, dispute.judged, judge) {
        return Ok(Body::BeliefResolved(BeliefResolved {
            memory: dispute.later.memory,
            version: dispute.later.version,
            over: vec![dispute.earlier],
            outcome,
            since: None,
            confidence: judged.confidence,
            decider: Tag::new(judge)?,
            verdict: verdict.map(Tag::new).transpose()?,
            reason: None,
        }));
    }
    Ok(Body::ConflictNoted(ConflictNoted {
        memory: dispute.later.memory,
        version: dispute.later.version,
        against: dispute.earlier,
        confidence: dispute.confidence,
        detector: Tag::new(RULES)?,
        verdict: Some(Tag::new(verdict.unwrap_or(CONTRADICTS))?),
        reason: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_settles_what_it_is_sure_of() {
        for (relates, confidence, meant) in [
            (Relates::Changes, 0.9, Some(BeliefOutcome::Replaces)),
            (Relates::Corrects, 0.8, Some(BeliefOutcome::Replaces)),
            (Relates::Coexists, 1.0, Some(BeliefOutcome::Coexists)),
            (Relates::Restates, 0.85, Some(BeliefOutcome::Coexists)),
            (Relates::Changes, 0.79, None),
            (Relates::Changes, f32::NAN, None),
            (Relates::Unsure, 1.0, None),
        ] {
            assert_eq!(outcome(Judgement { relates, confidence }), meant, "{relates:?} {confidence}");
        }
    }
}
