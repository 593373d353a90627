//! Entities: what a text mentions, by kind, and what is left alone.

use cubelog_language::entities::{find, key};
use cubelog_language::{EntityKind, Participants};

fn found(text: &str) -> Vec<String> {
    let participants = Participants::new(["Caroline Miller", "Melanie"]);
    let entities = find(text, &participants);
    entities.iter().map(|entity| format!("{:?} {}", entity.kind, entity.key)).collect()
}

fn check(cases: &[(&str, &[&str])]) {
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = found(text);
        if found != *expected {
            wrong.push(format!("{text:?}\n   found {found:?}\n  wanted {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_by_their_capitals() {
    check(&[
        ("We flew to New York and Rome.", &["Name new york", "Name rome"]),
        ("New York is loud.", &["Name new york"]),
        ("Caroline's friend met melanie", &["Participant caroline miller", "Phrase friend", "Participant melanie"]),
        ("We saw the Museum of Modern Art.", &["Name museum of modern art"]),
        ("He works at NASA with Dr. Smith", &["Name nasa", "Name dr smith"]),
        ("I love my iPhone", &["Name iphone"]),
        ("Oscar barked. I fed Oscar.", &["Name oscar", "Name oscar"]),
        ("Woohoo Melanie, you won!", &["Participant melanie"]),
        ("I read Harry Potter's letters", &["Name harry potter", "Phrase letter"]),
    ]);
}

#[test]
fn capitals_that_tell_nothing() {
    check(&[
        ("Wow! Amazing. Running helps.", &[]),
        ("Yesterday I slept. On Monday in May I'd rest.", &[]),
        ("THIS IS REALLY TOTALLY LOUD SHOUTING", &[]),
        ("Practical Exercise Planning Overview", &[]),
        ("Focus: we slept", &[]),
    ]);
}

#[test]
fn titles_tags_and_hosts() {
    check(&[
        ("She read \u{201c}Becoming Nicole\u{201d} twice", &["Title becoming nicole"]),
        ("We saw \"Melanie and Mice\"", &["Title melanie and mice"]),
        ("He said \"Let's go!\" and \"see you\"", &[]),
        ("我在看《三体》", &["Title 三 体"]),
        ("see https://www.Example.org:80/a?b and #PrideMonth, #1", &["Host example.org", "Hashtag pridemonth"]),
        ("http:// and https://x and www.", &[]),
    ]);
}

#[test]
fn noun_phrases() {
    check(&[
        ("I joined a support group", &["Phrase support group"]),
        ("She runs two support groups for the support groups", &["Phrase support group"]),
        ("They took the kids to a pottery workshop.", &["Phrase kid", "Phrase potteri workshop"]),
        ("I bought my running shoes", &["Phrase run shoe"]),
        ("It was a great time", &[]),
        ("It made a huge difference for a lot of people", &[]),
        ("my mom loves it", &["Phrase mom"]),
    ]);
}

#[test]
fn mentions_of_one_entity_share_their_key() {
    assert_eq!(key(EntityKind::Phrase, "Support groups"), key(EntityKind::Phrase, "support group"));
    assert_eq!(key(EntityKind::Name, "CAFÉ Noir's"), "cafe noir");
}
