//! What holds for any input: claims are total and deterministic, a claim restates itself, subjects do not influence each other.

use cubelog_beliefs::calendar::Date;
use cubelog_beliefs::duplicate::Statement;
use cubelog_beliefs::{Attribute, Beliefs, Claim, Features, Likeness, Verdict, claims, compare, current, duplicate};
use cubelog_memory::Timestamp;
use proptest::prelude::*;

const T0: i64 = 1_672_574_400_000_000;
const DAY: i64 = 86_400_000_000;

const SAYINGS: &[&str] = &[
    "I live in Lisbon.",
    "I live in Porto now.",
    "I used to live in Faro.",
    "I'm moving to Braga next month.",
    "Sorry, I meant I live in Evora.",
    "I don't live in Porto anymore.",
    "I like coffee.",
    "I hate coffee.",
    "I have two cats.",
    "I have three cats now.",
    "I'm on antibiotics until next Friday.",
    "My sister lives in Rome.",
    "If I lived in Paris, I'd be poor.",
    "I got laid off.",
    "I work at Nokia.",
];

/// Words that the rules look for, in any order: the corners of the matcher.
fn scrambled() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "I",
        "i",
        "my",
        "My",
        "we",
        "the",
        "'s",
        "am",
        "I'm",
        "don't",
        "not",
        "no",
        "longer",
        "live",
        "in",
        "to",
        "moved",
        "from",
        "Rome",
        "used",
        "want",
        "was",
        "born",
        "on",
        "May",
        "3rd",
        "until",
        "end",
        "of",
        "next",
        "two",
        "cats",
        "have",
        "a",
        "is",
        "called",
        "name",
        "sister",
        ",",
        ".",
        "?",
        "\"",
        "and",
        "but",
        "favourite",
        "like",
        "hate",
        "phone",
        "number",
        "555-01",
        "@",
        "a@b",
        "2020",
        "9999",
        "0",
        "for",
        "years",
        "ago",
        "if",
        "🙂",
        "東京",
        "-",
        "\n",
        "quit",
        "job",
        "at",
        "since",
        "every",
        "Dr.",
        "been",
        "will",
        "be",
    ]);
    prop::collection::vec(words, 0..25).prop_map(|words| words.join(" "))
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), scrambled(), "\\PC{0,80}"]
}

/// Claims of two people who say different things at different times, in log order.
fn stream(speaker: &'static str) -> impl Strategy<Value = Vec<Claim>> {
    prop::collection::vec((0..SAYINGS.len(), 0i64..400), 0..12).prop_map(move |said| {
        said.into_iter().flat_map(|(text, day)| claims(SAYINGS[text], speaker, Timestamp(T0 + day * DAY))).collect()
    })
}

/// Without the places of claims, which are others in another order.
fn placeless(mut beliefs: Beliefs) -> Beliefs {
    for line in beliefs.lines.values_mut() {
        for belief in line.current.iter_mut().chain(&mut line.history) {
            belief.behind.clear();
            belief.displaced.iter_mut().for_each(|displaced| displaced.by = None);
        }
        for review in &mut line.reviews {
            (review.earlier_at, review.later_at) = (None, 0);
        }
    }
    beliefs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_is_total_and_deterministic(text in any_text(), speaker in any::<String>(), at in any::<i64>()) {
        let once = claims(&text, &speaker, Timestamp(at));
        prop_assert_eq!(&once, &claims(&text, &speaker, Timestamp(at)));
        for claim in &once {
            prop_assert!(text.get(claim.span.clone()).is_some());
            prop_assert!((0.0..=1.0).contains(&claim.confidence));
            prop_assert_eq!(&Attribute::from_key(&claim.attribute.to_string()), &claim.attribute);
        }
        prop_assert_eq!(current(&once, Timestamp(at)), current(&once, Timestamp(at)));
    }

    #[test]
    fn a_claim_restates_itself(text in any_text(), at in any::<i64>()) {
        for claim in claims(&text, "Ann", Timestamp(at)) {
            prop_assert_eq!(compare(&claim, &claim).verdict, Verdict::Restates);
        }
    }

    #[test]
    fn a_text_is_the_same_as_itself(text in any_text()) {
        let statement = Statement { text: &text, speaker: "Ann", said_at: Timestamp(T0) };
        prop_assert_eq!(duplicate(&Features::of(statement, statement, None)), Likeness::Same);
    }

    #[test]
    fn duplicates_do_not_depend_on_the_order_of_the_two(a in scrambled(), b in scrambled()) {
        let statement = |text| Statement { text, speaker: "Ann", said_at: Timestamp(T0) };
        let there = Features::of(statement(&a), statement(&b), None);
        let back = Features::of(statement(&b), statement(&a), None);
        prop_assert_eq!(duplicate(&there) == Likeness::Different, duplicate(&back) == Likeness::Different);
    }

    #[test]
    fn subjects_interleave_freely(ann in stream("Ann"), bob in stream("Bob"), picks in prop::collection::vec(any::<bool>(), 60), day in 0i64..500) {
        let at = Timestamp(T0 + day * DAY);
        let (mut left, mut right) = (ann.iter().cloned().peekable(), bob.iter().cloned().peekable());
        let mut mixed = Vec::new();
        for pick in picks {
            mixed.extend(if pick { left.next() } else { right.next() });
        }
        mixed.extend(left.chain(right));
        let apart: Vec<Claim> = bob.into_iter().chain(ann).collect();
        prop_assert_eq!(placeless(current(&mixed, at)), placeless(current(&apart, at)));
    }

    #[test]
    fn the_log_order_decides_only_among_simultaneous_claims(ann in stream("Ann"), day in 0i64..500) {
        // One statement a day: then the order of import does not matter.
        let mut days = std::collections::BTreeSet::new();
        let firsts: Vec<Claim> = ann.into_iter().filter(|claim| days.insert((claim.said_at, claim.attribute.clone(), claim.subject.clone()))).collect();
        let at = Timestamp(T0 + day * DAY);
        let backwards: Vec<Claim> = firsts.iter().rev().cloned().collect();
        prop_assert_eq!(placeless(current(&firsts, at)), placeless(current(&backwards, at)));
    }

    #[test]
    fn at_most_one_value_is_current_and_it_holds_then(ann in stream("Ann"), day in 0i64..500) {
        let at = Timestamp(T0 + day * DAY);
        for line in current(&ann, at).lines.values() {
            prop_assert!(line.current.len() <= 1);
            prop_assert!(line.current.iter().all(|belief| belief.holds_at(at) && line.history.contains(belief)));
        }
    }

    #[test]
    fn days_and_dates_agree(days in -700_000i64..700_000) {
        prop_assert_eq!(Date::from_days(days).days(), days);
        prop_assert_eq!(Date::from_days(days).plus_days(1).days(), days + 1);
    }
}

#[test]
fn known_dates() {
    assert_eq!(Date::new(2024, 2, 29).unwrap().start(), Timestamp(1_709_164_800_000_000));
    assert_eq!(Date::new(2023, 2, 29), None);
    assert_eq!(cubelog_beliefs::calendar::easter(2024), Date::new(2024, 3, 31));
    assert_eq!(Date::new(2026, 11, 20).unwrap().weekday(), 4);
}

/// A hostile text costs no more than its length: every word a subject, a quote, a number.
#[test]
fn long_repetitive_texts_end() {
    for unit in [
        "I like tea and ",
        "my my my ",
        "not ",
        "\" I am ",
        "the end of the ",
        "I have 1 1 1 ",
        "Anna ",
        "until until ",
        "🙂",
        "I like ",
    ] {
        let text = unit.repeat(40_000 / unit.len());
        let claims = claims(&text, "Ann", Timestamp(T0));
        assert!(claims.len() <= cubelog_beliefs::limits::CLAIMS_MAX);
    }
}
