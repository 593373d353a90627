//! What every `ViewStore` must do: one list of checks, run against each implementation by `tests/views.rs`.

#![expect(clippy::unwrap_used, reason = "these are assertions, called by tests alone")]

mod carried;
mod claimed;
pub mod script;
mod taken;

use std::collections::BTreeSet;
use std::sync::Arc;

use carried::carriers_load_as_they_were_folded;
use claimed::claims_are_held_and_contradictions_kept;
use cubelog_memory::ranking::{Ask, Method, Term};
use cubelog_memory::*;
use futures::future::BoxFuture;
use script::*;
use taken::what_was_taken_from_turns_stands_beside_them;

use crate::port::*;
use crate::rows::{DeadRow, DeadStatus, Shown};

pub use carried::carried;

type Store = Arc<dyn ViewStore>;
type Check = fn(Store) -> BoxFuture<'static, ()>;

macro_rules! checks {
    ($($name:ident),+ $(,)?) => {
        /// Every check by name; each wants a fresh, empty store with vectors of [`DIM`] numbers.
        pub const CHECKS: &[(&str, Check)] = &[$((stringify!($name), |store| Box::pin($name(store)))),+];
    };
}

checks!(
    an_empty_store_answers,
    a_cube_loads_as_it_was_folded,
    a_batch_reflected_already_changes_nothing,
    an_older_row_never_overwrites,
    history_and_content_of_versions,
    states_at_moments_in_both_times,
    siblings_are_never_shown,
    edges_in_force,
    claims_are_held_and_contradictions_kept,
    cubes_and_their_maps,
    carriers_load_as_they_were_folded,
    dead_letters_are_upserted,
    search_finds_by_both_sides,
    search_filters,
    what_was_taken_from_turns_stands_beside_them,
    odd_query_texts_are_harmless,
    names_cannot_inject,
    erased_subjects_are_gone,
    erased_rows_can_be_committed,
    rows_come_back_as_they_went_in,
);

fn home() -> CubeKey {
    cube("acme", "home")
}

async fn an_empty_store_answers(store: Store) {
    assert_eq!(store.reflected(), Cut::start());
    assert_eq!(store.load_cube(&home()).await.unwrap(), None);
    assert!(store.memories(&[memory(1)]).await.unwrap().is_empty());
    assert!(store.history(memory(1)).await.unwrap().is_empty());
    assert!(store.search(query("anything")).await.unwrap().is_empty());
    assert!(store.cubes(None).await.unwrap().is_empty());
    assert!(store.dead().await.unwrap().is_empty());
    assert!(store.subjects().await.unwrap().is_empty());
    assert!(store.state(state_query()).await.unwrap().is_empty());
    assert!(store.edges(&home(), &[memory(1)]).await.unwrap().is_empty());
}

fn query(text: &str) -> SearchQuery {
    SearchQuery {
        cubes: vec![home()],
        vector: Some(vector_of(text, DIM)),
        text: Some(text.to_owned()),
        filter: Filter::default(),
        candidates: 10,
        named: Vec::new(),
        asker: None,
        own: false,
        ask: Ask::new(10),
    }
}

fn has(found: &crate::Found, term: Term) -> bool {
    found.ranked.terms.iter().any(|(name, _)| *name == term)
}

fn state_query() -> StateQuery {
    StateQuery { cube: home(), memories: Vec::new(), known: Known::Now, valid_at: None, include_hidden: false }
}

/// Some of everything, in a few batches.
fn busy() -> (Script, Vec<Batch>) {
    let mut script = Script::default();
    let mut batches = Vec::new();
    let (home, other) = (home(), cube("acme", "work"));
    script.create(&home, "ana");
    for number in 1..=5 {
        script.turn(&home, number, "ana", &format!("turn {number} about apples"));
    }
    script.turn(&other, 100, "bob", "work is elsewhere");
    batches.push(script.batch());
    let tagged = Descriptive {
        semantic: SemanticType::Fact,
        path: Some(Path::parse("garden/fruit").unwrap()),
        tags: [tag("red"), tag("sweet")].into(),
    };
    script.record(&home, 10, tagged, "apples are red");
    script.revise(&home, 10, 1, "apples are green", Validity::since(at(1_650_000_000)));
    script.revise(&home, 10, 1, "apples are blue", Validity::since(at(1_660_000_000)));
    script.relate(&home, 10, 1, Relation::DerivedFrom, false);
    batches.push(script.batch());
    script.move_to(&home, 2, Lifecycle::Archived);
    script.event(&home, Body::MemoryTagged(MemoryTagged { memory: memory(3), add: vec![tag("kept")], remove: vec![] }), None);
    script.relate(&home, 10, 1, Relation::DerivedFrom, true);
    script.relate(&home, 3, 10, Relation::Supports, false);
    script.event(&home, Body::MemoryExpired(MemoryExpired { memory: memory(4), reason: None }), None);
    let grant = CubeGranted { principal: principal("bob"), right: Right::Write };
    script.event(&home, Body::CubeGranted(grant), None);
    batches.push(script.batch());
    (script, batches)
}

async fn commit_all(store: &Store, batches: &[Batch]) {
    for batch in batches {
        store.commit(batch.clone()).await.unwrap();
    }
}

async fn a_cube_loads_as_it_was_folded(store: Store) {
    let (script, batches) = busy();
    commit_all(&store, &batches).await;
    assert_eq!(store.reflected(), script.cut());
    for (key, state) in &script.states {
        assert_eq!(store.load_cube(key).await.unwrap().as_ref(), Some(state));
    }
    assert_eq!(store.load_cube(&cube("other", "home")).await.unwrap(), None);
}

async fn a_batch_reflected_already_changes_nothing(store: Store) {
    let (script, batches) = busy();
    commit_all(&store, &batches).await;
    commit_all(&store, &batches).await;
    assert_eq!(store.reflected(), script.cut());
    assert_eq!(store.history(memory(10)).await.unwrap().len(), 3);
    assert_eq!(store.load_cube(&home()).await.unwrap().as_ref(), script.states.get(&home()));
    let back = Batch { upto: [(7, 1)].into_iter().collect(), ..Batch::default() };
    store.commit(back).await.unwrap_err();
}

async fn an_older_row_never_overwrites(store: Store) {
    let (mut script, batches) = busy();
    commit_all(&store, &batches).await;
    let mut old = batches[1].clone();
    script.turn(&home(), 50, "ana", "later");
    let mut late = script.batch();
    late.memories.append(&mut old.memories);
    late.memories_are_new = false;
    store.commit(late).await.unwrap();
    let rows = store.memories(&[memory(10), memory(50)]).await.unwrap();
    let expected: Vec<_> =
        script.memory_rows().into_iter().filter(|row| [memory(10), memory(50)].contains(&row.memory.id)).collect();
    assert_same(rows, expected);
}

fn assert_same(mut rows: Vec<crate::rows::MemoryRow>, mut expected: Vec<crate::rows::MemoryRow>) {
    rows.sort_by_key(|row| row.memory.id);
    expected.sort_by_key(|row| row.memory.id);
    assert_eq!(rows, expected);
}

async fn rows_come_back_as_they_went_in(store: Store) {
    let (script, batches) = busy();
    commit_all(&store, &batches).await;
    let expected = script.memory_rows();
    let ids: Vec<MemoryId> = expected.iter().map(|row| row.memory.id).chain([memory(999)]).collect();
    assert_same(store.memories(&ids).await.unwrap(), expected);
}

async fn history_and_content_of_versions(store: Store) {
    let (_, batches) = busy();
    commit_all(&store, &batches).await;
    let expected: Vec<_> =
        batches.iter().flat_map(|batch| &batch.versions).filter(|row| row.memory.id == memory(10)).cloned().collect();
    let history = store.history(memory(10)).await.unwrap();
    assert_eq!(history, expected);
    let second = store.version_content(memory(10), 2).await.unwrap().unwrap();
    assert_eq!(second.content, Shown::Clear(Content::text("apples are green")));
    assert_eq!(store.version_content(memory(10), 9).await.unwrap(), None);
    let event = history[1].event;
    assert_eq!(store.version_of_event(event).await.unwrap(), Some(history[1].clone()));
    assert_eq!(store.version_of_event(EventId::new(Script::id("nothing"))).await.unwrap(), None);
}

fn texts(rows: &[crate::rows::VersionRow]) -> Vec<String> {
    rows.iter().map(|row| row.content.clear().unwrap().text.clone()).collect()
}

async fn states_at_moments_in_both_times(store: Store) {
    let mut script = Script::default();
    let home = home();
    for number in [3, 1, 2] {
        script.turn(&home, number, "ana", &format!("turn {number}"));
    }
    script.record(&home, 10, Descriptive::of(SemanticType::Fact), "lives in Rome");
    let rome = script.now();
    script.revise(&home, 10, 1, "lives in Oslo", Validity { from: at(1_650_000_000), to: Some(at(1_700_000_000)) });
    let (oslo, oslo_cut) = (script.now(), script.cut());
    script.move_to(&home, 10, Lifecycle::Archived);
    commit_all(&store, &[script.batch()]).await;

    let hidden = |query: StateQuery| StateQuery { include_hidden: true, ..query };
    let fact = |known: Known| StateQuery { memories: vec![memory(10)], known, ..state_query() };
    let of = async |query: StateQuery| texts(&store.state(query).await.unwrap());
    assert_eq!(of(state_query()).await, ["turn 1", "turn 2", "turn 3"], "ordered by stream index; the archived one is hidden");
    assert_eq!(of(hidden(state_query())).await, ["turn 1", "turn 2", "turn 3", "lives in Oslo"]);
    assert_eq!(of(fact(Known::At(Timestamp(rome.micros() - 1)))).await, Vec::<String>::new());
    assert_eq!(of(fact(Known::At(rome))).await, ["lives in Rome"]);
    assert_eq!(of(fact(Known::At(oslo))).await, ["lives in Oslo"]);
    assert_eq!(of(fact(Known::Below(oslo_cut.clone()))).await, ["lives in Oslo"], "not archived below this cut");
    assert_eq!(of(fact(Known::Below([(9, 100)].into_iter().collect()))).await, Vec::<String>::new());
    assert_eq!(of(StateQuery { known: Known::Below(Cut::start()), ..state_query() }).await, Vec::<String>::new());
    let then = |seconds: i64| hidden(StateQuery { valid_at: Some(at(seconds)), ..fact(Known::Now) });
    assert_eq!(of(then(1_640_000_000)).await, ["lives in Rome"], "true then, as known now");
    assert_eq!(of(then(1_650_000_000)).await, ["lives in Oslo"]);
    assert_eq!(of(then(1_700_000_000)).await, Vec::<String>::new(), "Oslo ended, and Rome is not true again");
    assert_eq!(of(then(1_500_000_000)).await, Vec::<String>::new());
    let both = StateQuery { valid_at: Some(at(1_660_000_000)), ..fact(Known::At(rome)) };
    assert_eq!(of(both).await, ["lives in Rome"], "Oslo was not known then");
    let elsewhere = StateQuery { cube: cube("acme", "work"), ..fact(Known::Now) };
    assert_eq!(of(hidden(elsewhere)).await, Vec::<String>::new());
}

async fn siblings_are_never_shown(store: Store) {
    let (script, batches) = busy();
    commit_all(&store, &batches).await;
    let query = StateQuery { memories: vec![memory(10)], ..state_query() };
    let rows = store.state(query.clone()).await.unwrap();
    assert_eq!(texts(&rows), ["apples are green"]);
    assert_eq!(rows[0].memory, script.states[&home()].memories[&memory(10)], "with the sibling that waits");
    let later = StateQuery { valid_at: Some(at(1_690_000_000)), ..query };
    assert_eq!(texts(&store.state(later).await.unwrap()), ["apples are green"]);
}

async fn edges_in_force(store: Store) {
    let (_, batches) = busy();
    commit_all(&store, &batches[..2]).await;
    assert_eq!(store.edges(&home(), &[memory(1)]).await.unwrap().len(), 1);
    commit_all(&store, &batches).await;
    assert!(store.edges(&home(), &[memory(1)]).await.unwrap().is_empty(), "withdrawn");
    let edges = store.edges(&home(), &[memory(10), memory(3)]).await.unwrap();
    assert_eq!(edges.len(), 1);
    assert_eq!((edges[0].edge.from, edges[0].edge.weight), (memory(3), 0.25));
    assert!(store.edges(&cube("acme", "work"), &[memory(10)]).await.unwrap().is_empty());
    assert!(store.edges(&home(), &[]).await.unwrap().is_empty());
}

async fn cubes_and_their_maps(store: Store) {
    let mut script = Script::default();
    let (home, work) = (home(), cube("acme", "work"));
    script.create(&home, "ana");
    let document = "{\"quote\": \"it's\"}".to_owned();
    script.event(&home, Body::PolicySet(PolicySet { name: tag("keep"), document }), None);
    let hold = |name: &str, memory| HoldPlaced { hold: HoldId::new(Script::id(name)), memory, reason: None };
    script.event(&home, Body::HoldPlaced(hold("one", Some(memory(1)))), None);
    script.event(&home, Body::HoldPlaced(hold("all", None)), None);
    let erasure = ErasureId::new(Script::id("erasure"));
    let requested = ErasureRequested { erasure, subject: subject("bob"), reason: None };
    script.event(&home, Body::ErasureRequested(requested), None);
    script.create(&work, "bob");
    script.create(&cube("zeta", "home"), "eve");
    let batch = script.batch();
    commit_all(&store, std::slice::from_ref(&batch)).await;
    let rows = store.cubes(None).await.unwrap();
    let mut expected = batch.cubes.clone();
    expected.sort_by(|a, b| a.state.key.cmp(&b.state.key));
    assert_eq!(rows, expected);
    let names: Vec<String> = store.cubes(Some(&home.tenant)).await.unwrap().iter().map(|row| row.state.key.to_string()).collect();
    assert_eq!(names, ["acme/home", "acme/work"]);
    assert_eq!(store.load_cube(&home).await.unwrap().as_ref(), script.states.get(&home));
    script.event(&home, Body::CubeRevoked(CubeRevoked { principal: principal("bob") }), None);
    commit_all(&store, &[script.batch()]).await;
    assert_eq!(store.cubes(None).await.unwrap().len(), 3);
    assert_eq!(store.load_cube(&home).await.unwrap().as_ref(), script.states.get(&home));
}

async fn dead_letters_are_upserted(store: Store) {
    let dead = |offset: u64, status: DeadStatus| DeadRow {
        position: Position { partition: 0, offset },
        recorded_at: at(offset as i64),
        key: "acme/home".to_owned(),
        reason: "unknown schema fingerprint".to_owned(),
        status,
        handled_at: (status != DeadStatus::Parked).then(|| at(9)),
    };
    let batch = |next: u64, dead: Vec<DeadRow>| Batch { upto: [(0, next)].into_iter().collect(), dead, ..Batch::default() };
    store.commit(batch(3, vec![dead(2, DeadStatus::Parked), dead(1, DeadStatus::Parked)])).await.unwrap();
    store.commit(batch(4, vec![dead(1, DeadStatus::Discarded)])).await.unwrap();
    assert_eq!(store.dead().await.unwrap(), [dead(1, DeadStatus::Discarded), dead(2, DeadStatus::Parked)]);
}

async fn found(store: &Store, query: SearchQuery) -> BTreeSet<MemoryId> {
    store.search(query).await.unwrap().into_iter().map(|found| found.row.memory.id).collect()
}

async fn search_finds_by_both_sides(store: Store) {
    let mut script = Script::default();
    for (number, text) in [(1, "the zebra sleeps"), (2, "a zebra and a horse"), (3, "nothing of the kind"), (4, "horse")] {
        script.turn(&home(), number, "ana", text);
    }
    script.turn(&cube("acme", "work"), 5, "ana", "zebra zebra zebra");
    commit_all(&store, &[script.batch()]).await;
    let by_text = store.search(SearchQuery { vector: None, ..query("zebra") }).await.unwrap();
    let ids: BTreeSet<MemoryId> = by_text.iter().map(|found| found.ranked.memory).collect();
    assert_eq!(ids, [memory(1), memory(2)].into());
    assert!(by_text.iter().all(|found| !has(found, Term::Meaning) && has(found, Term::Words)));
    let vector = vector_of("horse", DIM);
    let mut by_vector = SearchQuery { vector: Some(vector), text: None, candidates: 1, ..query("") };
    by_vector.ask.method = Method::Dense;
    let by_vector = store.search(by_vector).await.unwrap();
    assert_eq!(by_vector.len(), 1);
    assert_eq!(by_vector[0].row.memory.id, memory(4));
    assert!((by_vector[0].ranked.score - 1.0).abs() < 5e-3, "cosine similarity of equal vectors is 1");
    assert_eq!(by_vector[0].row.vector, None);
    assert_eq!(by_vector[0].row.content.clear().unwrap().text, "horse");
    let both = store.search(query("horse")).await.unwrap();
    assert!(both.iter().any(|found| has(found, Term::Meaning) && has(found, Term::Words)));
    assert_eq!(both.iter().map(|found| found.row.memory.id).collect::<BTreeSet<_>>().len(), both.len(), "merged per memory");
    let two = SearchQuery { cubes: vec![home(), cube("acme", "work")], vector: None, ..query("zebra") };
    assert_eq!(found(&store, two).await, [memory(1), memory(2), memory(5)].into());
    assert!(found(&store, SearchQuery { cubes: Vec::new(), ..query("zebra") }).await.is_empty());
}

async fn search_filters(store: Store) {
    let mut script = Script::default();
    let home = home();
    for (number, speaker, session) in [(1, "ana", "s1"), (2, "bob", "s1"), (3, "ana", "s2")] {
        let content =
            Content { speaker: Some(speaker.to_owned()), session: Some(session.to_owned()), ..Content::text("common words") };
        script.turn_of(&home, number, content, &subject(speaker), Validity::since(at(1_000 * number as i64)));
    }
    let descriptive = |path: &str, tags: &[&str]| Descriptive {
        semantic: SemanticType::Fact,
        path: Some(Path::parse(path).unwrap()),
        tags: tags.iter().map(|name| tag(name)).collect(),
    };
    script.record(&home, 4, descriptive("work/plans", &["a", "b"]), "common words");
    script.record(&home, 5, descriptive("workshop", &["b"]), "common words");
    script.record(&home, 6, descriptive("work", &["a"]), "common words");
    script.move_to(&home, 3, Lifecycle::Archived);
    commit_all(&store, &[script.batch()]).await;
    let cases: Vec<(Filter, Vec<u64>)> = vec![
        (Filter::default(), vec![1, 2, 4, 5, 6]),
        (Filter { include_hidden: true, ..Filter::default() }, vec![1, 2, 3, 4, 5, 6]),
        (Filter { speakers: vec!["ana".to_owned()], ..Filter::default() }, vec![1]),
        (Filter { speakers: vec!["ana".to_owned(), "bob".to_owned()], ..Filter::default() }, vec![1, 2]),
        (Filter { sessions: vec!["s2".to_owned()], include_hidden: true, ..Filter::default() }, vec![3]),
        (Filter { semantic: vec![SemanticType::Fact], ..Filter::default() }, vec![4, 5, 6]),
        (Filter { tags: vec![tag("a")], ..Filter::default() }, vec![4, 6]),
        (Filter { tags: vec![tag("a"), tag("b")], ..Filter::default() }, vec![4]),
        (Filter { path: Some("work".to_owned()), ..Filter::default() }, vec![4, 6]),
        (Filter { since: Some(at(2_000)), until: Some(at(1_600_000_000)), ..Filter::default() }, vec![2]),
        (Filter { before_index: Some(2), ..Filter::default() }, vec![1]),
    ];
    for (filter, expected) in cases {
        let expected: BTreeSet<MemoryId> = expected.into_iter().map(memory).collect();
        for side in [SearchQuery { text: None, ..query("common") }, SearchQuery { vector: None, ..query("common") }] {
            let query = SearchQuery { filter: filter.clone(), ..side };
            assert_eq!(found(&store, query.clone()).await, expected, "{query:?}");
        }
    }
}

async fn odd_query_texts_are_harmless(store: Store) {
    let mut script = Script::default();
    script.turn(&home(), 1, "ana", "it's a \"test\" 🦓 zebra");
    commit_all(&store, &[script.batch()]).await;
    let long = "zebra word ".repeat(800);
    let odd = [
        "\"",
        "'",
        "a \" b ' c",
        "!!! ??? ...",
        "🦓",
        "🦓🦓🦓 zebra",
        "the of and",
        "AND OR NOT (",
        "zebra:*~2^3",
        "\u{0}",
        " ",
        &long,
    ];
    for text in odd {
        let both = store.search(query(text)).await.unwrap();
        assert_eq!(both.len(), 1, "{text:?}: the vector side answers in any case");
        store.search(SearchQuery { vector: None, ..query(text) }).await.unwrap();
    }
    assert_eq!(found(&store, SearchQuery { vector: None, ..query(&long) }).await.len(), 1);
}

async fn names_cannot_inject(store: Store) {
    let mut script = Script::default();
    let evil = "x' OR '1'='1";
    script.turn(&home(), 1, "ana", "words");
    let content = Content { speaker: Some(evil.to_owned()), ..Content::text("words") };
    script.turn_of(&home(), 2, content, &subject("ana"), Validity::since(at(5)));
    commit_all(&store, &[script.batch()]).await;
    let by = |speaker: &str| {
        let filter = Filter { speakers: vec![speaker.to_owned()], ..Filter::default() };
        SearchQuery { filter, ..query("words") }
    };
    assert_eq!(found(&store, by(evil)).await, [memory(2)].into());
    assert!(found(&store, by("y' OR '1'='1")).await.is_empty());
    let path = Filter { path: Some("%' OR 1=1 --".to_owned()), ..Filter::default() };
    assert!(found(&store, SearchQuery { filter: path, ..query("words") }).await.is_empty());
}

async fn erased_subjects_are_gone(store: Store) {
    let mut script = Script::default();
    script.turn(&home(), 1, "ana", "the secret of ana");
    script.turn(&home(), 2, "bob", "the secret of bob");
    script.revise(&home(), 2, 1, "ana speaks of bob", Validity::since(at(1_650_000_000)));
    commit_all(&store, &[script.batch()]).await;
    assert_eq!(store.subjects().await.unwrap(), [subject("ana"), subject("bob")]);
    let cut = store.reflected();
    assert_eq!(store.erase(&[subject("bob")]).await.unwrap(), 2, "one version and one turn");
    assert_eq!(store.erase(&[subject("bob")]).await.unwrap(), 0);
    assert_eq!(store.subjects().await.unwrap(), [subject("ana")]);
    let history = store.history(memory(2)).await.unwrap();
    assert_eq!(history.iter().map(|row| row.content == Shown::Erased).collect::<Vec<_>>(), [true, false]);
    assert!(store.erase(&[subject("ana")]).await.unwrap() > 0);
    assert!(store.subjects().await.unwrap().is_empty());
    assert_eq!(store.reflected(), cut);
    for text in ["secret", "bob"] {
        assert!(found(&store, SearchQuery { vector: None, ..query(text) }).await.is_empty());
        assert!(found(&store, query(text)).await.is_empty());
    }
    assert_eq!(store.memories(&[memory(1)]).await.unwrap()[0].content, Shown::Erased);
    assert_eq!(store.load_cube(&home()).await.unwrap().as_ref(), script.states.get(&home()), "the state needs no content");
    script.turn(&home(), 3, "eve", "life goes on");
    commit_all(&store, &[script.batch()]).await;
    assert_eq!(found(&store, query("life")).await, [memory(3)].into());
}

async fn erased_rows_can_be_committed(store: Store) {
    let mut script = Script::default();
    script.turn(&home(), 1, "ana", "gone before it came");
    let mut batch = script.batch();
    batch.memories[0].content = Shown::Erased;
    batch.memories[0].vector = None;
    batch.versions[0].content = Shown::Erased;
    commit_all(&store, &[batch]).await;
    assert_eq!(store.memories(&[memory(1)]).await.unwrap()[0].content, Shown::Erased);
    assert_eq!(store.history(memory(1)).await.unwrap()[0].content, Shown::Erased);
    assert!(store.subjects().await.unwrap().is_empty());
    assert!(found(&store, query("gone")).await.is_empty());
}
