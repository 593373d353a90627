//! Tasks: what people are busy with, told by their words.

use cubelog_language::{tasks, words};

fn task(text: &str) -> Option<(&'static str, String)> {
    tasks::task(&words::terms(text)).map(|(task, word)| (task, word.folded.clone()))
}

#[test]
fn most_words_decide_and_the_first_of_equals() {
    let cases: &[(&str, Option<(&str, &str)>)] = &[
        ("We booked a hotel and two flights to Rome", Some(("travel", "hotel"))),
        ("My boss moved the client meeting", Some(("work", "boss"))),
        ("The vet says our dog needs rest", Some(("pets", "vet"))),
        ("My sister runs a marathon every spring, and her coach is proud", Some(("sport", "runs"))),
        ("dinner at the hotel", Some(("food", "dinner"))),
        ("hotel, hotel, hotel: dinner and lunch", Some(("food", "dinner"))),
        ("See you there!", None),
        ("😀😀", None),
        ("", None),
        ("三体", None),
    ];
    for (text, expected) in cases {
        let found = task(text);
        assert_eq!(found.as_ref().map(|(task, word)| (*task, word.as_str())), *expected, "{text:?}");
    }
}

#[test]
fn tasks_are_words_for_paths() {
    let all: Vec<&str> = tasks::all().collect();
    assert!(all.contains(&tasks::TALK) && all.iter().all(|task| task.chars().all(|c| c.is_ascii_lowercase())));
    assert_eq!(all.len(), all.iter().collect::<std::collections::BTreeSet<_>>().len());
}
