//! Health and size of the store.

use cubelog_api::Problem;
use cubelog_api::status::StatusResponse;
use cubelog_memory::Cut;
use cubelog_runner::Caller;

use super::Service;

impl Service {
    /// Health and size; open to every caller, since it names nothing of anybody.
    pub async fn status(&self, _caller: &Caller) -> Result<StatusResponse, Problem> {
        let status = self.cubelog().status().await;
        Ok(StatusResponse {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            log: status.log,
            lag: lag(&status.end, &status.reflected),
            end: status.end.to_string(),
            folded: status.folded.to_string(),
            reflected: status.reflected.to_string(),
            embedder: status.embedder,
            parked: status.parked as u64,
            events_appended: status.events_appended,
            events_folded: status.events_folded,
            rows_committed: status.rows_committed,
            searches: status.searches,
            access_pending: status.access_pending,
            access_dropped: status.access_dropped,
            stopped: status.stopped,
            work: self.inner.work.current(),
        })
    }
}

/// Offsets between what the views reflect and the end of the log.
pub(crate) fn lag(end: &Cut, reflected: &Cut) -> u64 {
    end.iter().map(|(partition, next)| next.saturating_sub(reflected.next(partition))).sum()
}
