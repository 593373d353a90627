//! Matching one rule's pattern at one place: words, optional words and slots, with adverbs and negations passed over and noted.

use crate::lexicon::listed;
use crate::words::Word;

use crate::slots;

/// What was passed over on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Notes {
    pub negated: bool,
    pub past: bool,
    pub hypothetical: bool,
    pub change: bool,
    pub hedged: bool,
    pub future: bool,
}

impl Notes {
    pub fn and(self, other: Notes) -> Notes {
        Notes {
            negated: self.negated ^ other.negated,
            past: self.past | other.past,
            hypothetical: self.hypothetical | other.hypothetical,
            change: self.change | other.change,
            hedged: self.hedged | other.hedged,
            future: self.future | other.future,
        }
    }
}

/// A pattern found: its slots as ranges of words, and where it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub slots: Vec<(&'static str, std::ops::Range<usize>)>,
    pub end: usize,
    pub notes: Notes,
}

impl Found {
    pub fn slot(&self, name: &str) -> Option<std::ops::Range<usize>> {
        self.slots.iter().find(|(slot, _)| *slot == name).map(|(_, range)| range.clone())
    }
}

const ADVERBS: &str = "\
    really, just, also, still, actually, currently, finally, recently, definitely, absolutely, totally, so, very, always, \
    truly, honestly, already, simply, quite, pretty, both, all, even, usually, often, generally, mostly, mainly, rather, \
    officially, originally, too, completely, super, do, does, only, much, particularly, especially, happily, strictly, extremely, simply, consistently, newly, \
    temporarily, soon, personally, strongly, deeply, greatly, thoroughly, vastly, firmly, genuinely, actively, new";

/// Passes over one adverb, auxiliary or negation at `at`; gives how many words it took.
pub fn pass(words: &[Word], at: usize, notes: &mut Notes) -> Option<usize> {
    let word = words.get(at)?.text.as_str();
    let next = words.get(at + 1).map_or("", |word| word.text.as_str());
    match word {
        "no" if next == "longer" => {
            notes.negated ^= true;
            notes.change = true;
            return Some(2);
        }
        "not" | "never" if next == "only" => return Some(2),
        "not" | "never" => notes.negated ^= true,
        "now" | "new" | "finally" | "recently" | "newly" | "lately" => notes.change = true,
        "was" | "were" | "did" | "had" => notes.past = true,
        "would" | "could" | "might" | "may" | "should" => notes.hypothetical = true,
        "will" | "shall" => notes.future = true,
        "probably" | "maybe" | "perhaps" => notes.hedged = true,
        "kind" | "sort" if next == "of" => return Some(2),
        // "have moved", "am living": only in front of a participle.
        "have" | "has" | "been" => {}
        "am" | "is" | "are" if ["ing", "not", "now", "still", "currently"].iter().any(|end| next.ends_with(end)) => {}
        _ if listed(ADVERBS, word) => {}
        _ => return None,
    }
    Some(1)
}

/// Finds `pattern` at word `at`.
pub fn find(pattern: &'static str, words: &[Word], at: usize) -> Option<Found> {
    let mut found = Found { slots: Vec::new(), end: at, notes: Notes::default() };
    let mut pieces = pattern.split(' ').peekable();
    while let Some(piece) = pieces.next() {
        if let Some(slot) = piece.strip_prefix('{').and_then(|piece| piece.strip_suffix('}')) {
            let optional = slot.ends_with('?');
            let mut from = found.end;
            // Negations also stand in front of a slot: "am not 30", "is never late".
            while !optional && slot != "_" && !found.slots.iter().any(|(name, _)| *name == "n") {
                match words.get(from).map(|word| word.text.as_str()) {
                    Some("no") if words.get(from + 1).is_some_and(|next| next.text == "longer") => {
                        from += pass(words, from, &mut found.notes)?
                    }
                    Some("not" | "now" | "just" | "really" | "also" | "still" | "actually" | "currently") => {
                        from += pass(words, from, &mut found.notes)?
                    }
                    _ => break,
                }
            }
            let next = pieces.peek().copied().filter(|piece| !piece.starts_with('{'));
            match slots::capture(slot.trim_end_matches('?'), words, from, next) {
                Some(range) => {
                    found.end = range.end;
                    found.slots.push((slot, range));
                }
                None if optional => {}
                None => return None,
            }
            continue;
        }
        let (literal, optional) = match piece.strip_suffix('?') {
            Some(literal) => (literal, true),
            None => (piece, false),
        };
        let mut notes = found.notes;
        let mut here = found.end;
        loop {
            if words.get(here).is_some_and(|word| is_one_of(&word.text, literal)) {
                found.end = here + 1;
                found.notes = notes;
                break;
            }
            match pass(words, here, &mut notes) {
                Some(passed) => here += passed,
                None if optional => break,
                None => return None,
            }
        }
    }
    Some(found)
}

/// Whether a pattern may begin with one of these words: a quick look that spares most rules a slow one.
pub fn can_begin(pattern: &str, firsts: &[&str]) -> bool {
    let first = pattern.split_once(' ').map_or(pattern, |(first, _)| first);
    first.starts_with('{') || first.ends_with('?') || firsts.iter().any(|word| is_one_of(word, first))
}

pub fn is_one_of(word: &str, literal: &str) -> bool {
    literal.split('|').any(|option| option == word)
}

/// Whether the words of `phrase` stand at `at`; gives how many there are.
pub fn phrase_at(words: &[Word], at: usize, phrase: &str) -> Option<usize> {
    let mut count = 0;
    for part in phrase.split(' ') {
        if words.get(at + count)?.text != part {
            return None;
        }
        count += 1;
    }
    Some(count)
}
