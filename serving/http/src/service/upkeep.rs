//! Upkeep of a cube: policies, holds, governance, forgetting, duplicates.

use cubelog_api::Problem;
use cubelog_api::memories::WriteResponse;
use cubelog_api::upkeep::{
    DedupeRequest, DedupeResponse, DuplicateGroup, ForgetMove, ForgetRequest, ForgetResponse, GovernRequest, HoldRequest,
    HoldResponse, LiftRequest, PolicyRequest, UndoMergeRequest, UndoMergeResponse,
};
use cubelog_memory::{Body, HoldId, HoldLifted, HoldPlaced, Lifespan, MemoryGoverned};
use cubelog_runner::{Caller, Change};

use super::problems::problem;
use super::{Service, parse};

impl Service {
    pub async fn set_policy(&self, caller: &Caller, request: PolicyRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let change = Change::SetPolicy { name: parse::tag("name", &request.name)?, document: request.document };
        self.change(caller, cube, None, change, key).await
    }

    pub async fn place_hold(&self, caller: &Caller, request: HoldRequest, key: Option<&str>) -> Result<HoldResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let memory = request.memory.as_deref().map(|text| parse::memory("memory", text)).transpose()?;
        // Sent again with the same key, it is the same hold.
        let hold = match parse::command(caller, key)? {
            Some(command) => HoldId::new(cubelog_memory::derive_uuid("hold", &[&command.to_string()])),
            None => self.cubelog().new_hold(),
        };
        let body = Body::HoldPlaced(HoldPlaced { hold, memory, reason: request.reason });
        let written = self.change(caller, cube, None, Change::Plain(Box::new(body)), key).await?;
        Ok(HoldResponse { hold: hold.to_string(), position: written.position, token: written.token })
    }

    pub async fn lift_hold(&self, caller: &Caller, request: LiftRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let hold = HoldId::new(parse::memory("hold", &request.hold)?.uuid());
        let body = Body::HoldLifted(HoldLifted { hold, reason: request.reason });
        self.change(caller, cube, None, Change::Plain(Box::new(body)), key).await
    }

    /// Changes how a memory may be used.
    pub async fn govern(&self, caller: &Caller, request: GovernRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let expires = parse::optional_time("expires", request.expires.as_deref())?;
        let lifespan = match (expires, request.half_life_s, request.keep) {
            (None, None, false) => None,
            (Some(until), None, false) => Some(Lifespan::Until(until)),
            (None, Some(half_life_s), false) => Some(Lifespan::Decay { half_life_s }),
            (None, None, true) => Some(Lifespan::Keep),
            _ => return Err(Problem::invalid("expires", "goes neither with half_life_s nor with keep; give one of them")),
        };
        let body = Body::MemoryGoverned(MemoryGoverned {
            memory: parse::memory("memory", &request.memory)?,
            sensitivity: None,
            trust: None,
            priority: request.priority,
            lifespan,
            pinned: request.pinned,
            reason: request.reason,
        });
        self.change(caller, cube, None, Change::Plain(Box::new(body)), key).await
    }

    /// Archives and expires what is due.
    pub async fn forget(&self, caller: &Caller, request: ForgetRequest) -> Result<ForgetResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let report = self.cubelog().forget(caller, &cube, request.dry_run).await.map_err(problem)?;
        Ok(ForgetResponse {
            dry_run: report.dry_run,
            archived: report.archived,
            expired: report.expired,
            refused: report.refused,
            moves: report
                .moves
                .iter()
                .map(|due| ForgetMove {
                    memory: due.memory.to_string(),
                    step: due.step.word().to_owned(),
                    reason: due.reason.to_string(),
                })
                .collect(),
            token: report.token.to_string(),
        })
    }

    /// Merges memories that are one statement.
    pub async fn dedupe(&self, caller: &Caller, request: DedupeRequest) -> Result<DedupeResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let report = self.cubelog().dedupe(caller, &cube, request.dry_run).await.map_err(problem)?;
        Ok(DedupeResponse {
            dry_run: report.dry_run,
            merged: report.merged,
            refused: report.refused,
            groups: report
                .groups
                .iter()
                .map(|group| DuplicateGroup {
                    into: group.into.to_string(),
                    sources: group.sources.iter().map(ToString::to_string).collect(),
                    likeness: group.likeness.word().to_owned(),
                    event: group.event.map(|event| event.to_string()),
                })
                .collect(),
            token: report.token.to_string(),
        })
    }

    /// Takes a merge back.
    pub async fn undo_merge(&self, caller: &Caller, request: UndoMergeRequest) -> Result<UndoMergeResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let event = parse::event("event", &request.event)?;
        let report = self.cubelog().undo_merge(caller, &cube, event).await.map_err(problem)?;
        Ok(UndoMergeResponse {
            into: report.into.to_string(),
            restored: report.restored,
            returned: report.returned.iter().map(ToString::to_string).collect(),
            token: report.token.to_string(),
        })
    }
}
