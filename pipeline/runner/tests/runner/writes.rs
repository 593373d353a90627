//! Commands: answers, repetitions, conflicts and rights.

use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;

use crate::given::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_command_gives_the_same_answer() {
    let mut world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let command = CommandId::new(derive_uuid("idempotency", &["k1"]));
    let request =
        Request { cube: home.clone(), command: Some(command), occurred_at: None, change: record("the key is under the mat") };
    let first = world.store.submit(&ana, vec![request.clone()]).await.remove(0).unwrap();
    assert_eq!((first.effect.clone(), first.version), (Effect::Applied, Some(1)));
    for round in 0..3 {
        if round == 1 {
            world.reopen().await;
        }
        let again = world.store.submit(&ana, vec![request.clone()]).await.remove(0).unwrap();
        assert_eq!(again.effect, Effect::Repeated);
        assert_eq!((again.event, again.position, again.memory), (first.event, first.position, first.memory));
    }
    assert_eq!(world.store.state(&ana, &home, &Moment::default(), false).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_revision_is_kept_as_a_sibling_and_can_be_chosen() {
    let world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let memory = one(&world.store, &ana, &home, record("tea")).await.unwrap().memory.unwrap();
    assert_eq!(one(&world.store, &ana, &home, revise(memory, 1, "coffee")).await.unwrap().version, Some(2));
    let stale = one(&world.store, &ana, &home, revise(memory, 1, "cocoa")).await.unwrap();
    assert_eq!((stale.effect, stale.version), (Effect::Conflict, Some(3)));
    let row = world.store.get(&ana, None, memory, &Moment::default()).await.unwrap();
    assert_eq!((text(&row), row.version, row.memory.siblings.len()), ("coffee", 2, 1));
    let choose = Change::Resolve { memory, expected: 2, winner: 3, reason: Some("she said so".to_owned()) };
    assert_eq!(one(&world.store, &ana, &home, choose).await.unwrap().version, Some(4));
    let row = world.store.get(&ana, None, memory, &Moment::default()).await.unwrap();
    assert_eq!((text(&row), row.version, row.memory.siblings.len()), ("cocoa", 4, 0));
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_race_leave_siblings_and_never_overwrite() {
    let world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let memory = one(&world.store, &ana, &home, record("start")).await.unwrap().memory.unwrap();
    let mut tasks = Vec::new();
    for writer in 0..8 {
        let (store, ana, home) = (world.store.clone(), ana.clone(), home.clone());
        tasks.push(tokio::spawn(async move { one(&store, &ana, &home, revise(memory, 1, &format!("by {writer}"))).await }));
    }
    let (mut applied, mut conflicts) = (0, 0);
    for task in tasks {
        match task.await.unwrap() {
            Ok(outcome) if outcome.effect == Effect::Applied => applied += 1,
            Ok(outcome) if outcome.effect == Effect::Conflict => conflicts += 1,
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!((applied, conflicts), (1, 7));
    world.store.flush().await.unwrap();
    let history = world.store.history(&ana, memory).await.unwrap();
    assert_eq!(history.len(), 2 + conflicts, "every accepted content is in the chain");
    let row = world.store.get(&ana, None, memory, &Moment::default()).await.unwrap();
    assert_eq!(row.memory.siblings.len(), conflicts);
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_changes_keep_the_content_across_batches_and_restarts() {
    let mut world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let memory = one(&world.store, &ana, &home, record("tea")).await.unwrap().memory.unwrap();
    world.store.flush().await.unwrap();
    world.reopen().await;
    let tag = Change::Tag { memory, add: vec![Tag::new("drink").unwrap()], remove: Vec::new() };
    one(&world.store, &ana, &home, tag).await.unwrap();
    let archive = Change::Move { memory, to: Lifecycle::Archived, reason: Some("old".to_owned()) };
    one(&world.store, &ana, &home, archive).await.unwrap();
    world.store.flush().await.unwrap();
    let row = world.store.get(&ana, None, memory, &Moment::default()).await.unwrap();
    assert_eq!((text(&row), row.memory.lifecycle, row.reason.as_deref()), ("tea", Lifecycle::Archived, Some("old")));
    assert!(world.store.search(&ana, search(&[home], "tea")).await.unwrap().hits.is_empty(), "archived is out of search");
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_hold_for_reads_and_writes_and_other_tenants_see_nothing() {
    let world = World::new().await;
    let (ana, ben, home) = (caller("ana"), caller("ben"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let memory = one(&world.store, &ana, &home, record("secret")).await.unwrap().memory.unwrap();
    world.store.flush().await.unwrap();
    assert!(matches!(world.store.get(&ben, None, memory, &Moment::default()).await, Err(RunError::Forbidden { .. })));
    assert!(world.store.search(&ben, search(&[], "secret")).await.unwrap().hits.is_empty());
    let grant = Change::Grant { principal: ben.principal.clone(), right: Right::Read };
    one(&world.store, &ana, &home, grant).await.unwrap();
    assert_eq!(world.store.search(&ben, search(&[], "secret")).await.unwrap().hits.len(), 1);
    let denied = one(&world.store, &ben, &home, revise(memory, 1, "x")).await;
    assert!(matches!(denied, Err(RunError::Rejected(Rejection::Forbidden { .. }))));
    let stranger = Caller { tenant: TenantId::new("other").unwrap(), admin: true, ..caller("root") };
    let unseen = world.store.get(&stranger, None, memory, &Moment::default()).await;
    assert!(matches!(unseen, Err(RunError::UnknownMemory(_))));
    let foreign = one(&world.store, &stranger, &home, record("x")).await;
    assert!(matches!(foreign, Err(RunError::UnknownCube(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_data_key_shows_as_erased_everywhere() {
    let mut world = World::new().await;
    let ana = caller("ana");
    let report = world.store.ingest_turns(&ana, &options(), turns("walks", &["by Ana", "by Ben", "Ana again"])).await.unwrap();
    world.store.wait(&report.token).await.unwrap();
    let subject = world.keyring.subject_of(&cube("walks"), "Ana");
    world.keyring.destroy([&subject]).unwrap();
    let texts = |rows: &[cubelog_views::VersionRow]| rows.iter().map(|row| text(row).to_owned()).collect::<Vec<_>>();
    let state = world.store.state(&ana, &cube("walks"), &Moment::default(), false).await.unwrap();
    assert_eq!(texts(&state), ["[erased]", "by Ben", "[erased]"], "at once");
    world.reopen().await;
    world.equal_after_replay().await;
    let state = world.store.state(&ana, &cube("walks"), &Moment::default(), false).await.unwrap();
    assert_eq!(texts(&state), ["[erased]", "by Ben", "[erased]"]);
    assert!(world.store.search(&ana, search(&[cube("walks")], "again")).await.unwrap().hits.is_empty());
}
