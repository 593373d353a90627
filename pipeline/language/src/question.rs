//! What a query asks for, and whether it asks about the present state of things.

use crate::limits::readable;
use crate::sentence::sentences;
use crate::vocabulary::AUXILIARIES;
use crate::words::{fold, words};

/// What kind of answer a query wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asks {
    When,
    Where,
    Who,
    /// How many, much, long, old, often.
    Amount,
    What,
    Why,
    How,
    YesNo,
    /// A recommendation, a suggestion, help with a choice: what the speaker prefers matters more than what was said.
    Advice,
    /// No question, or one of another kind.
    Other,
}

/// How much the latest state counts for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Freshness {
    Any,
    /// "Recently", "last time": what is new, though not necessarily still true.
    Recent,
    /// "Currently", "still", "now": what is believed today.
    Current,
}

/// A query as it was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    pub asks: Asks,
    pub freshness: Freshness,
}

/// Reads an English query. Of several sentences the last one with a question mark tells, otherwise the last that begins like
/// a question; advice is found wherever it is asked for. Freshness is that of the sentences that ask, of all where none does.
pub fn read(query: &str) -> Question {
    let mut asks = Asks::Other;
    let mut marked = false;
    let mut advice = false;
    let (mut asked, mut told) = (Freshness::Any, Freshness::Any);
    for sentence in sentences(readable(query)) {
        let folded: Vec<String> = words(sentence).map(|word| fold(word.text)).collect();
        let words: Vec<&str> = folded.iter().map(String::as_str).collect();
        let has_mark = sentence.ends_with('?') || sentence.ends_with('？');
        let kind = kind_of(&words, has_mark);
        let wants = wants_advice(&words);
        advice |= wants;
        if kind != Asks::Other && (has_mark || !marked) {
            asks = kind;
            marked |= has_mark;
        }
        let freshness = freshness(&words, has_mark);
        if kind == Asks::Other && !wants {
            told = told.max(freshness);
        } else {
            asked = asked.max(freshness);
        }
    }
    let asks_something = advice || asks != Asks::Other;
    Question { asks: if advice { Asks::Advice } else { asks }, freshness: if asks_something { asked } else { told } }
}

/// Whether a query asks about the past rather than about how things are: in a past tense, or by words such as "used to", "before",
/// "previously".
pub fn is_past(query: &str) -> bool {
    const PAST: &[&str] = &[
        "was",
        "were",
        "wasn't",
        "weren't",
        "did",
        "didn't",
        "had",
        "hadn't",
        "been",
        "before",
        "previously",
        "previous",
        "formerly",
        "former",
        "originally",
        "original",
        "earlier",
        "earliest",
        "once",
        "ago",
        "past",
        "history",
        "old",
        "until",
        "first",
    ];
    sentences(readable(query)).any(|sentence| {
        let folded: Vec<String> = words(sentence).map(|word| fold(word.text)).collect();
        let words: Vec<&str> = folded.iter().map(String::as_str).collect();
        // "How old is she" asks about today.
        let old = |at: usize| words[at] == "old" && at > 0 && words[at - 1] == "how";
        let phrase = |phrase: &[&str]| words.windows(phrase.len()).any(|window| window == phrase);
        (0..words.len()).any(|at| PAST.contains(&words[at]) && !old(at)) || phrase(&["used", "to"]) || phrase(&["back", "then"])
    })
}

fn kind_of(words: &[&str], has_mark: bool) -> Asks {
    // "In which city ...", "So when ...": the question word may stand a little further in.
    let opening = words.iter().take(4).position(|word| asking(word).is_some()).or_else(|| {
        // "Melanie's birthday is when?"
        words.iter().rposition(|word| asking(word).is_some()).filter(|_| has_mark)
    });
    let starts_with_verb = words.first().is_some_and(|word| is_auxiliary(word)) && (has_mark || words.len() > 2);
    match opening {
        _ if starts_with_verb => Asks::YesNo,
        Some(at) if has_mark || is_asked(words, at) => refined(words, at),
        _ if has_mark && words.iter().take(4).any(|word| is_auxiliary(word)) => Asks::YesNo,
        _ => Asks::Other,
    }
}

fn asking(word: &str) -> Option<Asks> {
    match word {
        "when" | "when's" => Some(Asks::When),
        "where" | "where's" => Some(Asks::Where),
        "who" | "whom" | "whose" | "who's" => Some(Asks::Who),
        "what" | "which" | "what's" => Some(Asks::What),
        "why" => Some(Asks::Why),
        "how" | "how's" => Some(Asks::How),
        _ => None,
    }
}

/// Without a question mark, "when did" asks and "when I was young" does not.
fn is_asked(words: &[&str], at: usize) -> bool {
    let inverted = words.get(at + 1).is_some_and(|next| is_auxiliary(next));
    inverted || (at == 0 && matches!(asking(words[0]), Some(Asks::Who | Asks::What | Asks::How)))
}

/// "What" and "how" ask by the word that follows.
fn refined(words: &[&str], at: usize) -> Asks {
    let next = words.get(at + 1).copied().unwrap_or_default();
    let kind = asking(words[at]).unwrap_or(Asks::Other);
    match (kind, next) {
        (Asks::How, "long") if words[at..].contains(&"ago") => Asks::When,
        (Asks::How, "come") => Asks::Why,
        (Asks::How, "many" | "much" | "long" | "old" | "often" | "far" | "big" | "tall" | "frequently") => Asks::Amount,
        (Asks::What, "time" | "year" | "date" | "month" | "day" | "weekday" | "season") => Asks::When,
        (
            Asks::What,
            "city" | "country" | "state" | "place" | "town" | "location" | "countries" | "cities" | "places" | "states",
        ) => Asks::Where,
        (Asks::What, "person" | "people" | "friend" | "friends") => Asks::Who,
        (Asks::What, "number" | "percentage") => Asks::Amount,
        (kind, _) => kind,
    }
}

fn is_auxiliary(word: &str) -> bool {
    AUXILIARIES.contains(word)
}

fn wants_advice(words: &[&str]) -> bool {
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let pair = |first: &[&str], then: &[&str]| words.windows(2).any(|two| first.contains(&two[0]) && then.contains(&two[1]));
    let phrase = |phrase: &[&str]| words.windows(phrase.len()).any(|window| window == phrase);
    let advising = ["recommend", "suggest", "advise", "propose"];
    // "What did you recommend", "which places has John suggested": what was said, not what to do.
    if has(&["did", "didn't", "has", "had"]) {
        return false;
    }
    let asked_to_advise = pair(&["you", "you'd", "please", "would", "could"], &advising)
        || words.first().is_some_and(|word| advising.contains(word))
        || pair(&["any", "some", "good", "great", "your"], ADVICE)
        || has(&["recommendation", "recommendations", "suggestions"])
        || pair(&["help"], &["me", "us"]) && has(CHOOSING);
    let what_to_do =
        pair(&["should", "can", "could"], &["i", "we"]) && has(&["what", "which", "where", "how", "who"]) && !has(&["remember"])
            || phrase(&["should", "i"])
            || phrase(&["i", "should"])
            || phrase(&["are", "there", "any"]);
    let best = has(&["what", "what's", "which", "where"])
        && has(&["best", "good", "ideal", "recommended"])
        && has(&["is", "are", "what's", "be"]);
    asked_to_advise || what_to_do || best && !has(&["was", "were"]) || phrase(&["what", "are", "some"])
}

const ADVICE: &[&str] =
    &["advice", "idea", "ideas", "recommendation", "recommendations", "suggestion", "suggestions", "tip", "tips"];

const CHOOSING: &[&str] = &["choose", "pick", "select", "decide", "find", "identify", "plan", "compare", "design", "create"];

fn freshness(words: &[&str], has_mark: bool) -> Freshness {
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    let phrase = |phrase: &[&str]| words.windows(phrase.len()).any(|window| window == phrase);
    let now = words.iter().enumerate().any(|(at, word)| {
        // "Now that ..." and "by now" speak of something else; "from now on" of the future.
        *word == "now"
            && words.get(at + 1) != Some(&"that")
            && !matches!(at.checked_sub(1).map(|at| words[at]), Some("from" | "until" | "by"))
    });
    if has(&["currently", "nowadays", "latest", "newest", "anymore"])
        || phrase(&["right", "now"])
        || phrase(&["at", "the", "moment"])
        || phrase(&["these", "days"])
        || phrase(&["up", "to", "date"])
        || phrase(&["most", "recent"])
        || has_mark && (now || has(&["still", "current"]))
    {
        Freshness::Current
    } else if has(&["recently", "lately", "recent"]) || phrase(&["last", "time"]) || phrase(&["the", "other", "day"]) {
        Freshness::Recent
    } else {
        Freshness::Any
    }
}
