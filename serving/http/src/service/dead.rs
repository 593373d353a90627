//! Dead letters: list, retry, discard.

use cubelog_api::Problem;
use cubelog_api::dead::{DeadDiscardRequest, DeadHandledResponse, DeadLetter, DeadListResponse, DeadRetryRequest};
use cubelog_runner::Caller;
use cubelog_views::DeadRow;

use super::problems::problem;
use super::{Service, convert, parse};

impl Service {
    /// Dead letters of the caller's tenant, oldest first; an administrator also sees those that belong to nobody.
    pub async fn dead(&self, caller: &Caller) -> Result<DeadListResponse, Problem> {
        let rows = self.cubelog().dead().await.map_err(problem)?;
        let dead = rows.iter().filter(|row| caller.admin || is_of_tenant(caller, row)).map(letter).collect();
        Ok(DeadListResponse { dead })
    }

    /// Decodes a record once more.
    pub async fn dead_retry(&self, caller: &Caller, request: DeadRetryRequest) -> Result<DeadHandledResponse, Problem> {
        let position = parse::position("position", &request.position)?;
        let row = self.cubelog().dead_retry(caller, position).await.map_err(problem)?;
        Ok(DeadHandledResponse { position: position.to_string(), status: row.status.word().to_owned(), reason: row.reason })
    }

    /// Gives a record up.
    pub async fn dead_discard(&self, caller: &Caller, request: DeadDiscardRequest) -> Result<DeadHandledResponse, Problem> {
        let position = parse::position("position", &request.position)?;
        let row = self.cubelog().dead_discard(caller, position, request.reason).await.map_err(problem)?;
        Ok(DeadHandledResponse { position: position.to_string(), status: row.status.word().to_owned(), reason: row.reason })
    }
}

fn is_of_tenant(caller: &Caller, row: &DeadRow) -> bool {
    row.key.split_once('/').is_some_and(|(tenant, _)| tenant == caller.tenant.as_str())
}

fn letter(row: &DeadRow) -> DeadLetter {
    DeadLetter {
        position: row.position.to_string(),
        recorded_at: convert::time(row.recorded_at),
        key: row.key.clone(),
        reason: row.reason.clone(),
        status: row.status.word().to_owned(),
        handled_at: row.handled_at.map(convert::time),
    }
}
