//! Names: who is named, and what is left of the query.

use cubelog_language::Participants;
use cubelog_language::names::cut;

fn named(participants: &[&str], text: &str) -> Vec<Vec<usize>> {
    Participants::new(participants).find(text).into_iter().map(|mention| mention.participants).collect()
}

#[test]
fn full_first_and_last_names_in_any_case() {
    let who = ["Caroline Miller", "Melanie Smith"];
    assert_eq!(named(&who, "When did Caroline Miller call Melanie?"), [[0], [1]]);
    assert_eq!(named(&who, "what is caroline's job"), [[0]]);
    assert_eq!(named(&who, "MELANIE\u{2019}S kids and Ms Smith"), [[1], [1]]);
    assert_eq!(named(&["José Núñez"], "did jose nunez come"), [[0]]);
    assert_eq!(named(&["李雷", "Ann"], "李雷 met Ann"), [[0], [1]]);
}

#[test]
fn a_shared_first_name_names_all_who_bear_it() {
    assert_eq!(named(&["John Reed", "John Hall", "Mia"], "What did John say to Mia?"), [vec![0, 1], vec![2]]);
    assert_eq!(named(&["John Reed", "John Hall"], "What did John Hall say?"), [[1]]);
}

#[test]
fn short_forms_need_a_capital_inside_a_sentence() {
    let who = ["Melanie", "Caroline"];
    assert_eq!(named(&who, "Did Mel and her kids paint?"), [[0]]);
    assert!(named(&who, "Car trouble again; mel is a unit").is_empty());
    assert!(named(&["Joanna", "Joan"], "Did Joa come?").is_empty(), "the short form of two names");
    assert!(named(&who, "We saw Mel Gibson").is_empty(), "somebody else");
    assert!(named(&["Maya"], "What happened in May?").is_empty(), "a month");
}

#[test]
fn names_that_are_words_need_their_capital() {
    let who = ["Will", "Mark", "May"];
    assert!(named(&who, "Will it mark the end? May I? You may.").is_empty());
    assert_eq!(named(&who, "What did Will give Mark?"), [[0], [1]]);
    assert_eq!(named(&who, "Will's dog"), [[0]]);
    assert_eq!(named(&["April"], "What did April buy in April?"), [[0]]);
}

#[test]
fn roles_and_blanks_name_nobody() {
    assert!(named(&["user", "Assistant", "", "  "], "What did the user tell the assistant? User!").is_empty());
}

#[test]
fn what_is_left_can_be_searched() {
    let who = Participants::new(["Caroline", "Melanie"]);
    for (text, rest) in [
        ("What is Caroline's identity?", "What is identity?"),
        ("Where did Caroline and Melanie hike?", "Where did hike?"),
        ("Who is Melanie?", "Who is Melanie?"),
        ("no names here", "no names here"),
    ] {
        assert_eq!(cut(text, &who.find(text)), rest);
    }
}
