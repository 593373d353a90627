//! What a cube knows already, so that what was recalled into a prompt and comes back in a turn is not learnt again.

use std::collections::{HashMap, HashSet};

use cubelog_beliefs::attribute::Cardinality;
use cubelog_beliefs::duplicate::Statement;
use cubelog_beliefs::{Attribute, Claim, Features, Likeness, Modality, claims, duplicate};
use cubelog_language::TermSet;
use cubelog_language::fingerprint::exact_form;
use cubelog_memory::{SemanticType, Timestamp};
use cubelog_views::VersionRow;

/// Share of terms below which two texts are not compared any further: far below what a restatement has.
const SHARED_TERMS_MIN: f32 = 0.15;

struct Entry {
    text: String,
    /// Empty where nobody said it; then anybody may have.
    speaker: String,
    said_at: Timestamp,
    terms: TermSet,
}

/// The newest answers to what a claim is about.
type Newest = HashMap<(String, Attribute), (Timestamp, Option<String>)>;

/// Statements of a cube that are believed. Turns are not among them: a turn is where a statement comes from.
#[derive(Default)]
pub struct Known {
    entries: Vec<Entry>,
    /// Exact form and speaker in lower case.
    exact: HashSet<(String, String)>,
    newest: Newest,
}

impl Known {
    pub fn of(rows: &[VersionRow]) -> Self {
        let mut known = Self::default();
        for row in rows.iter().filter(|row| row.memory.descriptive.semantic != SemanticType::Turn && row.memory.is_believed()) {
            if let Some(content) = row.content.clear() {
                known.add(&content.text, content.speaker.as_deref().unwrap_or_default(), row.valid.from);
            }
        }
        known
    }

    pub fn add(&mut self, text: &str, speaker: &str, said_at: Timestamp) {
        for claim in single(text, speaker, said_at) {
            let answer = claim.answer().map(str::to_owned);
            let newest = self.newest.entry((claim.subject, claim.attribute)).or_insert((said_at, answer.clone()));
            if newest.0 <= said_at {
                *newest = (said_at, answer);
            }
        }
        self.exact.insert((exact_form(text), speaker.to_lowercase()));
        self.entries.push(Entry { text: text.to_owned(), speaker: speaker.to_owned(), said_at, terms: TermSet::of(text) });
    }

    /// Whether the statement says what one of these says, and no newer one says otherwise.
    pub fn holds(&self, text: &str, speaker: &str, said_at: Timestamp) -> bool {
        let changed_since = || {
            single(text, speaker, said_at).into_iter().any(|claim| {
                let answer = claim.answer().map(str::to_owned);
                self.newest.get(&(claim.subject, claim.attribute)).is_some_and(|(_, newest)| *newest != answer)
            })
        };
        (self.has_exact(text, speaker) || self.has_restated(text, speaker, said_at)) && !changed_since()
    }

    fn has_exact(&self, text: &str, speaker: &str) -> bool {
        let form = exact_form(text);
        [speaker.to_lowercase(), String::new()].into_iter().any(|speaker| self.exact.contains(&(form.clone(), speaker)))
    }

    fn has_restated(&self, text: &str, speaker: &str, said_at: Timestamp) -> bool {
        let terms = TermSet::of(text);
        let near = self.entries.iter().filter(|entry| entry.terms.jaccard(&terms) >= SHARED_TERMS_MIN);
        near.into_iter().any(|entry| {
            let said = |by: &Entry| if by.speaker.is_empty() { speaker.to_owned() } else { by.speaker.clone() };
            let older = said(entry);
            let older = Statement { text: &entry.text, speaker: &older, said_at: entry.said_at };
            let newer = Statement { text, speaker, said_at };
            duplicate(&Features::of(older, newer, None)) >= Likeness::Restated
        })
    }
}

/// Asserted claims about what has one value at a time.
fn single(text: &str, speaker: &str, said_at: Timestamp) -> Vec<Claim> {
    let mut found = claims(text, speaker, said_at);
    found.retain(|claim| {
        claim.modality == Modality::Asserted
            && claim.cardinality() == Cardinality::One
            && !matches!(claim.attribute, Attribute::Event(_))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    #[test]
    fn what_is_said_again_is_known_and_what_changed_is_news() {
        let mut known = Known::default();
        known.add("Ana lives in Graz.", "Ana", Timestamp(0));
        known.add("Ana has a dog named Rex.", "", Timestamp(0));
        for (text, speaker, expected) in [
            ("ana lives in graz", "Ana", true),
            ("I live in Graz", "Ana", true),
            ("I live in Graz", "Ben", false),
            ("Ana lives in Vienna.", "Ana", false),
            ("Ana does not live in Graz.", "Ana", false),
            ("Ana has a dog named Rex", "Ana", true),
            ("Ana has a dog named Max.", "Ana", false),
            ("Ana has a cat.", "Ana", false),
        ] {
            assert_eq!(known.holds(text, speaker, Timestamp(DAY)), expected, "{text:?} by {speaker}");
        }
    }

    #[test]
    fn a_return_to_what_was_before_is_news() {
        let mut known = Known::default();
        known.add("Ana lives in Graz.", "Ana", Timestamp(0));
        known.add("Ana lives in Vienna.", "Ana", Timestamp(100 * DAY));
        assert!(known.holds("Ana lives in Vienna.", "Ana", Timestamp(150 * DAY)));
        assert!(!known.holds("Ana lives in Graz.", "Ana", Timestamp(200 * DAY)));
    }
}
