//! What memories are about, and complete lists of it.

use cubelog_memory::*;
use cubelog_recall::About;

use super::script::*;
use super::{Store, home, query};
use crate::port::Filter;

fn ids<const N: usize>(numbers: [u64; N]) -> [MemoryId; N] {
    let mut ids = numbers.map(memory);
    ids.sort();
    ids
}

pub async fn topics_and_timelines(store: Store) {
    assert!(store.topics(&[home()], &Filter::default()).await.unwrap().is_empty());
    assert!(store.timeline(&[home()], &Filter::default(), &About::default()).await.unwrap().is_empty());
    let mut script = Script::new(0);
    script.turn(&home(), 1, "ana", "Our flight to Rome was with Oscar.");
    script.turn(&home(), 2, "ben", "I love sushi as much as Oscar does.");
    script.turn(&cube("acme", "work"), 3, "ana", "We met Oscar at work.");
    let given = Descriptive { path: Some(Path::parse("garden/fruit").unwrap()), ..Descriptive::of(SemanticType::Fact) };
    script.record(&home(), 10, given, "We heard that Oscar likes apples.");
    script.turn(&home(), 4, "ana", "There Oscar was hidden.");
    script.turn(&home(), 5, "ben", "Rain again.");
    script.turn(&home(), 6, "ben", "More rain!");
    script.move_to(&home(), 4, Lifecycle::Archived);
    store.commit(script.batch()).await.unwrap();

    let mut topics = store.topics(&[home()], &Filter::default()).await.unwrap();
    topics.sort_by_key(|topic| topic.memory);
    let path = |topic: &cubelog_recall::Topic| (topic.memory, topic.path.as_deref().unwrap_or("-").to_owned(), topic.given);
    let mut wanted = [
        (memory(1), "travel/rome/oscar".to_owned(), false),
        (memory(2), "food/sushi/likes".to_owned(), false),
        (memory(5), "nature/rain/turn".to_owned(), false),
        (memory(6), "nature/rain/turn".to_owned(), false),
        (memory(10), "garden/fruit".to_owned(), true),
    ];
    // Ids are made of numbers and have no order of theirs.
    wanted.sort();
    assert_eq!(topics.iter().map(path).collect::<Vec<_>>(), wanted, "visible, of this cube");
    let of_oscar = |topic: &&cubelog_recall::Topic| topic.mentions.iter().any(|(entity, _)| &**entity == "name:oscar");
    let named: Vec<MemoryId> = topics.iter().filter(of_oscar).map(|topic| topic.memory).collect();
    assert_eq!(named, ids([1, 2, 10]), "{topics:?}");

    let list = |filter: Filter, words: &str, named: &[&str]| {
        let (store, about) =
            (store.clone(), About { words: words.to_owned(), named: named.iter().map(ToString::to_string).collect() });
        async move {
            let found = store.timeline(&[home()], &filter, &about).await.unwrap();
            assert!(found.is_sorted_by_key(|(_, at)| *at), "{found:?}");
            let mut found: Vec<MemoryId> = found.into_iter().map(|(memory, _)| memory).collect();
            found.sort();
            found
        }
    };
    let path = |path: &str| Filter { path: Some(path.to_owned()), ..Filter::default() };
    assert_eq!(list(Filter::default(), "oscar", &[]).await, ids([1, 2, 10]));
    assert_eq!(list(Filter::default(), "", &["ana"]).await, [memory(1)]);
    assert_eq!(list(path("travel"), "", &[]).await, [memory(1)]);
    assert_eq!(list(path("garden"), "apple", &[]).await, [memory(10)]);
    assert!(list(path("trav"), "", &[]).await.is_empty() && list(path("nowhere/at/all"), "", &[]).await.is_empty());
    let facts = Filter { semantic: vec![SemanticType::Fact], ..path("garden/fruit") };
    assert_eq!(list(facts.clone(), "", &[]).await, [memory(10)]);
    assert!(list(Filter { path: Some("travel".to_owned()), ..facts }, "", &[]).await.is_empty());
    let hidden = Filter { include_hidden: true, ..Filter::default() };
    assert_eq!(list(hidden, "hidden", &[]).await, [memory(4)]);

    // A search finds by derived paths and by given ones, and two steps further where it is asked to.
    for (at, expected) in [("travel/rome", memory(1)), ("garden", memory(10))] {
        let found = store.search(crate::port::SearchQuery { filter: path(at), ..query("Oscar") }).await.unwrap();
        assert_eq!(found.iter().map(|found| found.row.memory.id).collect::<Vec<_>>(), [expected], "{at}");
    }
    let mut wide = crate::port::SearchQuery { vector: None, ..query("sushi") };
    wide.ask.expand = true;
    let mut found: Vec<MemoryId> = store.search(wide).await.unwrap().iter().map(|found| found.row.memory.id).collect();
    found.sort();
    assert_eq!(found, ids([1, 2, 10]), "Oscar is named with the sushi");

    // What changes is about something else.
    let mut script = script;
    script.revise(&home(), 10, 1, "Nobody likes apples.", Validity::since(Timestamp(1_600_000_100_000_000)));
    script.relate(&home(), 10, 1, Relation::Related, false);
    script.relate(&home(), 10, 2, Relation::Supports, false);
    script.relate(&home(), 10, 2, Relation::Supports, true);
    store.commit(script.batch()).await.unwrap();
    assert_eq!(list(Filter::default(), "oscar", &[]).await, ids([1, 2]));
    let edges = store.all_edges(&home()).await.unwrap();
    assert_eq!(edges.iter().map(|row| (row.edge.from, row.edge.to)).collect::<Vec<_>>(), [(memory(10), memory(1))]);
    assert!(store.all_edges(&cube("acme", "work")).await.unwrap().is_empty());
}
