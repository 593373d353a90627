//! What was taken from turns stands where they stand.

use cubelog_memory::ranking::Term;
use cubelog_memory::ranking::weights::SESSION;
use cubelog_memory::*;

use super::script::*;
use super::{Filter, Store, home, query};

pub async fn what_was_taken_from_turns_stands_beside_them(store: Store) {
    let mut script = Script::new(0);
    for (number, text) in [(1, "hello there"), (2, "how was the market?"), (3, "i got a kayak"), (4, "nice"), (5, "see you")] {
        script.turn(&home(), number, "ana", text);
    }
    script.take(&home(), 10, &[1, 3], "ana owns a kayak");
    script.record(&home(), 11, Descriptive::of(SemanticType::Fact), "a kayak is a boat");
    store.commit(script.batch()).await.unwrap();
    let found = |before| {
        let filter = Filter { before_index: before, ..Filter::default() };
        let store = store.clone();
        async move { store.search(crate::port::SearchQuery { filter, ..query("how was the market with a kayak?") }).await.unwrap() }
    };
    let all = found(None).await;
    let of = |number| all.iter().find(|hit| hit.row.memory.id == memory(number)).unwrap();
    let value = |number: u64, term: Term| {
        let found = of(number).ranked.terms.iter().find(|(is, _)| *is == term);
        found.map_or(0.0, |(_, value)| *value)
    };
    // What stands alone has only itself in its session.
    let lifted = |number: u64| {
        let own = value(number, Term::Meaning) + value(number, Term::Words);
        value(number, Term::Session) / own > SESSION + 0.01
    };
    assert!(lifted(10), "its turn stands beside a better match: {:?}", of(10).ranked);
    assert!(!lifted(11), "a note stands in no session: {:?}", of(11).ranked);
    assert_eq!(of(10).row.memory.stream_index, None, "it is no turn for all that");
    // Of two sources the later says from when on it was known.
    let there = |hits: Vec<crate::Found>| hits.iter().any(|hit| hit.row.memory.id == memory(10));
    assert!(there(found(Some(4)).await));
    assert!(!there(found(Some(3)).await));
}
