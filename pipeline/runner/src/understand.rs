//! What a query says without a model: whom it names, which times it speaks of, whether it is about whoever asks.

use cubelog_language::dates::{self, Grounding, Leaning};
use cubelog_language::{DateMention, Participants, names, question, voice, words};
use cubelog_memory::Timestamp;
use cubelog_recall::About;
use cubelog_views::Scene;

/// Turns before a query that help to understand it, and words of each.
const CONTEXT_TURNS: usize = 3;
const CONTEXT_WORDS: usize = 60;
/// Years back in which a date without a year is looked for.
const YEARS_MAX: i16 = 20;
const YEAR_MICROS: i64 = 365 * 86_400_000_000;

/// A query as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Understood {
    /// What the encoder reads: without dates, and with "I" for names, on which it would fixate.
    pub meaning: String,
    /// The query with what was said just before it, if anything was.
    pub in_context: Option<String>,
    /// What is looked for in words.
    pub words: String,
    /// Participants that it names, if it does not name them all: then names tell nothing.
    pub named: Vec<String>,
    /// Who asks, by what was said just before.
    pub asker: Option<String>,
    /// Whether it is about whoever asks.
    pub own: bool,
    /// From inclusive, to exclusive.
    pub times: Vec<(Timestamp, Timestamp)>,
    /// Whether it asks about what was rather than what is.
    pub past: bool,
}

/// Reads a query that was asked at an instant about what happened in a scene, after `context` was said (one turn a line, with
/// `Name:` in front or without).
pub fn understand(query: &str, context: &[String], scene: &Scene, asked_at: Timestamp) -> Understood {
    let participants = Participants::new(&scene.speakers);
    let mentions = participants.find(query);
    let mut named: Vec<String> =
        mentions.iter().flat_map(|mention| &mention.participants).map(|number| scene.speakers[*number].clone()).collect();
    named.sort();
    named.dedup();
    let own = named.is_empty() && voice::is_own(query);
    let people = scene.speakers.iter().filter(|speaker| !names::is_role(speaker)).count();
    if named.len() == people {
        named.clear();
    }
    let written = written_dates(query, scene, asked_at);
    let undated = without_dates(query, &written);
    let meaning = names::in_first_person(&undated, &participants.find(&undated));
    let times = times(query, &written, scene, asked_at);
    Understood {
        past: !times.is_empty() || !written.is_empty() || question::is_past(query),
        meaning: if meaning.trim().is_empty() { query.to_owned() } else { meaning },
        in_context: in_context(query, context),
        words: names::cut(query, &mentions),
        named,
        asker: context.iter().rev().filter_map(|line| label(line)).find(|name| !names::is_role(name)).map(str::to_owned),
        own,
        times,
    }
}

/// Words in front of what somebody wants to hear about.
const LEADING: [&str; 14] = [
    "everything",
    "anything",
    "whatever",
    "memories",
    "memory",
    "happened",
    "know",
    "tell",
    "show",
    "list",
    "give",
    "said",
    "events",
    "timeline",
];

/// What a text asks to hear of ("everything about Ana in March"): the words that must occur, the participants, and the times.
pub fn subject(text: &str, scene: &Scene, asked_at: Timestamp) -> (About, Vec<(Timestamp, Timestamp)>) {
    let written = written_dates(text, scene, asked_at);
    let times = times(text, &written, scene, asked_at);
    let relative = dates::find(text, dates::day_of(asked_at.micros()), Leaning::Past);
    let undated = without_dates(text, if relative.len() > written.len() { &relative } else { &written });
    let participants = Participants::new(&scene.speakers);
    let mentions = participants.find(&undated);
    let mut named: Vec<String> =
        mentions.iter().flat_map(|mention| &mention.participants).map(|number| scene.speakers[*number].clone()).collect();
    named.sort();
    named.dedup();
    // Names are taken out even where nothing else is left: they ask for people and not for words.
    let mut rest = String::with_capacity(undated.len());
    let mut at = 0;
    for mention in &mentions {
        rest.push_str(&undated[at..mention.span.start]);
        at = mention.span.end;
    }
    rest.push_str(&undated[at..]);
    let is_leading = |folded: &str| LEADING.contains(&folded) || words::is_stop_word(folded);
    let start = words::words(&rest).find(|word| !is_leading(&words::fold(word.text))).map_or(rest.len(), |word| word.start);
    (About { words: rest[start..].trim().to_owned(), named }, times)
}

/// The name in front of a line: `Ana: text` or `<Ana>: text`.
fn label(line: &str) -> Option<&str> {
    let (label, said) = line.split_once(':')?;
    if said.starts_with("//") {
        return None;
    }
    let label = label.trim().trim_start_matches('<').trim_end_matches('>').trim();
    (!label.is_empty()
        && label.split_whitespace().count() <= 3
        && label.chars().all(|c| c.is_alphanumeric() || " .-'_".contains(c)))
    .then_some(label)
}

fn in_context(query: &str, context: &[String]) -> Option<String> {
    if context.is_empty() {
        return None;
    }
    let turns = &context[context.len().saturating_sub(CONTEXT_TURNS)..];
    let words = turns.iter().flat_map(|turn| turn.split_whitespace().take(CONTEXT_WORDS)).chain([query]);
    Some(words.collect::<Vec<_>>().join(" "))
}

fn written_dates(query: &str, scene: &Scene, asked_at: Timestamp) -> Vec<DateMention> {
    let told = scene.span.map_or(asked_at, |(_, newest)| newest.min(asked_at));
    let dates = dates::find(query, dates::day_of(told.micros()), Leaning::Past);
    dates.into_iter().filter(|date| date.grounding != Grounding::Relative).collect()
}

/// The query without its dates and the words that lead to them.
fn without_dates(query: &str, dates: &[DateMention]) -> String {
    const LEADING: [&str; 13] =
        ["on", "in", "around", "during", "by", "since", "before", "after", "of", "the", "early", "late", "mid"];
    let mut rest = String::with_capacity(query.len());
    let mut at = 0;
    for date in dates {
        let mut before = query[at..date.span.start].trim_end();
        while let Some(shorter) = LEADING.iter().find_map(|word| before.strip_suffix(word)) {
            if shorter.chars().next_back().is_some_and(|last| !last.is_whitespace()) {
                break;
            }
            before = shorter.trim_end();
        }
        rest.push_str(before);
        rest.push(' ');
        at = date.span.end;
    }
    rest.push_str(&query[at..]);
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The times that a query speaks of. "In July" means every July of which anything is known; "two weeks ago" goes by when the query
/// is asked. What lies ahead is no time of a memory.
fn times(query: &str, written: &[DateMention], scene: &Scene, asked_at: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let range = |date: &DateMention| {
        let micros = date.micros();
        (Timestamp(micros.start), Timestamp(micros.end))
    };
    let mut times: Vec<(Timestamp, Timestamp)> = written.iter().map(range).collect();
    for date in written.iter().filter(|date| date.grounding == Grounding::YearAssumed) {
        let oldest = scene.span.map_or(asked_at, |(oldest, _)| oldest);
        times.extend((1..=YEARS_MAX).map_while(|years| years_before(date, years)).take_while(|(_, to)| *to > oldest));
    }
    let asked_on = dates::day_of(asked_at.micros());
    let relative = dates::find(query, asked_on, Leaning::Past)
        .into_iter()
        .filter(|date| date.grounding == Grounding::Relative && date.until.is_some_and(|until| until <= asked_on));
    times.extend(relative.map(|date| range(&date)));
    times
}

/// The same days so many years earlier; the leap day is as good as the day before it.
fn years_before(date: &DateMention, years: i16) -> Option<(Timestamp, Timestamp)> {
    let range = date.micros();
    let back = |micros: i64| micros.checked_sub(i64::from(years).checked_mul(YEAR_MICROS)?).filter(|_| micros != i64::MIN);
    Some((Timestamp(back(range.start)?), Timestamp(back(range.end)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-05-15, a Wednesday.
    const ASKED: Timestamp = Timestamp(1_715_731_200_000_000);

    /// From June 2022 to July 2023.
    fn scene() -> Scene {
        let span = Some((Timestamp(1_654_100_000_000_000), Timestamp(1_690_000_000_000_000)));
        Scene { speakers: vec!["Ana".to_owned(), "Ben".to_owned(), "assistant".to_owned()], span }
    }

    fn read(query: &str) -> Understood {
        understand(query, &[], &scene(), ASKED)
    }

    #[test]
    fn names_are_fields_and_not_words() {
        let understood = read("What did Ana's sister cook?");
        assert_eq!(
            (understood.meaning.as_str(), understood.words.as_str()),
            ("What did I sister cook?", "What did sister cook?")
        );
        assert_eq!(understood.named, ["Ana"]);
        assert!(!understood.own && understood.times.is_empty());
        assert!(understood.past && !read("What does Ana cook?").past && read("What is Ana's plan of 7 May 2023?").past);
        assert!(read("What did Ana and Ben cook?").named.is_empty(), "both say nothing");
        assert!(read("What did I say?").own && !read("What did I say to Ana?").own);
    }

    #[test]
    fn times_are_those_that_memories_can_have() {
        let days = |query: &str| -> Vec<(String, String)> {
            let day = |at: Timestamp| dates::day_of(at.micros()).to_string();
            read(query).times.into_iter().map(|(from, to)| (day(from), day(to))).collect()
        };
        let range = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(days("Where was she on 7 May 2023?"), [range("2023-05-07", "2023-05-08")]);
        assert_eq!(days("What happened in June?"), [range("2023-06-01", "2023-07-01"), range("2022-06-01", "2022-07-01")]);
        assert_eq!(days("What did we do yesterday?"), [range("2024-05-14", "2024-05-15")]);
        assert!(days("What shall we do tomorrow?").is_empty());
        assert_eq!(read("What did she see on 7 May 2023?").meaning, "What did she see ?");
        assert_eq!(read("7 May 2023").meaning, "7 May 2023", "nothing else was asked");
    }

    #[test]
    fn what_a_listing_is_about() {
        let read = |text: &str| {
            let (about, times) = subject(text, &scene(), ASKED);
            (about.words, about.named, times.len())
        };
        let ana = || vec!["Ana".to_owned()];
        let cases = [
            ("Ana", ("", ana(), 0)),
            ("everything about Ana's sister in June", ("sister", ana(), 2)),
            ("what do we know about pottery", ("pottery", Vec::new(), 0)),
            ("the support group yesterday", ("support group", Vec::new(), 1)),
            ("", ("", Vec::new(), 0)),
        ];
        for (text, (words, named, times)) in cases {
            assert_eq!(read(text), (words.to_owned(), named, times), "{text:?}");
        }
    }

    #[test]
    fn what_was_said_before_tells_who_asks() {
        let context = ["<Bart>: \"I am nervous\"".to_owned(), "Assistant: Why?".to_owned()];
        let understood = understand("Tonight I play", &context, &scene(), ASKED);
        assert_eq!(understood.asker.as_deref(), Some("Bart"));
        assert_eq!(understood.in_context.as_deref(), Some("<Bart>: \"I am nervous\" Assistant: Why? Tonight I play"));
        assert_eq!(understand("x", &["see https://example.org".to_owned()], &scene(), ASKED).asker, None);
    }
}
