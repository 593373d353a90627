//! Words: folding, stems, stop words, scripts without spaces.

use cubelog_language::words::{fold, is_stop_word, stem, terms};

fn stems(text: &str) -> Vec<String> {
    terms(text).into_iter().filter(|term| !term.stop).map(|term| term.stem).collect()
}

#[test]
fn content_words_are_stemmed_and_possessives_dropped() {
    assert_eq!(stems("What did Caroline's kids paint while they were running?"), ["carolin", "kid", "paint", "run"]);
    assert_eq!(stems("the Smiths\u{2019} cafés"), ["smith", "cafe"]);
    assert_eq!(stem("counselling"), stem("counsel"));
}

#[test]
fn negation_is_content() {
    assert_eq!(stems("I do not like it, I don't, never"), ["not", "like", "don't", "never"].map(stem));
    assert!(!is_stop_word("no"));
    assert!(is_stop_word("they're"));
}

#[test]
fn folding_drops_case_and_accents_where_they_are_optional() {
    for (text, folded) in [
        ("Ångström CAFÉ", "angstrom cafe"),
        ("Straße", "strasse"),
        ("Łódź", "lodz"),
        ("İstanbul", "istanbul"),
        ("Σίσυφος", "σισυφοσ"),
        ("ﬁne", "fine"),
        ("it\u{2019}s", "it's"),
        ("हिन्दी", "हिन्दी"),
        ("が", "が"),
        ("한국어", "한국어"),
    ] {
        assert_eq!(fold(text), folded, "{text}");
    }
}

#[test]
fn scripts_without_spaces_give_pairs() {
    assert_eq!(stems("我喜欢茶"), ["我喜", "喜欢", "欢茶"]);
    assert_eq!(stems("茶 and コーヒー"), ["茶", "コーヒー"]);
    let text = "買った。本";
    let found: Vec<&str> = terms(text).iter().map(|term| &text[term.span.clone()]).collect();
    assert_eq!(found, ["買っ", "った", "本"]);
}

#[test]
fn what_is_no_word_gives_none() {
    assert!(terms("").is_empty());
    assert!(terms("🎉🎉 ... \u{0}\u{7} —").is_empty());
}
