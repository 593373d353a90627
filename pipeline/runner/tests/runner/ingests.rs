//! Ingest: nothing twice, nothing half, nothing lost.

use cubelog_memory::*;
use cubelog_runner::*;

use crate::given::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_read_twice_adds_nothing() {
    let mut world = World::new().await;
    let ana = caller("ana");
    let stream = turns("walks", &["I bought boots", "Where?", "In Graz, red ones"]);
    let first = world.store.ingest_turns(&ana, &options(), stream.clone()).await.unwrap();
    assert_eq!((first.received, first.duplicates), (3, 0));
    let again = world.store.ingest_turns(&ana, &options(), stream.clone()).await.unwrap();
    assert_eq!((again.received, again.duplicates), (0, 3));
    world.store.wait(&first.token).await.unwrap();
    world.reopen().await;
    let later = world.store.ingest_turns(&ana, &options(), stream).await.unwrap();
    assert_eq!((later.received, later.duplicates), (0, 3));
    let state = world.store.state(&ana, &cube("walks"), &Moment::default(), false).await.unwrap();
    assert_eq!(state.iter().map(text).collect::<Vec<_>>(), ["I bought boots", "Where?", "In Graz, red ones"]);
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_now_says_something_else_is_refused() {
    let world = World::new().await;
    let ana = caller("ana");
    world.store.ingest_turns(&ana, &options(), turns("walks", &["one", "two"])).await.unwrap();
    world.store.flush().await.unwrap();
    let changed = turns("walks", &["one", "TWO"]);
    let refused = world.store.ingest_turns(&ana, &options(), changed.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("line 2"), "{refused}");
    let keep_going = IngestOptions { keep_going: true, ..options() };
    let report = world.store.ingest_turns(&ana, &keep_going, changed).await.unwrap();
    assert_eq!((report.received, report.duplicates, report.refused), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_turn_refuses_its_chunk_whole_or_alone() {
    let world = World::new().await;
    let ana = caller("ana");
    let mut stream = turns("walks", &["good", "too long", "also good"]);
    stream[1].text = "x".repeat(limits::TEXT_BYTES_MAX + 1);
    let refused = world.store.ingest_turns(&ana, &options(), stream.clone()).await.unwrap_err();
    assert!(refused.to_string().contains("line 2"), "{refused}");
    assert!(world.store.cubes(&ana).await.unwrap().is_empty(), "nothing was written");
    let keep_going = IngestOptions { keep_going: true, ..options() };
    let report = world.store.ingest_turns(&ana, &keep_going, stream.clone()).await.unwrap();
    assert_eq!((report.received, report.refused), (2, 1));
    stream[1].text = " \n".to_owned();
    let report = world.store.ingest_turns(&ana, &options(), stream.clone()).await.unwrap();
    assert_eq!((report.duplicates, report.skipped), (2, 1));
    stream[1].text = "from the future".to_owned();
    stream[1].at = Some(Timestamp(i64::MAX));
    assert!(world.store.ingest_turns(&ana, &options(), stream).await.unwrap_err().to_string().contains("clock"));
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_whose_names_are_no_names_get_cubes_of_their_own() {
    let world = World::new().await;
    let ana = caller("ana");
    for conversation in ["Trip to Rome / 2025", "Trip to Rome ? 2025", "😀", "ordinary"] {
        world.store.ingest_turns(&ana, &options(), turns(conversation, &["hello"])).await.unwrap();
    }
    let names: Vec<String> = world.store.cubes(&ana).await.unwrap().iter().map(|row| row.state.key.cube.to_string()).collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains(&"ordinary".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_read_by_whoever_carries_its_token() {
    let world = World::new().await;
    let ana = caller("ana");
    for round in 0..20 {
        let text = format!("round{round} unique");
        let report = world.store.ingest_turns(&ana, &options(), turns(&format!("c{round}"), &[&text])).await.unwrap();
        let request = SearchRequest { token: Some(report.token), ..search(&[cube(&format!("c{round}"))], &text) };
        let answer = world.store.search(&ana, request).await.unwrap();
        assert_eq!(answer.hits.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_of_unknown_cubes_are_refused_where_cubes_are_not_made() {
    let world = World::new().await;
    let strict = IngestOptions { create: false, ..options() };
    let refused = world.store.ingest_turns(&caller("ana"), &strict, turns("walks", &["hello"])).await;
    assert!(matches!(refused, Err(RunError::UnknownCube(_))));
}
