//! Which memories of a cube are one statement, told as small cubes.

use std::collections::BTreeSet;

use cubelog_beliefs::{Group, Likeness, Piece, groups, may_merge};
use cubelog_memory::*;
use proptest::prelude::*;

const DAY: i64 = 86_400_000_000;
const T0: i64 = 1_700_000_000_000_000;

/// A memory and its text: number, day, sort, speaker, session and text.
#[derive(Debug, Clone)]
struct Said {
    memory: Memory,
    text: String,
    session: Option<String>,
    vector: Option<Vec<f32>>,
}

fn said(number: u64, day: i64, semantic: SemanticType, text: &str) -> Said {
    let at = Timestamp(T0 + day * DAY + number as i64);
    let memory = Memory {
        id: MemoryId::new(derive_uuid("test-memory", &[&number.to_string()])),
        kind: Kind::Plaintext,
        lifecycle: Lifecycle::Generated,
        current: 1,
        last: 1,
        siblings: Vec::new(),
        subject: SubjectId::new("s-1").unwrap(),
        fingerprint: Fingerprint([0; 16]),
        valid: Validity::since(at),
        descriptive: Descriptive { semantic, path: None, tags: BTreeSet::new() },
        governance: Governance::default(),
        origin: Origin::Api,
        stream_index: (semantic == SemanticType::Turn).then_some(number),
        merged_into: None,
        expired_at: None,
        superseded: None,
        carrier: None,
        created_at: at,
        changed_at: at,
        changed: Position { partition: 0, offset: number },
    };
    Said { memory, text: text.to_owned(), session: None, vector: None }
}

fn facts(texts: &[&str]) -> Vec<Said> {
    texts.iter().zip(0..).map(|(text, number)| said(number, 3 * number as i64, SemanticType::Fact, text)).collect()
}

fn grouped(said: &[Said]) -> Vec<Group> {
    let pieces: Vec<Piece<'_>> = said
        .iter()
        .map(|said| Piece {
            memory: &said.memory,
            text: &said.text,
            caption: None,
            speaker: Some("Ana"),
            session: said.session.as_deref(),
            vector: said.vector.as_deref(),
        })
        .collect();
    groups(&pieces)
}

#[track_caller]
fn check(texts: &[&str], expected: &[(&[usize], usize, Likeness)]) {
    let found: Vec<(Vec<usize>, usize, Likeness)> = grouped(&facts(texts))
        .into_iter()
        .map(|group| ([vec![group.into], group.sources].concat(), group.richest, group.likeness))
        .collect();
    let expected: Vec<_> = expected.iter().map(|(all, richest, likeness)| (all.to_vec(), *richest, *likeness)).collect();
    assert_eq!(found, expected, "{texts:?}");
}

#[test]
fn the_same_the_nearly_same_and_the_restated_are_found() {
    check(&["I live in Lisbon.", "I have a cat.", "i live in lisbon"], &[(&[0, 2], 0, Likeness::Same)]);
    check(&["I live in Lisbon.", "My home is in Lisbon."], &[(&[0, 1], 1, Likeness::Restated)]);
    let notice = "The meeting room on the third floor is closed for repairs from the second week of the month on, so everybody who \
                  wants to meet there has to ask at the desk for one of the smaller rooms on the ground floor beside the kitchen";
    check(&[notice, &notice.replace("has to ask", "just has to ask")], &[(&[0, 1], 1, Likeness::Near)]);
    check(&["Ünïcode für alle", "👍", "Ünïcode für alle!", "👍"], &[(&[0, 2], 2, Likeness::Same), (&[1, 3], 1, Likeness::Same)]);
}

#[test]
fn what_differs_in_one_decisive_thing_stays() {
    for pair in [
        ["I live in Lisbon.", "I live in Porto."],
        ["I have two cats.", "I have three cats."],
        ["I like coffee.", "I don't like coffee."],
        ["I like coffee.", "Do I like coffee?"],
        ["It is -5 degrees outside", "It is 5 degrees outside"],
        ["The ticket costs $50 in all", "The ticket costs €50 in all"],
        // Said on other days.
        ["I went to the dentist yesterday.", "I went to the dentist yesterday."],
        ["👍", "❤️"],
        ["", " . "],
    ] {
        check(&pair, &[]);
    }
}

#[test]
fn circumstances_that_a_merge_would_lose_keep_memories_apart() {
    let change: [(&str, fn(&mut Memory)); 6] = [
        ("subject", |memory| memory.subject = SubjectId::new("s-2").unwrap()),
        ("tags", |memory| memory.descriptive.tags = [Tag::new("work").unwrap()].into()),
        ("sensitivity", |memory| memory.governance.sensitivity = Sensitivity::Secret),
        ("lifespan", |memory| memory.governance.lifespan = Lifespan::Until(Timestamp(T0 + 900 * DAY))),
        ("end of validity", |memory| memory.valid.to = Some(Timestamp(T0 + 900 * DAY))),
        ("sort", |memory| memory.descriptive.semantic = SemanticType::Note),
    ];
    for (what, change) in change {
        let mut pair = facts(&["I live in Lisbon.", "I live in Lisbon."]);
        assert_eq!(grouped(&pair).len(), 1);
        change(&mut pair[1].memory);
        assert_eq!(grouped(&pair), [], "{what}");
    }
    let event = |day| said(day as u64, day, SemanticType::Event, "Dinner with the whole family");
    assert_eq!(grouped(&[event(0), event(7)]), [], "there may be two dinners");
    assert_eq!(grouped(&[event(0), event(1)]).len(), 1);
}

#[test]
fn turns_merge_only_when_they_were_sent_twice() {
    let turn = |number, session: &str, text| {
        let mut said = said(number, 0, SemanticType::Turn, text);
        said.session = Some(session.to_owned());
        said
    };
    let long = "I adopted two cats from the shelter";
    assert_eq!(grouped(&[turn(0, "S1", long), turn(1, "S1", long)]).len(), 1);
    assert_eq!(grouped(&[turn(0, "S1", long), turn(1, "S2", long)]), [], "people repeat themselves");
    assert_eq!(grouped(&[turn(0, "S1", long), turn(50, "S1", long)]), [], "so much later it was said again");
    assert_eq!(grouped(&[turn(0, "S1", "Thank you!"), turn(1, "S1", "Thank you!")]), [], "short turns are said twice");
    let near = "I adopted two cats from the shelter, really";
    assert_eq!(grouped(&[turn(0, "S1", long), turn(1, "S1", near)]), []);
    let asked = "I adopted two cats from the shelter?";
    assert_eq!(grouped(&[turn(0, "S1", long), turn(1, "S1", asked)]), []);
}

#[test]
fn near_vectors_bring_what_no_claim_does_and_no_chain_joins_what_differs() {
    let mut pair = facts(&["The old boiler leaks water again", "Again the old boiler leaks water in the cellar"]);
    assert_eq!(grouped(&pair), []);
    for (said, vector) in pair.iter_mut().zip([[1.0f32, 0.0], [0.98, 0.199]]) {
        said.vector = Some(vector.to_vec());
    }
    let found = grouped(&pair);
    assert_eq!((found.len(), found[0].richest, found[0].likeness), (1, 1, Likeness::Restated));
    pair[1].vector = Some(vec![0.0, 1.0]);
    assert_eq!(grouped(&pair), []);
    pair[1].vector = Some(vec![f32::NAN, 1.0]);
    assert_eq!(grouped(&pair), []);
    pair[1].vector = Some(vec![1.0]);
    assert_eq!(grouped(&pair), [], "a vector of another encoder");
}

#[test]
fn a_group_is_no_larger_than_a_version_may_have_parents() {
    let many: Vec<Said> = (0..150).map(|number| said(number, 0, SemanticType::Fact, "I live in Lisbon.")).collect();
    let sizes: Vec<usize> = grouped(&many).iter().map(|group| 1 + group.sources.len()).collect();
    assert_eq!(sizes, [64, 64, 22]);
}

#[test]
fn only_what_stands_undisputed_may_merge() {
    let memory = said(0, 0, SemanticType::Fact, "x").memory;
    let mut state = CubeState::new(CubeKey::new(TenantId::new("acme").unwrap(), CubeName::new("home").unwrap()));
    assert!(may_merge(&state, &memory));
    for lifecycle in [Lifecycle::Frozen, Lifecycle::Archived, Lifecycle::Merged] {
        assert!(!may_merge(&state, &Memory { lifecycle, ..memory.clone() }), "{lifecycle}");
    }
    assert!(!may_merge(&state, &Memory { expired_at: Some(Timestamp(1)), ..memory.clone() }));
    let apart = Memory {
        descriptive: Descriptive { tags: [Tag::new("kept-apart").unwrap()].into(), ..memory.descriptive.clone() },
        ..memory.clone()
    };
    assert!(!may_merge(&state, &apart), "somebody took a merge back");
    state.holds.insert(HoldId::new(derive_uuid("hold", &["1"])), None);
    assert!(!may_merge(&state, &memory), "a hold keeps it as it is");
}

proptest! {
    #[test]
    fn any_pile_is_grouped_once_each_and_whatever_its_order(
        texts in prop::collection::vec(prop::sample::select(vec![
            "I live in Lisbon.", "My home is in Lisbon.", "I live in Porto.", "I have two cats.", "I have two cats", "👍", "",
            "I used to live in Lisbon.", "Do I live in Lisbon?",
        ]), 0..12),
        turn_by in 0usize..12,
    ) {
        let mut pile = facts(&texts);
        let named = |pile: &[Said], found: &[Group]| -> BTreeSet<Vec<MemoryId>> {
            found.iter().map(|group| {
                std::iter::once(group.into).chain(group.sources.iter().copied()).map(|at| pile[at].memory.id).collect()
            }).collect()
        };
        let found = grouped(&pile);
        let all: Vec<usize> = found.iter().flat_map(|group| std::iter::once(group.into).chain(group.sources.clone())).collect();
        prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "no memory is in two groups");
        prop_assert!(found.iter().all(|group| !group.sources.is_empty() && group.likeness != Likeness::Different));
        let before = named(&pile, &found);
        let turn_by = turn_by % pile.len().max(1);
        pile.rotate_left(turn_by);
        prop_assert_eq!(named(&pile, &grouped(&pile)), before);
    }
}
