//! Beliefs, tiers, blocks and modules: what events make of them, and what a change of a source does to them.

use cubelog_memory::*;

use crate::given::{module as given_module, *};

/// Two memories, a block and an active module made from both, and the first memory carried by the module.
fn furnished() -> Vec<Body> {
    let both = [(1, 1), (2, 1)];
    let mut bodies = vec![created(), recorded(1, "tea"), recorded(2, "biscuits"), built(1, &both)];
    bodies.extend(served(1, &both));
    bodies.push(tier((1, 1), Kind::Plaintext, Kind::Parametric, Some(given_module(1).memory())));
    bodies
}

fn after(more: Vec<Body>) -> (CubeState, Vec<Applied>) {
    let given = furnished();
    let before = given.len();
    let (state, mut applied) = fold([given, more].concat());
    assert!(applied[..before].iter().all(|applied| applied.verdict == Verdict::Applied));
    (state, applied.split_off(before))
}

fn causes(state: &CubeState) -> [Option<StaleCause>; 2] {
    [state.blocks[&block(1)].stale, state.modules[&given_module(1)].stale].map(|stale| stale.map(|stale| stale.cause))
}

#[track_caller]
fn refuses(more: Vec<Body>, why: Refusal) {
    let last = more.last().cloned().unwrap();
    let given = [furnished(), more[..more.len() - 1].to_vec()].concat();
    let (state, _) = fold(given);
    let rejected = decide(&state, Timestamp(1_000_000), command(1_000, "writer", last.clone()));
    assert!(
        matches!(&rejected, Err(Rejection::Memory { refusal, .. } | Rejection::Block { refusal, .. } | Rejection::Module { refusal, .. }) if *refusal == why),
        "{rejected:?}"
    );
    // The log may hold it all the same: another writer was first. Nothing comes of it.
    let mut after = state.clone();
    let applied = apply(&mut after, at(1_000), &event(1_000, last));
    assert_eq!((applied.verdict, applied.changes.len()), (Verdict::Refused(why), 0));
    after.seen = state.seen.clone();
    assert_eq!(after, state);
}

#[test]
fn a_promoted_memory_is_served_by_what_carries_it() {
    let (state, _) = after(vec![]);
    assert_eq!(state.memories[&id(1)].tier(), Kind::Parametric);
    assert_eq!(state.memories[&id(2)].tier(), Kind::Plaintext);
    assert_eq!(state.worn().map(|(id, _)| id).collect::<Vec<_>>(), [given_module(1)]);
    assert_eq!(causes(&state), [None, None]);
}

#[test]
fn a_changed_source_makes_its_blocks_and_modules_stale_with_the_same_event() {
    let cases = [
        (vec![revised(2, 1, "cake")], StaleCause::Revised),
        (vec![merged(2, 1, &[(1, 1)], "tea and cake")], StaleCause::Merged),
        (vec![expired(2)], StaleCause::Expired),
        (vec![recorded(3, "cake"), believed((3, 1), &[(2, 1)], BeliefOutcome::Replaces, None)], StaleCause::Superseded),
        (vec![erasure(1, "s-2")], StaleCause::Erased),
        // A worse cause takes the place of a milder one, and not the other way round.
        (vec![revised(2, 1, "cake"), erasure(1, "s-2")], StaleCause::Erased),
        (vec![erasure(1, "s-2"), revised(2, 1, "cake")], StaleCause::Erased),
    ];
    for (events, cause) in cases {
        let (state, applied) = after(events);
        assert_eq!(causes(&state), [Some(cause), Some(cause)]);
        assert!(applied.iter().any(|applied| applied.changes.contains(&Change::Cube)), "{cause}: the cube's row follows");
        assert_eq!(state.worn().count(), 0, "{cause}");
    }
}

#[test]
fn what_lost_its_precondition_spoils_nothing() {
    let (state, applied) = after(vec![tagged(1, "hot"), moved(2, Lifecycle::Frozen), revised(2, 1, "cake")]);
    assert_eq!(applied[2].verdict, Verdict::Conflict { version: 2 });
    assert_eq!(causes(&state), [None, None]);
    assert_eq!(state.memories[&id(1)].tier(), Kind::Parametric);
}

#[test]
fn an_erased_subject_takes_the_module_off_and_it_never_comes_back() {
    let (state, applied) = after(vec![erasure(1, "s-2")]);
    let module = &state.modules[&given_module(1)];
    assert!(module.is_revoked() && module.stage == Stage::Retired);
    assert_eq!(state.memories[&id(1)].tier(), Kind::Plaintext, "served as text again");
    assert!(matches!(&applied[0].changes[0], Change::Version(row) if row.memory.id == id(1)));
    refuses(vec![erasure(1, "s-2"), published(1)], Refusal::Revoked);
    // A module that was in training meanwhile, and one composed of a revoked one, are revoked as they come.
    let (state, _) = after(vec![erasure(1, "s-2"), trained(2, &[(2, 1)], &[]), trained(3, &[(1, 1)], &[1])]);
    assert!(state.modules[&given_module(2)].is_revoked() && state.modules[&given_module(3)].is_revoked());
    let (state, _) = after(vec![revised(2, 1, "cake"), built(2, &[(2, 1)])]);
    assert_eq!(state.blocks[&block(2)].stale.map(|stale| stale.cause), Some(StaleCause::Revised));
}

#[test]
fn a_carrier_that_ends_gives_its_memories_back() {
    let on_block = || vec![tier((1, 1), Kind::Parametric, Kind::Activation, Some(block(1).memory()))];
    let (state, applied) = after([on_block(), vec![dropped(1)]].concat());
    assert_eq!(state.memories[&id(1)].tier(), Kind::Plaintext);
    assert!(!state.blocks.contains_key(&block(1)));
    let withdrawn = |change: &&Change| matches!(change, Change::Edge(edge) if edge.withdrawn && edge.from == block(1).memory());
    assert_eq!(applied[1].changes.iter().filter(withdrawn).count(), 2, "its lineage is withdrawn");
    for ends in [retired(1), rolled_back(1, None), evaluated(1, false)] {
        let (state, _) = after(vec![ends]);
        assert_eq!(state.memories[&id(1)].tier(), Kind::Plaintext);
        assert_eq!(state.active().count(), 0);
    }
    let (state, _) = after(vec![revised(1, 1, "coffee")]);
    assert_eq!(state.memories[&id(1)].tier(), Kind::Plaintext, "new content is carried by nothing");
}

#[test]
fn rolling_back_is_a_pointer_to_the_module_before() {
    let next = vec![trained(2, &[(1, 1)], &[1]), evaluated(2, true), published(2), activated(2, Some(1))];
    let (state, _) = after(next.clone());
    assert_eq!(state.active().map(|(id, _)| id).collect::<Vec<_>>(), [given_module(2)]);
    assert_eq!(state.modules[&given_module(1)].stage, Stage::Published);
    let (state, _) = after([next, vec![rolled_back(2, Some(1))]].concat());
    assert_eq!(state.active().map(|(id, _)| id).collect::<Vec<_>>(), [given_module(1)]);
    assert_eq!(state.modules[&given_module(2)].stage, Stage::Retired);
    assert_eq!(state.modules[&given_module(1)].artefact, Some(Digest([8; 32])));
}

#[test]
fn what_cannot_be_is_refused_alike_by_command_and_by_fold() {
    let carried = |to, by| tier((2, 1), Kind::Plaintext, to, by);
    refuses(vec![dropped(9)], Refusal::UnknownBlock);
    refuses(vec![built(1, &[(1, 1)])], Refusal::BlockExists);
    refuses(vec![built(2, &[])], Refusal::NoSources);
    refuses(vec![built(2, &[(9, 1)])], Refusal::UnknownMemory);
    refuses(vec![built(2, &[(1, 2)])], Refusal::UnknownVersion);
    refuses(vec![carried(Kind::Activation, None)], Refusal::NotCarried);
    refuses(vec![carried(Kind::Activation, Some(given_module(1).memory()))], Refusal::NotCarried);
    refuses(vec![carried(Kind::Plaintext, Some(block(1).memory()))], Refusal::NotCarried);
    refuses(vec![expired(1), carried(Kind::Activation, Some(block(1).memory()))], Refusal::NotCarried);
    refuses(vec![tier((1, 1), Kind::Plaintext, Kind::Plaintext, None)], Refusal::Stale);
    refuses(vec![revised(1, 1, "x"), tier((1, 1), Kind::Parametric, Kind::Plaintext, None)], Refusal::Stale);
    refuses(vec![evaluated(9, true)], Refusal::UnknownModule);
    refuses(vec![proposed(1, &[(1, 1)])], Refusal::IllegalStage { from: Stage::Active, to: Stage::Proposed });
    refuses(vec![published(1)], Refusal::IllegalStage { from: Stage::Active, to: Stage::Published });
    let fails = || vec![trained(2, &[(1, 1)], &[]), evaluated(2, false)];
    refuses([fails(), vec![published(2)]].concat(), Refusal::IllegalStage { from: Stage::Rejected, to: Stage::Published });
    refuses([fails(), vec![activated(2, None)]].concat(), Refusal::IllegalStage { from: Stage::Rejected, to: Stage::Active });
    refuses(vec![rolled_back(1, Some(1))], Refusal::IllegalStage { from: Stage::Active, to: Stage::Active });
    refuses(vec![trained(2, &[], &[2])], Refusal::WithItself);
    refuses(vec![noted((1, 1), (1, 1))], Refusal::WithItself);
    refuses(vec![believed((1, 1), &[], BeliefOutcome::Coexists, None)], Refusal::NoSources);
    refuses(vec![revised(2, 1, "x"), noted((1, 1), (2, 1))], Refusal::Stale);
    refuses(vec![pinned(2, true), expired(2)], Refusal::Pinned);
    refuses(vec![expired(2), pinned(2, true)], Refusal::AlreadyExpired);
}

#[test]
fn a_pinned_memory_outlives_its_lifespan_until_it_is_unpinned() {
    let (state, applied) = after(vec![pinned(2, true), expired(2), pinned(2, false), expired(2)]);
    assert_eq!(applied[1].verdict, Verdict::Refused(Refusal::Pinned));
    assert_eq!(applied[3].verdict, Verdict::Applied);
    assert!(!state.memories[&id(2)].is_visible());
    let governed = |change: MemoryGoverned| {
        let (state, _) = after(vec![Body::MemoryGoverned(change)]);
        state.memories[&id(1)].governance.clone()
    };
    let Body::MemoryGoverned(nothing) = pinned(1, true) else { panic!("not governed") };
    let nothing = MemoryGoverned { pinned: None, ..nothing };
    let lifespan = Lifespan::Decay { half_life_s: 86_400 };
    let set = governed(MemoryGoverned { lifespan: Some(lifespan), trust: Some(Trust::Trusted), ..nothing.clone() });
    assert_eq!(set, Governance { lifespan, trust: Trust::Trusted, ..Governance::default() });
    let (state, _) = after(vec![]);
    let odd = [
        (nothing.clone(), Rejection::NothingToChange),
        (MemoryGoverned { priority: Some(101), ..nothing.clone() }, Rejection::OutOfRange("priority (-100 to 100)")),
        (
            MemoryGoverned { lifespan: Some(Lifespan::Decay { half_life_s: 0 }), ..nothing },
            Rejection::OutOfRange("half-life (one second to a thousand years)"),
        ),
    ];
    for (change, why) in odd {
        assert_eq!(decide(&state, Timestamp(0), command(900, "writer", Body::MemoryGoverned(change))), Err(why));
    }
}

#[test]
fn a_doubt_waits_for_review_until_it_is_settled_or_moot() {
    let (state, applied) = after(vec![noted((2, 1), (1, 1))]);
    assert_eq!(state.reviews[&(id(2), id(1))].confidence, 0.5);
    assert!(matches!(&applied[0].changes[0], Change::Edge(edge) if edge.relation == Relation::Contradicts && !edge.withdrawn));
    for settles in [
        believed((2, 1), &[(1, 1)], BeliefOutcome::Coexists, None),
        believed((1, 1), &[(2, 1)], BeliefOutcome::Replaces, None),
        revised(1, 1, "coffee"),
        expired(2),
    ] {
        let (state, _) = after(vec![noted((2, 1), (1, 1)), settles]);
        assert!(state.reviews.is_empty());
    }
}

#[test]
fn one_statement_is_believed_and_the_other_was_true_before_it() {
    let replaces = || believed((2, 1), &[(1, 1)], BeliefOutcome::Replaces, Some(5_000));
    let (state, _) = after(vec![replaces()]);
    let old = &state.memories[&id(1)];
    assert!(old.is_visible() && !old.is_believed() && state.memories[&id(2)].is_believed());
    assert!(old.valid.holds_at(Timestamp(4_999)) && !old.valid.holds_at(Timestamp(5_000)));
    assert_eq!(old.superseded.map(|superseded| superseded.by), Some(id(2)));
    // Taken back, validity is what it was; settled the other way round, only the other one is believed.
    let (state, _) = after(vec![replaces(), believed((2, 1), &[(1, 1)], BeliefOutcome::Coexists, None)]);
    assert_eq!((state.memories[&id(1)].valid.to, state.memories[&id(1)].superseded), (None, None));
    let (state, _) = after(vec![replaces(), believed((1, 1), &[(2, 1)], BeliefOutcome::Replaces, Some(9_000))]);
    assert!(state.memories[&id(1)].is_believed() && !state.memories[&id(2)].is_believed());
    assert_eq!(state.memories[&id(1)].valid.to, None);
    // What replaces it began earlier than it did itself: its own validity stays.
    let (state, _) = after(vec![believed((2, 1), &[(1, 1)], BeliefOutcome::Replaces, Some(-7))]);
    assert_eq!(state.memories[&id(1)].valid, Validity::since(Timestamp(0)));
    let (state, _) = after(vec![replaces(), revised(1, 1, "coffee")]);
    assert!(state.memories[&id(1)].is_believed(), "new content is a new statement");
}

#[test]
fn knowledge_of_a_module_is_written_back_as_text_that_cites_it() {
    let Body::MemoryRecorded(mut body) = recorded(5, "tea, says the module") else { panic!("not recorded") };
    body.sources = vec![VersionRef { memory: given_module(1).memory(), version: 1 }];
    let (state, _) = after(vec![]);
    let decision = decide(&state, Timestamp(0), command(900, "writer", Body::MemoryRecorded(body.clone())));
    assert!(matches!(decision, Ok(Decision::Append(_))), "{decision:?}");
    let (_, applied) = after(vec![Body::MemoryRecorded(body)]);
    assert!(matches!(&applied[0].changes[1], Change::Edge(edge) if edge.to == given_module(1).memory()));
}

#[test]
fn the_table_of_stages_is_the_only_way() {
    for from in Stage::ALL {
        assert!(!from.may_move_to(*from) && !from.may_move_to(Stage::Proposed));
        assert_eq!(from.evaluated(true).is_none(), *from == Stage::Proposed);
        assert!(from.evaluated(false).is_none_or(|to| to == Stage::Rejected));
    }
    assert!(!Stage::Rejected.may_move_to(Stage::Active) && !Stage::Trained.may_move_to(Stage::Published));
}
