//! The graph of a cube, where its memories belong, and everything about something: through the whole runner, after a replay, for whom.

use cubelog_memory::*;
use cubelog_runner::Change;
use cubelog_runner::*;
use cubelog_views::Filter;

use crate::given::*;

const TOLD: &[&str] = &[
    "I live in Graz, and Oscar visits.",
    "So nice that Oscar told me of Trieste.",
    "We flew to Trieste with Oscar for a holiday.",
    "The hotel in Trieste was old.",
    "I live in Linz now.",
    "Good for you, Ana!",
];

async fn world() -> (World, Caller, CubeKey) {
    let world = World::new().await;
    let ana = caller("ana");
    world.store.ingest_turns(&ana, &options(), turns("walks", TOLD)).await.unwrap();
    world.store.flush().await.unwrap();
    (world, ana, cube("walks"))
}

async fn listed(store: &Cubelog, caller: &Caller, request: TimelineRequest) -> Vec<String> {
    let found = store.timeline(caller, &request).await.unwrap();
    let rows = store.timeline_rows(caller, &request, &found.memories).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.memory.id).collect::<Vec<_>>(), found.memories, "pages keep the order of time");
    rows.iter().map(|row| row.content.clear().map_or("[erased]".to_owned(), |content| content.text.clone())).collect()
}

fn about(cube: &CubeKey, about: &str) -> TimelineRequest {
    TimelineRequest { cubes: vec![cube.clone()], about: about.to_owned(), ..TimelineRequest::default() }
}

fn entity<'a>(graph: &'a Graph, key: &str) -> &'a EntityNode {
    let found = graph.entities.iter().find(|entity| entity.key == key);
    found.unwrap_or_else(|| panic!("no {key} in {:?}", graph.entities))
}

/// Edges of a kind, by the texts and keys that they join, with their weights.
fn edges(graph: &Graph, kind: &str) -> Vec<(String, String, f32)> {
    let name = |id| {
        let entity = graph.entities.iter().find(|entity| entity.id == id).map(|entity| entity.key.clone());
        let memory = graph.memories.iter().find(|node| node.row.memory.id.uuid() == id);
        entity.or_else(|| Some(memory?.row.content.clear()?.text.chars().take(9).collect())).unwrap()
    };
    let of_kind = graph.edges.iter().filter(|edge| edge.kind.word() == kind);
    let mut edges: Vec<_> = of_kind.map(|edge| (name(edge.from), name(edge.to), edge.weight)).collect();
    edges.sort_by(|a, b| a.partial_cmp(b).unwrap());
    edges
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_ties_memories_by_what_they_mention_and_say() {
    let (world, ana, walks) = world().await;
    let graph = world.store.graph(&ana, &walks, None).await.unwrap();
    assert_eq!(graph.memories.len(), TOLD.len());
    let oscar = entity(&graph, "oscar");
    assert_eq!((oscar.kind.as_str(), oscar.name.as_str(), oscar.mentions), ("name", "Oscar", 3));
    let together = edges(&graph, "co-occurs");
    let pair =
        |a: &str, b: &str| together.iter().find(|(x, y, _)| [x, y] == [a, b] || [x, y] == [b, a]).map(|(_, _, weight)| *weight);
    assert_eq!(
        (pair("oscar", "trieste"), pair("oscar", "graz"), pair("graz", "linz")),
        (Some(2.0), Some(1.0), None),
        "{together:?}"
    );
    assert_eq!(edges(&graph, "said-by").len(), TOLD.len());
    assert_eq!(edges(&graph, "next-in-session").len(), 4, "two sessions of three");
    assert_eq!(edges(&graph, "supersedes"), [("I live in".to_owned(), "I live in".to_owned(), edges(&graph, "supersedes")[0].2)]);
    assert!(edges(&graph, "mentions").iter().any(|(_, to, _)| to == "ana"), "whoever speaks is an entity like others");

    let near = world.store.graph(&ana, &walks, Some("oscar")).await.unwrap();
    assert_eq!((near.memories.len(), entity(&near, "oscar").mentions), (3, 3));
    assert!(
        near.entities.iter().any(|entity| entity.key == "trieste") && !near.entities.iter().any(|entity| entity.key == "linz")
    );
    for nothing in ["Nobody", "😀", "\u{7}", "the"] {
        let none = world.store.graph(&ana, &walks, Some(nothing)).await.unwrap();
        assert!(none.memories.is_empty() && none.entities.is_empty() && none.edges.is_empty(), "{nothing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relations_are_edges_until_they_are_withdrawn() {
    let (world, ana, walks) = world().await;
    let made = |text| record(text);
    let a = one(&world.store, &ana, &walks, made("Oscar sails")).await.unwrap().memory.unwrap();
    let b = one(&world.store, &ana, &walks, made("Sails are white")).await.unwrap().memory.unwrap();
    let relate = |withdrawn| Change::Relate { from: a, to: b, relation: Relation::Supports, weight: 0.5, withdrawn };
    one(&world.store, &ana, &walks, relate(false)).await.unwrap();
    let graph = world.store.graph(&ana, &walks, None).await.unwrap();
    assert_eq!(edges(&graph, "supports"), [("Oscar sai".to_owned(), "Sails are".to_owned(), 0.5)]);
    one(&world.store, &ana, &walks, relate(true)).await.unwrap();
    assert!(edges(&world.store.graph(&ana, &walks, None).await.unwrap(), "supports").is_empty());
    one(&world.store, &ana, &walks, relate(false)).await.unwrap();
    one(&world.store, &ana, &walks, Change::Expire { memory: b, reason: None }).await.unwrap();
    let graph = world.store.graph(&ana, &walks, None).await.unwrap();
    assert!(edges(&graph, "supports").is_empty() && graph.memories.len() == TOLD.len() + 1, "what expired is no node");
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_views_give_the_same_graph_and_the_same_tree() {
    let (mut world, ana, walks) = world().await;
    let shape = |graph: &Graph| {
        let memories: Vec<_> = graph.memories.iter().map(|node| (node.row.memory.id, node.path.clone(), node.given)).collect();
        (memories, graph.entities.clone(), graph.edges.clone())
    };
    let before = world.store.graph(&ana, &walks, None).await.unwrap();
    let tree = world.store.tree(&ana, &walks, None, 3).await.unwrap();
    world.equal_after_replay().await;
    world.store.rebuild(None).await.unwrap();
    assert_eq!(shape(&world.store.graph(&ana, &walks, None).await.unwrap()), shape(&before));
    world.reopen().await;
    assert_eq!(shape(&world.store.graph(&ana, &walks, None).await.unwrap()), shape(&before));
    assert_eq!(world.store.tree(&ana, &walks, None, 3).await.unwrap().branches, tree.branches);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_counts_given_and_derived_paths() {
    let (world, ana, walks) = world().await;
    let mut given = record("The rent is due");
    if let Change::Record { descriptive, .. } = &mut given {
        descriptive.path = Some(Path::parse("travel/rent").unwrap());
    }
    one(&world.store, &ana, &walks, given).await.unwrap();
    let tree = world.store.tree(&ana, &walks, None, 3).await.unwrap();
    let branch =
        |path: &str| tree.branches.iter().find(|branch| branch.path == path).map(|branch| (branch.memories, branch.given));
    assert_eq!(
        (tree.memories, branch("travel"), branch("travel/rent")),
        (TOLD.len() as u64 + 1, Some((3, 1)), Some((1, 1))),
        "{tree:?}"
    );
    let top: Vec<_> = world.store.tree(&ana, &walks, None, 1).await.unwrap().branches;
    assert!(
        top.iter().all(|branch| !branch.path.contains('/')) && top.is_sorted_by_key(|branch| std::cmp::Reverse(branch.memories))
    );
    assert_eq!(top.iter().map(|branch| branch.memories).sum::<u64>(), tree.memories, "every memory belongs somewhere");
    let deep = world.store.tree(&ana, &walks, Some("travel".to_owned()), usize::MAX).await.unwrap();
    assert!(deep.memories == 3 && deep.branches.iter().all(|branch| branch.path.starts_with("travel")));
    assert!(world.store.tree(&ana, &walks, Some("nowhere".to_owned()), 3).await.unwrap().branches.is_empty());

    // A search finds below a path whether it was given or derived.
    let mut request = search(&[walks.clone()], "rent hotel trieste");
    request.filter = Filter { path: Some("travel".to_owned()), ..Filter::default() };
    assert_eq!(world.store.search(&ana, request).await.unwrap().hits.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_is_complete_and_in_order() {
    let (world, ana, walks) = world().await;
    let list = |text: &'static str| listed(&world.store, &ana, about(&walks, text));
    assert_eq!(list("Trieste").await, [TOLD[1], TOLD[2], TOLD[3]]);
    assert_eq!(list("everything about Oscar in Trieste").await, [TOLD[1], TOLD[2]]);
    assert_eq!(list("Ana").await, [TOLD[0], TOLD[2], TOLD[4], TOLD[5]], "what she said and what names her");
    assert_eq!(list("").await, TOLD);
    assert_eq!(list("everything in November 2023").await, TOLD);
    assert!(list("Oscar in March 2023").await.is_empty());
    for nothing in ["unicorns", "😀", "Oscar unicorns"] {
        assert_eq!(list(nothing).await.len(), if nothing == "😀" { TOLD.len() } else { 0 }, "{nothing}");
    }
    let mut late = about(&walks, "Trieste");
    late.filter.since = Some(Timestamp(1_700_000_002_000_000));
    late.filter.speakers = vec!["Ana".to_owned()];
    assert_eq!(listed(&world.store, &ana, late).await, [TOLD[2]]);
    let long = "x".repeat(20_000);
    assert!(world.store.timeline(&ana, &about(&walks, &long)).await.unwrap().query_cut);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_and_reads_are_those_of_other_reads() {
    let (world, ana, walks) = world().await;
    let bob = caller("bob");
    assert!(matches!(world.store.graph(&bob, &walks, None).await, Err(RunError::Forbidden { .. })));
    assert!(matches!(world.store.tree(&bob, &walks, None, 3).await, Err(RunError::Forbidden { .. })));
    assert!(matches!(world.store.timeline(&bob, &about(&walks, "")).await, Err(RunError::Forbidden { .. })));
    assert!(
        world.store.timeline(&bob, &TimelineRequest::default()).await.unwrap().memories.is_empty(),
        "of all cubes that he may read"
    );
    let all = world.store.timeline(&ana, &TimelineRequest::default()).await.unwrap().memories;
    assert!(world.store.timeline_rows(&bob, &TimelineRequest::default(), &all).await.unwrap().is_empty(), "ids give no right");
    created(&world.store, &ana, &cube("empty"), true).await;
    assert!(world.store.graph(&ana, &cube("empty"), None).await.unwrap().memories.is_empty());
    assert!(world.store.tree(&ana, &cube("empty"), None, 3).await.unwrap().branches.is_empty());
    assert!(listed(&world.store, &ana, about(&cube("empty"), "anything")).await.is_empty());

    listed(&world.store, &ana, about(&walks, "hotel")).await;
    let memory = world.store.timeline(&ana, &about(&walks, "hotel")).await.unwrap().memories[0];
    let reads = world.store.audit_reads(&ana, memory).await.unwrap();
    assert_eq!(
        reads.iter().map(|read| read.access.purpose).collect::<Vec<_>>(),
        [Purpose::Search],
        "what was shown is remembered"
    );
}
