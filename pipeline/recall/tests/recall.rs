//! What is held finds the same as a plain look at everything, however it came in parts.

use std::collections::BTreeSet;
use std::sync::Arc;

use cubelog_memory::MemoryId;
use cubelog_memory::ranking::{Ask, Method, Term};
use cubelog_recall::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Row {
    cube: u8,
    speaker: Option<u8>,
    session: Option<u8>,
    text: String,
    vector: Option<[f32; 4]>,
    visible: bool,
}

/// Rows in parts that end where `cuts` say.
fn hold(rows: &[Row], cuts: &BTreeSet<usize>) -> (Memories, Names) {
    let (mut memories, mut names) = (Memories::default(), Names::default());
    let mut part = PartBuilder::new(4);
    for (number, row) in rows.iter().enumerate() {
        if cuts.contains(&number) {
            memories.parts.push(Arc::new(std::mem::replace(&mut part, PartBuilder::new(4)).finish()));
        }
        let name = |prefix: &str, number: Option<u8>| number.map(|number| format!("{prefix}{number}"));
        let (speaker, session) = (name("speaker", row.speaker), name("session", row.session));
        let entry = Entry {
            memory: MemoryId::from_bytes((number as u128).to_be_bytes()),
            row: number as u64,
            cube: &match row.cube {
                9 => "other/cube0".to_owned(),
                cube => format!("acme/cube{cube}"),
            },
            speaker: speaker.as_deref(),
            session: session.as_deref(),
            stream_index: Some(number as u64),
            valid_from: number as i64,
            priority: 0,
            visible: row.visible,
            superseded: false,
            text: Some(&row.text),
            caption: None,
            vector: row.vector.as_ref().map(|vector| vector.as_slice()),
        };
        part.push(&entry, &mut names);
    }
    memories.parts.push(Arc::new(part.finish()));
    (memories, names)
}

fn search<'a>(admit: &'a Admit, vector: &'a [f32], text: &'a str, ask: &'a Ask) -> Search<'a> {
    Search {
        admit,
        similar: Side::Held(vector),
        wording: Side::Held(text),
        named: &[],
        asker: None,
        own: true,
        candidates: 50,
        ask,
    }
}

fn found(memories: &Memories, names: &Names, search: &Search<'_>) -> Vec<(u64, f32)> {
    find(memories, names, search).into_iter().map(|(spot, ranked)| (memories.place(spot).row, ranked.score)).collect()
}

fn unit(vector: [f32; 4]) -> [f32; 4] {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
    vector.map(|x| x / length)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0u8..3,
        prop::option::of(0u8..3),
        prop::option::of(0u8..3),
        "[a-d]{1,2}( [a-d]{1,2}){0,6}",
        prop::option::of(prop::array::uniform4(-1.0f32..1.0)),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(cube, speaker, session, text, vector, visible)| Row {
            cube,
            speaker,
            session,
            text,
            vector: vector.map(unit),
            visible,
        });
    prop::collection::vec(row, 1..40)
}

proptest! {
    #[test]
    fn parts_make_no_difference(rows in rows(), cuts in prop::collection::btree_set(0usize..40, 0..5), vector in prop::array::uniform4(-1.0f32..1.0), text in "[a-d]{1,2}( [a-d]{1,2}){0,3}") {
        let vector = unit(vector);
        for method in Method::ALL {
            let ask = Ask { method: *method, ..Ask::new(10) };
            let one = |cuts: &BTreeSet<usize>| {
                let (memories, names) = hold(&rows, cuts);
                let admit = Admit::cubes_of(&names, &["acme/cube0", "acme/cube1"]);
                found(&memories, &names, &search(&admit, &vector, &text, &ask))
            };
            prop_assert_eq!(one(&BTreeSet::new()), one(&cuts), "{}", method);
        }
    }

    #[test]
    fn the_nearest_are_those_of_a_plain_look(rows in rows(), vector in prop::array::uniform4(-1.0f32..1.0)) {
        let vector = unit(vector);
        let (memories, names) = hold(&rows, &BTreeSet::new());
        let admit = Admit::cubes_of(&names, &["acme/cube0"]);
        let ask = Ask { method: Method::Dense, ..Ask::new(1) };
        let best = found(&memories, &names, &Search { wording: Side::No, ..search(&admit, &vector, "", &ask) });
        let plain = rows.iter().filter(|row| row.cube == 0 && row.visible).filter_map(|row| row.vector)
            .map(|other| other.iter().zip(&vector).map(|(a, b)| a * b).sum::<f32>())
            .reduce(f32::max);
        match (best.first(), plain) {
            (Some((_, score)), Some(plain)) => prop_assert!((score - plain).abs() < 0.02, "{} {}", score, plain),
            (best, plain) => prop_assert!(best.is_none() && plain.is_none()),
        }
    }

    #[test]
    fn nothing_comes_from_other_cubes_or_from_what_is_hidden(rows in rows(), vector in prop::array::uniform4(-1.0f32..1.0), text in "[a-d]{1,2}") {
        let (memories, names) = hold(&rows, &[7, 20].into());
        let admit = Admit::cubes_of(&names, &["acme/cube2"]).speakers(&names, &["speaker1".to_owned()]);
        let ask = Ask::new(50);
        for (row, _) in found(&memories, &names, &search(&admit, &vector, &text, &ask)) {
            let row = &rows[row as usize];
            prop_assert!(row.cube == 2 && row.visible && row.speaker == Some(1));
        }
    }
}

fn said(session: u8, text: &str) -> Row {
    Row { cube: 0, speaker: Some(0), session: Some(session), text: text.to_owned(), vector: None, visible: true }
}

#[test]
fn words_are_weighed_by_bm25_over_the_tenant_alone() {
    let mut rows = vec![said(0, "a quiet zebra"), said(1, "the horse and the horse"), said(2, "a quiet evening")];
    let scores = |rows: &[Row]| {
        let (memories, names) = hold(rows, &BTreeSet::new());
        let admit = Admit::cubes_of(&names, &["acme/cube0"]);
        let ask = Ask { method: Method::Lexical, ..Ask::new(10) };
        found(&memories, &names, &Search { similar: Side::No, ..search(&admit, &[], "quiet zebras", &ask) })
    };
    let before = scores(&rows);
    // By hand: idf(quiet) = ln(1 + 1.5/2.5), idf(zebra) = ln(1 + 2.5/1.5); texts of 3, 5 and 3 words, so of 9/11 of the average length.
    let (quiet, zebra) = ((1.0f32 + 1.5 / 2.5).ln(), (1.0f32 + 2.5 / 1.5).ln());
    let saturated = |weight: f32| weight * 2.2 / (1.0 + 1.2 * (0.25 + 0.75 * 9.0 / 11.0));
    assert_eq!(before.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [0, 2]);
    let expected = [saturated(quiet) + saturated(zebra), saturated(quiet)];
    assert!(before.iter().zip(expected).all(|((_, score), expected)| (score - expected).abs() < 1e-5), "{before:?} {expected:?}");
    // Another tenant's memories change nothing.
    rows.extend((0..20).map(|_| Row { cube: 9, ..said(0, "zebra zebra") }));
    assert_eq!(scores(&rows), before);
}

#[test]
fn what_stands_beside_a_match_in_its_session_is_lifted_by_it() {
    let vector = [0.0, 0.0, 0.6, 0.8];
    let with_vector = |session, text| Row { vector: Some(vector), ..said(session, text) };
    let rows = [said(0, "what did you buy"), with_vector(0, "a kayak"), with_vector(1, "a canoe"), said(0, "far away")];
    let (memories, names) = hold(&rows, &[1].into());
    let admit = Admit::cubes_of(&names, &["acme/cube0"]);
    let ask = Ask::new(10);
    let search = Search { candidates: 1, ..search(&admit, &[0.0, 0.0, 0.0, 1.0], "buy", &ask) };
    let hits = find(&memories, &names, &search);
    let rows: Vec<u64> = hits.iter().map(|(spot, _)| memories.place(*spot).row).collect();
    assert_eq!(rows, [1, 0], "the answer and its question; what has nothing of the query is none, wherever it stands");
    assert!(hits[0].1.terms.iter().any(|(term, value)| *term == Term::Beside && *value > 0.0));
}

#[test]
fn what_was_changed_since_stands_behind_what_holds() {
    const DAY: i64 = 86_400_000_000;
    let told = |days: &[(i64, &str, bool)], cut: usize| {
        let (mut memories, mut names) = (Memories::default(), Names::default());
        let mut part = PartBuilder::new(0);
        for (number, (day, text, superseded)) in days.iter().enumerate() {
            if number == cut {
                memories.parts.push(Arc::new(std::mem::replace(&mut part, PartBuilder::new(0)).finish()));
            }
            let entry = Entry {
                memory: MemoryId::from_bytes((number as u128).to_be_bytes()),
                row: number as u64,
                cube: "acme/cube0",
                speaker: Some("Ana"),
                session: None,
                stream_index: Some(number as u64),
                valid_from: day * DAY,
                priority: 0,
                visible: true,
                superseded: *superseded,
                text: Some(text),
                caption: None,
                vector: None,
            };
            part.push(&entry, &mut names);
        }
        memories.parts.push(Arc::new(part.finish()));
        (memories, names)
    };
    let order = |(memories, names): &(Memories, Names), ask: &Ask, before: Option<u64>| -> Vec<u64> {
        let mut admit = Admit::cubes_of(names, &["acme/cube0"]);
        admit.before_index = before;
        let search = Search { similar: Side::No, own: false, ..search(&admit, &[], "where does she live", ask) };
        find(memories, names, &search).iter().map(|(spot, _)| memories.place(*spot).row).collect()
    };
    let ask = Ask::new(10);
    let moved = [(0, "I live in Graz", false), (90, "I live in Linz now", false)];
    for cut in 0..3 {
        let held = told(&moved, cut);
        assert_eq!(order(&held, &ask, None), [1, 0], "parts make no difference");
        assert_eq!(order(&held, &Ask { past: true, ..ask.clone() }, None), [0, 1], "the past is told as it was");
        assert_eq!(order(&held, &ask, Some(1)), [0], "what comes later is not known yet");
    }
    let long = format!("I live in Graz, {}", "where the market by the river has the best bread there is ".repeat(3));
    let cases: [(&str, Vec<(i64, &str, bool)>, Vec<u64>); 5] = [
        ("a contradiction is no change", vec![(0, "I live in Graz", false), (1, "I live in Linz", false)], vec![0, 1]),
        ("settled", vec![(0, "I live in Graz", true), (1, "I live in Linz", false)], vec![1, 0]),
        ("settled for the older", vec![(0, "I live in Graz", false), (1, "I live in Linz", true)], vec![0, 1]),
        ("come back", [&moved[..], &[(200, "I live in Graz again now", false)]].concat(), vec![0, 2, 1]),
        ("a long text holds more", vec![(0, &long, false), (90, "I live in Linz now", false)], vec![0, 1]),
    ];
    for (name, days, expected) in cases {
        let held = told(&days, 1);
        assert_eq!(order(&held, &ask, None), expected, "{name}");
        let admit = Admit::cubes_of(&held.1, &["acme/cube0"]);
        assert_eq!(held.0.claims(&admit).count(), days.len(), "{name}: each claims where she lives");
    }
    let admit = Admit::cubes_of(&told(&moved, 0).1, &["acme/cube0"]);
    let (memories, _) = told(&[(0, &long, false), (90, "I live in Linz now", false)], 9);
    let spots = [Spot { part: 0, at: 0 }, Spot { part: 0, at: 1 }];
    assert!(memories.outdated(&spots, &admit).is_empty(), "whatever the order, a long text is never outdated");
}

#[test]
fn programs_and_empty_talk_claim_nothing() {
    assert_eq!(asserted("I live in Graz", Some("Ana"), 0).len(), 1);
    assert_eq!(asserted("I live in Graz", None, 0)[0].subject, NOBODY);
    for (text, speaker) in [
        ("I live in Graz", "assistant"),
        ("I live in Graz", "Tool"),
        ("Do I live in Graz?", "Ana"),
        ("If I lived in Graz", "Ana"),
        ("", "Ana"),
        ("ok", "Ana"),
    ] {
        assert!(asserted(text, Some(speaker), 0).is_empty(), "{speaker}: {text}");
    }
}
