//! From the answer of the interface to sheets.

use std::collections::{BTreeMap, BTreeSet};

use cubelog_api::Memory;
use cubelog_api::graph::GraphResponse;
use serde_json::{Value, json};

use super::{Shape, Sheet, Type, type_name};

const MEMORIES: &[(&str, Type)] = &[
    ("id", Type::Text),
    ("cube", Type::Text),
    ("text", Type::Text),
    ("speaker", Type::Text),
    ("caption", Type::Text),
    ("session", Type::Text),
    ("source", Type::Text),
    ("semantic", Type::Text),
    ("path", Type::Text),
    ("path_derived", Type::Truth),
    ("tags", Type::Texts),
    ("valid_from", Type::Text),
    ("valid_to", Type::Text),
    ("stream_index", Type::Whole),
    ("priority", Type::Whole),
    ("sensitivity", Type::Text),
    ("trust", Type::Text),
    ("lifecycle", Type::Text),
    ("version", Type::Whole),
];
const ENTITIES: &[(&str, Type)] = &[
    ("id", Type::Text),
    ("cube", Type::Text),
    ("kind", Type::Text),
    ("key", Type::Text),
    ("name", Type::Text),
    ("mentions", Type::Whole),
];
const TOPICS: &[(&str, Type)] =
    &[("id", Type::Text), ("cube", Type::Text), ("path", Type::Text), ("name", Type::Text), ("level", Type::Whole)];
const EDGES: &[(&str, Type)] = &[("from", Type::Text), ("to", Type::Text), ("type", Type::Text), ("weight", Type::Real)];

const MEMORY: &str = "Memory";
const ENTITY: &str = "Entity";
const TOPIC: &str = "Topic";

/// The sheets of a graph: three of nodes, five of edges, in the order in which they are to be loaded.
pub fn sheets(graph: &GraphResponse) -> Vec<Sheet> {
    let cube = format!("{}/{}", graph.tenant, graph.cube);
    let memories: BTreeSet<&str> = graph.memories.iter().map(|memory| memory.memory.as_str()).collect();
    let topic = |path: &str| format!("{cube}:{path}");
    let mut topics: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let (mut belongs, mut part_of) = (Vec::new(), Vec::new());
    let edge = |from: String, to: String, kind: &str, weight: f32| {
        vec![json!(from), json!(to), json!(type_name(kind)), Value::from(f64::from(weight))]
    };
    for memory in &graph.memories {
        let Some(path) = memory.path.as_deref() else { continue };
        belongs.push(edge(memory.memory.clone(), topic(path), "belongs-to", 1.0));
        let mut below: Option<&str> = None;
        for (level, branch) in branches(path).into_iter().enumerate().rev() {
            let name = branch.rsplit('/').next().unwrap_or(branch);
            topics.insert(branch, vec![json!(topic(branch)), json!(cube), json!(branch), json!(name), json!(level + 1)]);
            if let Some(below) = below.replace(branch) {
                part_of.push((topic(below), topic(branch)));
            }
        }
    }
    part_of.sort();
    part_of.dedup();
    let between = |from_memory: bool, to_memory: bool| -> Vec<Vec<Value>> {
        let of = |id: &str, is_memory: bool| memories.contains(id) == is_memory;
        let edges = graph.edges.iter().filter(|edge| of(&edge.from, from_memory) && of(&edge.to, to_memory));
        edges.map(|one| edge(one.from.clone(), one.to.clone(), &one.kind, one.weight)).collect()
    };
    let entities = graph.entities.iter().map(|entity| {
        vec![json!(entity.entity), json!(cube), json!(entity.kind), json!(entity.key), json!(entity.name), json!(entity.mentions)]
    });
    let nodes = |name, label, columns, rows| Sheet { name, shape: Shape::Nodes(label), columns, rows };
    let edges = |name, from, to, rows| Sheet { name, shape: Shape::Edges(from, to), columns: EDGES, rows };
    vec![
        nodes("memories", MEMORY, MEMORIES, graph.memories.iter().map(|memory| row(&cube, memory)).collect()),
        nodes("entities", ENTITY, ENTITIES, entities.collect()),
        nodes("topics", TOPIC, TOPICS, topics.into_values().collect()),
        edges("memory_entity", MEMORY, ENTITY, between(true, false)),
        edges("entity_entity", ENTITY, ENTITY, between(false, false)),
        edges("memory_memory", MEMORY, MEMORY, between(true, true)),
        edges("memory_topic", MEMORY, TOPIC, belongs),
        edges("topic_topic", TOPIC, TOPIC, part_of.into_iter().map(|(from, to)| edge(from, to, "part-of", 1.0)).collect()),
    ]
}

/// `a/b/c` as `a`, `a/b`, `a/b/c`.
fn branches(path: &str) -> Vec<&str> {
    path.match_indices('/').map(|(at, _)| &path[..at]).chain([path]).collect()
}

fn row(cube: &str, memory: &Memory) -> Vec<Value> {
    vec![
        json!(memory.memory),
        json!(cube),
        json!(memory.text),
        json!(memory.speaker),
        json!(memory.caption),
        json!(memory.session),
        json!(memory.source),
        json!(memory.semantic),
        json!(memory.path),
        json!(memory.path_derived),
        json!(memory.tags),
        json!(memory.valid.from),
        json!(memory.valid.to),
        json!(memory.stream_index),
        json!(memory.priority),
        json!(memory.sensitivity),
        json!(memory.trust),
        json!(memory.lifecycle),
        json!(memory.version),
    ]
}
