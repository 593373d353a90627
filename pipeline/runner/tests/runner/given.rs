//! A store in a temporary directory with a clock that the test moves.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use cubelog_keyring::{Keyring, KeyringOptions};
use cubelog_log::{EventLog, LocalLog, LocalOptions};
use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::import::TurnInput;
use cubelog_runner::*;
use cubelog_views::mem::MemViews;
use cubelog_views::{ViewError, ViewStore};
use uuid::Uuid;

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        // Time passes by a microsecond a look, so that nothing happens at one instant twice.
        Timestamp(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

pub struct TestIds(AtomicU64);

impl Ids for TestIds {
    fn next(&self) -> Uuid {
        derive_uuid("test-id", &[&self.0.fetch_add(1, Ordering::SeqCst).to_string()])
    }
}

/// In-memory views that survive a reopening of the store, by directory.
#[derive(Default)]
pub struct MemFactory(Mutex<HashMap<PathBuf, Arc<MemViews>>>);

#[async_trait]
impl ViewFactory for MemFactory {
    async fn open(&self, dir: &Path, _writable: bool) -> Result<Arc<dyn ViewStore>, ViewError> {
        std::fs::create_dir_all(dir).unwrap();
        Ok(self.0.lock().unwrap().entry(dir.to_owned()).or_insert_with(|| Arc::new(MemViews::new())).clone())
    }

    async fn compare(
        &self,
        left: &Arc<dyn ViewStore>,
        right: &Arc<dyn ViewStore>,
        _ignore_log_places: bool,
    ) -> Result<Vec<TableDifference>, ViewError> {
        // Everything that a reader can see of the cubes, the chains and the state.
        let mut differences = Vec::new();
        let cubes = (left.cubes(None).await?, right.cubes(None).await?);
        if cubes.0 != cubes.1 {
            differences.push(difference("cubes"));
        }
        for row in &cubes.0 {
            let states = (left.load_cube(&row.state.key).await?, right.load_cube(&row.state.key).await?);
            if states.0 != states.1 {
                differences.push(difference("memories"));
            }
            for memory in states.0.iter().flat_map(|state| state.memories.keys()) {
                if left.history(*memory).await? != right.history(*memory).await? {
                    differences.push(difference("versions"));
                }
                let rows = (left.memories(&[*memory]).await?, right.memories(&[*memory]).await?);
                if rows.0 != rows.1 {
                    differences.push(difference("memories"));
                }
            }
        }
        Ok(differences)
    }
}

fn difference(table: &str) -> TableDifference {
    TableDifference { table: table.to_owned(), rows_left: 0, rows_right: 0, differing: 1, examples: Vec::new() }
}

pub struct World {
    pub directory: tempfile::TempDir,
    pub clock: Arc<TestClock>,
    pub ids: Arc<TestIds>,
    pub factory: Arc<MemFactory>,
    pub keyring: Arc<Keyring>,
    pub log: Arc<dyn EventLog>,
    pub store: Cubelog,
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // 2026-01-01T00:00:00Z
        let clock = Arc::new(TestClock(AtomicI64::new(1_767_225_600_000_000)));
        let ids = Arc::new(TestIds(AtomicU64::new(0)));
        let factory = Arc::new(MemFactory::default());
        let keyring = Arc::new(
            Keyring::create(KeyringOptions { dir: directory.path().join("keys"), master: None }).expect("a new keyring"),
        );
        let log_clock = clock.clone();
        let options = LocalOptions { partitions: 2, clock: Arc::new(move || log_clock.now()) };
        let log: Arc<dyn EventLog> = Arc::new(LocalLog::open(&directory.path().join("log"), options).unwrap());
        let store = open(&directory, &clock, &ids, &factory, &keyring, &log).await;
        Self { directory, clock, ids, factory, keyring, log, store }
    }

    /// Closes the store and opens it again over the same log and views.
    pub async fn reopen(&mut self) {
        self.store.close().await.unwrap();
        self.store = open(&self.directory, &self.clock, &self.ids, &self.factory, &self.keyring, &self.log).await;
    }

    pub async fn equal_after_replay(&self) {
        let report = self.store.verify(None).await.unwrap();
        assert!(report.equal(), "a replay differs: {:?}", report.differences);
    }
}

async fn open(
    directory: &tempfile::TempDir,
    clock: &Arc<TestClock>,
    ids: &Arc<TestIds>,
    factory: &Arc<MemFactory>,
    keyring: &Arc<Keyring>,
    log: &Arc<dyn EventLog>,
) -> Cubelog {
    let parts = Parts {
        log: log.clone(),
        keyring: keyring.clone(),
        embedder: Arc::new(NoEmbedder),
        factory: factory.clone(),
        clock: clock.clone(),
        ids: ids.clone(),
        views_dir: directory.path().join("views"),
        settings: Settings { commit_interval: std::time::Duration::from_millis(20), ..Settings::default() },
    };
    Cubelog::open(parts, Role::Writer).await.unwrap()
}

pub fn cube(name: &str) -> CubeKey {
    CubeKey::new(TenantId::new("acme").unwrap(), CubeName::new(name).unwrap())
}

pub fn caller(name: &str) -> Caller {
    Caller {
        tenant: TenantId::new("acme").unwrap(),
        principal: PrincipalId::new(name).unwrap(),
        admin: false,
        origin: Origin::Api,
    }
}

pub fn turns(conversation: &str, texts: &[&str]) -> Vec<TurnInput> {
    texts
        .iter()
        .enumerate()
        .map(|(index, text)| TurnInput {
            conversation: conversation.to_owned(),
            session: Some(format!("S{}", 1 + index / 3)),
            turn_id: format!("t{index}"),
            speaker: Some(if index % 2 == 0 { "Ana" } else { "Ben" }.to_owned()),
            at: Some(Timestamp(1_700_000_000_000_000 + index as i64 * 1_000_000)),
            text: (*text).to_owned(),
            caption: None,
            index: index as u64,
            line: index as u64 + 1,
        })
        .collect()
}

pub fn options() -> IngestOptions {
    IngestOptions {
        tenant: TenantId::new("acme").unwrap(),
        cube: None,
        create: true,
        auditable: false,
        keep_going: false,
        subject: None,
    }
}

pub async fn one(store: &Cubelog, caller: &Caller, cube: &CubeKey, change: Change) -> Result<Outcome, RunError> {
    let request = Request { cube: cube.clone(), command: None, occurred_at: None, change };
    store.submit(caller, vec![request]).await.remove(0)
}

pub async fn created(store: &Cubelog, caller: &Caller, cube: &CubeKey, auditable: bool) {
    let change = Change::CreateCube { visibility: Visibility::Private, auditable };
    assert_eq!(one(store, caller, cube, change).await.unwrap().effect, Effect::Applied);
}

pub fn record(text: &str) -> Change {
    Change::Record {
        memory: None,
        subject: None,
        content: Content::text(text),
        descriptive: Descriptive::of(SemanticType::Fact),
        governance: Governance::default(),
        valid: None,
        sources: Vec::new(),
    }
}

pub fn revise(memory: MemoryId, expected: VersionNo, text: &str) -> Change {
    Change::Revise { memory, expected, content: Content::text(text), valid: None }
}

pub fn search(cubes: &[CubeKey], query: &str) -> SearchRequest {
    SearchRequest::new(cubes.to_vec(), query, 5)
}

pub fn text(row: &cubelog_views::VersionRow) -> &str {
    row.content.clear().map_or("[erased]", |content| content.text.as_str())
}
