//! Files and versions stay bounded, and upkeep never changes an answer.

use std::path::Path;

use cubelog_memory::ranking::Method;
use cubelog_views::conformance::script::{DIM, Script, vector_of};
use cubelog_views::{Filter, LanceViews, SearchQuery, ViewOptions, ViewStore};

use super::{assert_holds, home, ingest, open, options};

fn count_files(folder: &Path) -> usize {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { count_files(&path) } else { 1 })
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_small_commits_leave_few_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    let store = open(dir.path()).await;
    for round in 0..30 {
        ingest(&store, &mut script, round * 10, 10).await;
        store.maintain().await.unwrap();
    }
    for stats in store.stats().await.unwrap() {
        assert!(stats.versions <= 60, "{stats:?}");
        assert!(stats.fragments <= 80, "{stats:?}");
    }
    let files = count_files(dir.path());
    assert!(files < 1_200, "{files} files");
    assert_holds(&store, &script).await;
    drop(store);
    assert_holds(&open(dir.path()).await, &script).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_tables_are_searched_by_indices_and_younger_rows_beside_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    let store = LanceViews::open(dir.path(), ViewOptions { held_max: 2_000, ..options() }).await.unwrap();
    for number in 0..6_000 {
        script.turn(&home(), number, "ana", &format!("plum number {number}"));
    }
    store.commit(script.batch()).await.unwrap();
    let done = store.maintain().await.unwrap();
    for column in ["search_text", "vector"] {
        assert!(done.iter().any(|line| line.contains(column)), "{done:?}");
    }
    script.turn(&home(), 7_000, "ana", "a quince");
    script.revise(&home(), 5, 1, "a medlar", cubelog_memory::Validity::since(cubelog_memory::Timestamp(9)));
    store.commit(script.batch()).await.unwrap();
    let query = |text: &str| SearchQuery {
        cubes: vec![home()],
        vector: Some(vector_of(text, DIM)),
        text: Some(text.to_owned()),
        filter: Filter::default(),
        candidates: 5,
        named: Vec::new(),
        asker: None,
        own: false,
        ask: cubelog_memory::ranking::Ask::new(5),
    };
    for (text, expected) in [("quince", "a quince"), ("medlar", "a medlar"), ("plum 77", "plum number 77")] {
        let found = store.search(SearchQuery { vector: None, ..query(text) }).await.unwrap();
        assert!(found.iter().any(|found| found.row.content.clear().unwrap().text == expected), "{text}: {found:?}");
        assert!(!store.search(query(text)).await.unwrap().is_empty());
    }
    let old = store.search(SearchQuery { vector: None, ..query("plum number 5") }).await.unwrap();
    assert!(old.iter().all(|found| found.row.content.clear().unwrap().text != "plum number 5"), "revised away");
    let ask = cubelog_memory::ranking::Ask { method: Method::Dense, ..cubelog_memory::ranking::Ask::new(5) };
    let near = store.search(SearchQuery { ask, candidates: 100, ..query("plum number 1234") }).await.unwrap();
    // Made-up vectors are crowded, and the index is approximate: what it finds is as near as the nearest, or nearly so.
    let wanted = vector_of("plum number 1234", DIM);
    let like = |text: &str| cubelog_memory::vectors::cosine(&wanted, &vector_of(text, DIM));
    let nearest = (0..6_000).map(|number| like(&format!("plum number {number}"))).fold(f32::MIN, f32::max);
    assert!(near[0].ranked.score >= nearest - 0.02, "{} is far from {nearest}", near[0].ranked.score);
    assert_holds(&store, &script).await;
    store.maintain().await.unwrap();
    assert_holds(&store, &script).await;
}
