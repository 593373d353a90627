//! Duplicates become one memory by events, and a merge is taken back by events.

use std::collections::HashMap;

use cubelog_beliefs::Likeness;
use cubelog_beliefs::group::{KEPT_APART, Piece, groups, may_merge};
use cubelog_memory::{
    Body, Content, CubeKey, Cut, EventId, Lifecycle, MemoryId, MemoryMerged, MemoryMoved, MemoryRevised, MemoryTagged, Origin,
    Right, Tag, Validity, VersionNo, VersionRef,
};
use cubelog_views::{MemoryRow, Shown};

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;

/// Rows that are read at once.
const ROWS: usize = 1_000;

/// Memories that became one, or would.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    pub into: MemoryId,
    /// The others, earliest first.
    pub sources: Vec<MemoryId>,
    /// The weakest likeness between two of them.
    pub likeness: Likeness,
    /// By which the merge can be taken back; `None` if it was not carried out.
    pub event: Option<EventId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DedupeReport {
    /// Nothing was appended.
    pub dry_run: bool,
    pub groups: Vec<Merged>,
    /// Memories that live on in others now, or would.
    pub merged: u64,
    /// Groups that another change came before.
    pub refused: u64,
    /// Hand it to a read that must see the result.
    pub token: Cut,
}

/// What taking a merge back came to.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoReport {
    pub into: MemoryId,
    /// Whether it says again what it said before; not if it was changed after the merge, and then it stays as it is.
    pub restored: bool,
    /// Memories that stand for themselves again.
    pub returned: Vec<MemoryId>,
    pub token: Cut,
}

/// A group as found, with what it will say.
struct Found {
    into: VersionRef,
    sources: Vec<VersionRef>,
    likeness: Likeness,
    content: Content,
    valid: Validity,
}

impl Cubelog {
    /// Merges what is one statement: into the earliest memory, with the content of the richest. Needs the right to write.
    pub async fn dedupe(&self, caller: &Caller, cube: &CubeKey, dry_run: bool) -> Result<DedupeReport, RunError> {
        if !dry_run {
            self.must_write(caller, cube)?;
        }
        self.authorize(caller, cube, Right::Write)?;
        let run = self.begin("dedupe", cube, Origin::Job, None);
        let found = self.duplicates(cube).await?;
        let mut wanted = Vec::with_capacity(found.len());
        let mut report = DedupeReport { dry_run, groups: Vec::new(), merged: 0, refused: 0, token: Cut::start() };
        for found in found {
            let event = EventId::new(self.inner.ids.next());
            report.groups.push(Merged {
                into: found.into.memory,
                sources: found.sources.iter().map(|source| source.memory).collect(),
                likeness: found.likeness,
                event: (!dry_run).then_some(event),
            });
            if !dry_run {
                let (content, fingerprint) = self.seal_for(event, cube, found.into.memory, found.content).await?;
                let VersionRef { memory: into, version: expected } = found.into;
                let (sources, valid) = (found.sources, found.valid);
                wanted.push((event, Body::MemoryMerged(MemoryMerged { into, expected, sources, fingerprint, valid, content })));
            }
        }
        if !dry_run {
            let carried = self.carry_out(caller, &run, wanted).await?;
            report.refused = carried.refused;
            for group in &mut report.groups {
                group.event = group.event.filter(|event| carried.applied.contains(event));
            }
        }
        let count = |group: &Merged| if dry_run || group.event.is_some() { group.sources.len() as u64 } else { 0 };
        report.merged = report.groups.iter().map(count).sum();
        if !dry_run {
            let counts = serde_json::json!({
                "groups": report.groups.len() as u64 - report.refused, "merged": report.merged, "refused": report.refused,
            });
            report.token = self.end(caller, run, &counts).await?;
        }
        Ok(report)
    }

    /// Takes a merge back: its sources stand for themselves again, and the memory that they went into says what it said before. What
    /// was taken back is marked to be kept apart, so that the next run does not merge it again. Needs the right to write.
    pub async fn undo_merge(&self, caller: &Caller, cube: &CubeKey, merge: EventId) -> Result<UndoReport, RunError> {
        self.must_write(caller, cube)?;
        self.authorize(caller, cube, Right::Write)?;
        self.wait_for_own_writes().await?;
        let row = self.views().version_of_event(merge).await?.filter(|row| row.cube == *cube);
        let row = row.filter(|row| row.change == "memory_merged" && !row.conflict);
        let row = row.ok_or_else(|| RunError::BadRequest(format!("event {merge} is no merge in cube {cube}")))?;
        let into = row.memory.id;
        let Some((before, sources)) = row.parents.split_first().filter(|(before, _)| before.memory == into) else {
            return Err(RunError::BadRequest(format!("event {merge} made no version of several parents")));
        };
        let (standing, merged) = self
            .with_state(cube, |state| {
                let is_merged = |source: &&VersionRef| {
                    state.memories.get(&source.memory).is_some_and(|memory| memory.merged_into == Some(into))
                };
                let merged: Vec<MemoryId> = sources.iter().filter(is_merged).map(|source| source.memory).collect();
                let standing = state.memories.get(&into).filter(|memory| memory.expired_at.is_none());
                (standing.map(|memory| (memory.current, memory.lifecycle)), merged)
            })
            .await?;
        if let Some((_, Lifecycle::Merged)) = standing {
            return Err(RunError::BadRequest(format!("memory {into} was itself merged since: take that back first")));
        }
        if merged.is_empty() {
            return Err(RunError::BadRequest(format!("merge {merge} was taken back already")));
        }
        let run = self.begin("undo-merge", cube, caller.origin, Some(merge));
        let mut wanted = Vec::new();
        let unchanged = standing.is_some_and(|(current, lifecycle)| current == row.version && lifecycle.accepts_content());
        let restoring = if unchanged { self.restoring(cube, *before, row.version).await? } else { None };
        let restored = restoring.as_ref().map(|(event, _)| *event);
        wanted.extend(restoring);
        let apart = Tag::new(KEPT_APART)?;
        let mut returning = HashMap::new();
        for memory in merged {
            let reason = Some(format!("merge {merge} was taken back"));
            let moved = Body::MemoryMoved(MemoryMoved { memory, to: Lifecycle::Activated, reason });
            let event = EventId::new(self.inner.ids.next());
            returning.insert(event, memory);
            wanted.push((event, moved));
            let tagged = Body::MemoryTagged(MemoryTagged { memory, add: vec![apart.clone()], remove: Vec::new() });
            wanted.push((EventId::new(self.inner.ids.next()), tagged));
        }
        let carried = self.carry_out(caller, &run, wanted).await?;
        let returned: Vec<MemoryId> = carried.applied.iter().filter_map(|event| returning.get(event)).copied().collect();
        let restored = restored.is_some_and(|event| carried.applied.contains(&event));
        let counts = serde_json::json!({ "returned": returned.len(), "restored": restored, "refused": carried.refused });
        let token = self.end(caller, run, &counts).await?;
        Ok(UndoReport { into, restored, returned, token })
    }

    /// The event that gives a memory the content back that it had before; `None` if that was erased.
    async fn restoring(
        &self,
        cube: &CubeKey,
        before: VersionRef,
        expected: VersionNo,
    ) -> Result<Option<(EventId, Body)>, RunError> {
        let memory = before.memory;
        let former = self.views().version_content(memory, before.version).await?.ok_or(RunError::UnknownMemory(memory))?;
        let Shown::Clear(content) = former.content else { return Ok(None) };
        if !self.shared().sealer.readable(&former.subject) {
            return Ok(None);
        }
        let event = EventId::new(self.inner.ids.next());
        let (content, fingerprint) = self.seal_for(event, cube, memory, content).await?;
        Ok(Some((event, Body::MemoryRevised(MemoryRevised { memory, expected, fingerprint, valid: former.valid, content }))))
    }

    /// What is one statement among everything that may be merged, as the views have it.
    async fn duplicates(&self, cube: &CubeKey) -> Result<Vec<Found>, RunError> {
        self.wait_for_own_writes().await?;
        let candidates: Vec<MemoryId> = self
            .with_state(cube, |state| {
                let mut ids: Vec<MemoryId> =
                    state.memories.values().filter(|memory| may_merge(state, memory)).map(|memory| memory.id).collect();
                ids.sort_unstable();
                ids
            })
            .await?;
        let mut rows: Vec<MemoryRow> = Vec::with_capacity(candidates.len());
        for ids in candidates.chunks(ROWS) {
            let sealer = &self.shared().sealer;
            let read = self.views().memories(ids).await?;
            rows.extend(read.into_iter().filter(|row| row.content.clear().is_some() && sealer.readable(&row.memory.subject)));
        }
        tokio::task::spawn_blocking(move || among(&rows)).await.map_err(|panic| RunError::Stopped(panic.to_string()))
    }
}

fn among(rows: &[MemoryRow]) -> Vec<Found> {
    let clear: Vec<(&MemoryRow, &Content)> = rows.iter().filter_map(|row| Some((row, row.content.clear()?))).collect();
    let pieces: Vec<Piece<'_>> = clear
        .iter()
        .map(|(row, content)| Piece {
            memory: &row.memory,
            text: &content.text,
            caption: content.caption.as_deref(),
            speaker: content.speaker.as_deref(),
            session: content.session.as_deref(),
            vector: row.vector.as_deref(),
        })
        .collect();
    let version = |at: usize| VersionRef { memory: clear[at].0.memory.id, version: clear[at].0.memory.current };
    groups(&pieces)
        .into_iter()
        .map(|group| {
            let (row, content) = clear[group.into];
            Found {
                into: version(group.into),
                sources: group.sources.iter().map(|at| version(*at)).collect(),
                likeness: group.likeness,
                // Where and when it was first said stays; the words are those of whoever said most.
                content: Content { text: clear[group.richest].1.text.clone(), ..content.clone() },
                valid: row.memory.valid,
            }
        })
        .collect()
}
