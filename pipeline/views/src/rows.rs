//! The rows of the views in domain terms; each table's folder knows how they lie in Arrow.

use std::sync::Arc;

use cubelog_memory::{
    Content, CubeKey, CubeState, Edge, EventId, Fingerprint, Memory, MemoryId, Position, PrincipalId, SubjectId, Timestamp,
    Validity, VersionNo, VersionRef,
};

/// Content as a reader may see it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    Clear(Content),
    /// The subject's data key is gone: there was content, and nobody can read it any more.
    Erased,
}

impl Shown {
    pub fn clear(&self) -> Option<&Content> {
        match self {
            Shown::Clear(content) => Some(content),
            Shown::Erased => None,
        }
    }
}

/// `memories`: what is believed now, one row a memory. Upserted by memory id; a lower `memory.changed` never overwrites.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryRow {
    pub cube: CubeKey,
    /// The whole state of the memory, so that a cube can be loaded from its rows and folded on.
    pub memory: Memory,
    pub content: Shown,
    /// Who wrote the current version, and when that happened in the world.
    pub actor: PrincipalId,
    pub occurred_at: Timestamp,
    /// Unit length; `None` for erased content and for stores without an encoder.
    pub vector: Option<Arc<[f32]>>,
}

/// `versions`: append-only, one row for every event that changed a memory; the row says what the memory was after it.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionRow {
    pub cube: CubeKey,
    pub event: EventId,
    /// Event kind, for example `memory_revised`.
    pub change: String,
    pub actor: PrincipalId,
    /// When it happened in the world.
    pub occurred_at: Timestamp,
    /// When and where the log recorded it.
    pub recorded_at: Timestamp,
    pub position: Position,
    /// The memory after the event (for a sibling in conflict: the memory as it stays).
    pub memory: Memory,
    /// The version whose content this row shows; differs from `memory.current` for a sibling.
    pub version: VersionNo,
    pub parents: Vec<VersionRef>,
    pub conflict: bool,
    pub subject: SubjectId,
    pub fingerprint: Fingerprint,
    pub valid: Validity,
    pub content: Shown,
    pub reason: Option<String>,
}

/// `turns`: the conversation stream itself; text is in the memory of the same id.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRow {
    pub cube: CubeKey,
    pub memory: MemoryId,
    pub event: EventId,
    pub stream_index: u64,
    pub session: Option<String>,
    pub speaker: Option<String>,
    pub source: Option<String>,
    pub occurred_at: Timestamp,
    pub recorded_at: Timestamp,
    pub position: Position,
}

/// `edges`: one row for each statement or withdrawal of a relation, append-only; the newest row of (from, to, relation) holds.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeRow {
    pub cube: CubeKey,
    pub edge: Edge,
    pub event: EventId,
    pub recorded_at: Timestamp,
    pub position: Position,
}

/// `cubes`: one row a cube, upserted. `state` is carried without its memories and without `seen`.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeRow {
    pub state: CubeState,
    pub changed_at: Timestamp,
    pub changed: Position,
}

/// `dead`: records that could not be decoded and what became of them; upserted by position.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadRow {
    pub position: Position,
    pub recorded_at: Timestamp,
    /// The record's key, `tenant/cube` when it is one.
    pub key: String,
    pub reason: String,
    pub status: DeadStatus,
    pub handled_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadStatus {
    /// Its cube waits behind it.
    Parked,
    Retried,
    Discarded,
}

impl DeadStatus {
    pub const fn word(self) -> &'static str {
        match self {
            DeadStatus::Parked => "parked",
            DeadStatus::Retried => "retried",
            DeadStatus::Discarded => "discarded",
        }
    }
    pub fn from_word(word: &str) -> Option<Self> {
        [DeadStatus::Parked, DeadStatus::Retried, DeadStatus::Discarded].into_iter().find(|status| status.word() == word)
    }
}
