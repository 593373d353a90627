//! Beliefs through the whole runner: what contradicts ends in one current belief with its history, settled or not, and a replay
//! believes the same.

use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::import::TurnInput;
use cubelog_runner::*;
use cubelog_views::Known;

use crate::given::*;

const DAY: i64 = 86_400_000_000;
/// 2023-11-14
const FIRST: i64 = 1_700_000_000_000_000;

/// What Ana and others say, so many days after the first.
fn said(days: &[(i64, &str, &str)]) -> Vec<TurnInput> {
    let mut stream = turns("walks", &days.iter().map(|(_, _, text)| *text).collect::<Vec<_>>());
    for (turn, (day, speaker, _)) in stream.iter_mut().zip(days) {
        turn.speaker = Some((*speaker).to_owned());
        turn.at = Some(Timestamp(FIRST + day * DAY));
    }
    stream
}

const TOLD: &[(i64, &str, &str)] = &[
    (0, "Ana", "I live in Graz."),
    (0, "Ben", "Nice there, is it not?"),
    (1, "Ana", "I love olives."),
    (90, "Ana", "I live in Linz now."),
    (92, "Ana", "I hate olives."),
    (93, "Ben", "I think I'm allergic to kiwis."),
    (94, "assistant", "You live in Graz, and I live in Rome."),
];

async fn world() -> (World, Caller, CubeKey) {
    let world = World::new().await;
    let ana = caller("ana");
    world.store.ingest_turns(&ana, &options(), said(TOLD)).await.unwrap();
    world.store.flush().await.unwrap();
    (world, ana, cube("walks"))
}

async fn believed(store: &Cubelog, about: Option<&str>, moment: &Moment) -> CubeBeliefs {
    store.beliefs(&caller("ana"), &cube("walks"), about, moment).await.unwrap()
}

fn values(held: &[Held]) -> Vec<&str> {
    held.iter().map(|held| held.value.as_deref().unwrap_or("-")).collect()
}

fn line<'a>(beliefs: &'a CubeBeliefs, subject: &str, attribute: &str) -> &'a BeliefLine {
    let found = beliefs.lines.iter().find(|line| line.subject == subject && line.attribute == attribute);
    found.unwrap_or_else(|| panic!("nothing about {subject}: {attribute} in {beliefs:?}"))
}

fn at(day: i64) -> Moment {
    Moment { known: Known::Now, valid_at: Some(Timestamp(FIRST + day * DAY)) }
}

fn reference(cited: &Cited) -> VersionRef {
    VersionRef { memory: cited.memory, version: cited.version }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_ends_in_one_belief_with_its_history() {
    let (world, ana, walks) = world().await;
    let beliefs = believed(&world.store, None, &Moment::default()).await;
    let home = line(&beliefs, "ana", "home");
    assert_eq!((values(&home.current), values(&home.history)), (vec!["Linz"], vec!["Graz", "Linz"]));
    let [graz, linz] = &home.history[..] else { panic!("two") };
    assert_eq!((graz.until, linz.until), (Some(linz.since), None));
    assert_eq!(graz.displaced.as_ref().map(|(word, _)| *word), Some("changes"));
    assert_eq!((linz.cited.len(), linz.cited[0].version, linz.cited[0].speaker.as_str()), (1, 1, "ana"));
    assert_eq!(values(&line(&believed(&world.store, None, &at(30)).await, "ana", "home").current), ["Graz"], "true before");
    assert!(beliefs.lines.iter().all(|line| line.current.len() <= 1), "never two answers: {beliefs:?}");
    assert!(!beliefs.lines.iter().any(|line| line.subject == "assistant"), "programs claim nothing");
    let of_ben = believed(&world.store, Some("Ben"), &Moment::default()).await;
    assert!(!of_ben.lines.is_empty() && of_ben.lines.iter().all(|line| line.subject == "ben"));
    let weak: Vec<_> = of_ben.doubts.iter().map(|doubt| (doubt.earlier.is_none(), doubt.attribute.as_deref())).collect();
    assert_eq!(weak, [(true, Some("allergy/kiwis"))], "a hedge is to be looked at");

    // The search asks for what is, and finds what was when that is asked for.
    let order = |query: &'static str| {
        let (store, ana, walks) = (&world.store, &ana, &walks);
        async move {
            let hits = store.search(ana, search(&[walks.clone()], query)).await.unwrap().hits;
            let text = |hit: &Hit| hit.row.content.clear().unwrap().text.clone();
            let homes = hits.iter().map(text).filter(|text| text.starts_with("I live"));
            homes.collect::<Vec<_>>()
        }
    };
    assert_eq!(order("Where does Ana live?").await, ["I live in Linz now.", "I live in Graz."]);
    let hits = world.store.search(&ana, search(&[walks.clone()], "Where does Ana live?")).await.unwrap().hits;
    let term = |memory: MemoryId| {
        let hit = hits.iter().find(|hit| hit.row.memory.id == memory).unwrap();
        hit.terms.iter().find(|(term, _)| *term == ranking::Term::Outdated).map(|(_, value)| *value)
    };
    let outdated = Some(-ranking::weights::OUTDATED);
    assert_eq!((term(graz.cited[0].memory), term(linz.cited[0].memory)), (outdated, None));
    assert_eq!(order("Where did Ana live before?").await[0], "I live in Graz.");

    // What was known then is told as it was.
    let cut = world.store.get(&ana, None, graz.cited[0].memory, &Moment::default()).await.unwrap().position;
    let mut below = Cut::start();
    below.cover(cut);
    let then = Moment { known: Known::Below(below), valid_at: Some(Timestamp(FIRST + 200 * DAY)) };
    assert_eq!(values(&line(&believed(&world.store, None, &then).await, "ana", "home").current), ["Graz"]);

    // A read as any other: with its rights, and remembered.
    let refused = world.store.beliefs(&caller("eve"), &walks, None, &Moment::default()).await;
    assert!(matches!(refused, Err(RunError::Forbidden { .. })), "{refused:?}");
    let reads = world.store.audit_reads(&ana, linz.cited[0].memory).await.unwrap();
    assert!(reads.iter().any(|entry| entry.access.purpose == Purpose::Beliefs), "{reads:?}");
    world.store.rebuild(None).await.unwrap();
    let replayed = believed(&world.store, None, &Moment::default()).await;
    assert_eq!((replayed.lines, replayed.doubts), (beliefs.lines, beliefs.doubts), "a replay believes the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_contradiction_leaves_the_review_list_and_stays_settled() {
    let (mut world, ana, walks) = world().await;
    one(&world.store, &ana, &walks, record("Ana lives in Wels.")).await.unwrap();
    let beliefs = believed(&world.store, Some("ana"), &Moment::default()).await;
    let doubt = |beliefs: &CubeBeliefs, attribute: &str| {
        beliefs.doubts.iter().find(|doubt| doubt.attribute.as_deref() == Some(attribute)).cloned()
    };
    let doubted = doubt(&beliefs, "home").expect("somebody else says otherwise much later: a change that nobody is sure of");
    let (earlier, later) = (doubted.earlier.clone().unwrap(), doubted.later.clone());
    assert_eq!((earlier.value.as_deref(), later.value.as_deref()), (Some("Linz"), Some("Wels")));
    assert_eq!(values(&line(&beliefs, "ana", "home").current), ["Wels"]);

    let settle = |memory: &Cited, over: &Cited, outcome| {
        let reason = Some("asked her".to_owned());
        Settlement { memory: reference(memory), over: vec![reference(over)], outcome, since: None, reason }.change().unwrap()
    };
    let stale = Cited { version: 9, ..later.clone() };
    let refused = one(&world.store, &ana, &walks, settle(&stale, &earlier, BeliefOutcome::Replaces)).await;
    assert!(matches!(refused, Err(RunError::Rejected(_))), "{refused:?}");
    let cases = [
        (BeliefOutcome::Replaces, &later, &earlier, vec!["Wels"]),
        (BeliefOutcome::Replaces, &earlier, &later, vec!["Linz"]),
        (BeliefOutcome::Coexists, &later, &earlier, vec!["Linz", "Wels"]),
        (BeliefOutcome::Replaces, &later, &earlier, vec!["Wels"]),
    ];
    for (outcome, memory, over, expected) in cases {
        let written = one(&world.store, &ana, &walks, settle(memory, over, outcome)).await.unwrap();
        assert_eq!(written.effect, Effect::Applied);
        for again in ["at once", "after a restart", "after a replay"] {
            let beliefs = believed(&world.store, Some("ana"), &Moment::default()).await;
            assert_eq!(values(&line(&beliefs, "ana", "home").current), expected, "{outcome} {again}");
            assert_eq!(doubt(&beliefs, "home"), None, "{outcome} {again}");
            assert!(values(&line(&beliefs, "ana", "home").history).contains(&"Graz"), "{outcome} {again}");
            match again {
                "at once" => {
                    world.store.flush().await.unwrap();
                    world.reopen().await;
                }
                _ => drop(world.store.rebuild(None).await.unwrap()),
            }
        }
    }
    let history = world.store.history(&ana, earlier.memory).await.unwrap();
    let last = history.last().unwrap();
    assert_eq!((last.change.as_str(), last.reason.as_deref()), ("belief_resolved", Some("asked her")));
    world.equal_after_replay().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_by_somebody_erased_is_believed_no_more() {
    let (world, ana, walks) = world().await;
    assert!(
        Settlement {
            memory: VersionRef { memory: MemoryId::from_bytes([1; 16]), version: 1 },
            over: Vec::new(),
            outcome: BeliefOutcome::Coexists,
            since: None,
            reason: None,
        }
        .change()
        .is_err()
    );
    let beliefs = believed(&world.store, Some("ana"), &Moment::default()).await;
    let memory = line(&beliefs, "ana", "home").current[0].cited[0].memory;
    one(&world.store, &ana, &walks, Change::Expire { memory, reason: None }).await.unwrap();
    let beliefs = believed(&world.store, Some("ana"), &Moment::default()).await;
    assert_eq!(values(&line(&beliefs, "ana", "home").current), ["Graz"], "what has expired claims nothing");
    let row = world.store.get(&ana, None, memory, &Moment::default()).await.unwrap();
    world.keyring.destroy([&row.subject]).unwrap();
    let beliefs = believed(&world.store, None, &Moment::default()).await;
    assert!(!beliefs.lines.iter().any(|line| line.subject == "ana"), "{beliefs:?}");
}
