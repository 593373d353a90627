//! Forgetting through the whole runner: a policy is set, time passes, and what is due leaves search but not the audit.

use cubelog_memory::forgetting::Step;
use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;

use crate::given::*;

const DAY: i64 = 86_400_000_000;

fn policy(document: &str) -> Change {
    Change::SetPolicy { name: Tag::new("forgetting").unwrap(), document: document.to_owned() }
}

fn pin(memory: MemoryId, pinned: bool) -> Change {
    Change::Plain(Box::new(Body::MemoryGoverned(MemoryGoverned {
        memory,
        sensitivity: None,
        trust: None,
        priority: None,
        lifespan: None,
        pinned: Some(pinned),
        reason: None,
    })))
}

async fn recorded(world: &World, ana: &Caller, cube: &CubeKey, text: &str) -> MemoryId {
    one(&world.store, ana, cube, record(text)).await.unwrap().memory.unwrap()
}

async fn found(world: &World, ana: &Caller, cube: &CubeKey, query: &str) -> Vec<MemoryId> {
    let answer = world.store.search(ana, search(std::slice::from_ref(cube), query)).await.unwrap();
    answer.hits.iter().map(|hit| hit.row.memory.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_leaves_search_at_once_and_an_auditor_still_sees_it() {
    let mut world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let parcel = recorded(&world, &ana, &home, "the parcel waits at the corner shop").await;
    let pinned = recorded(&world, &ana, &home, "the parcel code is 4711").await;
    let held = recorded(&world, &ana, &home, "the parcel was paid in cash").await;
    one(&world.store, &ana, &home, pin(pinned, true)).await.unwrap();
    let hold = world.store.new_hold();
    let placed = Body::HoldPlaced(HoldPlaced { hold, memory: Some(held), reason: Some("case 12".to_owned()) });
    one(&world.store, &ana, &home, Change::Plain(Box::new(placed))).await.unwrap();
    let document = "grace = \"10d\"\n\n[[rule]]\nsemantic = [\"fact\"]\nttl = \"30d\"\n";
    one(&world.store, &ana, &home, policy(document)).await.unwrap();

    world.clock.advance(31 * DAY);
    let dry = world.store.forget(&ana, &home, true).await.unwrap();
    assert_eq!((dry.archived, dry.expired, dry.moves.len()), (1, 0, 1));
    assert_eq!((dry.moves[0].memory, dry.moves[0].step), (parcel, Step::Archive));
    assert_eq!(found(&world, &ana, &home, "parcel").await.len(), 3, "a dry run changes nothing");

    let report = world.store.forget(&ana, &home, false).await.unwrap();
    assert_eq!((report.archived, report.expired, report.refused), (1, 0, 0));
    assert!(!found(&world, &ana, &home, "parcel").await.contains(&parcel), "archived memories are out of ordinary search");
    assert_eq!(world.store.forget(&ana, &home, false).await.unwrap().moves, [], "the grace runs");

    world.clock.advance(11 * DAY);
    let report = world.store.forget(&ana, &home, false).await.unwrap();
    assert_eq!((report.archived, report.expired, report.refused), (0, 1, 0));
    let mut left = found(&world, &ana, &home, "parcel").await;
    left.sort_unstable();
    let mut kept = vec![pinned, held];
    kept.sort_unstable();
    assert_eq!(left, kept, "at once, with no wait for the views");
    let state = world.store.state(&ana, &home, &Moment::default(), false).await.unwrap();
    assert_eq!(state.len(), 2);

    // As expired, with the reason, to whoever asks for it by name.
    let row = world.store.get(&ana, None, parcel, &Moment::default()).await.unwrap();
    assert!(row.memory.expired_at.is_some() && text(&row) == "the parcel waits at the corner shop");
    let state = world.store.state(&ana, &home, &Moment::default(), true).await.unwrap();
    assert_eq!(state.iter().filter(|row| row.memory.expired_at.is_some()).count(), 1);
    let writes = world.store.audit_writes(&ana, parcel).await.unwrap();
    let told: Vec<(&str, Option<&str>)> = writes.iter().map(|row| (row.change.as_str(), row.reason.as_deref())).collect();
    let why = Some("its 30 days are over");
    assert_eq!(told, [("memory_recorded", None), ("memory_moved", why), ("memory_expired", why)]);
    let mut hidden = search(std::slice::from_ref(&home), "parcel");
    hidden.filter.include_hidden = true;
    assert_eq!(world.store.search(&ana, hidden).await.unwrap().hits.len(), 3);

    // A hold that is lifted and a pin that is taken out protect no longer.
    let lifted = Body::HoldLifted(HoldLifted { hold, reason: None });
    one(&world.store, &ana, &home, Change::Plain(Box::new(lifted))).await.unwrap();
    one(&world.store, &ana, &home, pin(pinned, false)).await.unwrap();
    world.reopen().await;
    assert_eq!(world.store.forget(&ana, &home, false).await.unwrap().archived, 2);
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_searched_for_does_not_decay_and_what_an_auditor_looks_at_does() {
    let world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let tea = recorded(&world, &ana, &home, "Ben drinks green tea").await;
    let fish = recorded(&world, &ana, &home, "Ben keeps tropical fish").await;
    let rule = "ending = \"archive\"\nfloor = 0.3\n\n[[rule]]\nhalf-life = \"10d\"\n";
    one(&world.store, &ana, &home, policy(rule)).await.unwrap();
    world.clock.advance(15 * DAY);
    assert_eq!(world.store.forget(&ana, &home, true).await.unwrap().moves, []);
    assert_eq!(found(&world, &ana, &home, "tea").await, [tea]);
    world.store.audit_writes(&ana, fish).await.unwrap();
    world.store.state(&ana, &home, &Moment::default(), false).await.unwrap();
    world.clock.advance(5 * DAY);
    let report = world.store.forget(&ana, &home, false).await.unwrap();
    let moved: Vec<(MemoryId, String)> = report.moves.iter().map(|due| (due.memory, due.reason.to_string())).collect();
    assert_eq!(moved, [(fish, "for want of use it is worth 0.250, less than 0.3".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_be_read_is_not_set_and_only_owners_set_one() {
    let world = World::new().await;
    let (ana, ben, home) = (caller("ana"), caller("ben"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let refused = one(&world.store, &ana, &home, policy("floor = 0.1\ngrave = \"1d\"\n")).await.unwrap_err();
    assert!(matches!(&refused, RunError::Policy(error) if error.line == 2), "{refused}");
    assert!(matches!(world.store.forget(&ben, &home, true).await, Err(RunError::Forbidden { .. })));
    let grant = Change::Grant { principal: ben.principal.clone(), right: Right::Write };
    one(&world.store, &ana, &home, grant).await.unwrap();
    let by_ben = one(&world.store, &ben, &home, policy("floor = 0.1")).await;
    assert!(matches!(by_ben, Err(RunError::Rejected(Rejection::Forbidden { .. }))));
    assert_eq!(world.store.forget(&ben, &home, false).await.unwrap().moves, []);
    let elsewhere = Caller { tenant: TenantId::new("other").unwrap(), ..ana };
    assert!(matches!(world.store.forget(&elsewhere, &home, true).await, Err(RunError::UnknownCube(_))));
}
