//! Questions: what is asked, and how fresh the answer must be.

use cubelog_language::question::{is_past, read};
use cubelog_language::{Asks, Freshness};

#[test]
fn kinds_of_question() {
    for (query, asks) in [
        ("When did Caroline go to the group?", Asks::When),
        ("what year did she move", Asks::When),
        ("How long ago was the party?", Asks::When),
        ("Where did Jo travel?", Asks::Where),
        ("In which city does he live?", Asks::Where),
        ("Who came?", Asks::Who),
        ("Whose birthday was it?", Asks::Who),
        ("Which friend helped?", Asks::Who),
        ("How many dogs does she have?", Asks::Amount),
        ("How often do they meet?", Asks::Amount),
        ("What did Melanie paint?", Asks::What),
        ("What do I usually order?", Asks::What),
        ("What did you recommend for dinner?", Asks::What),
        ("What book did Tim suggest to John?", Asks::What),
        ("Why did he quit?", Asks::Why),
        ("How come?", Asks::Why),
        ("How did she feel?", Asks::How),
        ("Is Oscar Melanie's pet?", Asks::YesNo),
        ("Hasn't he called?", Asks::YesNo),
        ("Thanks for the plan. It works well! So where do we meet?", Asks::Where),
        ("What would you recommend for dinner?", Asks::Advice),
        ("Can you suggest a good book?", Asks::Advice),
        ("Should I take the job?", Asks::Advice),
        ("I am going to Rome. Any tips?", Asks::Advice),
        ("What are some good ways to relax?", Asks::Advice),
        ("Recommend a film.", Asks::Advice),
        ("Help me choose a laptop", Asks::Advice),
        ("I like tea.", Asks::Other),
        ("When I was young I liked tea.", Asks::Other),
        ("", Asks::Other),
        ("???", Asks::Other),
    ] {
        assert_eq!(read(query).asks, asks, "{query}");
    }
}

#[test]
fn freshness() {
    for (query, freshness) in [
        ("What book is Jon currently reading?", Freshness::Current),
        ("Where does she live now?", Freshness::Current),
        ("Does he still smoke?", Freshness::Current),
        ("What is the latest plan?", Freshness::Current),
        ("What did she paint recently?", Freshness::Recent),
        ("What did we say last time?", Freshness::Recent),
        ("Now that it rains, what did she buy in May?", Freshness::Any),
        ("My cat has been ill lately. Who is her vet?", Freshness::Any),
        ("I live in Rome now.", Freshness::Any),
        ("When did he move?", Freshness::Any),
    ] {
        assert_eq!(read(query).freshness, freshness, "{query}");
    }
}

#[test]
fn the_past_is_asked_for_by_its_tense_and_its_words() {
    for query in [
        "Where did Ana live?",
        "Where was she working?",
        "What does Ana do that she used to hate?",
        "Who was her boss before?",
        "my previous job",
        "her old address",
        "what have I been up to",
    ] {
        assert!(is_past(query), "{query}");
    }
    for query in ["Where does Ana live?", "Where do I work now?", "How old is Ben?", "Ana's address", "", "What am I used for?"] {
        assert!(!is_past(query), "{query}");
    }
}
