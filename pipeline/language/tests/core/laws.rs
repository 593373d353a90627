//! What holds for any text: no panic, spans on character boundaries and in order, one answer each time, bounded work.

use std::ops::Range;

use cubelog_language::limits::{DATES_MAX, ENTITIES_MAX, TEXT_BYTES_MAX};
use cubelog_language::words::{fold, terms};
use cubelog_language::{Leaning, Participants, SimHash, TermSet, dates, entities, fingerprint, names, question};
use jiff::civil::date;
use proptest::prelude::*;

/// Any characters, and pieces that the grammars know, in any order.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "May",
        "may",
        "7",
        "2023",
        "31st",
        "-",
        "/",
        ",",
        ".",
        "the",
        "week",
        "before",
        "after",
        "last",
        "Friday",
        "two",
        "months",
        "ago",
        "of",
        "in",
        "between",
        "and",
        "\u{201c}",
        "\u{201d}",
        "《",
        "》",
        "#tag",
        "https://a.b/c",
        "Caroline",
        "Caroline's",
        "New York",
        "?",
        "\n",
        "茶",
        "が",
        "ก็",
        "🎉",
        "\u{301}",
        "\u{0}",
        "É",
        "İ",
        "ß",
        "'",
        "\u{2019}s",
        "what",
        "you",
        "recommend",
        "now",
        "support group",
    ]);
    let spaced = prop::collection::vec((pieces, prop::sample::select(vec![" ", "", "  "])), 0..24)
        .prop_map(|pieces| pieces.into_iter().flat_map(|(piece, space)| [piece, space]).collect::<String>());
    prop_oneof![any::<String>(), spaced]
}

fn assert_spans(text: &str, spans: impl Iterator<Item = Range<usize>>) {
    let mut before = 0;
    for span in spans {
        assert!(span.start >= before && span.start < span.end, "{span:?} after {before} in {text:?}");
        assert!(text.get(span.clone()).is_some(), "{span:?} in {text:?}");
        before = span.end;
    }
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in texts(), name in texts(), year in -9999_i16..=9999) {
        let who = Participants::new(["Caroline Miller", "New", "May", &name]);
        let day = date(year, 2, 28);
        for leaning in [Leaning::Past, Leaning::Nearest] {
            let found = dates::find(&text, day, leaning);
            assert_spans(&text, found.iter().map(|mention| mention.span.clone()));
            for mention in &found {
                if let (Some(from), Some(until)) = (mention.from, mention.until) {
                    prop_assert!(from < until, "{:?}", mention);
                }
                prop_assert!(!mention.micros().is_empty());
            }
            prop_assert_eq!(&found, &dates::find(&text, day, leaning));
        }
        let mentions = who.find(&text);
        assert_spans(&text, mentions.iter().map(|mention| mention.span.clone()));
        names::cut(&text, &mentions);
        let found = entities::find(&text, &who);
        assert_spans(&text, found.iter().map(|entity| entity.span.clone()));
        prop_assert!(found.iter().all(|entity| !entity.key.is_empty() && text[entity.span.clone()] == entity.surface));
        prop_assert_eq!(found, entities::find(&text, &who));
        for term in terms(&text) {
            prop_assert!(text.get(term.span).is_some_and(|slice| !slice.is_empty()));
        }
        prop_assert_eq!(question::read(&text), question::read(&text));
        prop_assert_eq!(SimHash::of(&text), SimHash::of(&text));
    }

    #[test]
    fn folding_twice_changes_nothing(text in texts()) {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once);
    }

    #[test]
    fn the_exact_form_is_its_own_form(text in texts()) {
        let once = fingerprint::exact_form(&text);
        prop_assert_eq!(fingerprint::exact_form(&once), once);
    }

    #[test]
    fn similarities_are_shares(one in texts(), other in texts()) {
        let (one, other) = (TermSet::of(&one), TermSet::of(&other));
        let jaccard = one.jaccard(&other);
        prop_assert!((0.0..=1.0).contains(&jaccard) && (0.0..=1.0).contains(&one.contained_in(&other)));
        prop_assert_eq!(jaccard, other.jaccard(&one));
        prop_assert_eq!(one.jaccard(&one), if one.is_empty() { 0.0 } else { 1.0 });
    }
}

/// Repetitions that would show quadratic work: a megabyte of each must be read (up to the limit) in no time to speak of.
#[test]
fn long_texts_are_read_up_to_the_limit() {
    let who = Participants::new(["Caroline Miller", "a a a a a a a"]);
    for piece in [
        "a",
        "a ",
        "A ",
        "A of the ",
        "the week before ",
        "\"",
        "7-",
        "2023",
        "Caroline ",
        "茶",
        "🎉",
        "e\u{301}",
        "#a ",
        "the kids ",
        "last ",
    ] {
        let text = piece.repeat((1 << 20) / piece.len());
        let day = date(2023, 6, 16);
        assert!(dates::find(&text, day, Leaning::Past).len() <= DATES_MAX);
        assert!(entities::find(&text, &who).len() <= ENTITIES_MAX);
        assert!(terms(&text).iter().all(|term| term.span.end <= TEXT_BYTES_MAX));
        let mentions = who.find(&text);
        assert!(names::cut(&text, &mentions).len() <= text.len());
        question::read(&text);
        SimHash::of(&text);
        assert!(fingerprint::exact_form(&text).len() <= TEXT_BYTES_MAX * 2);
    }
}
