//! Records that cannot be read park their own cube and nothing else.

use bytes::Bytes;
use cubelog_log::{Append, Topic};
use cubelog_memory::*;
use cubelog_runner::*;
use cubelog_views::DeadStatus;

use crate::given::*;

async fn garbage(world: &World, key: &str, payload: &'static [u8]) -> Position {
    let id = EventId::new(world.ids.next());
    let record = Append { key: key.to_owned(), id, payload: Bytes::from_static(payload) };
    world.log.append(Topic::Events, vec![record]).await.unwrap()[0].position
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_parks_its_cube_and_a_discard_frees_it() {
    let mut world = World::new().await;
    let ana = caller("ana");
    world.store.ingest_turns(&ana, &options(), turns("walks", &["one", "two"])).await.unwrap();
    world.store.ingest_turns(&ana, &options(), turns("home", &["eins"])).await.unwrap();
    world.store.flush().await.unwrap();
    let position = garbage(&world, "acme/walks", b"\xC3\x01not avro at all").await;
    // Another process wrote on, not knowing; here the record is put on the log directly.
    let more = turns("walks", &["one", "two", "three"]);
    let late = world.store.ingest_turns(&ana, &options(), more.clone()).await;
    world.store.flush().await.unwrap();
    if late.is_err() {
        assert!(matches!(late, Err(RunError::Parked { .. })), "{late:?}");
    }
    let parked = world.store.ingest_turns(&ana, &options(), more.clone()).await;
    assert!(matches!(parked, Err(RunError::Parked { .. })), "{parked:?}");
    let report = world.store.ingest_turns(&ana, &options(), turns("home", &["eins", "zwei"])).await.unwrap();
    assert_eq!(report.received, 1, "other cubes go on");
    world.store.flush().await.unwrap();
    world.reopen().await;
    assert_eq!(world.store.status().await.parked, 1, "parking survives a restart");
    world.equal_after_replay().await;

    let rows = world.store.dead().await.unwrap();
    assert_eq!((rows.len(), rows[0].position, rows[0].status), (1, position, DeadStatus::Parked));
    let retried = world.store.dead_retry(&ana, position).await.unwrap();
    assert_eq!(retried.status, DeadStatus::Parked, "it still cannot be read");
    let stranger = world.store.dead_discard(&caller("ben"), position, None).await;
    assert!(matches!(stranger, Err(RunError::Forbidden { .. })));
    let handled = world.store.dead_discard(&ana, position, Some("a broken producer".to_owned())).await.unwrap();
    assert_eq!(handled.status, DeadStatus::Discarded);
    let report = world.store.ingest_turns(&ana, &options(), more).await.unwrap();
    assert_eq!(report.received + report.duplicates, 3);
    world.store.flush().await.unwrap();
    let state = world.store.state(&ana, &cube("walks"), &Moment::default(), false).await.unwrap();
    assert_eq!(state.iter().map(text).collect::<Vec<_>>(), ["one", "two", "three"]);
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_garbage_is_a_dead_letter_and_nothing_stops() {
    let world = World::new().await;
    let ana = caller("ana");
    let cases: [(&str, &'static [u8]); 7] = [
        ("acme/a", b""),
        ("acme/b", b"\xC3\x01"),
        ("acme/c", b"\x00\x00\x00\x00\x01confluent"),
        ("acme/d", b"\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08unknown fingerprint"),
        ("no cube at all", b"{\"json\": true}"),
        ("", b"\xFF\xFE"),
        ("acme/", b"x"),
    ];
    for (key, payload) in cases {
        garbage(&world, key, payload).await;
    }
    let report = world.store.ingest_turns(&ana, &options(), turns("walks", &["still here"])).await.unwrap();
    world.store.wait(&report.token).await.unwrap();
    let rows = world.store.dead().await.unwrap();
    assert_eq!(rows.len(), cases.len());
    assert!(rows.iter().all(|row| !row.reason.is_empty()));
    assert_eq!(world.store.status().await.parked, 4, "keys that name no cube park none");
    world.equal_after_replay().await;
}

/// An event that was copied into another cube must not be believed there.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_under_a_foreign_key_is_a_dead_letter() {
    let world = World::new().await;
    let ana = caller("ana");
    world.store.ingest_turns(&ana, &options(), turns("walks", &["mine"])).await.unwrap();
    world.store.flush().await.unwrap();
    let mut stream = {
        let until = Some(world.log.end(Topic::Events).await.unwrap());
        world.log.read(Topic::Events, cubelog_log::ReadFrom { from: Cut::start(), until }).await.unwrap()
    };
    let mut payload = None;
    while let Some(records) = futures::StreamExt::next(&mut stream).await {
        payload = records.unwrap().last().map(|record| record.payload.clone()).or(payload);
    }
    let record = Append { key: "acme/other".to_owned(), id: EventId::new(world.ids.next()), payload: payload.unwrap() };
    world.log.append(Topic::Events, vec![record]).await.unwrap();
    let rows = world.store.dead().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].reason.contains("acme/walks"), "{}", rows[0].reason);
}
