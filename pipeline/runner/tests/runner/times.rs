//! The time machine: what was known, and what was true.

use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;
use cubelog_views::Known;

use crate::given::*;

#[tokio::test(flavor = "multi_thread")]
async fn known_then_and_true_then_are_different_questions() {
    let world = World::new().await;
    let (ana, home) = (caller("ana"), cube("home"));
    created(&world.store, &ana, &home, false).await;
    let year = |year: i64| Timestamp((year - 1970) * 31_556_952_000_000);
    let lives_in = |city: &str, since: i64| Content::text(format!("lives in {city} since {since}"));
    let first = Change::Record {
        memory: None,
        subject: None,
        content: lives_in("Graz", 2020),
        descriptive: Descriptive::of(SemanticType::Fact),
        governance: Governance::default(),
        valid: Some(Validity::since(year(2020))),
        sources: Vec::new(),
    };
    let recorded = one(&world.store, &ana, &home, first).await.unwrap();
    let memory = recorded.memory.unwrap();
    world.clock.advance(3_600_000_000);
    let before_revision = world.clock.now();
    world.clock.advance(3_600_000_000);
    let second =
        Change::Revise { memory, expected: 1, content: lives_in("Wien", 2024), valid: Some(Validity::since(year(2024))) };
    let revised = one(&world.store, &ana, &home, second).await.unwrap();
    world.store.wait(&revised.token).await.unwrap();

    let at = |known: Known, valid_at: Option<Timestamp>| Moment { known, valid_at };
    let get = async |moment: Moment| world.store.get(&ana, None, memory, &moment).await.map(|row| text(&row).to_owned());
    let below = |outcome: &Outcome| Known::Below(outcome.token.clone());
    let cases = [
        (at(Known::Now, None), Some("lives in Wien since 2024")),
        (at(Known::At(before_revision), None), Some("lives in Graz since 2020")),
        (at(below(&recorded), None), Some("lives in Graz since 2020")),
        (at(below(&revised), None), Some("lives in Wien since 2024")),
        (at(Known::Now, Some(year(2022))), Some("lives in Graz since 2020")),
        (at(Known::Now, Some(year(2025))), Some("lives in Wien since 2024")),
        (at(Known::At(before_revision), Some(year(2025))), Some("lives in Graz since 2020")),
        (at(Known::Now, Some(year(2019))), None),
        (at(Known::At(Timestamp(0)), None), None),
    ];
    for (moment, expected) in cases {
        match (get(moment.clone()).await, expected) {
            (Ok(found), Some(expected)) => assert_eq!(found, expected, "{moment:?}"),
            (Err(RunError::UnknownMemory(_)), None) => {}
            (other, _) => panic!("{moment:?}: {other:?}"),
        }
    }
    let before = at(Known::At(before_revision), None);
    let diff = world.store.diff(&ana, &home, &before, &Moment::default()).await.unwrap();
    assert!(matches!(&diff[..], [Difference::Changed { fields, .. }] if fields.contains(&"content")), "{diff:?}");
    let from_nothing = at(Known::Below(Cut::start()), None);
    let diff = world.store.diff(&ana, &home, &from_nothing, &Moment::default()).await.unwrap();
    assert!(matches!(&diff[..], [Difference::Added(_)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_state_is_not_moved_by_what_comes_later() {
    let world = World::new().await;
    let ana = caller("ana");
    let texts: Vec<String> = (0..30).map(|number| format!("turn {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut moments = Vec::new();
    for chunk in turns("walks", &texts).chunks(7) {
        let report = world.store.ingest_turns(&ana, &options(), chunk.to_vec()).await.unwrap();
        world.store.wait(&report.token).await.unwrap();
        let moment = Moment { known: Known::At(world.clock.now()), valid_at: None };
        let state = world.store.state(&ana, &cube("walks"), &moment, false).await.unwrap();
        moments.push((moment, state));
        world.clock.advance(1_000_000);
    }
    for (moment, state) in moments {
        assert_eq!(world.store.state(&ana, &cube("walks"), &moment, false).await.unwrap(), state);
    }
}
