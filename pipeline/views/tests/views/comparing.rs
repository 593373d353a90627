//! `compare` finds what differs and nothing else.

use std::sync::Arc;

use cubelog_memory::{Position, Validity};
use cubelog_views::conformance::script::{Script, memory};
use cubelog_views::{Batch, CompareOptions, Difference, Shown, ViewStore, compare};

use super::{home, open};

fn story(partition: u32) -> Batch {
    let mut script = Script::new(partition);
    script.create(&home(), "ana");
    for number in 0..30 {
        script.turn(&home(), number, "ana", &format!("turn {number}"));
    }
    script.revise(&home(), 3, 1, "revised", Validity::since(cubelog_memory::Timestamp(5)));
    script.relate(&home(), 1, 2, cubelog_memory::Relation::Follows, false);
    script.batch()
}

async fn differences(left: Batch, right: Batch, options: CompareOptions) -> Vec<cubelog_views::TableDifference> {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (left_store, right_store) = (open(a.path()).await, open(b.path()).await);
    left_store.commit(left).await.unwrap();
    right_store.commit(right).await.unwrap();
    compare(&left_store, &right_store, options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_views_are_equal_however_they_were_committed() {
    assert_eq!(differences(story(0), story(0), CompareOptions::default()).await, []);
    let mut nudged = story(0);
    for row in &mut nudged.memories {
        row.vector = row.vector.as_ref().map(|vector| vector.iter().map(|number| number + 4e-6).collect::<Arc<[f32]>>());
    }
    nudged.memories.reverse();
    nudged.versions.reverse();
    assert_eq!(differences(story(0), nudged, CompareOptions::default()).await, [], "order and rounding do not matter");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_difference_is_named() {
    let mut other = story(0);
    other.memories.retain(|row| row.memory.id != memory(7));
    let row = other.memories.iter_mut().find(|row| row.memory.id == memory(9)).unwrap();
    row.content = Shown::Erased;
    row.vector = None;
    let row = other.memories.iter_mut().find(|row| row.memory.id == memory(11)).unwrap();
    row.vector = row.vector.as_ref().map(|vector| vector.iter().map(|number| number + 1e-3).collect());
    let doubled = other.edges[0].clone();
    other.edges.push(doubled);
    let found = differences(story(0), other, CompareOptions::default()).await;
    assert_eq!(found.iter().map(|found| found.table).collect::<Vec<_>>(), ["edges", "memories"]);
    assert!(matches!(found[0].examples[..], [(_, Difference::Count { left: 1, right: 2 })]));
    let memories = &found[1];
    assert_eq!((memories.only_left, memories.only_right, memories.different), (1, 0, 2));
    let of = |id| memories.examples.iter().find(|(key, _)| *key == memory(id).to_string()).map(|(_, difference)| difference);
    assert_eq!(of(7), Some(&Difference::OnlyLeft));
    assert_eq!(of(11), Some(&Difference::Columns(vec!["vector".to_owned()])));
    let Some(Difference::Columns(columns)) = of(9) else { panic!("{memories:?}") };
    assert!(columns.contains(&"text".to_owned()) && columns.contains(&"erased".to_owned()), "{columns:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_are_few_and_the_smallest() {
    let mut other = story(0);
    other.versions.clear();
    let found = differences(other.clone(), story(0), CompareOptions::default()).await;
    assert_eq!((found[0].only_right, found[0].examples.len()), (31, 10));
    let reversed = differences(story(0), other, CompareOptions::default()).await;
    assert_eq!(reversed[0].only_left, 31);
    let keys =
        |difference: &cubelog_views::TableDifference| difference.examples.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
    assert_eq!(keys(&found[0]), keys(&reversed[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_in_the_log_can_be_left_out() {
    let mut moved = story(0);
    let shift = |position: &mut Position| *position = Position { partition: 3, offset: position.offset + 1_000 };
    let later = |time: &mut cubelog_memory::Timestamp| time.0 += 77;
    for row in &mut moved.versions {
        shift(&mut row.position);
        shift(&mut row.memory.changed);
        later(&mut row.recorded_at);
        later(&mut row.memory.changed_at);
        later(&mut row.memory.created_at);
    }
    for row in &mut moved.memories {
        shift(&mut row.memory.changed);
        later(&mut row.memory.changed_at);
        later(&mut row.memory.created_at);
    }
    for row in &mut moved.cubes {
        shift(&mut row.changed);
        later(&mut row.changed_at);
        row.state.cube_events = vec![cubelog_memory::EventId::from_bytes([9; 16])];
    }
    for row in &mut moved.turns {
        shift(&mut row.position);
        later(&mut row.recorded_at);
    }
    for row in &mut moved.edges {
        shift(&mut row.position);
        later(&mut row.recorded_at);
    }
    assert_eq!(differences(story(0), moved.clone(), CompareOptions::default()).await.len(), 5);
    let options = CompareOptions { ignore_log_places: true, ..CompareOptions::default() };
    assert_eq!(differences(story(0), moved.clone(), options.clone()).await, []);
    moved.memories[0].content = Shown::Erased;
    assert_eq!(differences(story(0), moved, options).await.len(), 1, "content still counts");
}
