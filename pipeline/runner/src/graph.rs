//! The graph of a cube: its memories, the entities that they mention, and typed edges between them. Made without a model, from names, noun
//! phrases, what stands together, what was stated, and what statements do to each other; derived when asked for and never stored (why:
//! `cubelog-recall`, `topics.rs`), so live views and rebuilt ones give the same graph.

mod links;

use std::collections::{BTreeSet, HashMap};

use cubelog_language::Participants;
use cubelog_memory::{CubeKey, Cut, MemoryId, Purpose, Right, VersionRef};
use cubelog_recall::Topic;
use cubelog_views::{Filter, MemoryRow};
use uuid::Uuid;

use crate::caller::Caller;
use crate::cubelog::Cubelog;
use crate::error::RunError;

/// A memory as a node.
#[derive(Debug, Clone)]
pub struct MemoryNode {
    pub row: MemoryRow,
    /// Where it belongs: task/concept/fact.
    pub path: Option<String>,
    /// Whether the path was given; else it is derived.
    pub given: bool,
}

/// Something that memories mention, or somebody who said them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityNode {
    /// The same for the same entity of a cube, in every graph of it.
    pub id: Uuid,
    /// `name`, `title`, `thing`, `hashtag` or `host`.
    pub kind: String,
    /// Folded words, the same for all ways to write it.
    pub key: String,
    /// As it is written most often.
    pub name: String,
    /// Memories that mention it.
    pub mentions: u32,
}

/// What one node is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// Memory to entity.
    Mentions,
    /// Memory to the name of its speaker.
    SaidBy,
    /// Entity to entity, the lower id first; the weight is in how many memories both are mentioned.
    CoOccurs,
    /// Memory to the next one of its session.
    NextInSession,
    /// As it was stated between memories, in the words of relations: derived-from, follows, related, supports, contradicts, mentions.
    Stated(cubelog_memory::Relation),
    /// Memory to the older one that it is believed in place of: settled, or by what both claim.
    Supersedes,
    /// Memory to the older one that claims the same.
    Restates,
    /// Memory to the older one that claims what cannot be true with it.
    Disputes,
}

impl EdgeKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            EdgeKind::Mentions => "mentions",
            EdgeKind::SaidBy => "said-by",
            EdgeKind::CoOccurs => "co-occurs",
            EdgeKind::NextInSession => "next-in-session",
            EdgeKind::Stated(relation) => relation.word(),
            EdgeKind::Supersedes => "supersedes",
            EdgeKind::Restates => "restates",
            EdgeKind::Disputes => "disputes",
        }
    }
}

/// An edge between two nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    pub kind: EdgeKind,
    pub from: Uuid,
    pub to: Uuid,
    /// A count for `co-occurs`, as it was stated for what was stated, the confidence of the claim behind it for claims, else 1.
    pub weight: f32,
}

/// Nodes and edges of a cube.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// In the order of time.
    pub memories: Vec<MemoryNode>,
    /// By kind and key.
    pub entities: Vec<EntityNode>,
    /// By kind, and by what they join.
    pub edges: Vec<Link>,
    pub reflected: Cut,
}

/// A branch of the tree of a cube, or a leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// One to three segments: task/concept/fact.
    pub path: String,
    /// Memories there and below.
    pub memories: u64,
    /// How many of these were put there by somebody; the others by what they say.
    pub given: u64,
}

/// Where the memories of a cube belong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Every branch before what is below it, larger ones first.
    pub branches: Vec<Branch>,
    /// Memories in all.
    pub memories: u64,
    pub reflected: Cut,
}

impl Cubelog {
    /// Where the memories of a cube belong, down to `depth` segments; of a path, only what is there and below.
    pub async fn tree(&self, caller: &Caller, cube: &CubeKey, path: Option<String>, depth: usize) -> Result<Tree, RunError> {
        self.wait_for_own_writes().await?;
        let row = self.authorize(caller, cube, Right::Read)?;
        let reflected = self.shared().reflected.borrow().clone();
        let (topics, shown, _) = self.readable_topics(cube, Filter { path, ..Filter::default() }).await?;
        let answer = Tree { branches: links::branches(&topics, depth), memories: topics.len() as u64, reflected };
        self.remember(caller, &row, Purpose::State, None, shown).await?;
        Ok(answer)
    }

    /// The graph of a cube; of an entity, only what touches it.
    pub async fn graph(&self, caller: &Caller, cube: &CubeKey, entity: Option<&str>) -> Result<Graph, RunError> {
        self.wait_for_own_writes().await?;
        let row = self.authorize(caller, cube, Right::Read)?;
        let reflected = self.shared().reflected.borrow().clone();
        let (topics, _, superseded) = self.readable_topics(cube, Filter::default()).await?;
        let stated = self.views().all_edges(cube).await?;
        let claims = self.views().claims(cube).await?.unwrap_or_default();
        let speakers = topics.iter().filter_map(|topic| topic.speaker.clone());
        let people: BTreeSet<String> = speakers.map(|speaker| speaker.to_string()).collect();
        let (cube_of, asked) = (cube.clone(), entity.map(str::to_owned));
        // Pairing and comparing is work for a processor, and must not keep other tasks waiting.
        let (topics, mut graph) = tokio::task::spawn_blocking(move || {
            let people = Participants::new(people);
            let mut graph = links::mentioned(&cube_of, &topics, &people);
            graph.edges.extend(links::between_memories(&topics, &stated, &superseded, claims));
            graph.tidy(topics.iter().map(|topic| topic.memory.uuid()));
            let Some(asked) = asked else { return (topics, graph) };
            graph.keep_around(&links::entities_named(&graph.entities, &asked, &people));
            let near: BTreeSet<Uuid> = graph.edges.iter().flat_map(|edge| [edge.from, edge.to]).collect();
            (topics.into_iter().filter(|topic| near.contains(&topic.memory.uuid())).collect(), graph)
        })
        .await
        .map_err(|panic| RunError::Stopped(format!("the making of a graph panicked: {panic}")))?;
        graph.reflected = reflected;
        let ids: Vec<MemoryId> = topics.iter().map(|topic| topic.memory).collect();
        let rows = self.views().memories(&ids).await?;
        let mut rows: HashMap<MemoryId, MemoryRow> = rows.into_iter().map(|row| (row.memory.id, row)).collect();
        for topic in topics {
            let Some(mut row) = rows.remove(&topic.memory) else { continue };
            row.vector = None;
            self.mask(&row.memory.subject, &mut row.content);
            graph.memories.push(MemoryNode { row, path: topic.path.map(|path| path.to_string()), given: topic.given });
        }
        let shown = graph.memories.iter().map(|node| &node.row.memory);
        let shown = shown.map(|memory| VersionRef { memory: memory.id, version: memory.current }).collect();
        self.remember(caller, &row, Purpose::Export, None, shown).await?;
        Ok(graph)
    }

    /// What the readable memories of a cube are about, in the order of time; their current versions; and what is believed in place
    /// of which.
    async fn readable_topics(
        &self,
        cube: &CubeKey,
        filter: Filter,
    ) -> Result<(Vec<Topic>, Vec<VersionRef>, Vec<(MemoryId, MemoryId)>), RunError> {
        let mut topics = self.views().topics(std::slice::from_ref(cube), &filter).await?;
        let (mut shown, mut superseded) = (Vec::with_capacity(topics.len()), Vec::new());
        {
            let mut fold = self.shared().fold.lock().await;
            let state = fold.load(&self.views(), cube).await?;
            // A text that nobody can read any more tells nothing, even while a view still has it.
            topics.retain_mut(|topic| {
                let Some(memory) = state.memories.get(&topic.memory) else { return false };
                topic.stream_index = memory.stream_index;
                self.shared().sealer.readable(&memory.subject)
            });
            topics.sort_by_key(|topic| (topic.valid_from, topic.stream_index.is_none(), topic.stream_index, topic.memory));
            for memory in topics.iter().filter_map(|topic| state.memories.get(&topic.memory)) {
                shown.push(VersionRef { memory: memory.id, version: memory.current });
                superseded.extend(memory.superseded.map(|superseded| (superseded.by, memory.id)));
            }
        }
        Ok((topics, shown, superseded))
    }
}
