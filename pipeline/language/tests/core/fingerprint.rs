//! Duplicates: exact, near, contained.

use cubelog_language::fingerprint::exact_form;
use cubelog_language::{SimHash, TermSet};

#[test]
fn case_space_and_punctuation_do_not_count() {
    for (one, other) in [
        ("I like tea.", "  i LIKE -- tea!!"),
        ("Don\u{2019}t go", "dont go"),
        ("it cost 2,000 USD", "It cost 2000 usd"),
        ("ｆｕｌｌ width", "full width"),
        ("「茶」が好き", "茶 が好き"),
        ("a' \u{301}b", "a b"),
    ] {
        assert_eq!(exact_form(one), exact_form(other), "{one:?} {other:?}");
    }
}

#[test]
fn what_changes_the_meaning_counts() {
    for (one, other) in [
        ("You like tea.", "You like tea?"),
        ("it is 5 degrees", "it is -5 degrees"),
        ("version 1.5", "version 15"),
        ("C++", "C"),
        ("\u{20ac}5", "$5"),
        ("I like tea", "I do not like tea"),
        ("🎉", "😢"),
        ("résumé", "resume"),
    ] {
        assert_ne!(exact_form(one), exact_form(other), "{one:?} {other:?}");
    }
}

#[test]
fn near_texts_have_near_hashes() {
    let hash = |text: &str| SimHash::of(text).expect("the text has terms");
    let one = hash("Caroline painted a sunrise over the lake last summer and hung it in her kitchen");
    let near = hash("Caroline painted the sunrise over the lake last summer, and hung it in the kitchen!");
    let other = hash("John won the charity basketball game after a broken ankle in March");
    assert!(one.distance(near) <= 3, "{}", one.distance(near));
    assert!(one.distance(other) >= 16, "{}", one.distance(other));
    assert_eq!(SimHash::of("..."), None);
}

#[test]
fn hashes_stay_the_same_for_ever() {
    // They are stored: another value would make every stored fingerprint useless.
    assert_eq!(SimHash::of("Caroline painted a sunrise").map(|hash| hash.0), Some(GOLDEN));
}

const GOLDEN: u64 = 12_680_456_613_318_367_458;

#[test]
fn overlap_of_terms() {
    let set = TermSet::of;
    let (part, whole) = (set("paints a lake"), set("She painted the lakes and hills"));
    assert_eq!(part.contained_in(&whole), 1.0);
    assert_eq!(whole.contained_in(&part), 2.0 / 3.0);
    assert_eq!(part.jaccard(&whole), 2.0 / 3.0);
    assert_eq!(set("").jaccard(&set("")), 0.0);
    assert_eq!(set("").contained_in(&whole), 0.0);
    assert!(set("I like tea").jaccard(&set("I don't like tea")) < 1.0);
}
