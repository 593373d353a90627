//! Everything about something in the order of time: complete, where a search is the best few.

use cubelog_memory::{CubeKey, Cut, MemoryId, Purpose, Timestamp, VersionRef};
use cubelog_recall::About;
use cubelog_views::{Filter, MemoryRow};

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;
use crate::read::cut_query;
use crate::understand::subject;

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct TimelineRequest {
    /// Empty lists every cube that the caller may read.
    pub cubes: Vec<CubeKey>,
    /// "Melanie", "the support group in March"; empty means everything. Names of speakers mean what they said and what names them, dates
    /// narrow the time, and every other word with content must occur.
    pub about: String,
    pub filter: Filter,
    /// For what it says of time; `None` is now.
    pub asked_at: Option<Timestamp>,
    /// The read must see everything below this cut.
    pub token: Option<Cut>,
}

/// What was found; rows are loaded page by page.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    /// All of it, the oldest first, by when it is true from and then in the order of the stream.
    pub memories: Vec<MemoryId>,
    /// What it was understood to be about.
    pub about: About,
    /// Times that were named: from inclusive, to exclusive.
    pub times: Vec<(Timestamp, Timestamp)>,
    pub reflected: Cut,
    pub query_cut: bool,
}

impl Cubelog {
    /// Which memories are about something, in the order of time. Nothing of them is shown yet, so nothing is remembered as read.
    pub async fn timeline(&self, caller: &Caller, request: &TimelineRequest) -> Result<Timeline, RunError> {
        if let Some(token) = &request.token {
            self.wait(token).await?;
        }
        self.wait_for_own_writes().await?;
        let cubes = self.readable(caller, &request.cubes).await?;
        let reflected = self.shared().reflected.borrow().clone();
        let keys: Vec<CubeKey> = cubes.iter().map(|row| row.state.key.clone()).collect();
        let (about, query_cut) = cut_query(&request.about);
        if keys.is_empty() {
            return Ok(Timeline { reflected, query_cut, ..Timeline::default() });
        }
        let asked_at = request.asked_at.unwrap_or_else(|| self.inner.clock.now());
        let (about, times) = subject(about, &self.views().scene(&keys).await?, asked_at);
        let found = self.views().timeline(&keys, &request.filter, &about).await?;
        let is_then = |at: &Timestamp| times.is_empty() || times.iter().any(|(from, to)| from <= at && at < to);
        let memories = found.into_iter().filter(|(_, at)| is_then(at)).map(|(memory, _)| memory).collect();
        Ok(Timeline { memories, about, times, reflected, query_cut })
    }

    /// The rows of one page of a timeline, in its order, remembered as read like those of a search.
    pub async fn timeline_rows(
        &self,
        caller: &Caller,
        request: &TimelineRequest,
        page: &[MemoryId],
    ) -> Result<Vec<MemoryRow>, RunError> {
        let cubes = self.readable(caller, &request.cubes).await?;
        let mut rows = self.views().memories(page).await?;
        rows.retain(|row| cubes.iter().any(|cube| cube.state.key == row.cube));
        let place = |memory: &MemoryId| page.iter().position(|id| id == memory);
        rows.sort_by_cached_key(|row| place(&row.memory.id));
        for row in &mut rows {
            row.vector = None;
            self.mask(&row.memory.subject, &mut row.content);
        }
        for cube in &cubes {
            let key = &cube.state.key;
            let shown = rows.iter().filter(|row| row.cube == *key).map(|row| &row.memory);
            let shown: Vec<VersionRef> = shown.map(|memory| VersionRef { memory: memory.id, version: memory.current }).collect();
            if shown.is_empty() && cubes.len() > 1 && !cube.state.auditable {
                continue;
            }
            let fingerprint = self.shared().sealer.query_fingerprint(key, &request.about);
            self.remember(caller, cube, Purpose::Search, Some(fingerprint), shown).await?;
        }
        Ok(rows)
    }
}
