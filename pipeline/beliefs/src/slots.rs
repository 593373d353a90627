//! What a slot of a pattern may capture, and how far.

use std::ops::Range;

use crate::calendar::Date;
use crate::lexicon::*;
use crate::limits::{TOPIC_WORDS_MAX, VALUE_WORDS_MAX};
use crate::normal::{number, singular, topic};
use crate::pattern::is_one_of;
use crate::when;
use crate::words::Word;

/// What ends every captured phrase.
const STOPS: &str = "\
    because, entirely, completely, altogether, so, but, when, while, which, who, whose, that, where, although, though, after, before, since, until, till, \
    if, as, than, now, again, currently, today, tonight, yesterday, tomorrow, too, also, just, last, next, every, either, \
    anyway, honestly, instead, really, much, lately, recently, once, twice, is, are, am, was, were, more, i, not, it, \
    will, has, have, been, even, here, like, very, always, these, this, a, an, about, would, can, and, or, called, named, \
    yet, anymore, believe, at, originally, due, especially, particularly, rather, whenever, over, actually, though, \
    anymore, right";
/// What also ends a place, an employer, a name.
const SHORT_STOPS: &str = "\
    in, on, with, near, by, for, from, to, around, downtown, there, part-time, full-time, my, our, the, over, into, back, \
    way, together, full, during, through, between, of";
/// What may follow "and" without continuing a list.
const NOT_LISTED: &str = "\
    i, we, my, our, it, he, she, they, you, am, is, are, have, do, love, hate, like, the, that, gives, now, then, so, can, \
    will, would, not, a, an, enjoy, want, always, never, really, prefer, avoid, find, listen, only, also, think, feel, \
    use, try, need, usually, often, hope, go";

/// What begins a clause that says which ones are meant.
pub const RELATIVES: &[&str] = &["that", "which", "who", "whose", "where", "involving", "including", "with", "without"];
/// Heads of topics that speak of a moment or an amount.
const VAGUE: &[&str] = &["idea", "thought", "lot", "lots", "bit", "fact", "way", "option", "word", "look"];
/// What ends a topic even behind such a word.
const CLAUSES: &[&str] = &["because", "but", "so", "although", "though", "since", "when", "while", "if", "due", "i", "we", "as"];

fn text(words: &[Word], at: usize) -> &str {
    words.get(at).map_or("", |word| word.text.as_str())
}

/// Captures slot `slot` at word `at`. `next` is the literal that must follow it, if one does.
pub fn capture(slot: &str, words: &[Word], at: usize, next: Option<&str>) -> Option<Range<usize>> {
    let first = words.get(at)?;
    let one = |fits: bool| fits.then_some(at..at + 1);
    match slot {
        "_" => (at + 1..words.len().min(at + 6))
            .find(|end| next.is_some_and(|next| is_one_of(text(words, *end), next)))
            .map(|end| at..end),
        "sort" => {
            let end =
                (at + 1..words.len().min(at + 5)).find(|end| next.is_some_and(|next| is_one_of(text(words, *end), next)))?;
            let plain =
                (at..end).all(|at| !words[at].is_mark() && !listed(POINTERS, text(words, at)) && !listed(STOPS, text(words, at)));
            plain.then_some(at..end)
        }
        "stop" => {
            let ends = [".", ",", "!", "?", ";", ")", "-", "…", ":"].contains(&first.text.as_str())
                || ["now", "and", "but", "so", "this", "already", "officially", "in"].contains(&first.text.as_str());
            ends.then_some(at..at)
        }
        "n" => one(number(&first.text).is_some()),
        "age" => one(number(&first.text).is_some_and(|age| (1..=115).contains(&age))),
        "diet" => one(DIETS.contains(&first.text.as_str())),
        "marital" => one(MARITAL.contains(&first.text.as_str())),
        "language" => one(listed(LANGUAGES, first.text.as_str())),
        "drug" => one(DRUGS.contains(&first.text.as_str())),
        "often" => one(OFTEN.contains(&first.text.as_str())),
        "email" => one(first.text.contains('@') && !first.text.contains("://")),
        "phone" => {
            let digits =
                |at: usize| words.get(at).is_some_and(|word| word.text.chars().all(|c| c.is_ascii_digit() || "+-./".contains(c)));
            let end =
                (at..words.len()).take_while(|at| digits(*at) || ["(", ")", "+", "-"].contains(&text(words, *at))).last()? + 1;
            let count: usize = words[at..end].iter().map(|word| word.text.bytes().filter(u8::is_ascii_digit).count()).sum();
            (count >= 5).then_some(at..end)
        }
        "date" | "day" => {
            // Only the length matters here; the meaning is read again with the time of saying.
            let said = Date { year: 2001, month: 6, day: 15 };
            let (days, used) = when::read(words, at, said, true)?;
            days.day_named.then_some(at..at + used)
        }
        "kin" => kin(words, at),
        "act" | "doing" | "item" | "topics" => {
            let range = topic_phrase(words, at, next)?;
            let head = text(words, skip_determiners(words, range.start));
            let long = range.len() > if slot == "act" { 3 } else { TOPIC_WORDS_MAX };
            let fits = match slot {
                // "Started drafting the answers" is an occasion, "started volunteering" a habit.
                "doing" => {
                    let once = |at| matches!(text(words, at), "the" | "another" | "some" | "on" | "my" | "our");
                    head.ends_with("ing")
                        && head.len() > 4
                        && !matches!(head, "being" | "doing" | "during" | "thing")
                        && !range.clone().any(once)
                }
                "topics" => is_general(words, &range) && !listed(POINTERS, head),
                _ => !listed(POINTERS, head) && !listed(SHORT_STOPS, head),
            };
            let depends = |at| {
                let word = text(words, at);
                PRONOUNS.contains(&word) || slot == "topics" && word.bytes().any(|b| b.is_ascii_digit())
            };
            let last = text(words, range.end - 1);
            let vague = range.clone().any(depends) || RELATIVES.contains(&last) || last == "of" || VAGUE.contains(&head);
            let cut = long || slot == "topics" && breaks_off(words, &range);
            (fits && !vague && !cut).then_some(range)
        }
        "place" => {
            let range = phrase(words, at, next)?;
            let proper = range.clone().all(|at| words[at].capital || words[at].is_mark() || text(words, at) == "de")
                || !words.iter().any(|word| word.capital && word.text != "i");
            let start = words[range.start].text.as_str();
            (proper && !listed(NO_PLACES, start) && number(start).is_none()).then(|| with_region(words, range))
        }
        "name" => {
            let range = phrase(words, at, next)?;
            let titled = matches!(text(words, range.end), "." if range.len() == 1 && ["dr", "mr", "mrs", "ms", "prof"].contains(&text(words, range.start)));
            let range = if titled && words.get(range.end + 1).is_some_and(|word| word.capital) {
                range.start..range.end + 2
            } else {
                range
            };
            let proper = words[range.start].capital && !listed(POINTERS, text(words, range.start));
            (proper && range.len() <= 4).then_some(range)
        }
        "company" => {
            let range = capture("org", words, at, next)?;
            words[range.start].capital.then_some(range)
        }
        "org" => {
            let from = skip_determiners(words, at);
            let range = phrase(words, from, next)?;
            let head = text(words, range.start);
            let last = text(words, range.end - 1);
            let fits = !listed(POINTERS, head)
                && !listed(NO_EMPLOYERS, head)
                && !listed(NO_EMPLOYERS, last)
                && number(head).is_none()
                && range.len() <= 4;
            fits.then_some(range)
        }
        "school" => {
            let from = skip_determiners(words, at);
            let range = phrase(words, from, next)?;
            // "University of Leeds" runs on over its "of".
            let end = match text(words, range.end) {
                "of" => phrase(words, range.end + 1, next)?.end,
                _ => range.end,
            };
            let schools = ["university", "college", "school", "academy", "institute", "polytechnic"];
            (from..end).any(|at| schools.contains(&text(words, at))).then_some(range.start..end)
        }
        "job" => {
            let range = phrase(words, at, next)?;
            let fits = range.len() <= 4 && text(words, range.start) != "no" && is_occupation(text(words, range.end - 1));
            fits.then_some(range)
        }
        "field" => {
            let range = phrase(words, at, next)?;
            let head = text(words, range.start);
            let fits = !listed(POINTERS, head)
                && !["hard", "abroad", "all", "for", "together", "at"].contains(&head)
                && range.len() <= 3;
            fits.then_some(range)
        }
        "durable" => {
            let range = capture("thing", words, at, next)?;
            is_durable(&topic(&words[range.clone()])).then_some(range)
        }
        "car" | "thing" => {
            let range = phrase(words, at, next)?;
            let (head, last) = (text(words, range.start), text(words, range.end - 1));
            let fits = range.len() <= 3
                && !listed(POINTERS, head)
                && !listed(NO_THINGS, head)
                && !listed(NO_THINGS, singular(last).as_str())
                && !is_person(last)
                && number(head).is_none();
            fits.then_some(range)
        }
        "noun" => {
            let range = phrase(words, at, next)?;
            // What is counted stands in the plural, unless it is one; what follows the plural is not counted.
            let single = at > 0 && text(words, at - 1) == "one" || next.is_some();
            let plural = |at: &usize| singular(text(words, *at)) != text(words, *at) || text(words, *at) == "people";
            let end = if single { range.end } else { range.clone().rev().find(plural)? + 1 };
            let (head, last) = (text(words, range.start), singular(text(words, end - 1)));
            let known = listed(NO_COUNTS, last.as_str()) || listed(POINTERS, head) || listed(SHORT_STOPS, head);
            (end - at <= 3 && !known && last != "ready").then_some(range.start..end)
        }
        "event" => {
            let range = phrase(words, at, next)?;
            (range.len() <= 3 && text(words, range.start) != "birthday").then_some(range)
        }
        _ => None,
    }
}

pub fn skip_determiners(words: &[Word], at: usize) -> usize {
    let determiner = |at: usize| ["a", "an", "the", "my", "our", "some", "any"].contains(&text(words, at));
    (at..words.len().min(at + 4)).find(|at| !determiner(*at)).unwrap_or(at)
}

fn kin(words: &[Word], at: usize) -> Option<Range<usize>> {
    let noun = (at..at + 3).find(|at| !listed(KIN_ADJECTIVES, text(words, *at)))?;
    is_kin(text(words, noun)).then_some(at..noun + 1)
}

/// A phrase from `at` to what ends it: a name, a place, a thing.
fn phrase(words: &[Word], at: usize, next: Option<&str>) -> Option<Range<usize>> {
    let from = skip_determiners(words, at);
    let ends = |end: &usize| {
        let here = text(words, *end);
        let followed = *end > at && next.is_some_and(|next| is_one_of(here, next));
        followed || words[*end].is_mark() || *end >= from && (stops(words, *end) || *end > from && listed(SHORT_STOPS, here))
    };
    let end = (at..words.len().min(from + VALUE_WORDS_MAX + 2)).find(ends)?;
    (end > from && end - from <= VALUE_WORDS_MAX).then_some(at..end)
}

/// What is liked, done or listed: runs on over prepositions, "and", and a relative clause, which belongs to the topic.
fn topic_phrase(words: &[Word], at: usize, next: Option<&str>) -> Option<Range<usize>> {
    let from = skip_determiners(words, at);
    let mut relative = false;
    let mut end = at;
    while end < words.len() && end - at < 2 * TOPIC_WORDS_MAX && !words[end].is_mark() {
        let here = text(words, end);
        let follows = text(words, end + 1);
        if end > at && next.is_some_and(|next| is_one_of(here, next)) {
            break;
        }
        relative |= end > from && RELATIVES.contains(&here);
        let list_goes_on = end > from && matches!(here, "and" | "or") && !follows.is_empty() && !listed(NOT_LISTED, follows);
        let amount = matches!(here, "a" | "an") && ["lot", "bit", "little", "ton", "great"].contains(&follows);
        let article = matches!(here, "a" | "an") && !amount;
        let stop = if relative { CLAUSES.contains(&here) } else { !article && !list_goes_on && stops(words, end) };
        if end >= from && (stop || amount) {
            break;
        }
        end += 1;
    }
    // Cut short by a pronoun, the last item of a list is half of one, and a topic without a list is none.
    if PRONOUNS.contains(&text(words, end)) {
        end = (from..end).rev().find(|at| matches!(text(words, *at), "and" | "or"))?;
    }
    (end > from).then_some(at..end)
}

/// Whether a comma cuts a phrase short: "small, boutique hotels", "hotels that have a clear, modern design".
fn breaks_off(words: &[Word], range: &Range<usize>) -> bool {
    let from = skip_determiners(words, range.start);
    let relative = range.clone().any(|at| RELATIVES.contains(&text(words, at)));
    let goes_on = !listed(NOT_LISTED, text(words, range.end + 1)) && words.get(range.end + 1).is_some_and(|word| !word.is_mark());
    let last = text(words, range.end - 1);
    let noun = last.ends_with('s') || last.ends_with("ing");
    text(words, range.end) == "," && goes_on && (relative || range.end - from == 1 && !noun)
}

/// What is liked in general, not "the idea" or "the breakdown" of a moment ago.
fn is_general(words: &[Word], range: &Range<usize>) -> bool {
    let specified = range.clone().any(|at| text(words, at) == "of" || RELATIVES.contains(&text(words, at)));
    text(words, range.start) != "the" || specified || range.clone().any(|at| listed(GENERAL_THE, text(words, at)))
}

fn stops(words: &[Word], at: usize) -> bool {
    let here = text(words, at);
    if listed(STOPS, here) || here == "any" && text(words, at + 1) == "more" {
        return true;
    }
    let said = Date { year: 2001, month: 6, day: 15 };
    // A capitalised month can be a name; after a preposition it is a time.
    let timed = matches!(here, "in" | "on" | "for" | "from") && when::read(words, at + 1, said, true).is_some();
    let ago = number(here).is_some() && text(words, at + 2) == "ago";
    timed || ago
}

/// "Portland, Oregon": a region behind a comma belongs to the place.
fn with_region(words: &[Word], range: Range<usize>) -> Range<usize> {
    let region =
        words.get(range.end + 1).is_some_and(|word| word.capital && word.text != "i" && when::month_of(&word.text).is_none());
    let closed = words.get(range.end + 2).is_none_or(Word::is_mark);
    if text(words, range.end) == "," && region && closed { range.start..range.end + 2 } else { range }
}
