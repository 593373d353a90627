//! Duplicates become one memory, and a merge is taken back.

use cubelog_beliefs::Likeness;
use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;

use crate::given::*;

async fn recorded(world: &World, ana: &Caller, cube: &CubeKey, text: &str) -> MemoryId {
    one(&world.store, ana, cube, record(text)).await.unwrap().memory.unwrap()
}

/// What ordinary reads see: memory, text and since when it holds.
async fn seen(world: &World, ana: &Caller, cube: &CubeKey) -> Vec<(MemoryId, String, Timestamp)> {
    let rows = world.store.state(ana, cube, &Moment::default(), false).await.unwrap();
    rows.iter().map(|row| (row.memory.id, text(row).to_owned(), row.valid.from)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_one_statement_becomes_one_memory_and_can_be_taken_back() {
    let world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let first = recorded(&world, &ana, &home, "I live in Lisbon.").await;
    let second = recorded(&world, &ana, &home, "My home is in Lisbon.").await;
    let third = recorded(&world, &ana, &home, "i live in lisbon").await;
    let other = recorded(&world, &ana, &home, "I have two cats.").await;
    let before = seen(&world, &ana, &home).await;

    let dry = world.store.dedupe(&ana, &home, true).await.unwrap();
    assert_eq!((dry.groups.len(), dry.merged, dry.groups[0].event), (1, 2, None));
    assert_eq!(seen(&world, &ana, &home).await, before, "a dry run changes nothing");

    let report = world.store.dedupe(&ana, &home, false).await.unwrap();
    assert_eq!((report.groups.len(), report.merged, report.refused), (1, 2, 0));
    let group = &report.groups[0];
    assert_eq!((group.into, &group.sources[..], group.likeness), (first, &[second, third][..], Likeness::Restated));
    let merged = seen(&world, &ana, &home).await;
    let texts: Vec<(MemoryId, &str)> = merged.iter().map(|(memory, text, _)| (*memory, text.as_str())).collect();
    assert_eq!(texts, [(first, "My home is in Lisbon."), (other, "I have two cats.")]);
    assert_eq!(merged[0].2, before[0].2, "it holds since it was first said");
    let hits = world.store.search(&ana, search(std::slice::from_ref(&home), "Lisbon")).await.unwrap().hits;
    assert_eq!(hits.iter().map(|hit| hit.row.memory.id).collect::<Vec<_>>(), [first]);
    let history = world.store.history(&ana, first).await.unwrap();
    assert_eq!(history.last().unwrap().parents.len(), 3, "several parents");
    assert_eq!(world.store.dedupe(&ana, &home, false).await.unwrap().groups, [], "nothing is left to merge");

    let undone = world.store.undo_merge(&ana, &home, group.event.unwrap()).await.unwrap();
    let mut returned = undone.returned.clone();
    returned.sort_unstable();
    let mut sources = vec![second, third];
    sources.sort_unstable();
    assert_eq!((undone.into, undone.restored, returned), (first, true, sources));
    assert_eq!(seen(&world, &ana, &home).await, before, "as it was before");
    assert_eq!(world.store.dedupe(&ana, &home, false).await.unwrap().groups, [], "and stays so");
    let again = world.store.undo_merge(&ana, &home, group.event.unwrap()).await;
    assert!(matches!(again, Err(RunError::BadRequest(_))), "{again:?}");
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_over_which_somebody_wrote_gives_its_sources_back_and_keeps_what_was_written() {
    let world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let first = recorded(&world, &ana, &home, "I live in Lisbon.").await;
    let second = recorded(&world, &ana, &home, "I live in Lisbon").await;
    let report = world.store.dedupe(&ana, &home, false).await.unwrap();
    one(&world.store, &ana, &home, revise(first, 2, "I live in Porto.")).await.unwrap();
    let undone = world.store.undo_merge(&ana, &home, report.groups[0].event.unwrap()).await.unwrap();
    assert_eq!((undone.restored, undone.returned), (false, vec![second]));
    let texts: Vec<String> = seen(&world, &ana, &home).await.into_iter().map(|(_, text, _)| text).collect();
    assert_eq!(texts, ["I live in Porto.", "I live in Lisbon"]);
    let no_merge = world.store.history(&ana, first).await.unwrap()[0].event;
    assert!(matches!(world.store.undo_merge(&ana, &home, no_merge).await, Err(RunError::BadRequest(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_of_other_sessions_and_what_is_held_stay_as_they_are() {
    let world = World::new().await;
    let ana = caller("ana");
    let said = "I adopted two cats from the shelter";
    // Ana speaks at even places; three turns are a session.
    let turns = turns("talk", &[said, "Lovely, tell me more about them", said, "Sure, one day soon", said, "You said so"]);
    let report = world.store.ingest_turns(&ana, &options(), turns).await.unwrap();
    let talk = report.cubes[0].clone();
    world.store.flush().await.unwrap();
    let found = world.store.dedupe(&ana, &talk, true).await.unwrap();
    let sizes: Vec<(usize, Likeness)> = found.groups.iter().map(|group| (group.sources.len(), group.likeness)).collect();
    assert_eq!(sizes, [(1, Likeness::Same)], "the third is of another session");
    let placed = Body::HoldPlaced(HoldPlaced { hold: world.store.new_hold(), memory: None, reason: None });
    one(&world.store, &ana, &talk, Change::Plain(Box::new(placed))).await.unwrap();
    assert_eq!(world.store.dedupe(&ana, &talk, false).await.unwrap().groups, []);
    let ben = caller("ben");
    assert!(matches!(world.store.dedupe(&ben, &talk, true).await, Err(RunError::Forbidden { .. })));
}
