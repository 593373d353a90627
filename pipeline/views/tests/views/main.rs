//! The views as one binary: conformance of both stores, and what only the LanceDB store has to survive.

mod comparing;
mod erasing;
mod fencing;
mod killing;
mod measure;
mod recovery;
mod rows;
mod upkeep;

use std::path::Path;
use std::sync::Arc;

use cubelog_memory::{CubeKey, Timestamp};
use cubelog_views::conformance::CHECKS;
use cubelog_views::conformance::script::{DIM, Script, cube};
use cubelog_views::{LanceViews, MemViews, ViewOptions, ViewStore};

pub fn options() -> ViewOptions {
    ViewOptions {
        embedder: "made-up".to_owned(),
        dim: Some(DIM),
        now: Arc::new(|| Timestamp(1_700_000_000_000_000)),
        read_only: false,
        held_max: cubelog_views::HELD_MAX,
    }
}

pub async fn open(dir: &Path) -> LanceViews {
    LanceViews::open(dir, options()).await.unwrap()
}

pub async fn open_to_read(dir: &Path) -> LanceViews {
    LanceViews::open(dir, ViewOptions { read_only: true, ..options() }).await.unwrap()
}

pub fn home() -> CubeKey {
    cube("acme", "home")
}

/// Commits `count` batches of two turns and an odd revision each, numbered from `first`.
pub async fn ingest(store: &LanceViews, script: &mut Script, first: u64, count: u64) {
    for number in first..first + count {
        script.turn(&home(), number * 2, "ana", &format!("apple number {number}"));
        script.turn(&home(), number * 2 + 1, "bob", &format!("pear number {number}"));
        if number % 3 == 2 {
            let valid = cubelog_memory::Validity::since(Timestamp(1_650_000_000_000_000));
            script.revise(&home(), number * 2 - 2, 1, &format!("better apple {number}"), valid);
        }
        store.commit(script.batch()).await.unwrap();
    }
}

/// The store holds what the script folded: state, history of every memory, nothing twice.
pub async fn assert_holds(store: &LanceViews, script: &Script) {
    assert_eq!(store.reflected(), script.cut());
    for (key, state) in &script.states {
        assert_eq!(store.load_cube(key).await.unwrap().as_ref(), Some(state));
        for id in state.memories.keys().take(20) {
            let history = store.history(*id).await.unwrap();
            let mut events: Vec<_> = history.iter().map(|row| row.event).collect();
            let rows = events.len();
            events.sort();
            events.dedup();
            assert_eq!(events.len(), rows, "a row came twice");
            assert_eq!(history.last().map(|row| row.memory.changed), Some(state.memories[id].changed));
        }
    }
    let mut expected = script.memory_rows();
    let ids: Vec<_> = expected.iter().map(|row| row.memory.id).collect();
    let mut rows = store.memories(&ids).await.unwrap();
    rows.sort_by_key(|row| row.memory.id);
    expected.sort_by_key(|row| row.memory.id);
    assert_eq!(rows, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_store_conforms() {
    for (name, check) in CHECKS {
        eprintln!("{name}");
        check(Arc::new(MemViews::new())).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lance_store_conforms() {
    for (name, check) in CHECKS {
        eprintln!("{name}");
        let dir = tempfile::tempdir().unwrap();
        let store: Arc<dyn ViewStore> = Arc::new(open(dir.path()).await);
        check(store).await;
    }
}
