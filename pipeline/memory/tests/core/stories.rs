//! Given events, when a command, then events: one sentence a case.

use cubelog_memory::*;

use crate::given::*;

/// Folds `given`, decides `when` as `actor`, and gives what came of it.
fn decide_over(given: Vec<Body>, actor: &str, when: Body) -> Result<Decision, Rejection> {
    let (state, _) = fold(given);
    decide(&state, Timestamp(1_000_000), command(1_000, actor, when))
}

#[track_caller]
fn appends(given: Vec<Body>, actor: &str, when: Body) {
    match decide_over(given, actor, when.clone()) {
        Ok(Decision::Append(event)) => assert_eq!(event.body, when),
        other => panic!("expected an event, got {other:?}"),
    }
}

#[track_caller]
fn rejects(given: Vec<Body>, actor: &str, when: Body, why: Rejection) {
    assert_eq!(decide_over(given, actor, when), Err(why));
}

#[test]
fn commands_that_may_happen() {
    let base = || vec![created(), recorded(1, "tea"), recorded(2, "green tea")];
    appends(vec![], "anyone", created());
    appends(base(), "writer", recorded(3, "coffee"));
    appends(base(), "writer", turn(4, "hello"));
    appends(base(), "writer", revised(1, 1, "black tea"));
    // Known to be stale, and logged all the same: the fold makes it a sibling.
    appends([base(), vec![revised(1, 1, "new")]].concat(), "writer", revised(1, 1, "late"));
    appends(base(), "writer", merged(1, 1, &[(2, 1)], "tea, green"));
    appends(base(), "writer", moved(1, Lifecycle::Archived));
    appends(base(), "writer", tagged(1, "drinks"));
    appends(base(), "writer", expired(1));
    let conflict = || [base(), vec![revised(1, 1, "a"), revised(1, 1, "b")]].concat();
    appends(conflict(), "writer", resolved(1, 2, 3));
    appends(conflict(), "writer", resolved(1, 2, 2));
}

#[test]
fn commands_that_may_not_happen() {
    let base = || vec![created(), recorded(1, "tea"), recorded(2, "green tea")];
    let with = |more: Vec<Body>| [base(), more].concat();
    let unknown = Rejection::UnknownMemory(id(9));
    rejects(vec![], "writer", recorded(1, "tea"), Rejection::UnknownCube(cube()));
    rejects(base(), "writer", created(), Rejection::CubeExists(cube()));
    rejects(base(), "writer", recorded(1, "tea"), Rejection::MemoryExists(id(1)));
    rejects(base(), "writer", revised(9, 1, "x"), unknown.clone());
    rejects(base(), "writer", moved(9, Lifecycle::Frozen), unknown);
    rejects(base(), "writer", revised(1, 7, "x"), Rejection::UnknownVersion { memory: id(1), version: 7, last: 1 });
    rejects(base(), "writer", revised(1, 0, "x"), Rejection::UnknownVersion { memory: id(1), version: 0, last: 1 });
    let stale = || with(vec![revised(1, 1, "a"), revised(1, 1, "b"), resolved(1, 2, 3)]);
    rejects(stale(), "writer", resolved(1, 2, 3), Rejection::Stale { memory: id(1), expected: 2, current: 4 });
    rejects(
        with(vec![moved(1, Lifecycle::Frozen)]),
        "writer",
        revised(1, 1, "x"),
        Rejection::Closed { memory: id(1), lifecycle: Lifecycle::Frozen },
    );
    rejects(
        with(vec![moved(2, Lifecycle::Frozen)]),
        "writer",
        merged(1, 1, &[(2, 1)], "x"),
        Rejection::Closed { memory: id(2), lifecycle: Lifecycle::Frozen },
    );
    rejects(base(), "writer", merged(1, 1, &[(1, 1)], "x"), Rejection::WithItself(id(1)));
    let generated_to_merged = Rejection::IllegalMove { memory: id(1), from: Lifecycle::Generated, to: Lifecycle::Merged };
    rejects(base(), "writer", moved(1, Lifecycle::Merged), generated_to_merged);
    rejects(with(vec![expired(1)]), "writer", revised(1, 1, "x"), Rejection::Expired(id(1)));
    rejects(with(vec![held(1, Some(1))]), "writer", expired(1), Rejection::Held(id(1)));
    rejects(with(vec![held(1, None)]), "writer", expired(2), Rejection::Held(id(2)));
    let forbidden = |right| Rejection::Forbidden { principal: principal("stranger"), right, cube: cube() };
    rejects(base(), "stranger", tagged(1, "x"), forbidden(Right::Write));
    let grant = Body::CubeGranted(CubeGranted { principal: principal("friend"), right: Right::Read });
    rejects(base(), "stranger", grant.clone(), forbidden(Right::Share));
    let may_not = |right| Rejection::Forbidden { principal: principal("friend"), right, cube: cube() };
    rejects(with(vec![grant]), "friend", tagged(1, "x"), may_not(Right::Write));
}

#[test]
fn rights_include_the_ones_before_them() {
    let grant = Body::CubeGranted(CubeGranted { principal: principal("friend"), right: Right::Share });
    let revoke = Body::CubeRevoked(CubeRevoked { principal: principal("friend") });
    appends(vec![created(), recorded(1, "tea"), grant.clone()], "friend", tagged(1, "x"));
    let (state, _) = fold(vec![created(), grant, revoke]);
    assert!(!state.allows(&principal("friend"), Right::Read));
    assert!(state.allows(&principal("writer"), Right::Share));
}

#[test]
fn a_time_far_in_the_future_is_refused_and_one_in_the_past_is_not() {
    let (state, _) = fold(vec![created()]);
    let mut late = command(1, "writer", recorded(1, "tea"));
    late.occurred_at = Timestamp(limits::FUTURE_SKEW_MICROS_MAX + 1_001);
    assert_eq!(decide(&state, Timestamp(1_000), late.clone()), Err(Rejection::Future));
    late.occurred_at = Timestamp(-62_000_000_000_000);
    assert!(decide(&state, Timestamp(1_000), late).is_ok());
}

#[test]
fn a_turn_sent_again_is_known_unless_it_says_something_else() {
    let (mut state, _) = fold(vec![created()]);
    let first = command(50, "writer", turn(1, "hello"));
    let Ok(Decision::Append(event)) = decide(&state, Timestamp(0), first.clone()) else { panic!("first time") };
    apply(&mut state, at(1), &event);
    assert_eq!(decide(&state, Timestamp(0), first), Ok(Decision::Known));
    let other = command(50, "writer", turn(1, "hello!"));
    assert_eq!(decide(&state, Timestamp(0), other), Err(Rejection::TurnChanged { memory: id(1) }));
}

#[test]
fn two_revisions_of_one_version_make_a_sibling_and_a_resolution_settles_it() {
    let (state, applied) =
        fold(vec![created(), recorded(1, "tea"), revised(1, 1, "green"), revised(1, 1, "black"), resolved(1, 2, 3)]);
    assert_eq!(applied[2].verdict, Verdict::Applied);
    assert_eq!(applied[3].verdict, Verdict::Conflict { version: 3 });
    let Change::Version(sibling) = &applied[3].changes[0] else { panic!("a sibling row") };
    assert!(sibling.conflict);
    assert_eq!((sibling.version, sibling.memory.current), (3, 2));
    let Change::Version(settled) = &applied[4].changes[0] else { panic!("a resolution row") };
    assert_eq!(settled.parents.iter().map(|parent| parent.version).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(settled.content, ContentFrom::Version(3));
    let memory = &state.memories[&id(1)];
    assert_eq!((memory.current, memory.last, memory.siblings.len()), (4, 4, 0));
    assert_eq!(memory.fingerprint, fingerprint("black"));
}

#[test]
fn a_merge_has_several_parents_and_can_be_undone() {
    let (state, applied) = fold(vec![
        created(),
        recorded(1, "tea"),
        recorded(2, "green tea"),
        merged(1, 1, &[(2, 1)], "tea, best green"),
        moved(2, Lifecycle::Activated),
    ]);
    let Change::Version(merge) = &applied[3].changes[0] else { panic!("a merge row") };
    assert_eq!(merge.parents.len(), 2);
    let Change::Version(source) = &applied[3].changes[1] else { panic!("a row of the source") };
    assert_eq!((source.memory.lifecycle, source.memory.merged_into), (Lifecycle::Merged, Some(id(1))));
    assert_eq!(state.memories[&id(2)].merged_into, None);
    assert!(state.memories[&id(2)].is_visible());
}

#[test]
fn a_merge_that_lost_leaves_its_sources_alone() {
    let (state, applied) = fold(vec![
        created(),
        recorded(1, "tea"),
        recorded(2, "green tea"),
        revised(2, 1, "white tea"),
        merged(1, 1, &[(2, 1)], "tea, best green"),
    ]);
    assert_eq!(applied[4].verdict, Verdict::Conflict { version: 2 });
    assert_eq!(applied[4].changes.len(), 1);
    assert_eq!(state.memories[&id(2)].lifecycle, Lifecycle::Generated);
    assert_eq!(state.memories[&id(1)].current, 1);
}

#[test]
fn the_lifecycle_table_is_the_only_way() {
    for from in Lifecycle::ALL {
        for to in Lifecycle::ALL {
            let legal = from.moves().contains(to);
            assert_eq!(from.may_move_to(*to), legal);
            assert!(!(legal && *to == Lifecycle::Merged), "only a merge leads to merged");
            assert!(!(legal && from == to));
        }
    }
    assert!(!Lifecycle::Frozen.accepts_content());
    assert!(!Lifecycle::Merged.accepts_content());
}
