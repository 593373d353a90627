//! Taking a graph in: turns as a stream, other memories one by one, then what was stated between them. Ids are derived from those of
//! the file, so that reading it again adds nothing.

use std::collections::HashMap;

use cubelog_api::cubes::CreateCubeRequest;
use cubelog_api::ingest::{IngestRequest, Turn};
use cubelog_api::memories::{Content, RecordRequest, RelateRequest};
use cubelog_memory::{CubeKey, derive_uuid};
use cubelog_runner::memory_of_turn;
use serde_json::Value;

use super::*;
use crate::exchange::Row;
use crate::progress::Interrupt;

/// The conversation that turns of a graph belong to.
const CONVERSATION: &str = "graph";
/// Turns of one batch, and other changes under way at once.
const TURNS: usize = 1_000;
const AT_ONCE: usize = 16;

const TAKEN: [Column; 5] = [
    col("memories", "/memories", Kind::Number),
    col("known already", "/known", Kind::Number),
    col("relations", "/relations", Kind::Number),
    col("derived anew", "/derived", Kind::Number),
    col("erased", "/erased", Kind::Number),
];

/// What became of a file.
#[derive(Debug, Default, Serialize)]
struct Taken {
    /// New memories.
    memories: u64,
    known: u64,
    relations: u64,
    /// Edges that memories have by themselves.
    derived: u64,
    /// Memories without a text.
    erased: u64,
}

pub async fn run(app: &App, store: &Store, cube: &CubeKey, found: &Found) -> Result<Exit> {
    let mut taken = Taken::default();
    let mut ids: HashMap<&str, String> = HashMap::new();
    let (mut turns, mut others) = (Vec::new(), Vec::new());
    for (number, row) in found.memories.iter().enumerate() {
        let missing = |what: &str| Failure::new(Exit::Refused, format!("memory {} of the file has no {what}", number + 1));
        let id = text(row, "id").ok_or_else(|| missing("id"))?;
        if text(row, "text").is_none() && text(row, "caption").is_none() {
            taken.erased += 1;
        } else if let Some(turn) = turn(row, id) {
            ids.insert(id, memory_of_turn(cube, CONVERSATION, id).to_string());
            turns.push(turn);
        } else {
            let memory = derive_uuid("memory-of-graph", &[cube.tenant.as_str(), cube.cube.as_str(), id]).to_string();
            others.push((id, record(cube, row, memory.clone())));
            ids.insert(id, memory);
        }
    }
    ensure(store, cube).await?;
    turns.sort_by_key(|turn: &Turn| turn.index);
    for turns in turns.chunks(TURNS) {
        let request = IngestRequest { cube: Some(cube.to_string()), turns: turns.to_vec(), ..IngestRequest::default() };
        let report = store.ingest(request).await?;
        taken.memories += report.received;
        taken.known += report.duplicates;
    }
    let recorded = futures::stream::iter(others.into_iter().map(|(id, request)| async move {
        let key = format!("graph:{}", derive_uuid("graph-record", &[&request.cube, id]));
        store.record_unseen(request, &key).await
    }));
    let mut recorded = recorded.buffer_unordered(AT_ONCE);
    let mut token = String::new();
    while let Some(written) = recorded.next().await {
        let written = written?;
        *if written.effect == "repeated" { &mut taken.known } else { &mut taken.memories } += 1;
        token = super::super::join_cuts(&token, &written.token);
    }
    let mut stated = Vec::new();
    for edge in &found.edges {
        let ends = text(edge, "from").zip(text(edge, "to")).and_then(|(from, to)| Some((ids.get(from)?, ids.get(to)?)));
        let relation = text(edge, "type").and_then(cypher::relation);
        let (Some((from, to)), Some(relation)) = (ends, relation) else {
            taken.derived += 1;
            continue;
        };
        let weight = edge.get("weight").and_then(Value::as_f64).map(|weight| weight as f32);
        let relation = relation.word().to_owned();
        stated.push(RelateRequest {
            cube: cube.to_string(),
            memory: from.clone(),
            to: to.clone(),
            relation,
            weight,
            withdrawn: false,
        });
    }
    let related = futures::stream::iter(stated.into_iter().map(|request| async move {
        let key = derive_uuid("graph-relate", &[&request.cube, &request.memory, &request.to, &request.relation]);
        store.relate_unseen(request, &format!("graph:{key}")).await
    }));
    let mut related = related.buffer_unordered(AT_ONCE);
    while let Some(written) = related.next().await {
        token = super::super::join_cuts(&token, &written?.token);
        taken.relations += 1;
    }
    store.settle(&token, &Progress::hidden(), &Interrupt::default()).await?;
    app.screen.record(&TAKEN, &taken)?;
    if taken.erased > 0 {
        app.screen.note("memories without a text were erased where they come from, and are left out");
    }
    Ok(Exit::Ok)
}

/// Makes the cube if it does not exist.
async fn ensure(store: &Store, cube: &CubeKey) -> Result<()> {
    let known = store.cubes().await?.cubes;
    if known.iter().any(|known| known.tenant == cube.tenant.as_str() && known.cube == cube.cube.as_str()) {
        return Ok(());
    }
    store.create_cube(CreateCubeRequest { cube: cube.to_string(), ..CreateCubeRequest::default() }).await?;
    Ok(())
}

fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column).and_then(Value::as_str)
}

/// A turn of a stream with nothing that a turn cannot have.
fn turn(row: &Row, id: &str) -> Option<Turn> {
    let is_plain = text(row, "semantic") == Some("turn")
        && !is_given(row)
        && row.get("tags").is_none_or(|tags| *tags == Value::Array(Vec::new()));
    let index = row.get("stream_index").and_then(Value::as_u64).filter(|_| is_plain)?;
    Some(Turn {
        conversation: Some(CONVERSATION.to_owned()),
        session: text(row, "session").map(str::to_owned),
        turn_id: id.to_owned(),
        speaker: text(row, "speaker").map(str::to_owned),
        at: text(row, "valid_from").map(str::to_owned),
        text: text(row, "text").unwrap_or_default().to_owned(),
        caption: text(row, "caption").map(str::to_owned),
        index: Some(index),
        line: None,
    })
}

/// Whether somebody gave the memory its path.
fn is_given(row: &Row) -> bool {
    row.contains_key("path") && row.get("path_derived") != Some(&Value::Bool(true))
}

fn record(cube: &CubeKey, row: &Row, memory: String) -> RecordRequest {
    let owned = |column: &str| text(row, column).map(str::to_owned);
    let tags = row.get("tags").and_then(Value::as_array).into_iter().flatten();
    RecordRequest {
        cube: cube.to_string(),
        memory: Some(memory),
        content: Content {
            text: owned("text").unwrap_or_default(),
            speaker: owned("speaker"),
            caption: owned("caption"),
            session: owned("session"),
            source: owned("source"),
        },
        semantic: owned("semantic"),
        path: owned("path").filter(|_| is_given(row)),
        tags: tags.filter_map(Value::as_str).map(str::to_owned).collect(),
        sensitivity: owned("sensitivity"),
        trust: owned("trust"),
        priority: row.get("priority").and_then(Value::as_i64).map_or(0, |priority| priority.clamp(-100, 100) as i32),
        valid_from: owned("valid_from"),
        valid_to: owned("valid_to"),
        occurred_at: owned("valid_from"),
        ..RecordRequest::default()
    }
}
