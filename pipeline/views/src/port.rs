//! The port `ViewStore`: materialized views that reflect the log up to a cut, and what can be asked of them.

use async_trait::async_trait;
use cubelog_beliefs::Claim;
use cubelog_memory::ranking::{Ask, Ranked};
use cubelog_memory::{CubeKey, CubeState, Cut, MemoryId, SemanticType, SubjectId, Tag, TenantId, Timestamp};
use cubelog_recall::{About, Topic};

use crate::error::ViewError;
use crate::rows::{CubeRow, DeadRow, EdgeRow, MemoryRow, TurnRow, VersionRow};

/// Everything that the events between the reflected cut and `upto` changed. At most one row a memory, a cube and a dead letter:
/// the projector folds to the last one first.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The cut that the views reflect once the batch is committed.
    pub upto: Cut,
    pub memories: Vec<MemoryRow>,
    /// Whether every row of `memories` is known to be the first of its memory, so that they may be appended without a look-up.
    pub memories_are_new: bool,
    pub versions: Vec<VersionRow>,
    pub turns: Vec<TurnRow>,
    pub edges: Vec<EdgeRow>,
    pub cubes: Vec<CubeRow>,
    pub dead: Vec<DeadRow>,
}

/// Which memories a search looks at. Empty lists and `None` filter nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    pub speakers: Vec<String>,
    pub sessions: Vec<String>,
    pub semantic: Vec<SemanticType>,
    /// All of these.
    pub tags: Vec<Tag>,
    /// This path and everything below it, for example `work/projects`, whether it was given or is derived.
    pub path: Option<String>,
    /// Valid-from at or after.
    pub since: Option<Timestamp>,
    /// Valid-from strictly before.
    pub until: Option<Timestamp>,
    /// Only turns with a smaller stream index (questions asked inside a stream).
    pub before_index: Option<u64>,
    /// Also archived, merged and expired memories.
    pub include_hidden: bool,
}

#[derive(Debug, Clone)]
pub struct SearchQuery {
    /// Where to look; never empty.
    pub cubes: Vec<CubeKey>,
    /// Unit-length query vector; `None` searches by text alone.
    pub vector: Option<Vec<f32>>,
    /// Query text; `None` searches by vector alone.
    pub text: Option<String>,
    pub filter: Filter,
    /// How many candidates each side brings to the ranking.
    pub candidates: usize,
    /// Speakers that the query names.
    pub named: Vec<String>,
    /// Who asks, where that is known.
    pub asker: Option<String>,
    /// Whether the query is about whoever asks.
    pub own: bool,
    /// What the order depends on beside the candidates.
    pub ask: Ask,
}

/// What cubes are about, as far as a query needs it to be understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scene {
    /// Who speaks, in alphabetical order.
    pub speakers: Vec<String>,
    /// When the oldest and the newest memory are valid from.
    pub span: Option<(Timestamp, Timestamp)>,
}

/// A ranked memory with the row to show for it.
#[derive(Debug, Clone)]
pub struct Found {
    pub ranked: Ranked,
    pub row: MemoryRow,
}

/// What was known: a point in recorded time.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Known {
    #[default]
    Now,
    /// Everything recorded at or before this instant.
    At(Timestamp),
    /// Everything below this cut. Partitions that it does not name count as not read at all.
    Below(Cut),
}

/// The state of a cube, or of some memories in it, at a point in both times.
#[derive(Debug, Clone)]
pub struct StateQuery {
    pub cube: CubeKey,
    /// Only these; empty means all.
    pub memories: Vec<MemoryId>,
    pub known: Known,
    /// What was true in the world at this instant, going by what was known: per memory the version with the greatest
    /// `valid.from` not after it (ties: the later recorded), if it still holds then. Siblings in conflict never count.
    pub valid_at: Option<Timestamp>,
    /// Also archived, merged and expired memories.
    pub include_hidden: bool,
}

/// Number of rows of each table and what they take on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableStats {
    pub table: String,
    pub rows: u64,
    pub versions: u64,
    pub fragments: u64,
    pub bytes: u64,
}

/// Views of the log. One writer: a second process that commits is refused. Reads see the last committed batch, whole.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// The cut that all tables reflect.
    fn reflected(&self) -> Cut;

    /// Commits a batch to all tables. After an error nothing, a part or all of it may be on disk: the store must be reopened,
    /// which brings all tables back to one cut. A batch whose `upto` is reflected already changes nothing.
    async fn commit(&self, batch: Batch) -> Result<(), ViewError>;

    /// The state of a cube as of the reflected cut, ready to be folded on (with `seen`); `None` if no event named it yet.
    async fn load_cube(&self, cube: &CubeKey) -> Result<Option<CubeState>, ViewError>;

    /// Rows of these memories, in no particular order; unknown ids are left out.
    async fn memories(&self, ids: &[MemoryId]) -> Result<Vec<MemoryRow>, ViewError>;

    /// The content rows of versions `(memory, version)`: for each the earliest row that shows it.
    async fn version_content(&self, memory: MemoryId, version: u32) -> Result<Option<VersionRow>, ViewError>;

    /// The best memories for a query, best first; rows come without their vectors.
    async fn search(&self, query: SearchQuery) -> Result<Vec<Found>, ViewError>;

    /// Who speaks in these cubes, and until when.
    async fn scene(&self, cubes: &[CubeKey]) -> Result<Scene, ViewError>;

    /// What the visible memories of a cube claim, by the memory, in no particular order; `None` where texts are not held for it.
    async fn claims(&self, cube: &CubeKey) -> Result<Option<Vec<(MemoryId, Claim)>>, ViewError>;

    /// What the memories of these cubes that pass a filter are about: where each belongs and what it mentions, in no particular order.
    async fn topics(&self, cubes: &[CubeKey], filter: &Filter) -> Result<Vec<Topic>, ViewError>;

    /// All memories of these cubes that pass a filter and are about something, in the order of time, with when each is
    /// valid from.
    async fn timeline(&self, cubes: &[CubeKey], filter: &Filter, about: &About) -> Result<Vec<(MemoryId, Timestamp)>, ViewError>;

    /// Every row of a memory's chain, oldest first.
    async fn history(&self, memory: MemoryId) -> Result<Vec<VersionRow>, ViewError>;

    /// One row a memory, ordered by (stream index, created, id); memories outside a stream come last. Version and content are those
    /// asked for (a sibling in conflict is never shown); `memory` is what was last known of it, siblings included.
    async fn state(&self, query: StateQuery) -> Result<Vec<VersionRow>, ViewError>;

    /// The row of `versions` that an event made, if it made one: how a repeated command finds its first answer.
    async fn version_of_event(&self, event: cubelog_memory::EventId) -> Result<Option<VersionRow>, ViewError>;

    /// Edges in force that touch one of these memories, ordered by (from, to, relation).
    async fn edges(&self, cube: &CubeKey, memories: &[MemoryId]) -> Result<Vec<EdgeRow>, ViewError>;

    /// All edges in force of a cube, ordered by (from, to, relation).
    async fn all_edges(&self, cube: &CubeKey) -> Result<Vec<EdgeRow>, ViewError>;

    /// Everything that was ever stated or withdrawn about two memories of a cube contradicting each other, oldest first.
    async fn contradictions(&self, cube: &CubeKey) -> Result<Vec<EdgeRow>, ViewError>;

    async fn cubes(&self, tenant: Option<&TenantId>) -> Result<Vec<CubeRow>, ViewError>;

    /// Dead letters, oldest first.
    async fn dead(&self) -> Result<Vec<DeadRow>, ViewError>;

    /// Subjects that have content in clear here.
    async fn subjects(&self) -> Result<Vec<SubjectId>, ViewError>;

    /// Rewrites all rows of these subjects as erased and removes the files that held their content. Says how many rows changed;
    /// the reflected cut stays. Doing it again changes nothing.
    async fn erase(&self, subjects: &[SubjectId]) -> Result<u64, ViewError>;

    /// Compaction, index upkeep and pruning where due; called by the projector between batches. Answers what it did.
    async fn maintain(&self) -> Result<Vec<String>, ViewError>;

    async fn stats(&self) -> Result<Vec<TableStats>, ViewError>;

    /// After a failed commit: looks at what is on disk, brings all tables back to one cut and answers with it. The store
    /// keeps its writer's lock.
    async fn recover(&self) -> Result<Cut, ViewError>;
}
