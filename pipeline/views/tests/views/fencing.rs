//! One writer: the lock keeps honest processes apart, the strict commit refuses whoever got past it.

use cubelog_views::conformance::script::Script;
use cubelog_views::{LanceViews, ViewError, ViewOptions, ViewStore};

use super::{assert_holds, home, ingest, open, open_to_read, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lock_names_its_holder() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let error = LanceViews::open(dir.path(), options()).await.err().unwrap();
    assert!(matches!(&error, ViewError::Fenced { holder } if holder == &format!("process {}", std::process::id())), "{error}");
    drop(store);
    open(dir.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_writer_past_the_lock_is_refused_at_commit() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    let first = open(dir.path()).await;
    ingest(&first, &mut script, 0, 3).await;
    // Somebody removed the lock file: the second process locks a new one.
    std::fs::remove_file(dir.path().join("writer.lock")).unwrap();
    let second = open(dir.path()).await;
    let mut ours = script.clone();
    ingest(&first, &mut ours, 3, 1).await;
    let mut theirs = script.clone();
    theirs.turn(&home(), 77, "eve", "not accepted");
    let error = second.commit(theirs.batch()).await.unwrap_err();
    assert!(matches!(error, ViewError::Fenced { .. }), "{error}");
    let error = second.commit(theirs.batch()).await;
    assert!(error.is_ok() || matches!(error, Err(ViewError::Damaged { .. })), "refused until reopened, or nothing to do");
    assert_holds(&first, &ours).await;
    ingest(&first, &mut ours, 4, 2).await;
    assert_holds(&first, &ours).await;
    assert_holds(&open_to_read(dir.path()).await, &ours).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_in_other_processes_follow() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    let writer = open(dir.path()).await;
    ingest(&writer, &mut script, 0, 2).await;
    let reader = open_to_read(dir.path()).await;
    assert_holds(&reader, &script).await;
    ingest(&writer, &mut script, 2, 5).await;
    assert_eq!(reader.history(cubelog_views::conformance::script::memory(10)).await.unwrap().len(), 1);
    assert_holds(&reader, &script).await;
    assert!(reader.commit(script.batch()).await.is_err());
    let nothing = tempfile::tempdir().unwrap();
    assert!(LanceViews::open(nothing.path(), ViewOptions { read_only: true, ..options() }).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_commit_carries_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    let store = open(dir.path()).await;
    ingest(&store, &mut script, 0, 4).await;
    for (name, dataset) in store.datasets() {
        if !["memories", "versions", "turns"].contains(&name) {
            continue;
        }
        let transaction = dataset.read_transaction().await.unwrap().unwrap();
        let properties = transaction.transaction_properties.unwrap();
        assert_eq!(properties["cubelog.cut"], script.cut().to_string(), "{name}");
        assert_eq!(properties["cubelog.batch"], "4");
        assert_eq!(properties["cubelog.embedder"], "made-up");
    }
    let connection = lancedb::connect(dir.path().to_str().unwrap()).execute().await.unwrap();
    let table = connection.open_table("memories").execute().await.unwrap();
    assert_eq!(table.count_rows(None).await.unwrap(), 8, "any LanceDB client reads it");
}
