//! Forgetting: what the cube's policy says is due leaves search by events, each with its reason, and stays visible to an auditor.

use cubelog_log::{ReadFrom, Topic};
use cubelog_memory::forgetting::{self, Move, POLICY, Policy, Step, Use, Uses};
use cubelog_memory::{CubeKey, CubeState, Cut, EventId, HoldId, Origin, Purpose, Right};
use cubelog_schemas::decode_access;
use futures::StreamExt;

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::policy;

/// What was forgotten, or would be.
#[derive(Debug, Clone, PartialEq)]
pub struct ForgetReport {
    /// Nothing was appended.
    pub dry_run: bool,
    /// What was due, oldest memory first.
    pub moves: Vec<Move>,
    pub archived: u64,
    pub expired: u64,
    /// Steps that another change came before.
    pub refused: u64,
    /// Hand it to a read that must see the result.
    pub token: Cut,
}

impl Cubelog {
    /// Archives and expires what is due by the cube's policy and the lifespans of its memories. Needs the right to write.
    pub async fn forget(&self, caller: &Caller, cube: &CubeKey, dry_run: bool) -> Result<ForgetReport, RunError> {
        if !dry_run {
            self.must_write(caller, cube)?;
        }
        self.authorize(caller, cube, Right::Write)?;
        let run = self.begin("forget", cube, Origin::Job, None);
        let asks = |state: &CubeState| -> Result<(Policy, bool), RunError> {
            let policy = policy_of(state)?;
            let asks = forgetting::asks_for_use(state, &policy);
            Ok((policy, asks))
        };
        let (policy, asks) = self.with_state(cube, asks).await??;
        let uses = if asks { self.uses(cube).await? } else { Uses::default() };
        let moves = self.with_state(cube, |state| forgetting::due(state, run.started_at, &policy, &uses)).await?;
        let of = |step| moves.iter().filter(|due| due.step == step).count() as u64;
        let mut report = ForgetReport {
            dry_run,
            archived: of(Step::Archive),
            expired: of(Step::Expire),
            moves,
            refused: 0,
            token: Cut::start(),
        };
        if dry_run {
            return Ok(report);
        }
        let wanted: Vec<_> = report.moves.iter().map(|due| (EventId::new(self.inner.ids.next()), due.body())).collect();
        let steps: std::collections::HashMap<EventId, Step> =
            wanted.iter().map(|(id, _)| *id).zip(report.moves.iter().map(|due| due.step)).collect();
        let carried = self.carry_out(caller, &run, wanted).await?;
        let done = |step| carried.applied.iter().filter(|id| steps.get(id) == Some(&step)).count() as u64;
        (report.archived, report.expired, report.refused) = (done(Step::Archive), done(Step::Expire), carried.refused);
        let counts = serde_json::json!({
            "archived": report.archived, "expired": report.expired, "refused": report.refused, "used": uses.len(),
        });
        report.token = self.end(caller, run, &counts).await?;
        Ok(report)
    }

    /// An id for a hold that is to be placed.
    pub fn new_hold(&self) -> HoldId {
        HoldId::new(self.inner.ids.next())
    }

    /// What `look` sees in the state of a cube, as folded.
    pub(crate) async fn with_state<T>(&self, cube: &CubeKey, look: impl FnOnce(&CubeState) -> T) -> Result<T, RunError> {
        let mut fold = self.shared().fold.lock().await;
        if let Some(parked) = fold.parked(&cube.to_string()) {
            let (position, reason) = (parked.position.to_string(), parked.reason.clone());
            return Err(RunError::Parked { cube: cube.clone(), position, reason });
        }
        Ok(look(fold.load(&self.views(), cube).await?))
    }

    /// How often each memory of the cube was shown for its own sake, from the access log. A look by an auditor, at the whole state or
    /// by SQL is no use.
    async fn uses(&self, cube: &CubeKey) -> Result<Uses, RunError> {
        self.inner.access.flush().await?;
        let log = &self.shared().log;
        let partition = log.partition_of(&cube.to_string());
        let from = [(partition, log.begin(Topic::Access).await?.next(partition))].into_iter().collect();
        let until = [(partition, log.end(Topic::Access).await?.next(partition))].into_iter().collect();
        let mut stream = log.read(Topic::Access, ReadFrom { from, until: Some(until) }).await?;
        let mut uses = Uses::default();
        while let Some(records) = stream.next().await {
            for record in records? {
                let Ok(access) = decode_access(&record.payload) else { continue };
                let is_use = matches!(access.purpose, Purpose::Search | Purpose::Get | Purpose::Context | Purpose::Chat);
                if access.cube != *cube || !is_use {
                    continue;
                }
                for shown in access.shown {
                    let used = uses.entry(shown.memory).or_insert(Use { count: 0, last: record.recorded_at });
                    used.count = used.count.saturating_add(1);
                    used.last = used.last.max(record.recorded_at);
                }
            }
        }
        Ok(uses)
    }
}

fn policy_of(state: &CubeState) -> Result<Policy, RunError> {
    let document = state.policies.iter().find(|(name, _)| name.as_str() == POLICY).map(|(_, document)| document.as_str());
    Ok(policy::forgetting(document.unwrap_or_default())?)
}
