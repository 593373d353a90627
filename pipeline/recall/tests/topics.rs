//! What memories are about: where each belongs, what links them, and complete lists in the order of time.

use std::collections::BTreeSet;
use std::sync::Arc;

use cubelog_memory::ranking::{Ask, Term};
use cubelog_memory::{MemoryId, Path};
use cubelog_recall::*;
use proptest::prelude::*;

fn spoken(text: &str) -> Spoken<'_> {
    Spoken { text, caption: None, speaker: Some("Ana"), semantic: "turn" }
}

#[test]
fn memories_belong_where_their_words_say() {
    let cases: &[(&str, &str)] = &[
        ("I live in Graz now.", "talk/graz/home"),
        ("I love sushi.", "food/sushi/likes"),
        ("We flew to New York for a holiday", "travel/new-york/holiday"),
        ("She read \u{201c}Becoming Nicole\u{201d} to the kids, a great book", "culture/becoming-nicole/kid"),
        ("I joined a support group at the clinic", "health/support-group/turn"),
        ("Thanks, Melanie!", "talk/general/turn"),
        ("Thanks Joanna! The recipe worked", "food/recipe/turn"),
        ("What did the doctor say?", "health/doctor/question"),
        ("ok", "talk/general/turn"),
        ("😀", "talk/general/turn"),
        ("#PrideMonth is here", "talk/pridemonth/turn"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = place(&spoken(text)).join("/");
        if found != *expected {
            wrong.push(format!("{text:?}\n   found {found}\n  wanted {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let photo = Spoken { caption: Some("a photo of a puppy"), ..spoken("") };
    assert_eq!(place(&photo)[1], "puppy", "what a picture shows stands for a text");
}

/// Texts with their speakers in parts that end where `cuts` say; what they are about is read.
fn told(texts: &[(&str, &str)], cuts: &BTreeSet<usize>) -> (Memories, Names) {
    let (mut memories, mut names) = (Memories::default(), Names::default());
    let mut ends: Vec<usize> = cuts.iter().copied().filter(|cut| *cut < texts.len()).collect();
    ends.push(texts.len());
    let mut start = 0;
    for end in ends {
        let mut part = PartBuilder::new(0);
        for (number, (speaker, text)) in texts.iter().enumerate().take(end).skip(start) {
            part.push(&entry(number, speaker, text), &mut names);
        }
        let part = part.finish();
        let mut topics = Topics::default();
        for (speaker, text) in &texts[start..end] {
            let spoken = Spoken { speaker: Some(speaker), ..spoken(text) };
            topics.push(TopicEntry { spoken: Some(spoken), path: None }.read(), &mut names);
        }
        part.set_topics(topics);
        memories.parts.push(Arc::new(part));
        start = end;
    }
    (memories, names)
}

fn entry<'a>(number: usize, speaker: &'a str, text: &'a str) -> Entry<'a> {
    Entry {
        memory: MemoryId::from_bytes((number as u128).to_be_bytes()),
        row: number as u64,
        cube: "acme/cube",
        speaker: Some(speaker),
        session: None,
        stream_index: Some(number as u64),
        valid_from: (number as i64 % 3) * 100,
        priority: 0,
        visible: number != 7,
        superseded: false,
        text: Some(text),
        caption: None,
        vector: None,
    }
}

const TALK: &[(&str, &str)] = &[
    ("Ana", "We met Oscar at the harbour"),
    ("Ben", "The kayak is at Oscar's place in Trieste"),
    ("Ana", "In Trieste we saw the old ships"),
    ("Ben", "I saw nobody at the harbour"),
    ("Ana", "A support group meets on Mondays"),
    ("Ben", "Two support groups are enough for Ana"),
    ("Ana", "Rain again"),
    ("Ana", "hidden: the harbour of Oscar"),
];

fn rows(memories: &Memories, spots: &[Spot]) -> Vec<u64> {
    spots.iter().map(|spot| memories.place(*spot).row).collect()
}

#[test]
fn a_timeline_has_all_of_it_in_the_order_of_time() {
    let about =
        |words: &str, named: &[&str]| About { words: words.to_owned(), named: named.iter().map(ToString::to_string).collect() };
    let cases: &[(About, &[u64])] = &[
        (about("", &[]), &[0, 3, 6, 1, 4, 2, 5]),
        (about("harbours", &[]), &[0, 3]),
        (about("the support group", &[]), &[4, 5]),
        (about("support groups", &["Ana"]), &[4, 5]),
        (about("", &["Ana"]), &[0, 6, 4, 2, 5]),
        (about("support harbour", &[]), &[]),
        (about("nowhere 😀", &[]), &[]),
        (about("", &["Nobody"]), &[3]),
    ];
    for cuts in [BTreeSet::new(), BTreeSet::from([3]), BTreeSet::from([1, 2, 5])] {
        let (memories, names) = told(TALK, &cuts);
        let admit = Admit::cubes_of(&names, &["acme/cube"]);
        for (about, expected) in cases {
            assert_eq!(rows(&memories, &memories.timeline(&names, &admit, about)), *expected, "{about:?} {cuts:?}");
            for (number, (speaker, text)) in TALK.iter().enumerate().filter(|(number, _)| *number != 7) {
                let met = about.is_met_by(Some(text), None, Some(speaker));
                assert_eq!(met, expected.contains(&(number as u64)), "texts that are not held tell the same: {about:?} {text}");
            }
        }
    }
}

#[test]
fn two_steps_bring_what_shares_a_name_with_the_best() {
    let with = |expand: bool, without: Option<Term>| {
        let (memories, names) = told(TALK, &[4].into());
        let admit = Admit::cubes_of(&names, &["acme/cube"]);
        let ask = Ask { expand, without: without.into_iter().collect(), ..Ask::new(10) };
        let search = Search {
            admit: &admit,
            similar: Side::No,
            wording: Side::Held("where is the kayak"),
            named: &[],
            asker: None,
            own: false,
            candidates: 50,
            ask: &ask,
        };
        let found = find(&memories, &names, &search);
        let linked = |ranked: &cubelog_memory::ranking::Ranked| ranked.terms.iter().any(|(term, _)| *term == Term::Linked);
        found.iter().map(|(spot, ranked)| (memories.place(*spot).row, linked(ranked))).collect::<Vec<_>>()
    };
    assert_eq!(with(false, None), [(1, false)]);
    // Oscar and Trieste are named with the kayak; the harbour is a thing, and what is hidden stays hidden.
    assert_eq!(with(true, None), [(1, false), (0, true), (2, true)]);
    assert_eq!(with(true, Some(Term::Linked)), [(1, false)]);
}

#[test]
fn what_was_not_read_is_about_nothing_and_stops_nothing() {
    let mut names = Names::default();
    let mut part = PartBuilder::new(0);
    part.push(&entry(0, "Ana", "Oscar"), &mut names);
    let part = part.finish();
    part.set_topics(Topics::default());
    assert!(part.topics().is_none(), "topics of other memories are not taken");
    let memories = Memories { parts: vec![Arc::new(part)] };
    let admit = Admit::cubes_of(&names, &["acme/cube"]);
    assert!(memories.topics(&names, &admit).is_empty() && memories.rows_at_path(&names, "talk").is_empty());
}

proptest! {
    #[test]
    fn places_are_paths_whatever_a_text_is(text in ".{0,200}", speaker in prop::option::of(".{0,9}"), caption in prop::option::of(".{0,30}")) {
        let place = place(&Spoken { text: &text, caption: caption.as_deref(), speaker: speaker.as_deref(), semantic: "note" });
        let path = Path::parse(&place.join("/")).unwrap();
        prop_assert_eq!(path.segments().len(), 3);
    }

    #[test]
    fn parts_make_no_difference(cuts in prop::collection::btree_set(1usize..7, 0..5)) {
        let all = |(memories, names): (Memories, Names)| {
            let admit = Admit::cubes_of(&names, &["acme/cube"]);
            let mut topics = memories.topics(&names, &admit);
            topics.iter_mut().for_each(|topic| topic.mentions.sort());
            topics.sort_by_key(|topic| topic.memory);
            let mut at_path: Vec<u64> = memories.rows_at_path(&names, "talk").into_iter().collect();
            at_path.sort_unstable();
            (topics, at_path)
        };
        prop_assert_eq!(all(told(TALK, &cuts)), all(told(TALK, &BTreeSet::new())));
    }
}
