//! Nodes and edges out of what memories are about: pure, the same for the same memories in whatever order they are held.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cubelog_beliefs::{Belief, Claim, Settled, Verdict, believed};
use cubelog_language::{EntityKind, Participants, entities};
use cubelog_memory::{CubeKey, MemoryId, Timestamp, derive_uuid};
use cubelog_recall::{Topic, entity_name};
use cubelog_views::EdgeRow;
use uuid::Uuid;

use super::{Branch, EdgeKind, EntityNode, Graph, Link};

/// Entities of one memory that are paired with each other, by kind and key: a long list of things tells little of each pair, and pairs
/// grow with the square.
const PAIRED: usize = 16;

/// Entities with how often each is written in which way.
#[derive(Default)]
struct Found {
    written: BTreeMap<String, BTreeMap<Arc<str>, u32>>,
    mentions: BTreeMap<String, u32>,
}

/// The entities that memories mention, what ties memories to them, and what ties them to each other.
pub fn mentioned(cube: &CubeKey, topics: &[Topic], people: &Participants) -> Graph {
    let mut found = Found::default();
    let mut edges = Vec::new();
    let mut pairs: BTreeMap<(Uuid, Uuid), u32> = BTreeMap::new();
    let mut ids: HashMap<String, Uuid> = HashMap::new();
    let mut id_of = |entity: &str| *ids.entry(entity.to_owned()).or_insert_with(|| entity_id(cube, entity));
    for topic in topics {
        let memory = topic.memory.uuid();
        let mut there: BTreeSet<String> = BTreeSet::new();
        for (entity, surface) in &topic.mentions {
            let (entity, full) = canonical(entity, surface, people);
            *found.written.entry(entity.clone()).or_default().entry(full.unwrap_or_else(|| surface.clone())).or_default() += 1;
            there.insert(entity);
        }
        for entity in &there {
            *found.mentions.entry(entity.clone()).or_default() += 1;
            edges.push(Link { kind: EdgeKind::Mentions, from: memory, to: id_of(entity), weight: 1.0 });
        }
        if let Some(speaker) = &topic.speaker {
            let entity = entity_name(EntityKind::Name, &entities::key(EntityKind::Name, speaker));
            *found.written.entry(entity.clone()).or_default().entry(speaker.clone()).or_default() += 1;
            edges.push(Link { kind: EdgeKind::SaidBy, from: memory, to: id_of(&entity), weight: 1.0 });
        }
        let there: Vec<Uuid> = there.iter().take(PAIRED).map(|entity| id_of(entity)).collect();
        for (at, a) in there.iter().enumerate() {
            there[at + 1..].iter().for_each(|b| *pairs.entry((*a.min(b), *a.max(b))).or_default() += 1);
        }
    }
    let both = |((from, to), count): ((Uuid, Uuid), u32)| Link { kind: EdgeKind::CoOccurs, from, to, weight: count as f32 };
    edges.extend(pairs.into_iter().map(both));
    edges.extend(next_in_sessions(topics));
    let mentions = found.mentions;
    let node = |(entity, written): (String, BTreeMap<Arc<str>, u32>)| {
        let (kind, key) = entity.split_once(':')?;
        // Written most often; of equals the first in the alphabet.
        let name = written.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))).map(|(name, _)| name.to_string())?;
        Some(EntityNode {
            id: entity_id(cube, &entity),
            kind: kind.to_owned(),
            key: key.to_owned(),
            name,
            mentions: mentions.get(&entity).copied().unwrap_or(0),
        })
    };
    Graph { entities: found.written.into_iter().filter_map(node).collect(), edges, ..Graph::default() }
}

fn entity_id(cube: &CubeKey, entity: &str) -> Uuid {
    derive_uuid("entity", &[cube.tenant.as_str(), cube.cube.as_str(), entity])
}

/// A short form of a speaker's name is that speaker; with the full name then.
fn canonical(entity: &str, surface: &str, people: &Participants) -> (String, Option<Arc<str>>) {
    // A short form counts within a sentence only, where a capital tells something.
    const WITHIN: &str = "and ";
    let within = format!("{WITHIN}{surface}");
    if entity.starts_with("name:")
        && let [mention] = people.find(&within).as_slice()
        && let [person] = mention.participants.as_slice()
        && mention.span == (WITHIN.len()..within.len())
    {
        let name = people.names()[*person].as_str();
        return (entity_name(EntityKind::Name, &entities::key(EntityKind::Name, name)), Some(Arc::from(name)));
    }
    (entity.to_owned(), None)
}

/// Each memory of a session to the one that was said next.
fn next_in_sessions(topics: &[Topic]) -> Vec<Link> {
    let mut sessions: BTreeMap<&str, Vec<(u64, Uuid)>> = BTreeMap::new();
    for topic in topics {
        if let (Some(session), Some(index)) = (&topic.session, topic.stream_index) {
            sessions.entry(session).or_default().push((index, topic.memory.uuid()));
        }
    }
    let mut edges = Vec::new();
    for turns in sessions.values_mut() {
        turns.sort_unstable();
        let next = |pair: &[(u64, Uuid)]| Link { kind: EdgeKind::NextInSession, from: pair[0].1, to: pair[1].1, weight: 1.0 };
        edges.extend(turns.windows(2).map(next));
    }
    edges
}

/// What was stated and settled between memories, and what their claims do to each other.
pub fn between_memories(
    topics: &[Topic],
    stated: &[EdgeRow],
    superseded: &[(MemoryId, MemoryId)],
    claims: Vec<(MemoryId, Claim)>,
) -> Vec<Link> {
    let mut edges: Vec<Link> = stated
        .iter()
        .map(|row| Link {
            kind: EdgeKind::Stated(row.edge.relation),
            from: row.edge.from.uuid(),
            to: row.edge.to.uuid(),
            weight: row.edge.weight,
        })
        .collect();
    let link = |kind, from: MemoryId, to: MemoryId, weight| Link { kind, from: from.uuid(), to: to.uuid(), weight };
    edges.extend(superseded.iter().map(|(by, old)| link(EdgeKind::Supersedes, *by, *old, 1.0)));
    let place: HashMap<MemoryId, usize> = topics.iter().enumerate().map(|(place, topic)| (topic.memory, place)).collect();
    let mut claims: Vec<(usize, MemoryId, Claim)> =
        claims.into_iter().filter_map(|(memory, claim)| Some((*place.get(&memory)?, memory, claim))).collect();
    claims.sort_by_key(|(place, _, claim)| (*place, claim.span.start));
    let of: Vec<&Claim> = claims.iter().map(|(_, _, claim)| claim).collect();
    let lines = believed(&of, &Settled::default(), Timestamp(i64::MAX)).lines;
    for belief in lines.values().flat_map(|line| &line.history) {
        let behind = |belief: &Belief| -> Vec<(MemoryId, f32)> {
            belief.behind.iter().map(|at| (claims[*at].1, claims[*at].2.confidence)).collect()
        };
        let said = behind(belief);
        edges.extend(said.windows(2).map(|pair| link(EdgeKind::Restates, pair[1].0, pair[0].0, pair[1].1)));
        let displaced = belief.displaced.as_ref().and_then(|displaced| Some((displaced.by?, displaced.verdict)));
        if let (Some((by, verdict)), Some((old, _))) = (displaced, said.last()) {
            let kind = match verdict {
                Verdict::Changes | Verdict::Corrects => EdgeKind::Supersedes,
                Verdict::Contradicts => EdgeKind::Disputes,
                _ => EdgeKind::Restates,
            };
            edges.push(link(kind, claims[by].1, *old, claims[by].2.confidence));
        }
    }
    edges
}

/// The entities that a text names: a speaker by any form of the name, else whatever is written so.
pub fn entities_named(entities: &[EntityNode], text: &str, people: &Participants) -> BTreeSet<Uuid> {
    let text = text.trim();
    let (as_name, _) = canonical(&entity_name(EntityKind::Name, &entities::key(EntityKind::Name, text)), text, people);
    let as_thing = entity_name(EntityKind::Phrase, &entities::key(EntityKind::Phrase, text));
    let key = entities::key(EntityKind::Title, text);
    let is_named = |entity: &&EntityNode| {
        let full = format!("{}:{}", entity.kind, entity.key);
        full == as_name || full == as_thing || entity.key == key || entity.id.to_string() == text
    };
    entities.iter().filter(is_named).map(|entity| entity.id).collect()
}

impl Graph {
    /// Drops edges to what is no node, keeps the stronger of equal ones, and puts all in order.
    pub(super) fn tidy(&mut self, memories: impl Iterator<Item = Uuid>) {
        let nodes: BTreeSet<Uuid> = memories.chain(self.entities.iter().map(|entity| entity.id)).collect();
        self.edges.retain(|edge| edge.from != edge.to && nodes.contains(&edge.from) && nodes.contains(&edge.to));
        self.edges.sort_by(|a, b| (a.kind, a.from, a.to).cmp(&(b.kind, b.from, b.to)).then(b.weight.total_cmp(&a.weight)));
        self.edges.dedup_by_key(|edge| (edge.kind, edge.from, edge.to));
    }

    /// Keeps some entities, and what touches them.
    pub(super) fn keep_around(&mut self, entities: &BTreeSet<Uuid>) {
        self.edges.retain(|edge| entities.contains(&edge.from) || entities.contains(&edge.to));
        let near: BTreeSet<Uuid> = self.edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
        self.entities.retain(|entity| near.contains(&entity.id) || entities.contains(&entity.id));
    }
}

/// The tree of where memories belong, down to some depth.
pub fn branches(topics: &[Topic], depth: usize) -> Vec<Branch> {
    let mut counts: BTreeMap<Vec<&str>, (u64, u64)> = BTreeMap::new();
    for topic in topics {
        let Some(path) = &topic.path else { continue };
        let segments: Vec<&str> = path.split('/').collect();
        for end in 1..=segments.len().min(depth) {
            let (memories, given) = counts.entry(segments[..end].to_vec()).or_default();
            *memories += 1;
            *given += u64::from(topic.given);
        }
    }
    let count = |path: &[&str]| counts.get(path).map_or(0, |(memories, _)| *memories);
    let mut order: Vec<&Vec<&str>> = counts.keys().collect();
    // Larger branches first, level by level; of equals the first in the alphabet.
    order.sort_by_cached_key(|path| {
        (1..=path.len()).map(|end| (u64::MAX - count(&path[..end]), path[end - 1])).collect::<Vec<_>>()
    });
    let branch = |path: &Vec<&str>| {
        let (memories, given) = counts.get(path).copied().unwrap_or_default();
        Branch { path: path.join("/"), memories, given }
    };
    order.into_iter().map(branch).collect()
}
