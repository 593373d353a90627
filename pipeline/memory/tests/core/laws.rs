//! Laws over generated histories.

use cubelog_memory::*;
use proptest::prelude::*;

use crate::given::{module as given_module, *};

const MEMORIES: u64 = 4;

/// Any event that a writer might append, sensible or not.
fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![3 => any_memory_body(), 2 => any_carrier_body()]
}

/// Events about beliefs, tiers, blocks and modules. Versions are small, so that many are met.
fn any_carrier_body() -> impl Strategy<Value = Body> {
    let one = || (0..MEMORIES, 1u32..4);
    let sources = || prop::collection::vec((0..MEMORIES, 1u32..3), 0..3);
    let module = || 0u64..3;
    prop_oneof![
        2 => (0..MEMORIES, any::<bool>()).prop_map(|(memory, pin)| pinned(memory, pin)),
        2 => (one(), one()).prop_map(|(memory, against)| noted(memory, against)),
        3 => (one(), prop::collection::vec(one(), 0..3), prop::sample::select(BeliefOutcome::ALL), prop::option::of(-5i64..5))
            .prop_map(|(memory, over, outcome, since)| believed(memory, &over, outcome, since)),
        6 => (0u64..3, sources()).prop_map(|(number, sources)| built(number, &sources)),
        2 => (0u64..3).prop_map(dropped),
        6 => (one(), prop::sample::select(Kind::ALL), prop::sample::select(Kind::ALL), 0u64..3).prop_map(|(memory, from, to, by)| {
            let carrier = match to {
                Kind::Plaintext => None,
                Kind::Activation => Some(block(by).memory()),
                Kind::Parametric => Some(given_module(by).memory()),
            };
            tier(memory, from, to, carrier)
        }),
        1 => (module(), sources()).prop_map(|(number, sources)| proposed(number, &sources)),
        5 => (module(), sources(), prop::collection::vec(module(), 0..2))
            .prop_map(|(number, sources, parents)| trained(number, &sources, &parents)),
        5 => (module(), prop::bool::weighted(0.9)).prop_map(|(number, passed)| evaluated(number, passed)),
        5 => module().prop_map(published),
        5 => (module(), prop::option::weighted(0.2, module())).prop_map(|(number, replaces)| activated(number, replaces)),
        1 => module().prop_map(retired),
        1 => (module(), prop::option::of(module())).prop_map(|(number, to)| rolled_back(number, to)),
        1 => (0u64..2, prop::sample::select(vec!["s-1", "s-2"])).prop_map(|(number, of)| erasure(number, of)),
    ]
}

fn any_memory_body() -> impl Strategy<Value = Body> {
    let memory = 0..MEMORIES + 1;
    let version = 0u32..6;
    let text = "[a-d]{1,3}";
    prop_oneof![
        1 => Just(created()),
        6 => (0..MEMORIES, text).prop_map(|(memory, text)| recorded(memory, &text)),
        3 => (0..MEMORIES, text).prop_map(|(memory, text)| turn(memory, &text)),
        8 => (memory.clone(), version.clone(), text).prop_map(|(memory, expected, text)| revised(memory, expected, &text)),
        4 => (memory.clone(), version.clone(), prop::collection::vec((0..MEMORIES, 0u32..6), 0..3), text)
            .prop_map(|(into, expected, sources, text)| merged(into, expected, &sources, &text)),
        4 => (memory.clone(), prop::sample::select(Lifecycle::ALL)).prop_map(|(memory, to)| moved(memory, to)),
        2 => (memory.clone(), "[a-c]").prop_map(|(memory, tag)| tagged(memory, &tag)),
        2 => memory.clone().prop_map(expired),
        3 => (memory, version.clone(), version).prop_map(|(memory, expected, winner)| resolved(memory, expected, winner)),
        1 => (0u64..3, prop::option::of(0..MEMORIES)).prop_map(|(hold, memory)| held(hold, memory)),
    ]
}

/// A few events that belong together, as a job or a trainer appends them; alone, hardly any module would come to be worn.
fn any_errand() -> impl Strategy<Value = Vec<Body>> {
    let sources = || prop::collection::vec((0..MEMORIES, 1u32..3), 1..3);
    let promote = |sources: &[(u64, VersionNo)], to, by| tier(sources[0], Kind::Plaintext, to, Some(by));
    prop_oneof![
        12 => any_body().prop_map(|body| vec![body]),
        1 => (0..MEMORIES, 1..MEMORIES, 1u32..3, prop::sample::select(BeliefOutcome::ALL)).prop_map(|(one, step, version, outcome)| {
            let (one, other) = ((one, version), ((one + step) % MEMORIES, 1));
            vec![noted(one, other), believed(one, &[other], outcome, None)]
        }),
        1 => (0u64..3, sources()).prop_map(move |(number, sources)| {
            vec![built(number, &sources), promote(&sources, Kind::Activation, block(number).memory())]
        }),
        2 => (0u64..3, sources()).prop_map(move |(number, sources)| {
            let promoted = promote(&sources, Kind::Parametric, given_module(number).memory());
            [served(number, &sources), vec![promoted]].concat()
        }),
    ]
}

fn any_history() -> impl Strategy<Value = Vec<Body>> {
    (any::<bool>(), prop::collection::vec(any_errand(), 0..60)).prop_map(|(furnished, errands)| {
        let mut bodies = errands.concat();
        // Half of the histories begin with memories, so that what is built from them exists.
        let texts = ["a", "b", "c", "ab"].into_iter().zip(0..MEMORIES).filter(|_| furnished);
        bodies.splice(0..0, texts.map(|(text, memory)| recorded(memory, text)));
        bodies.insert(0, created());
        bodies
    })
}

#[test]
fn histories_reach_what_the_laws_are_about() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut reached = std::collections::BTreeMap::new();
    for _ in 0..2_000 {
        let bodies = any_history().new_tree(&mut runner).unwrap().current();
        let (state, applied) = fold(bodies.clone());
        for (body, applied) in bodies.iter().zip(applied) {
            *reached.entry(body.kind()).or_insert(0) += i32::from(applied.verdict == Verdict::Applied);
            let memories = applied.changes.iter().filter_map(|change| match change {
                Change::Version(change) => Some(&change.memory),
                _ => None,
            });
            for memory in memories {
                *reached.entry(memory.tier().word()).or_insert(0) += 1;
                *reached.entry("superseded").or_insert(0) += i32::from(memory.superseded.is_some());
            }
        }
        *reached.entry("revoked").or_insert(0) += state.modules.values().filter(|module| module.is_revoked()).count() as i32;
    }
    assert!(reached.values().all(|count| *count >= 10), "{reached:?}");
}

/// What must hold of every state, whatever happened.
fn check_invariants(state: &CubeState) {
    for memory in state.memories.values() {
        assert!(memory.current >= 1 && memory.current <= memory.last);
        assert!(memory.siblings.iter().all(|sibling| sibling.version <= memory.last && sibling.version != memory.current));
        assert!(memory.siblings.windows(2).all(|pair| pair[0].version < pair[1].version));
        assert_eq!(memory.merged_into.is_some(), memory.lifecycle == Lifecycle::Merged);
        if let Some(into) = memory.merged_into {
            assert!(state.memories.contains_key(&into) && into != memory.id);
        }
        if let Some(superseded) = memory.superseded {
            assert!(state.memories.contains_key(&superseded.by) && superseded.by != memory.id);
        }
        assert!(memory.valid.to.is_none_or(|to| memory.valid.from < to));
        match memory.carrier {
            // A carrier may have gone stale by another source; it still holds this version.
            Some(Carrier::Block(block)) => assert!(state.blocks[&block].sources.hold_version(memory.id, memory.current)),
            Some(Carrier::Module(module)) => {
                let module = &state.modules[&module];
                assert!(module.stage == Stage::Active && module.sources.hold_version(memory.id, memory.current));
            }
            None => {}
        }
    }
    for ((newer, older), review) in &state.reviews {
        assert!(newer != older);
        assert_eq!(state.memories[newer].current, review.version);
        assert_eq!(state.memories[older].current, review.against_version);
    }
    for block in state.blocks.values() {
        check_fresh(state, &block.sources, block.stale);
    }
    for module in state.modules.values() {
        check_fresh(state, &module.sources, module.stale);
        assert!(module.stage != Stage::Active || (module.artefact.is_some() && !module.is_revoked()));
    }
}

/// What is not marked says what its sources say now; what holds an erased subject is revoked.
fn check_fresh(state: &CubeState, sources: &Sources, stale: Option<Stale>) {
    let erased = sources.subjects.iter().any(|subject| state.is_erased(subject));
    assert!(!erased || stale.is_some_and(Stale::is_revoked));
    for version in sources.versions().iter().filter(|_| stale.is_none()) {
        let memory = &state.memories[&version.memory];
        assert_eq!(memory.current, version.version);
        assert!(memory.expired_at.is_none() && memory.superseded.is_none() && memory.lifecycle != Lifecycle::Merged);
    }
}

/// Chains have no gaps: content-bearing rows of a memory are numbered 1, 2, 3 ... and every parent exists.
fn check_chains(applied: &[Applied]) {
    let mut last: std::collections::HashMap<MemoryId, VersionNo> = Default::default();
    for applied in applied {
        let mut touched = std::collections::HashSet::new();
        for change in &applied.changes {
            let Change::Version(change) = change else { continue };
            assert!(touched.insert(change.memory.id), "an event gives a memory one row");
        }
    }
    for change in applied.iter().flat_map(|applied| &applied.changes) {
        let Change::Version(change) = change else { continue };
        let newest = last.entry(change.memory.id).or_insert(0);
        assert!(change.version == *newest + 1 || change.version <= *newest);
        *newest = (*newest).max(change.version);
        let newest = last.clone();
        for parent in &change.parents {
            assert!(newest.get(&parent.memory).is_some_and(|last| parent.version <= *last));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn apply_is_total_and_keeps_the_invariants(bodies in any_history()) {
        let (state, applied) = fold(bodies);
        check_invariants(&state);
        check_chains(&applied);
    }

    #[test]
    fn every_replay_agrees(bodies in any_history()) {
        let (first, rows) = fold(bodies.clone());
        let (second, again) = fold(bodies);
        prop_assert_eq!(first, second);
        prop_assert_eq!(rows, again);
    }

    #[test]
    fn an_event_applied_twice_has_one_effect(bodies in any_history(), repeat in prop::collection::vec(any::<prop::sample::Index>(), 1..8)) {
        let (once, _) = fold(bodies.clone());
        let mut twice = CubeState::new(cube());
        let mut offset = 0;
        for (number, body) in bodies.iter().enumerate() {
            apply(&mut twice, at(number as u64), &event(number as u64, body.clone()));
            for index in &repeat {
                let earlier = index.index(bodies.len());
                if earlier <= number {
                    offset += 1;
                    let again = apply(&mut twice, at(10_000 + offset), &event(earlier as u64, bodies[earlier].clone()));
                    prop_assert_eq!(again.verdict, Verdict::Duplicate);
                    prop_assert!(again.changes.is_empty());
                }
            }
        }
        prop_assert_eq!(once, twice);
    }

    /// Two writers decide over what each has seen so far; the log interleaves their events. Whatever the interleaving, every
    /// replay of it gives the same state, and no content that was current is lost: it is in the chain.
    #[test]
    fn two_writers_never_overwrite_each_other(
        plans in prop::collection::vec((any::<bool>(), 0..MEMORIES, "[a-d]{1,3}", 0usize..4), 1..40),
    ) {
        let mut log: Vec<Event> = vec![event(0, created())];
        for memory in 0..MEMORIES {
            log.push(event(1 + memory, recorded(memory, "start")));
        }
        for (number, (first_writer, memory, text, lag)) in plans.into_iter().enumerate() {
            // The writer decides over a state that lacks the last `lag` events.
            let seen = log.len().saturating_sub(lag).max(1 + MEMORIES as usize);
            let mut state = CubeState::new(cube());
            for (offset, event) in log[..seen].iter().enumerate() {
                apply(&mut state, at(offset as u64), event);
            }
            let expected = state.memories[&id(memory)].current;
            let number = 100 + number as u64 * 2 + u64::from(first_writer);
            if let Ok(Decision::Append(event)) =
                decide(&state, Timestamp(0), command(number, "writer", revised(memory, expected, &text)))
            {
                log.push(*event);
            }
        }
        let replay = || {
            let mut state = CubeState::new(cube());
            let applied: Vec<Applied> =
                log.iter().enumerate().map(|(offset, event)| apply(&mut state, at(offset as u64), event)).collect();
            (state, applied)
        };
        let (state, applied) = replay();
        prop_assert_eq!(&replay().0, &state);
        check_invariants(&state);
        let mut current: std::collections::HashMap<MemoryId, VersionNo> = Default::default();
        for (event, applied) in log.iter().zip(&applied) {
            let Body::MemoryRevised(body) = &event.body else { continue };
            let before = current.entry(body.memory).or_insert(1);
            match applied.verdict {
                Verdict::Applied => {
                    prop_assert_eq!(body.expected, *before, "applied only over the version that it was decided over");
                    let Change::Version(change) = &applied.changes[0] else { panic!("a version row") };
                    *before = change.version;
                }
                Verdict::Conflict { version } => {
                    prop_assert_ne!(body.expected, *before);
                    prop_assert!(state.memories[&body.memory].siblings.iter().any(|sibling| sibling.version == version));
                }
                ref other => prop_assert!(false, "unexpected verdict {:?}", other),
            }
        }
        for (memory, version) in current {
            prop_assert_eq!(state.memories[&memory].current, version);
        }
    }

    #[test]
    fn what_decide_allows_apply_carries_out(bodies in any_history(), when in any_body()) {
        let (mut state, _) = fold(bodies);
        if let Ok(Decision::Append(event)) = decide(&state, Timestamp(0), command(5_000, "writer", when)) {
            let stale = match &event.body {
                Body::MemoryRevised(body) => state.memories[&body.memory].current != body.expected,
                Body::MemoryMerged(body) => {
                    let lost = |memory: &MemoryId, version| state.memories[memory].current != version;
                    lost(&body.into, body.expected) || body.sources.iter().any(|source| lost(&source.memory, source.version))
                }
                _ => false,
            };
            let applied = apply(&mut state, at(5_000), &event);
            prop_assert_eq!(matches!(applied.verdict, Verdict::Conflict { .. }), stale);
            prop_assert!(stale || applied.verdict == Verdict::Applied);
        }
    }
}
