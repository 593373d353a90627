//! What stands around a claim and decides how far it is one: questions, quotes, reports, suppositions, corrections.

use std::ops::Range;

use cubelog_memory::Timestamp;

use crate::calendar::Date;
use crate::claim::Modality;
use crate::lexicon::listed;
use crate::limits::SENTENCE_WORDS_MAX;
use crate::normal::phrase;
use crate::pattern::{Notes, phrase_at};
use crate::read::{Reader, Start};
use crate::rules::{CORRECTIONS, HYPOTHETICAL, REPORT, REPORT_ALWAYS};
use crate::when;
use crate::words::Word;

impl Reader<'_> {
    /// Where the clause of a match lies: from the mark before it to the next clause with a subject of its own.
    pub fn region(&self, start: &Start<'_>, end: usize) -> Range<usize> {
        let from =
            (start.sentence.start..start.at).rev().find(|at| self.words[*at].is_mark()).map_or(start.sentence.start, |at| at + 1);
        let joins = |at: usize| self.words[at].is_mark() || ["and", "but", "so", "because"].contains(&self.word(at));
        let next = (end..start.sentence.end)
            .find(|at| self.word(*at) == "but" || joins(*at) && ["i", "we", "my", "it"].contains(&self.word(*at + 1)));
        from..next.unwrap_or(start.sentence.end).max(from)
    }

    /// Up to where guards in front of a subject reach back: the last "but", or the sentence.
    pub fn reset(&self, start: &Start<'_>) -> usize {
        (start.sentence.start..start.at).rev().find(|at| self.word(*at) == "but").map_or(start.sentence.start, |at| at + 1)
    }

    pub fn modality(&self, start: &Start<'_>, end: usize, notes: Notes) -> Modality {
        if self.quoted[start.at] {
            return Modality::Quoted;
        }
        if self.asked(start.sentence, end) {
            return Modality::Question;
        }
        let before = self.reset(start)..start.at;
        let around = &self.words[before.start..end.min(self.words.len())];
        if notes.hypothetical || around.iter().any(|word| listed(HYPOTHETICAL, word.text.as_str())) {
            return Modality::Hypothetical;
        }
        if start.at > start.sentence.start && self.word(start.at - 1) == "like" {
            return Modality::Hypothetical;
        }
        let reported = before.clone().any(|at| {
            let word = self.word(at);
            let by_me = (before.start..at).rev().take(3).any(|at| ["i", "we"].contains(&self.word(at)));
            REPORT_ALWAYS.contains(&word) || listed(REPORT, word) && !by_me
        });
        if reported { Modality::Reported } else { Modality::Asserted }
    }

    /// Whether a match that ends at `end` is part of what the sentence asks: "I live in Rome, and you?" asks only its tail.
    fn asked(&self, sentence: &Range<usize>, end: usize) -> bool {
        const ASKING: &[&str] = &[
            "and", "right", "what", "how", "have", "do", "did", "are", "is", "can", "any", "where", "who", "why", "when", "does",
            "you",
        ];
        if self.word(sentence.end) != "?" {
            return false;
        }
        let comma = (end..sentence.end).rev().find(|at| [",", "-"].contains(&self.word(*at)));
        let opens = ["do", "did", "have", "am", "is", "are", "what", "where", "who", "why", "when", "how", "would", "should"];
        opens.contains(&self.word(sentence.start)) || !comma.is_some_and(|comma| ASKING.contains(&self.word(comma + 1)))
    }
}

/// How strongly the text takes something back, up to and with each word.
pub fn corrections(words: &[Word]) -> Vec<u8> {
    let plain: Vec<usize> = (0..words.len()).filter(|at| !words[*at].is_mark()).collect();
    let mut out = vec![0; words.len()];
    for (index, at) in plain.iter().enumerate() {
        // Marks do not part "no, wait" or "sorry - I meant".
        let here: Vec<Word> = plain[index..].iter().take(3).map(|at| words[*at].clone()).collect();
        let weights = CORRECTIONS.iter().filter(|(phrase, _)| phrase_at(&here, 0, phrase).is_some()).map(|(_, weight)| *weight);
        out[*at] = weights.max().unwrap_or(0);
    }
    for at in 1..out.len() {
        out[at] = out[at].max(out[at - 1]);
    }
    out
}

/// "…, not physics" and "Not Thursday, …": what the text rejects by name.
pub fn rejections(words: &[Word], said_at: Timestamp) -> Vec<String> {
    let mut out = Vec::new();
    for at in 0..words.len() {
        let opens = at == 0 || words[at - 1].is_mark();
        if words[at].text != "not" || !opens {
            continue;
        }
        let end = (at + 1..words.len()).find(|at| words[*at].is_mark()).unwrap_or(words.len());
        let rejected = &words[at + 1..end];
        if (1..=4).contains(&rejected.len()) {
            out.push(phrase(rejected));
            out.extend(when::read(rejected, 0, Date::of(said_at), true).map(|(days, _)| days.first.to_string()));
        }
    }
    out
}

/// Ranges of words without their final marks.
pub fn sentences(words: &[Word]) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    for at in 0..words.len() {
        if at - start >= SENTENCE_WORDS_MAX {
            out.push(start..at);
            start = at;
        }
        let titled = at > 0 && ["dr", "mr", "mrs", "ms", "prof", "st"].contains(&words[at - 1].text.as_str());
        if words[at].ends_sentence() && !(titled && words[at].text == ".") {
            if at > start {
                out.push(start..at);
            }
            start = at + 1;
        }
    }
    out
}

/// Which words stand between quotation marks; a mark without a partner quotes nothing.
pub fn quoted(words: &[Word]) -> Vec<bool> {
    let mut out = vec![false; words.len()];
    let mut open = None;
    for (at, word) in words.iter().enumerate() {
        if word.text == "\"" {
            match open.take() {
                // Marks around the whole text quote nothing.
                Some(from) if from > 0 || words[at..].iter().any(|word| !word.is_mark()) => out[from..at].fill(true),
                Some(_) => {}
                None => open = Some(at),
            }
        }
    }
    out
}
