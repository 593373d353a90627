//! Laws over generated histories.

use cubelog_memory::*;
use proptest::prelude::*;

use crate::given::*;

const MEMORIES: u64 = 4;

/// Any event that a writer might append, sensible or not.
fn any_body() -> impl Strategy<Value = Body> {
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

fn any_history() -> impl Strategy<Value = Vec<Body>> {
    prop::collection::vec(any_body(), 0..60).prop_map(|mut bodies| {
        bodies.insert(0, created());
        bodies
    })
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
    }
}

/// Chains have no gaps: content-bearing rows of a memory are numbered 1, 2, 3 ... and every parent exists.
fn check_chains(applied: &[Applied]) {
    let mut last: std::collections::HashMap<MemoryId, VersionNo> = Default::default();
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
