//! Forgetting: what is due when, and what no policy may do.

use std::collections::BTreeSet;

use cubelog_memory::forgetting::*;
use cubelog_memory::*;
use proptest::prelude::*;

use crate::given::{cube, event, held, id, moved, pinned, recorded};

const S: i64 = 1_000_000;
const DAY: u64 = 86_400;

/// A memory as the tests want it, recorded `born` seconds after the beginning.
#[derive(Debug, Clone)]
struct Spec {
    born: i64,
    semantic: SemanticType,
    lifespan: Lifespan,
    pinned: bool,
    lifecycle: Lifecycle,
    held: bool,
}

fn plain(lifespan: Lifespan) -> Spec {
    let (semantic, lifecycle) = (SemanticType::Fact, Lifecycle::Generated);
    Spec { born: 0, semantic, lifespan, pinned: false, lifecycle, held: false }
}

fn at(seconds: i64, offset: u64) -> At {
    At { position: Position { partition: 0, offset }, recorded_at: Timestamp(seconds * S) }
}

fn play(state: &mut CubeState, number: &mut u64, seconds: i64, body: Body) -> Verdict {
    *number += 1;
    apply(state, at(seconds, *number), &event(*number, body)).verdict
}

fn state_of(specs: &[Spec], whole: bool) -> (CubeState, u64) {
    let (mut state, mut number) = (CubeState::new(cube()), 0);
    play(&mut state, &mut number, 0, crate::given::created());
    for (index, spec) in specs.iter().enumerate() {
        let memory = index as u64;
        let Body::MemoryRecorded(mut body) = recorded(memory, &format!("text {memory}")) else { unreachable!() };
        body.descriptive.semantic = spec.semantic;
        body.governance.lifespan = spec.lifespan;
        play(&mut state, &mut number, spec.born, Body::MemoryRecorded(body));
        if spec.pinned {
            play(&mut state, &mut number, spec.born, pinned(memory, true));
        }
        if spec.lifecycle != Lifecycle::Generated {
            play(&mut state, &mut number, spec.born, moved(memory, spec.lifecycle));
        }
        if spec.held {
            play(&mut state, &mut number, spec.born, held(memory, Some(memory)));
        }
    }
    if whole {
        play(&mut state, &mut number, 0, held(9_999, None));
    }
    (state, number)
}

fn rule(semantic: &[SemanticType], lives: Lives) -> Rule {
    Rule { semantic: semantic.to_vec(), path: None, tags: BTreeSet::new(), lives }
}

fn policy(ending: Ending, rules: Vec<Rule>) -> Policy {
    Policy { ending, floor: 0.1, rules }
}

#[track_caller]
fn check(spec: Spec, policy: &Policy, used: Option<Use>, now_s: i64, expected: Option<(Step, &str)>) {
    let (state, _) = state_of(std::slice::from_ref(&spec), false);
    let uses: Uses = used.into_iter().map(|used| (id(0), used)).collect();
    let moves = due(&state, Timestamp(now_s * S), policy, &uses);
    let found: Vec<(Step, String)> = moves.iter().map(|due| (due.step, due.reason.to_string())).collect();
    let expected: Vec<(Step, String)> = expected.into_iter().map(|(step, reason)| (step, reason.to_owned())).collect();
    assert_eq!(found, expected, "{spec:?}, {used:?}, at {now_s}");
}

#[test]
fn lifespans_end_when_they_say() {
    let gently = policy(Ending::ArchiveThenExpire { grace_s: 100 }, Vec::new());
    let until = plain(Lifespan::Until(Timestamp(50 * S)));
    check(until.clone(), &gently, None, 49, None);
    check(until.clone(), &gently, None, 50, Some((Step::Archive, "its lifespan ended")));
    // Archived at 0 with its memory: the grace runs from there, but not before its end.
    let archived = Spec { lifecycle: Lifecycle::Archived, ..until.clone() };
    check(archived.clone(), &gently, None, 100, None);
    check(archived.clone(), &gently, None, 101, Some((Step::Expire, "its lifespan ended")));
    check(archived.clone(), &policy(Ending::Archive, Vec::new()), None, 1_000_000, None);
    check(Spec { lifespan: Lifespan::Keep, ..archived }, &gently, None, 1_000_000, None);
    check(until.clone(), &policy(Ending::Expire, Vec::new()), None, 50, Some((Step::Expire, "its lifespan ended")));
    for untouched in [
        Spec { pinned: true, ..until.clone() },
        Spec { held: true, ..until.clone() },
        Spec { lifecycle: Lifecycle::Frozen, ..until.clone() },
        plain(Lifespan::Keep),
    ] {
        check(untouched, &gently, None, 1_000_000, None);
    }
}

#[test]
fn use_keeps_a_decaying_memory() {
    let policy = policy(Ending::ArchiveThenExpire { grace_s: 100 }, Vec::new());
    let decaying = plain(Lifespan::Decay { half_life_s: 1_000 });
    // A half, a quarter, an eighth, a sixteenth: below a tenth after 3322 seconds.
    check(decaying.clone(), &policy, None, 3_300, None);
    let gone = Some((Step::Archive, "for want of use it is worth 0.099, less than 0.1"));
    check(decaying.clone(), &policy, None, 3_330, gone);
    check(decaying.clone(), &policy, Some(Use { count: 1, last: Timestamp(1_000 * S) }), 5_300, None);
    check(decaying.clone(), &policy, Some(Use { count: 1, last: Timestamp(1_000 * S) }), 5_330, gone);
    // Three uses are worth one half-life more than one; a clock that goes back takes nothing away.
    check(decaying.clone(), &policy, Some(Use { count: 3, last: Timestamp(1_000 * S) }), 5_900, None);
    check(decaying, &policy, Some(Use { count: 1, last: Timestamp(-90 * S) }), 0, None);
}

#[test]
fn the_first_rule_that_fits_speaks_and_a_memorys_own_lifespan_before_it() {
    let keep = rule(&[SemanticType::Profile], Lives::On);
    let turns = rule(&[SemanticType::Turn, SemanticType::Fact], Lives::For { ttl_s: 2 * DAY });
    let rest = rule(&[], Lives::For { ttl_s: 1 });
    let policy = policy(Ending::Archive, vec![keep, turns, rest]);
    let of = |semantic| Spec { semantic, ..plain(Lifespan::Keep) };
    check(of(SemanticType::Profile), &policy, None, i64::MAX / S, None);
    check(of(SemanticType::Fact), &policy, None, 2 * DAY as i64 - 1, None);
    check(of(SemanticType::Fact), &policy, None, 2 * DAY as i64, Some((Step::Archive, "its 2 days are over")));
    check(of(SemanticType::Note), &policy, None, 1, Some((Step::Archive, "its 1 seconds are over")));
    check(plain(Lifespan::Until(Timestamp(i64::MAX))), &policy, None, 10 * DAY as i64, None);

    let labelled = |path: &str, tags: &[&str]| Rule {
        semantic: Vec::new(),
        path: Some(Path::parse(path).unwrap()),
        tags: tags.iter().map(|tag| Tag::new(*tag).unwrap()).collect(),
        lives: Lives::For { ttl_s: 1 },
    };
    let (mut state, _) = state_of(&[plain(Lifespan::Keep)], false);
    let labels = &mut state.memories.get_mut(&id(0)).unwrap().descriptive;
    labels.path = Some(Path::parse("work/trips").unwrap());
    labels.tags.insert(Tag::new("draft").unwrap());
    for (path, tags, fits) in [
        ("work", &[][..], true),
        ("work/trips", &["draft"][..], true),
        ("work/trips/rome", &[][..], false),
        ("home", &[][..], false),
        ("work", &["draft", "final"][..], false),
    ] {
        let policy = Policy { rules: vec![labelled(path, tags)], ..Policy::default() };
        let moves = due(&state, Timestamp(DAY as i64 * S), &policy, &Uses::default());
        assert_eq!(!moves.is_empty(), fits, "{path} {tags:?}");
    }
}

fn any_spec() -> impl Strategy<Value = Spec> {
    let lifespan = prop_oneof![
        Just(Lifespan::Keep),
        (0i64..2_000).prop_map(|end| Lifespan::Until(Timestamp(end * S))),
        (1u64..500).prop_map(|half_life_s| Lifespan::Decay { half_life_s }),
    ];
    let lifecycle = prop::sample::select(vec![
        Lifecycle::Generated,
        Lifecycle::Generated,
        Lifecycle::Activated,
        Lifecycle::Archived,
        Lifecycle::Frozen,
    ]);
    let semantic = prop::sample::select(SemanticType::ALL);
    (0i64..500, semantic, lifespan, prop::bool::weighted(0.2), lifecycle, prop::bool::weighted(0.2)).prop_map(
        |(born, semantic, lifespan, pinned, lifecycle, held)| Spec { born, semantic, lifespan, pinned, lifecycle, held },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let ending = prop_oneof![
        4 => (0u64..600).prop_map(|grace_s| Ending::ArchiveThenExpire { grace_s }),
        1 => Just(Ending::Archive),
        1 => Just(Ending::Expire),
    ];
    let lives = prop_oneof![
        Just(Lives::On),
        (0u64..1_000).prop_map(|ttl_s| Lives::For { ttl_s }),
        (1u64..500).prop_map(|half_life_s| Lives::WhileUsed { half_life_s }),
    ];
    let rules = prop::collection::vec((prop::collection::vec(prop::sample::select(SemanticType::ALL), 0..3), lives), 0..3);
    (ending, 0.0f32..1.0, rules).prop_map(|(ending, floor, rules)| Policy {
        ending,
        floor,
        rules: rules.into_iter().map(|(semantic, lives)| rule(&semantic, lives)).collect(),
    })
}

fn any_uses() -> impl Strategy<Value = Uses> {
    prop::collection::vec((0u64..8, 0u32..20, 0i64..2_000), 0..6).prop_map(|uses| {
        uses.into_iter().map(|(memory, count, last)| (id(memory), Use { count, last: Timestamp(last * S) })).collect()
    })
}

proptest! {
    #[test]
    fn forgetting_keeps_its_laws(
        specs in prop::collection::vec(any_spec(), 0..8),
        whole in prop::bool::weighted(0.1),
        policy in any_policy(),
        uses in any_uses(),
        mut times in prop::collection::vec(500i64..5_000, 1..6),
    ) {
        times.sort_unstable();
        let (mut state, mut number) = state_of(&specs, whole);
        let untouchable: Vec<MemoryId> = specs
            .iter()
            .enumerate()
            .filter(|(_, spec)| whole || spec.held || spec.pinned || spec.lifecycle == Lifecycle::Frozen)
            .map(|(index, _)| id(index as u64))
            .collect();
        for now_s in times {
            let now = Timestamp(now_s * S);
            let moves = due(&state, now, &policy, &uses);
            prop_assert_eq!(&moves, &due(&state.clone(), now, &policy, &uses), "the same is due of the same");
            for due in &moves {
                prop_assert!(!untouchable.contains(&due.memory), "{due:?} is held, pinned or frozen");
                let archived = state.memories[&due.memory].lifecycle == Lifecycle::Archived;
                prop_assert!(due.step == Step::Archive || archived || policy.ending == Ending::Expire, "{due:?} was not archived");
                prop_assert!(due.step == Step::Archive || policy.ending != Ending::Archive);
                let command = crate::given::command(number + 1, "writer", due.body());
                prop_assert!(matches!(decide(&state, now, command), Ok(Decision::Append(_))), "{due:?} may not happen");
                prop_assert_eq!(play(&mut state, &mut number, now_s, due.body()), Verdict::Applied);
            }
            prop_assert_eq!(due(&state, now, &policy, &uses), Vec::new(), "nothing is left to do");
        }
    }
}
