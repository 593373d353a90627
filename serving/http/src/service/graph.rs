//! The graph of a cube, where its memories belong, and everything about something in the order of time.

use cubelog_api::graph::{
    Branch, Edge, Entity, GraphRequest, GraphResponse, Span, TimelineRequest, TimelineResponse, TreeRequest, TreeResponse,
    Understood,
};
use cubelog_api::{Memory, Problem};
use cubelog_memory::MemoryId;
use cubelog_memory::limits::{FIELD_BYTES_MAX, HITS_MAX};
use cubelog_runner::Caller;

use super::problems::problem;
use super::{Service, convert, page, parse, search};

/// Levels of a tree.
const DEPTH_MAX: u32 = 3;

impl Service {
    /// Where the memories of a cube belong.
    pub async fn tree(&self, caller: &Caller, request: TreeRequest) -> Result<TreeResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let path = request.path.as_deref().map(|text| parse::path(text).map(|path| path.to_string())).transpose()?;
        let depth = match request.depth {
            Some(0) => return Err(Problem::invalid("depth", "must be at least 1")),
            depth => depth.unwrap_or(DEPTH_MAX).min(DEPTH_MAX) as usize,
        };
        self.wait(request.token.as_deref()).await?;
        let tree = self.cubelog().tree(caller, &cube, path, depth).await.map_err(problem)?;
        let branches = tree.branches.into_iter();
        Ok(TreeResponse {
            tenant: cube.tenant.to_string(),
            cube: cube.cube.to_string(),
            branches: branches
                .map(|branch| Branch { path: branch.path, memories: branch.memories, given: branch.given })
                .collect(),
            memories: tree.memories,
            reflected: tree.reflected.to_string(),
        })
    }

    /// The graph of a cube, or what of it touches an entity.
    pub async fn graph(&self, caller: &Caller, request: GraphRequest) -> Result<GraphResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let entity = request.entity.as_deref().map(str::trim);
        match entity {
            Some("") => return Err(Problem::invalid("entity", "is empty; leave it out for the whole cube")),
            Some(entity) if entity.len() > FIELD_BYTES_MAX => {
                return Err(Problem::invalid("entity", format!("has {} bytes; {FIELD_BYTES_MAX} are allowed", entity.len())));
            }
            _ => {}
        }
        self.wait(request.token.as_deref()).await?;
        let graph = self.cubelog().graph(caller, &cube, entity).await.map_err(problem)?;
        let memories = graph.memories.iter().map(|node| Memory {
            path: node.path.clone(),
            path_derived: !node.given && node.path.is_some(),
            ..convert::memory(&node.row)
        });
        let entities = graph.entities.into_iter().map(|entity| Entity {
            entity: entity.id.to_string(),
            kind: entity.kind,
            key: entity.key,
            name: entity.name,
            mentions: entity.mentions,
        });
        let edges = graph.edges.iter().map(|edge| Edge {
            kind: edge.kind.word().to_owned(),
            from: edge.from.to_string(),
            to: edge.to.to_string(),
            weight: edge.weight,
        });
        Ok(GraphResponse {
            tenant: cube.tenant.to_string(),
            cube: cube.cube.to_string(),
            memories: memories.collect(),
            entities: entities.collect(),
            edges: edges.collect(),
            reflected: graph.reflected.to_string(),
        })
    }

    /// Everything about something, one page of it.
    pub async fn timeline(&self, caller: &Caller, request: TimelineRequest) -> Result<TimelineResponse, Problem> {
        let limit = request.limit.unwrap_or(HITS_MAX as u32);
        if limit as usize > HITS_MAX {
            return Err(Problem::invalid("limit", format!("{limit} is out of range; 1 to {HITS_MAX} are allowed")));
        }
        let wanted = cubelog_runner::TimelineRequest {
            cubes: parse::cubes(caller, &request.cubes)?,
            about: request.about,
            filter: search::filter(request.filter)?,
            asked_at: parse::optional_time("asked_at", request.asked_at.as_deref())?,
            token: parse::optional_cut("token", request.token.as_deref())?,
        };
        let found = self.cubelog().timeline(caller, &wanted).await.map_err(problem)?;
        let total = found.memories.len() as u64;
        let (ids, next_cursor) = page(found.memories, Some(limit), request.cursor.as_deref(), MemoryId::to_string)?;
        let rows = self.cubelog().timeline_rows(caller, &wanted, &ids).await.map_err(problem)?;
        let span = |(from, to): &(_, _)| Span { from: convert::time(*from), to: convert::time(*to) };
        Ok(TimelineResponse {
            memories: rows.iter().map(convert::memory).collect(),
            total,
            understood: Understood {
                named: found.about.named,
                words: found.about.words,
                times: found.times.iter().map(span).collect(),
            },
            next_cursor,
            reflected: found.reflected.to_string(),
            query_cut: found.query_cut,
        })
    }
}
