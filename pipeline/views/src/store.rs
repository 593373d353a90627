//! `LanceViews`: the views in LanceDB tables under one directory.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use cubelog_beliefs::Claim;
use cubelog_memory::{CubeKey, CubeState, Cut, EventId, MemoryId, SubjectId, TenantId, Timestamp};
use futures::FutureExt;
use futures::future::BoxFuture;
use lance::Dataset;
use lance::session::Session;

use crate::commit::StrictCas;
use crate::error::ViewError;
use crate::held::Holder;
use crate::layout;
use crate::lock::WriterLock;
use crate::memories::table as memories;
use crate::pointer::{self, Pointer};
use crate::port::{Batch, Found, Scene, SearchQuery, StateQuery, TableStats, ViewStore};
use crate::recovery::{self, Expected, Recovered};
use crate::rows::{CubeRow, DeadRow, EdgeRow, MemoryRow, VersionRow};
use crate::tables::{TABLES, Table};
use crate::{cubes, dead, edges, search, versions};

/// How to open views.
#[derive(Clone)]
pub struct ViewOptions {
    /// Which encoder made the vectors, for example `all-MiniLM-L6-v2@<hash>`; views of another are refused.
    pub embedder: String,
    /// Numbers in a vector; `None` for a store without an encoder.
    pub dim: Option<usize>,
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Reads what another process writes, and follows it.
    pub read_only: bool,
    /// Memories up to which words and vectors are held in memory, at about 600 bytes each; see [`HELD_MAX`](crate::HELD_MAX).
    /// Above it searches go by indices on disk.
    pub held_max: usize,
}

impl std::fmt::Debug for ViewOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ViewOptions")
            .field("embedder", &self.embedder)
            .field("dim", &self.dim)
            .field("read_only", &self.read_only)
            .finish_non_exhaustive()
    }
}

/// All tables at one cut. Whoever holds one sees the same for as long as the versions are kept.
#[derive(Debug)]
pub struct Snapshot {
    pub sequence: u64,
    pub batch: u64,
    pub cut: Cut,
    tables: [Arc<Dataset>; TABLES],
}

impl Snapshot {
    pub fn table(&self, table: Table) -> &Arc<Dataset> {
        &self.tables[table.index()]
    }
}

/// What only the writing process has.
pub(crate) struct Writer {
    pub(crate) pointer: Pointer,
    pub(crate) tables: [Arc<Dataset>; TABLES],
    pub(crate) fences: [Arc<StrictCas>; TABLES],
    /// Set while a commit is under way and left set by one that failed: then only reopening helps.
    pub(crate) torn: bool,
    _lock: WriterLock,
}

/// Views in LanceDB tables.
pub struct LanceViews {
    pub(crate) dir: PathBuf,
    pub(crate) options: ViewOptions,
    session: Arc<Session>,
    snapshot: RwLock<Arc<Snapshot>>,
    holder: Holder,
    pub(crate) writer: Option<tokio::sync::Mutex<Writer>>,
}

impl LanceViews {
    /// Opens the views under `dir`, which is created for a writer if need be, and brings all tables to one cut.
    ///
    /// The future is boxed, here and elsewhere in what this crate offers, because callers would otherwise compile all of Lance
    /// that is in it once more.
    pub fn open(dir: &Path, options: ViewOptions) -> BoxFuture<'static, Result<Self, ViewError>> {
        let dir = dir.to_owned();
        async move { Self::open_in(&dir, options).await }.boxed()
    }

    async fn open_in(dir: &Path, options: ViewOptions) -> Result<Self, ViewError> {
        let session = layout::session();
        let expected = Expected { embedder: options.embedder.clone(), dim: options.dim };
        if options.read_only {
            let dir = canonical(dir)?;
            let recovered = recovery::open_read_only(&dir, &expected, &session).await?;
            let snapshot = RwLock::new(Arc::new(snapshot_of(&recovered)));
            return Ok(Self { dir, options, session, snapshot, holder: Holder::default(), writer: None });
        }
        let lock = WriterLock::take(dir)?;
        let dir = canonical(dir)?;
        let recovered = recovery::recover(&dir, &expected, &session).await?;
        let snapshot = RwLock::new(Arc::new(snapshot_of(&recovered)));
        let Recovered { pointer, tables, fences, .. } = recovered;
        let writer = Writer { pointer, tables, fences, torn: false, _lock: lock };
        Ok(Self { dir, options, session, snapshot, holder: Holder::default(), writer: Some(tokio::sync::Mutex::new(writer)) })
    }

    /// The newest snapshot that this process knows of.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn publish(&self, writer: &Writer) {
        let snapshot = Snapshot {
            sequence: writer.pointer.sequence,
            batch: writer.pointer.batch,
            cut: writer.pointer.cut().unwrap_or_default(),
            tables: writer.tables.clone(),
        };
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// Where the views lie.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// All tables at one cut, by name.
    pub fn datasets(&self) -> Vec<(&'static str, Arc<Dataset>)> {
        let snapshot = self.snapshot();
        Table::ALL.iter().map(|table| (table.name(), snapshot.table(*table).clone())).collect()
    }

    /// A snapshot to read from; a reader in another process looks first whether the writer has gone on.
    pub fn current(&self) -> BoxFuture<'_, Result<Arc<Snapshot>, ViewError>> {
        self.follow().boxed()
    }

    async fn follow(&self) -> Result<Arc<Snapshot>, ViewError> {
        let known = self.snapshot();
        if self.writer.is_some() || pointer::newest(&self.dir)?.is_none_or(|newest| newest <= known.sequence) {
            return Ok(known);
        }
        let expected = Expected { embedder: self.options.embedder.clone(), dim: self.options.dim };
        let recovered = recovery::open_read_only(&self.dir, &expected, &self.session).await?;
        let snapshot = Arc::new(snapshot_of(&recovered));
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = snapshot.clone();
        Ok(snapshot)
    }

    /// Looks at the disk again, as opening does, and goes on from there under the same lock.
    async fn reopen(&self) -> Result<Cut, ViewError> {
        let Some(writer) = &self.writer else {
            return Ok(self.current().await?.cut.clone());
        };
        let mut writer = writer.lock().await;
        writer.torn = true;
        let expected = Expected { embedder: self.options.embedder.clone(), dim: self.options.dim };
        // A new cache: what the old one says of versions that are taken back is no longer so.
        let recovered = recovery::recover(&self.dir, &expected, &layout::session()).await?;
        let cut = recovered.cut.clone();
        (writer.pointer, writer.tables, writer.fences) = (recovered.pointer, recovered.tables, recovered.fences);
        writer.torn = false;
        self.holder.forget();
        self.publish(&writer);
        Ok(cut)
    }

    /// The writer, unless these views are open for reading only or an earlier commit failed half-way.
    pub(crate) async fn writer(&self) -> Result<tokio::sync::MutexGuard<'_, Writer>, ViewError> {
        let Some(writer) = &self.writer else {
            return Err(ViewError::Query(
                "these views are open for reading only; open them for writing to change them".to_owned(),
            ));
        };
        let writer = writer.lock().await;
        if writer.torn {
            return Err(ViewError::Damaged {
                table: self.dir.display().to_string(),
                reason: "an earlier commit did not end; reopen the views".to_owned(),
            });
        }
        Ok(writer)
    }
}

fn canonical(dir: &Path) -> Result<PathBuf, ViewError> {
    dir.canonicalize().map_err(|source| pointer::io_error("open", source))
}

fn snapshot_of(recovered: &Recovered) -> Snapshot {
    Snapshot {
        sequence: recovered.pointer.sequence,
        batch: recovered.pointer.batch,
        cut: recovered.cut.clone(),
        tables: recovered.tables.clone(),
    }
}

#[async_trait]
impl ViewStore for LanceViews {
    fn reflected(&self) -> Cut {
        self.snapshot().cut.clone()
    }

    async fn commit(&self, batch: Batch) -> Result<(), ViewError> {
        self.write(batch).await
    }

    async fn load_cube(&self, cube: &CubeKey) -> Result<Option<CubeState>, ViewError> {
        let snapshot = self.current().await?;
        let row = cubes::table::one(snapshot.table(Table::Cubes), cube).await?;
        let states = memories::states(snapshot.table(Table::Memories), cube).await?;
        if row.is_none() && states.is_empty() {
            return Ok(None);
        }
        let mut state = row.map_or_else(|| CubeState::new(cube.clone()), |row| row.state);
        state.memories = states.into_iter().map(|memory| (memory.id, memory)).collect();
        state.seen.extend(state.cube_events.iter().copied());
        for table in [Table::Versions, Table::Edges] {
            versions::table::events(table, snapshot.table(table), cube, &mut state.seen).await?;
        }
        Ok(Some(state))
    }

    async fn memories(&self, ids: &[MemoryId]) -> Result<Vec<MemoryRow>, ViewError> {
        memories::by_id(self.current().await?.table(Table::Memories), ids).await
    }

    async fn version_content(&self, memory: MemoryId, version: u32) -> Result<Option<VersionRow>, ViewError> {
        versions::table::content(self.current().await?.table(Table::Versions), memory, version).await
    }

    async fn search(&self, query: SearchQuery) -> Result<Vec<Found>, ViewError> {
        let snapshot = self.current().await?;
        let dataset = snapshot.table(Table::Memories);
        let held = self.holder.of(&snapshot, &self.options).await?;
        search::search(dataset, &held, query, self.options.dim).await
    }

    async fn scene(&self, cubes: &[CubeKey]) -> Result<Scene, ViewError> {
        let snapshot = self.current().await?;
        let held = self.holder.of(&snapshot, &self.options).await?;
        let names = held.names.read().unwrap_or_else(PoisonError::into_inner);
        Ok(search::scene(&held.memories, &names, cubes))
    }

    async fn claims(&self, cube: &CubeKey) -> Result<Option<Vec<(MemoryId, Claim)>>, ViewError> {
        let snapshot = self.current().await?;
        let held = self.holder.of(&snapshot, &self.options).await?;
        let names = held.names.read().unwrap_or_else(PoisonError::into_inner);
        Ok(held.whole.then(|| search::claims(&held.memories, &names, cube)))
    }

    async fn history(&self, memory: MemoryId) -> Result<Vec<VersionRow>, ViewError> {
        versions::table::history(self.current().await?.table(Table::Versions), memory).await
    }

    async fn state(&self, query: StateQuery) -> Result<Vec<VersionRow>, ViewError> {
        versions::table::state(self.current().await?.table(Table::Versions), &query).await
    }

    async fn version_of_event(&self, event: EventId) -> Result<Option<VersionRow>, ViewError> {
        versions::table::of_event(self.current().await?.table(Table::Versions), event).await
    }

    async fn edges(&self, cube: &CubeKey, memories: &[MemoryId]) -> Result<Vec<EdgeRow>, ViewError> {
        edges::table::touching(self.current().await?.table(Table::Edges), cube, memories).await
    }

    async fn contradictions(&self, cube: &CubeKey) -> Result<Vec<EdgeRow>, ViewError> {
        edges::table::contradictions(self.current().await?.table(Table::Edges), cube).await
    }

    async fn cubes(&self, tenant: Option<&TenantId>) -> Result<Vec<CubeRow>, ViewError> {
        cubes::table::list(self.current().await?.table(Table::Cubes), tenant).await
    }

    async fn dead(&self) -> Result<Vec<DeadRow>, ViewError> {
        dead::table::list(self.current().await?.table(Table::Dead)).await
    }

    async fn subjects(&self) -> Result<Vec<SubjectId>, ViewError> {
        let snapshot = self.current().await?;
        let mut subjects = memories::subjects_in_clear(Table::Memories, snapshot.table(Table::Memories)).await?;
        subjects.extend(memories::subjects_in_clear(Table::Versions, snapshot.table(Table::Versions)).await?);
        Ok(subjects.into_iter().collect())
    }

    async fn erase(&self, subjects: &[SubjectId]) -> Result<u64, ViewError> {
        self.erase_subjects(subjects).await
    }

    async fn maintain(&self) -> Result<Vec<String>, ViewError> {
        self.run_maintenance().await
    }

    async fn recover(&self) -> Result<Cut, ViewError> {
        self.reopen().await
    }

    async fn stats(&self) -> Result<Vec<TableStats>, ViewError> {
        self.table_stats().await
    }
}
