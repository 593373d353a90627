//! Reading a statement: finds subjects, tries the rules behind them, and weighs what stands around (questions, quotes, hedges, times).

use std::ops::Range;

use cubelog_memory::Timestamp;

use crate::around::{corrections, quoted, rejections, sentences};
use crate::attribute::{Attribute, Place};
use crate::calendar::Date;
use crate::claim::{Claim, Modality, Validity, Value, yearly};
use crate::lexicon::{KIN_ADJECTIVES, POINTERS, SUBJECTS, is_person, listed, words_of};
use crate::limits::{ABOUT_OTHERS, ANNOUNCED, CLAIMS_MAX, FROM_PASTED, HEDGED, PASTED_BYTES, PLAIN, READ_BYTES_MAX, STAY_DAYS};
use crate::normal::{number, phone, phrase, phrase_of, topic};
use crate::pattern::{Found, Notes, can_begin, find, pass, phrase_at};
use crate::rules::{CHANGES, EVENT, Effect, FIRM_INTENTS, FREE, HEDGES, INTENTS, OWNER, Rule, SUBJECT};
use crate::slots;
use crate::when::{self, Times};
use crate::words::{Word, words};

/// Everything that `text`, said by `speaker` at `said_at`, claims, in the order of the text. Claims that are not asserted come
/// back too, marked by their modality.
pub fn claims(text: &str, speaker: &str, said_at: Timestamp) -> Vec<Claim> {
    let mut cut = text.len().min(READ_BYTES_MAX);
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    let text = &text[..cut];
    let mut words = words(text);
    // A statement ends in a stop whether it was typed or not.
    words.push(Word { text: ".".to_owned(), start: cut, end: cut, capital: false });
    let reader = Reader {
        text,
        quoted: quoted(&words),
        corrections: corrections(&words),
        rejects: rejections(&words, said_at),
        words,
        speaker: phrase_of(speaker),
        said_at,
    };
    let mut out: Vec<Claim> = Vec::new();
    for sentence in sentences(&reader.words) {
        for at in sentence.clone() {
            let mut found = Vec::new();
            reader.starts(&sentence, at, &mut found);
            // Of what one subject says about one attribute, the rule that read furthest is right.
            found.sort_by_key(|(_, claim)| std::cmp::Reverse(claim.span.end));
            let mut taken: Vec<(usize, Claim)> = Vec::new();
            for (rule, claim) in found {
                let other = |(of, known): &(usize, Claim)| {
                    *of != rule && known.attribute == claim.attribute && known.subject == claim.subject
                };
                if !taken.iter().any(other) {
                    taken.push((rule, claim));
                }
            }
            for (_, claim) in taken {
                let same = |known: &Claim| {
                    known.subject == claim.subject && known.attribute == claim.attribute && known.answer() == claim.answer()
                };
                if out.len() < CLAIMS_MAX && !out.iter().any(same) {
                    out.push(claim);
                }
            }
        }
    }
    out
}

pub struct Reader<'a> {
    pub text: &'a str,
    pub words: Vec<Word>,
    pub quoted: Vec<bool>,
    corrections: Vec<u8>,
    rejects: Vec<String>,
    pub speaker: String,
    pub said_at: Timestamp,
}

/// Who a rule's claims are about, and where the subject began.
pub struct Start<'a> {
    pub subject: &'a str,
    pub at: usize,
    pub sentence: &'a Range<usize>,
}

impl Reader<'_> {
    pub fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// Tries every rule whose subject could begin at word `at`.
    fn starts(&self, sentence: &Range<usize>, at: usize, out: &mut Vec<(usize, Claim)>) {
        let me = self.speaker.as_str();
        match self.word(at) {
            "i" | "we" => self.predicate(&Start { subject: me, at, sentence }, at + 1, out),
            owner @ ("my" | "our" | "the") => {
                self.rules(&Start { subject: me, at, sentence }, EVENT, at + 1, Lead::default(), out);
                if owner == "the" {
                    return;
                }
                let owned = at + 1 + usize::from(self.word(at + 1) == "new");
                let lead = Lead { change: owned > at + 1, ..Lead::default() };
                self.rules(&Start { subject: me, at, sentence }, OWNER, owned, lead, out);
                let Some(noun) = (at + 1..at + 4).find(|at| !listed(KIN_ADJECTIVES, self.word(*at))) else { return };
                if is_person(self.word(noun)) {
                    let other = format!("{me}'s {}", topic(&self.words[at + 1..=noun]));
                    self.third(&Start { subject: &other, at, sentence }, noun + 1, out);
                }
            }
            "and" if self.goes_on(sentence, at) => self.predicate(&Start { subject: me, at, sentence }, at + 1, out),
            _ if self.is_name(at) => {
                self.named(sentence, at, out);
            }
            _ => {}
        }
        let fresh = at == sentence.start || self.words[at - 1].is_mark() || self.word(at - 1) == "you";
        if fresh {
            self.rules(&Start { subject: me, at, sentence }, FREE, at, Lead::default(), out);
        }
    }

    fn third(&self, start: &Start<'_>, at: usize, out: &mut Vec<(usize, Claim)>) {
        match self.word(at) {
            "'s" => self.rules(start, OWNER, at + 1, Lead::default(), out),
            "and" => {}
            _ => self.predicate(start, at, out),
        }
    }

    /// Somebody named, by what follows: "Carla lives", "Tom moved". A first word has its capital anyway, so there the verb must
    /// be one of a third person: not "Sounds like", "Just started".
    fn named(&self, sentence: &Range<usize>, at: usize, out: &mut Vec<(usize, Claim)>) {
        let name = phrase(&self.words[at..=at]);
        let verb = self.word(at + 1);
        let first = at == sentence.start || self.words[at - 1].is_mark();
        let third =
            verb == "'s" || verb.len() > 1 && verb.ends_with('s') && !["always", "was", "us", "this", "as"].contains(&verb);
        let past = verb == "was" || verb.ends_with("ed") || ["quit", "left", "got", "bought", "grew", "became"].contains(&verb);
        if !self.words[at + 1].capital && (third || !first && past) {
            self.third(&Start { subject: &name, at, sentence }, at + 1, out);
        }
    }

    /// "I hate crowds and avoid stadiums": a verb of liking behind "and" goes on with the speaker, if nobody else came between.
    fn goes_on(&self, sentence: &Range<usize>, at: usize) -> bool {
        let verb = self.word(at + 1 + usize::from(["strictly", "only", "really", "also"].contains(&self.word(at + 1))));
        let mine = (sentence.start..at).rev().map(|at| self.word(at)).find(|word| listed(SUBJECTS, word));
        ["avoid", "prefer", "dislike", "enjoy", "love", "hate"].contains(&verb)
            && mine.is_some_and(|word| word == "i" || word == "we")
    }

    fn is_name(&self, at: usize) -> bool {
        let word = &self.words[at];
        let alone = at == 0 || !self.words[at - 1].capital || self.words[at - 1].text == "i";
        let letters = word.text.chars().all(char::is_alphabetic) && word.text.chars().nth(1).is_some();
        let general =
            ["everybody", "nobody", "people", "everyone", "and", "but", "also", "the", "most", "some", "all", "kids", "what"];
        word.capital && alone && letters && !listed(POINTERS, word.text.as_str()) && !general.contains(&word.text.as_str())
    }

    /// What a subject is said to do, after "used to", "want to", "will" and their like.
    fn predicate(&self, start: &Start<'_>, at: usize, out: &mut Vec<(usize, Claim)>) {
        let mut lead = Lead::default();
        let mut here = at;
        let mut begin = at;
        loop {
            let phrase = |phrases| words_of(phrases).find_map(|phrase| phrase_at(&self.words, here, phrase));
            if let Some(count) = phrase("used to") {
                lead.ended = true;
                here += count;
                begin = here;
            } else if let Some(count) = phrase(INTENTS) {
                lead.planned = true;
                here += count;
                begin = here;
            } else if let Some(count) = phrase(FIRM_INTENTS) {
                lead.firm = true;
                here += count;
                begin = here;
            } else if let Some(count) =
                pass(&self.words, here, &mut Notes::default()).or_else(|| (self.word(here) == "am").then_some(1))
            {
                // Only on the way to an intention: the rules pass over adverbs themselves, and note them.
                here += count;
            } else {
                break;
            }
        }
        let mut before = Notes::default();
        let mut there = at;
        while there < begin {
            there += pass(&self.words, there, &mut before).unwrap_or(1);
        }
        lead.notes = if begin > at { before } else { Notes::default() };
        self.rules(start, SUBJECT, begin, lead, out);
    }

    fn rules(&self, start: &Start<'_>, rules: &'static [Rule], at: usize, lead: Lead, out: &mut Vec<(usize, Claim)>) {
        // What may stand in front of a rule's first word is the same for all of them, so it is walked once.
        let mut firsts = vec![self.word(at)];
        let mut here = at;
        while let Some(passed) = pass(&self.words, here, &mut Notes::default()) {
            here += passed;
            firsts.push(self.word(here));
        }
        for (index, rule) in rules.iter().enumerate() {
            if !can_begin(rule.0, &firsts) {
                continue;
            }
            if let Some(found) = find(rule.0, &self.words, at) {
                for (name, value) in self.targets(rule, &found) {
                    let claim = self.claim(start, rule.2, &found, lead, Attribute::from_key(&name), value);
                    out.extend(claim.map(|claim| (index, claim)));
                }
            }
        }
    }

    /// A rule's keys and values with what its slots captured.
    fn targets(&self, rule: &Rule, found: &Found) -> Vec<(String, Option<Value>)> {
        let mut out = Vec::new();
        for target in rule.1.split(';') {
            let (key, value) = target.split_once('=').map_or((target, None), |(key, value)| (key, Some(value)));
            let mut keys = vec![key.to_owned()];
            for (slot, range) in &found.slots {
                let hole = format!("{{{slot}}}");
                if key.contains(&hole) {
                    let fills = if *slot == "topics" { list(&self.words, range) } else { vec![self.normal(slot, range)] };
                    keys = keys.iter().flat_map(|key| fills.iter().map(|fill| key.replace(&hole, fill))).collect();
                }
            }
            let value = value.and_then(|value| match value.strip_prefix('{').and_then(|value| value.strip_suffix('}')) {
                Some(slot) => found
                    .slot(slot)
                    .map(|range| Value { normal: self.normal(slot, &range), surface: self.surface(&range).to_owned() }),
                None if value.is_empty() => None,
                None => Some(Value { normal: value.to_owned(), surface: value.to_owned() }),
            });
            let wanted = target.contains("={") && !target.contains("?}") && value.is_none();
            let empty = value.as_ref().is_some_and(|value| value.normal.is_empty()) || keys.iter().any(|key| key.ends_with('/'));
            if !wanted && !empty {
                out.extend(keys.into_iter().map(|key| (key, value.clone())));
            }
        }
        out
    }

    fn surface(&self, range: &Range<usize>) -> &str {
        &self.text[self.words[range.start].start..self.words[range.end - 1].end]
    }

    fn normal(&self, slot: &str, range: &Range<usize>) -> String {
        let words = &self.words[range.clone()];
        let day = |future| when::read(&self.words, range.start, Date::of(self.said_at), future).map(|(days, _)| days.first);
        match slot {
            "n" | "age" => number(&words[0].text).map_or_else(String::new, |n| n.to_string()),
            "date" => day(true).map_or_else(String::new, |date| date.to_string()),
            "day" => day(false).map_or_else(String::new, yearly),
            "email" => words[0].text.clone(),
            "phone" => phone(self.surface(range)),
            "kin" => {
                let plain: Vec<Word> =
                    words.iter().filter(|word| !["new", "old", "current"].contains(&word.text.as_str())).cloned().collect();
                topic(&plain)
            }
            "act" | "noun" | "thing" | "event" => topic(words),
            "sort" => {
                let severe = ["severe", "bad", "mild", "serious", "strong", "slight", "terrible", "life-threatening"];
                let plain: Vec<Word> = words.iter().filter(|word| !severe.contains(&word.text.as_str())).cloned().collect();
                topic(&plain)
            }
            _ => phrase(words),
        }
    }

    fn claim(
        &self,
        start: &Start<'_>,
        effects: &[Effect],
        found: &Found,
        lead: Lead,
        attribute: Attribute,
        value: Option<Value>,
    ) -> Option<Claim> {
        let is = |effect| effects.contains(&effect);
        let notes = found.notes.and(lead.notes);
        let lasting = is(Effect::Lasting) || is(Effect::Over);
        if notes.past && !lasting {
            return None;
        }
        // "When I turned ten" tells no age.
        let subordinate = ["when", "before", "until", "till", "since", "after", "once"];
        if attribute == Attribute::Detail("age".to_owned()) && start.at > 0 && subordinate.contains(&self.word(start.at - 1)) {
            return None;
        }
        let region = self.region(start, found.end);
        let dated = matches!(&attribute, Attribute::Event(_)) || attribute == Attribute::Detail("birthday".to_owned());
        let times = if dated { Times::default() } else { when::scan(&self.words[region.clone()], self.said_at, lasting) };
        let mut modality = self.modality(start, found.end, notes);
        let mut validity = Validity { from: times.from, to: times.to };
        let mut announced = false;
        if is(Effect::Over) || lead.ended {
            validity.to =
                times.to.or_else(|| times.at.map(|at| at.last.end())).filter(|to| *to <= self.said_at).or(Some(self.said_at));
        } else if is(Effect::Announced) || lead.firm || notes.future {
            validity.from = times.from.or_else(|| times.at.map(|at| at.first.start())).filter(|from| *from > self.said_at);
            announced = validity.from.is_some();
            if !announced && modality == Modality::Asserted {
                modality = Modality::Planned;
            }
        } else if is(Effect::Change) && validity.from.is_none() {
            validity.from = times.at.map(|at| at.first.start()).filter(|from| *from <= self.said_at);
        }
        if lead.planned && modality == Modality::Asserted {
            modality = Modality::Planned;
        }
        match (&attribute, &value) {
            (Attribute::Event(_), Some(value)) => validity.to = day(&value.normal).map(Date::end),
            (Attribute::Place(Place::Travel), _) if validity.to.is_none() => {
                validity.from = times.at.map_or(validity.from, |at| Some(at.first.start()));
                let from = validity.from.unwrap_or(self.said_at);
                validity.to = Some(times.at.map_or_else(|| Date::of(from).plus_days(STAY_DAYS).end(), |at| at.last.end()));
            }
            _ => {}
        }
        let words = &self.words[start.at..region.end.max(start.at)];
        let change = notes.change
            || lead.change
            || is(Effect::Change)
            || (0..words.len()).any(|at| CHANGES.iter().any(|phrase| phrase_at(words, at, phrase).is_some()));
        let hedged =
            notes.hedged || self.words[self.reset(start)..start.at].iter().any(|word| HEDGES.contains(&word.text.as_str()));
        let mut confidence = if hedged { HEDGED } else { PLAIN };
        if self.text.len() > PASTED_BYTES {
            confidence *= FROM_PASTED;
        }
        if start.subject != self.speaker {
            confidence *= ABOUT_OTHERS;
        }
        if announced {
            confidence *= ANNOUNCED;
        }
        // A rule that names the end of whatever there was has no value and denies.
        let ends = value.is_none() && !attribute.is_yes_or_no();
        Some(Claim {
            subject: start.subject.to_owned(),
            speaker: self.speaker.clone(),
            attribute,
            value,
            negated: ends || (notes.negated ^ is(Effect::Deny)),
            validity,
            modality,
            change,
            correction: self.corrections[start.sentence.end - 1],
            rejects: self.rejects.clone(),
            confidence,
            said_at: self.said_at,
            span: self.words[start.at].start..self.words[found.end.saturating_sub(1).max(start.at)].end,
        })
    }
}

/// What stood between a subject and its predicate.
#[derive(Debug, Clone, Copy, Default)]
struct Lead {
    ended: bool,
    planned: bool,
    firm: bool,
    change: bool,
    notes: Notes,
}

/// The topics of a list: "chess, painting and old films". What shares a word stays one: "the taste and smell of fish", "unique
/// and local experiences", "films that bore or frighten".
fn list(words: &[Word], range: &Range<usize>) -> Vec<String> {
    let words = &words[range.clone()];
    let items: Vec<&[Word]> =
        words.split(|word| ["and", "or"].contains(&word.text.as_str())).filter(|item| !item.is_empty()).collect();
    let shared = words.iter().any(|word| word.text == "of" || slots::RELATIVES.contains(&word.text.as_str()))
        || items.len() > 1 && items[0].len() == 1 && items[items.len() - 1].len() > 1;
    let whole = [words];
    let items = if shared { &whole[..] } else { &items[..] };
    items.iter().map(|item| topic(item)).filter(|topic| !topic.is_empty()).collect()
}

fn day(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    Date::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)
}
