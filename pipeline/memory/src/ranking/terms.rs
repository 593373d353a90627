//! The terms of a score, each bounded and each to be switched off alone.

use std::collections::HashMap;

use super::weights::*;
use super::{Ask, Candidate, Ranked, finite, ranked};
use crate::metadata::words;
use crate::position::Timestamp;

words!(
    /// What a score is made of.
    Term {
        /// Similarity of the vectors.
        Meaning = "meaning",
        /// Share of the query's words.
        Words = "words",
        /// What stands beside it in its session.
        Beside = "beside",
        /// The best of its session.
        Session = "session",
        /// Its speaker is named.
        Named = "named",
        /// It lies in a time that is named.
        Time = "time",
        /// It only asks.
        Question = "question",
        /// A program said it.
        Assistant = "assistant",
        /// Whoever asks said it, or is told of in it.
        Asker = "asker",
        /// It is new.
        Recent = "recent",
        /// Nothing that it says holds any more.
        Outdated = "outdated",
        /// It names what the best name.
        Linked = "linked",
        /// Its priority.
        Priority = "priority",
    }
);

/// The words for terms, as commands take them.
pub const TERMS: [&str; Term::ALL.len()] = {
    let mut words = [""; Term::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = Term::ALL[at].word();
        at += 1;
    }
    words
};

/// A set of terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms(u16);

impl Terms {
    pub fn with(self, term: Term) -> Self {
        Self(self.0 | 1 << term as u16)
    }
    pub const fn has(self, term: Term) -> bool {
        self.0 & 1 << term as u16 != 0
    }
}

impl FromIterator<Term> for Terms {
    fn from_iter<I: IntoIterator<Item = Term>>(terms: I) -> Self {
        terms.into_iter().fold(Self::default(), Self::with)
    }
}

/// Adds up all terms of all candidates.
pub fn hybrid(pool: &[Candidate], ask: &Ask) -> Vec<Ranked> {
    let with = |term: Term| !ask.without.has(term);
    // What a memory is worth by itself, on which its neighbours' and its session's worth are built.
    let own: Vec<f32> = pool
        .iter()
        .map(|candidate| {
            let meaning = finite(candidate.dense).filter(|_| with(Term::Meaning)).unwrap_or(0.0);
            let words = finite(candidate.lexical).filter(|_| with(Term::Words)).unwrap_or(0.0);
            meaning + WORDS * words
        })
        .collect();
    let mut sessions: HashMap<u32, Vec<(u64, f32)>> = HashMap::new();
    for (candidate, own) in pool.iter().zip(&own) {
        if let (Some(session), Some(index)) = (candidate.session, candidate.stream_index) {
            sessions.entry(session).or_default().push((index, *own));
        }
    }
    pool.iter()
        .enumerate()
        .map(|(at, candidate)| {
            let value = |term: Term| match term {
                Term::Meaning => finite(candidate.dense).unwrap_or(0.0),
                Term::Words => WORDS * finite(candidate.lexical).unwrap_or(0.0),
                Term::Beside => BESIDE * beside(candidate, own[at], &own),
                Term::Session => SESSION * near_in_session(candidate, own[at], &sessions),
                Term::Named => flag(candidate.named, NAMED),
                Term::Asker => flag(candidate.of_asker, ASKER),
                Term::Time => TIME * in_times(candidate.valid_from, &ask.times),
                Term::Question => -QUESTION * candidate.voice.questions.clamp(0.0, 1.0),
                Term::Assistant => flag(candidate.voice.assistant, -ASSISTANT),
                Term::Recent => RECENT * candidate.turns_ago.map_or(0.0, |ago| (-(ago as f32) / RECENT_TURNS).exp()),
                Term::Outdated => flag(candidate.outdated && !ask.past, -OUTDATED),
                Term::Linked => LINKED * finite(Some(candidate.linked)).unwrap_or(0.0).clamp(0.0, 1.0),
                Term::Priority => PRIORITY * (candidate.priority as f32 / 100.0).clamp(-1.0, 1.0),
            };
            let terms = Term::ALL.iter().filter(|term| with(**term)).map(|term| (*term, value(*term)));
            ranked(pool, at, terms.filter(|(_, value)| *value != 0.0).collect())
        })
        .collect()
}

fn flag(is: bool, worth: f32) -> f32 {
    if is { worth } else { 0.0 }
}

/// The best of the session not far away, itself included.
fn near_in_session(candidate: &Candidate, own: f32, sessions: &HashMap<u32, Vec<(u64, f32)>>) -> f32 {
    let others =
        candidate.session.zip(candidate.stream_index).and_then(|(session, index)| Some((sessions.get(&session)?, index)));
    let Some((others, index)) = others else { return own.max(0.0) };
    others
        .iter()
        .map(|(other, worth)| (other.abs_diff(index), *worth))
        .filter(|(distance, _)| *distance <= SESSION_REACH)
        .map(|(distance, worth)| worth * SESSION_FADES.powi(distance as i32))
        .fold(own.max(0.0), f32::max)
}

/// The worth of the best neighbour, none below nothing.
fn beside(candidate: &Candidate, own: f32, all: &[f32]) -> f32 {
    let worth = candidate.neighbours.iter().filter_map(|(place, distance)| {
        let fade = if distance.unsigned_abs() > 1 { BESIDE_FADES } else { 1.0 };
        all.get(*place).map(|own| own * fade)
    });
    worth.reduce(f32::max).map_or(ALONE * own, |best| best.max(0.0))
}

/// How well an instant fits the named times: 1 inside one of them, less the further away.
fn in_times(at: Timestamp, times: &[(Timestamp, Timestamp)]) -> f32 {
    const DAY: f32 = 86_400.0 * 1e6;
    times
        .iter()
        .map(|(from, to)| {
            let before = (from.micros().saturating_sub(at.micros())).max(0) as f32 / DAY;
            let after = (at.micros().saturating_sub(to.micros())).max(0) as f32 / DAY;
            (-(before / TIME_BEFORE_DAYS).max(after / TIME_AFTER_DAYS)).exp()
        })
        .fold(0.0, f32::max)
}
