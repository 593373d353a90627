//! Names by their capitals.

use std::collections::BTreeSet;

use super::{Entity, EntityKind, Reading};
use crate::vocabulary::{CALENDAR_WORDS, CONTRACTIONS, SENTENCE_STARTERS};
use crate::words::{is_stop_word, without_possessive};

/// Runs of capitalised words, "of", "the" and the like between two of them included.
pub(super) fn names(reading: &Reading<'_>) -> Vec<Entity> {
    let elsewhere = inside_sentences(reading);
    let mut found = Vec::new();
    let mut at = 0;
    while at < reading.words.len() {
        if !is_capital(reading, at) {
            at += 1;
            continue;
        }
        let end = run_end(reading, at);
        let mut from = at;
        at = end;
        // "Focus: ..." is the label of a line.
        let label = reading.opens[from] && reading.gap(end - 1).trim_start_matches('*').starts_with(':');
        if label || is_heading(reading, from, end) {
            continue;
        }
        if reading.opens[from] && !stands_at_opening(reading, from, end, &elsewhere) {
            from += 1;
        }
        while from < end && !is_capital(reading, from) {
            from += 1;
        }
        if from < end {
            found.push(reading.entity(EntityKind::Name, from, end));
        }
    }
    found
}

/// A word that may be (part of) a name by its form alone.
fn is_capital(reading: &Reading<'_>, at: usize) -> bool {
    let (word, folded) = (&reading.words[at], without_possessive(&reading.folded[at]));
    // "iPhone" has its capital inside.
    let inner = word.text.chars().skip(1).any(char::is_uppercase) && word.text.chars().next().is_some_and(char::is_alphabetic);
    let plain = is_stop_word(folded) || CONTRACTIONS.contains(reading.folded[at].as_str()) || CALENDAR_WORDS.contains(folded);
    let contraction = folded.contains("n't") || folded.contains('\'') && folded.len() < 5 && folded.starts_with('i');
    (word.is_capitalised() || inner) && !plain && !contraction && folded.chars().count() > 1 && !is_numbering(folded)
}

/// "2nd", "3D": begins with a digit.
fn is_numbering(folded: &str) -> bool {
    folded.starts_with(|c: char| c.is_numeric())
}

/// The word after the run of a name.
fn run_end(reading: &Reading<'_>, from: usize) -> usize {
    let mut end = from + 1;
    loop {
        let joined = |at: usize| {
            at < reading.words.len()
                && matches!(reading.gap(at - 1), " " | "-" | "." | ". " | "\u{2019}" | "&" | " & ")
                && !reading.opens[at]
        };
        let possessive = without_possessive(&reading.folded[end - 1]).len() < reading.folded[end - 1].len();
        if possessive || !joined(end) {
            return end;
        }
        if is_capital(reading, end) || is_number_of_name(reading, end) {
            end += 1;
            continue;
        }
        let mut beyond = end;
        while beyond < end + 2 && joined(beyond) && is_connector(reading.words[beyond].text) {
            beyond += 1;
        }
        if beyond == end || !joined(beyond) || !is_capital(reading, beyond) {
            return end;
        }
        end = beyond + 1;
    }
}

fn is_connector(word: &str) -> bool {
    matches!(word, "of" | "the" | "de" | "da" | "del" | "la" | "van" | "von" | "der" | "du" | "di" | "al" | "bin")
}

/// "Windows 11", "Apollo 13".
fn is_number_of_name(reading: &Reading<'_>, at: usize) -> bool {
    let text = reading.words[at].text;
    text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()) && reading.gap(at - 1) == " "
}

/// Names that have a capital where no sentence begins.
fn inside_sentences<'r>(reading: &'r Reading<'_>) -> BTreeSet<&'r str> {
    let inside = (0..reading.words.len()).filter(|&at| !reading.opens[at] && is_capital(reading, at));
    inside.map(|at| without_possessive(&reading.folded[at])).collect()
}

/// Whether the first word of a run is part of the name though it opens a sentence.
fn stands_at_opening(reading: &Reading<'_>, from: usize, end: usize, elsewhere: &BTreeSet<&str>) -> bool {
    let folded = without_possessive(&reading.folded[from]);
    let text = reading.words[from].text;
    let own_form = text.chars().skip(1).any(char::is_uppercase) && folded.len() == text.len();
    if elsewhere.contains(folded) || own_form && !SENTENCE_STARTERS.contains(folded) {
        return true;
    }
    // "New York is ...": the capital of the second word vouches for the first, unless that is one that opens sentences.
    let second = from + 1 < end && is_capital(reading, from + 1);
    second
        && !SENTENCE_STARTERS.contains(folded)
        && !folded.ends_with("ly")
        && !folded.ends_with("ing")
        && !folded.ends_with("ed")
}

/// A line in title case or in capitals throughout: its capitals tell nothing.
fn is_heading(reading: &Reading<'_>, from: usize, end: usize) -> bool {
    let line_from = (0..=from).rev().take(12).find(|&at| reading.opens[at]).unwrap_or(from);
    let line_end =
        (end..reading.words.len()).take(12).find(|&at| reading.opens[at]).unwrap_or_else(|| reading.words.len().min(end + 12));
    let content = || (line_from..line_end).filter(|&at| !is_stop_word(&reading.folded[at]));
    let count = content().count();
    let capitals = content().filter(|&at| reading.words[at].is_capitalised()).count();
    let shouting = content()
        .filter(|&at| reading.words[at].text.len() > 3 && !reading.words[at].text.chars().any(char::is_lowercase))
        .count();
    (count >= 4 && capitals == count) || (shouting >= 3 && shouting * 2 > count)
}
