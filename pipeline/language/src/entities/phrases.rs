//! Noun phrases in small letters, by what introduces and what ends them.

use super::{Entity, EntityKind, Reading};
use crate::vocabulary::{CALENDAR_WORDS, GENERIC_NOUNS, MODIFIERS, VERB_STEMS};
use crate::words::{is_stop_word, stem, without_possessive};

/// Most words of one phrase.
const WORDS_MAX: usize = 3;

/// What comes after a determiner, a possessive or a preposition up to the next word that cannot be part of it. One word alone
/// must be introduced as a thing ("my violin") or have the form of a noun ("counselling for depression").
pub(super) fn phrases(reading: &Reading<'_>) -> Vec<Entity> {
    let mut found = Vec::new();
    let mut at = 1;
    while at < reading.words.len() {
        let Some(strong) = introduces(reading, at - 1).filter(|_| reading.gap(at - 1) == " ") else {
            at += 1;
            continue;
        };
        let from = (at..reading.words.len()).find(|&at| !MODIFIERS.contains(reading.folded[at].as_str())).unwrap_or(at);
        let spaced = (at..from).all(|at| reading.gap(at) == " ");
        let end = if spaced { phrase_end(reading, from) } else { from };
        if from < end && is_telling(reading, from, end, strong) {
            found.push(reading.entity(EntityKind::Phrase, from, end));
        }
        at = end.max(at) + 1;
    }
    found
}

/// Whether a word introduces a noun phrase, and whether only a noun phrase can follow it.
fn introduces(reading: &Reading<'_>, at: usize) -> Option<bool> {
    let word = reading.folded[at].as_str();
    if without_possessive(word).len() < word.len() && !is_stop_word(word) {
        return Some(true);
    }
    match word {
        "a" | "an" | "the" | "my" | "our" | "your" | "his" | "her" | "their" | "its" | "some" | "another" | "every" => Some(true),
        "of" | "for" | "with" | "in" | "at" | "from" | "about" | "into" | "as" | "by" => Some(false),
        _ => None,
    }
}

fn phrase_end(reading: &Reading<'_>, from: usize) -> usize {
    let mut end = from;
    while end < reading.words.len() && is_part(reading, end, end > from) {
        end += 1;
        let possessive = reading.folded[end - 1].contains('\'');
        if possessive || reading.gap(end - 1) != " " {
            break;
        }
    }
    if end - from > WORDS_MAX { from } else { end }
}

fn is_part(reading: &Reading<'_>, at: usize, inner: bool) -> bool {
    let (word, folded) = (&reading.words[at], reading.folded[at].as_str());
    let plain = !word.text.chars().any(char::is_uppercase)
        && word.text.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '\u{2019}');
    let listed = is_stop_word(folded) || MODIFIERS.contains(folded) || CALENDAR_WORDS.contains(folded) || folded.contains("n't");
    // A past tense may describe what follows ("stained glass") but not stand behind a noun ("dog barked").
    let past = inner && (folded.ends_with("ed") || folded.ends_with("ly"));
    plain
        && word.text.len() > 1
        && !listed
        && !past
        && !VERB_STEMS.contains(stem(without_possessive(folded)).as_str())
        && !VERB_STEMS.contains(folded)
        || plain && !listed && is_gerund(folded) && !inner
}

/// "running shoes": may open a phrase though it comes from a verb.
fn is_gerund(folded: &str) -> bool {
    folded.len() > 5 && folded.ends_with("ing")
}

fn is_telling(reading: &Reading<'_>, from: usize, end: usize, strong: bool) -> bool {
    let head = without_possessive(&reading.folded[end - 1]);
    if GENERIC_NOUNS.contains(head) || head.chars().count() < 3 || head.ends_with("ly") {
        return false;
    }
    if end - from > 1 {
        return true;
    }
    let noun = ["tion", "sion", "ment", "ness", "ship", "ism", "ology", "hood", "ance", "ence", "ity"]
        .iter()
        .any(|suffix| head.ends_with(suffix));
    let adjective = ["ful", "ous", "ive", "able", "ible", "ish", "ing", "ed", "ic", "al", "less", "er", "est"]
        .iter()
        .any(|suffix| head.ends_with(suffix));
    noun && head.len() > 5 || strong && !adjective && head.chars().count() > 2
}
