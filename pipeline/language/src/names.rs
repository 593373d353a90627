//! Which participants a text names, and the text without their names.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::sentence::openings;
use crate::vocabulary::{CALENDAR_WORDS, COMMON_NAME_WORDS, ROLES};
use crate::words::{Word, fold, is_stop_word, without_possessive, words};

/// Fewest letters of a short form that is taken for a name ("Mel" for "Melanie").
const SHORT_LETTERS_MIN: usize = 3;

const BEFORE_DATES: &[&str] =
    &["in", "since", "during", "until", "of", "last", "next", "this", "early", "late", "mid", "by", "on", "every"];

/// A longer name is a description, and not looked for.
const NAME_WORDS_MAX: usize = 8;

/// The speakers of a cube, ready to be looked for. Roles ("user", "assistant") are kept but never found in a text, since
/// there they are ordinary words.
#[derive(Debug, Clone, Default)]
pub struct Participants {
    names: Vec<String>,
    /// Folded words of a full name to its participant.
    full: BTreeMap<Vec<String>, usize>,
    /// A folded first or last name to those who bear it.
    parts: BTreeMap<String, Vec<usize>>,
    /// Most words of one name.
    words_max: usize,
}

/// One place where participants are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameMention {
    /// Indices into [`Participants::names`]: one, or all who bear a name that several share.
    pub participants: Vec<usize>,
    /// Its bytes in the text, a possessive ending included.
    pub span: Range<usize>,
}

impl Participants {
    /// Repeated and blank names are kept where they stand, so that indices stay those of the caller.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Self {
        let mut participants = Self::default();
        for name in names {
            participants.add(name.as_ref());
        }
        participants
    }

    /// The names in the order in which they were given.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn add(&mut self, name: &str) {
        let index = self.names.len();
        self.names.push(name.to_owned());
        let folded: Vec<String> = words(name).map(|word| fold(word.text)).collect();
        if folded.is_empty() || folded.len() > NAME_WORDS_MAX || folded.iter().any(|word| ROLES.contains(word.as_str())) {
            return;
        }
        self.words_max = self.words_max.max(folded.len());
        let mut ends = vec![folded.first(), folded.last()];
        ends.dedup();
        for part in ends.into_iter().flatten() {
            let bearers = self.parts.entry(part.clone()).or_default();
            if !bearers.contains(&index) {
                bearers.push(index);
            }
        }
        self.full.entry(folded).or_insert(index);
    }

    /// The participants that a text names, in order: by full, first or last name in any case, by a short form with its
    /// capital ("Mel"). A name that is an ordinary word too ("Will", "Mark") needs its capital, and one that could be a
    /// function word is none where a sentence begins.
    pub fn find(&self, text: &str) -> Vec<NameMention> {
        if self.parts.is_empty() {
            return Vec::new();
        }
        let words: Vec<Word<'_>> = words(text).collect();
        let opens = openings(text, &words);
        let folded: Vec<String> = words.iter().map(|word| fold(word.text)).collect();
        let mut mentions = Vec::new();
        let mut at = 0;
        while at < words.len() {
            let found = self.full_name(&words, &folded, at).or_else(|| self.part_of_name(text, &words, &folded, at, opens[at]));
            let Some((participants, count)) = found else {
                at += 1;
                continue;
            };
            let span = words[at].start..words[at + count - 1].span().end;
            mentions.push(NameMention { participants, span });
            at += count;
        }
        mentions
    }

    fn full_name(&self, words: &[Word<'_>], folded: &[String], at: usize) -> Option<(Vec<usize>, usize)> {
        (2..=self.words_max.min(words.len() - at)).rev().find_map(|count| {
            let mut name = folded[at..at + count].to_vec();
            if let Some(last) = name.last_mut() {
                *last = without_possessive(last).to_owned();
            }
            self.full.get(&name).map(|index| (vec![*index], count))
        })
    }

    fn part_of_name(
        &self,
        text: &str,
        words: &[Word<'_>],
        folded: &[String],
        at: usize,
        opens: bool,
    ) -> Option<(Vec<usize>, usize)> {
        let (word, name) = (&words[at], without_possessive(&folded[at]));
        let possessive = name.len() < folded[at].len();
        let capital = word.is_capitalised();
        // "in April" is a month even where April takes part.
        let dated = CALENDAR_WORDS.contains(name) && at > 0 && BEFORE_DATES.contains(&folded[at - 1].as_str());
        let function = is_stop_word(name) || CALENDAR_WORDS.contains(name);
        if let Some(bearers) = self.parts.get(name) {
            let sure = match () {
                () if function => capital && (possessive || !opens) && !dated,
                () if COMMON_NAME_WORDS.contains(name) => capital,
                // A name of one or two letters is as likely a word or an initial.
                () => capital || name.chars().count() > 2,
            };
            return sure.then(|| (bearers.clone(), 1));
        }
        let short = capital && !opens && !function && name.chars().count() >= SHORT_LETTERS_MIN;
        // "Mel Gibson" is somebody else.
        let next = words.get(at + 1).filter(|next| next.is_capitalised());
        let surname = next.is_some_and(|next| &text[word.span().end..next.start] == " ");
        if !short || surname || word.text.chars().all(char::is_uppercase) {
            return None;
        }
        let mut longer = self.parts.range(name.to_owned()..).take_while(|(part, _)| part.starts_with(name));
        let (_, bearers) = longer.next()?;
        (longer.next().is_none() && bearers.len() == 1).then(|| (bearers.clone(), 1))
    }
}

/// Whether a speaker's name is a role ("user", "assistant") and nobody's name.
pub fn is_role(name: &str) -> bool {
    ROLES.contains(fold(name.trim()).as_str())
}

/// The text with "I" in place of the names, for an encoder that would fixate on them: memories speak of their speakers so.
pub fn in_first_person(text: &str, mentions: &[NameMention]) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for mention in mentions {
        rest.push_str(&text[at..mention.span.start]);
        rest.push('I');
        at = mention.span.end;
    }
    rest.push_str(&text[at..]);
    rest
}

/// The text without the names, for an encoder that would fixate on them. Where nothing but function words would remain, the
/// text is returned as it is.
pub fn cut(text: &str, mentions: &[NameMention]) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut at = 0;
    for mention in mentions {
        let gap = &text[at..mention.span.start];
        // Between two names "and" has nothing left to join.
        let joiner = at > 0 && matches!(gap.trim(), "and" | "&" | "," | "or" | ", and" | "");
        if !joiner {
            rest.push_str(gap);
        }
        at = mention.span.end;
    }
    rest.push_str(&text[at..]);
    let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
    let tells = words(&rest).any(|word| !is_stop_word(&fold(word.text)));
    if tells { rest } else { text.to_owned() }
}
