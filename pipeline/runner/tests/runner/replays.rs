//! Replays: equal to the live views, stoppable at any point, and without what one asks to leave out.

use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;
use cubelog_views::Known;

use crate::given::*;

/// Ana's and Ben's conversation plus a few revisions by two principals.
async fn lived_in() -> (World, Caller, MemoryId) {
    let world = World::new().await;
    let ana = caller("ana");
    let stream = turns("walks", &["boots", "where", "graz", "when", "monday", "nice"]);
    world.store.ingest_turns(&ana, &options(), stream).await.unwrap();
    let walks = cube("walks");
    let memory = one(&world.store, &ana, &walks, record("Ana likes walks")).await.unwrap().memory.unwrap();
    let grant = Change::Grant { principal: PrincipalId::new("ben").unwrap(), right: Right::Write };
    one(&world.store, &ana, &walks, grant).await.unwrap();
    one(&world.store, &caller("ben"), &walks, revise(memory, 1, "Ana loves walks")).await.unwrap();
    world.store.flush().await.unwrap();
    (world, ana, memory)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_changes_nothing_and_the_store_goes_on() {
    let (world, ana, memory) = lived_in().await;
    let before = world.store.state(&ana, &cube("walks"), &Moment::default(), true).await.unwrap();
    let report = world.store.rebuild(None).await.unwrap();
    assert!(report.records >= 9 && report.dead == 0, "{report:?}");
    assert_eq!(world.store.state(&ana, &cube("walks"), &Moment::default(), true).await.unwrap(), before);
    let outcome = one(&world.store, &ana, &cube("walks"), revise(memory, 2, "Ana walks daily")).await.unwrap();
    world.store.wait(&outcome.token).await.unwrap();
    let row = world.store.get(&ana, None, memory, &Moment::default()).await.unwrap();
    assert_eq!((text(&row), row.version), ("Ana walks daily", 3));
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_until_any_cut_is_the_state_at_that_cut() {
    let (world, ana, _) = lived_in().await;
    let partition = world.log.partition_of("acme/walks");
    let end = world.log.end(cubelog_log::Topic::Events).await.unwrap().next(partition);
    for next in 0..=end {
        let cut: Cut = [(partition, next)].into_iter().collect();
        let into = world.directory.path().join(format!("replay-{next}"));
        world.store.replay(&into, Some(Until::Cut(cut.clone())), &Without::default(), None).await.unwrap();
        let moment = Moment { known: Known::Below(cut), valid_at: None };
        let expected = world.store.state(&ana, &cube("walks"), &moment, true).await.unwrap();
        let factory = world.factory.clone();
        let views = ViewFactory::open(&*factory, &into.join("1"), false).await.unwrap();
        let query = cubelog_views::StateQuery {
            cube: cube("walks"),
            memories: Vec::new(),
            known: Known::Now,
            valid_at: None,
            include_hidden: true,
        };
        assert_eq!(views.state(query).await.unwrap(), expected, "cut {next}");
    }
    let taken = world.directory.path().join("replay-0");
    assert!(world.store.replay(&taken, None, &Without::default(), None).await.is_err(), "the directory is in use");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counterfactual_replay_lacks_what_was_left_out() {
    let (world, ana, memory) = lived_in().await;
    let walks = cube("walks");
    let cases: [(&str, Without, usize); 4] = [
        ("nothing", Without::default(), 0),
        ("ben", Without { principals: vec![PrincipalId::new("ben").unwrap()], ..Without::default() }, 1),
        ("session", Without { sources: vec!["acme/walks/S2".to_owned()], ..Without::default() }, 3),
        ("cube", Without { sources: vec!["walks".to_owned()], ..Without::default() }, 7),
    ];
    for (name, without, expected) in cases {
        let into = world.directory.path().join(name);
        world.store.replay(&into, None, &without, None).await.unwrap();
        let differences = world.store.diff_views(&ana, &walks, &into).await.unwrap();
        assert_eq!(differences.len(), expected, "{name}: {differences:?}");
        if name == "ben" {
            let Difference::Changed { before, after, .. } = &differences[0] else { panic!("a change") };
            assert_eq!((text(before), text(after)), ("Ana loves walks", "Ana likes walks"));
            assert_eq!(after.memory.id, memory);
        }
    }
    world.equal_after_replay().await;
}
