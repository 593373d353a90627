//! The graph of a cube: what it knows of an entity, and its way to Neo4j and back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use cubelog_api::graph::{Entity, GraphRequest, GraphResponse};
use futures::StreamExt;
use serde::Serialize;

use crate::app::{App, Need};
use crate::exchange::{Found, Unreadable};
use crate::exchange::{csv, cypher, sheets};
use crate::failure::{Exit, Failure, Result};
use crate::output::{Column, Kind, col};
use crate::progress::Progress;
use crate::store::Store;

mod import;

/// Show, export or import the graph of a cube: memories, what they mention, and what ties them
#[derive(Debug, Args)]
pub struct GraphArgs {
    #[command(subcommand)]
    pub what: GraphWhat,
}

#[derive(Debug, Subcommand)]
pub enum GraphWhat {
    /// What a cube's memories mention, or what stands together with one of these
    Show {
        /// A name, a title or a thing [default: all, the most mentioned first]
        #[arg(value_name = "ENTITY")]
        entity: Option<String>,
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// At most so many; 0 shows all
        #[arg(long, default_value_t = 50, value_name = "N")]
        limit: usize,
    },
    /// Write the graph for Neo4j: nodes, edges, and what loads them
    #[command(
        long_about = "Writes the graph of a cube for Neo4j: memories, entities and topics, and the edges between them. `cypher` is one file of \
                      statements (graph.cypher, for cypher-shell); `csv` is a file for each kind of nodes and edges with the headers of \
                      neo4j-admin, and load.cypher, which loads them into a running server. Nodes are merged by their ids, so loading again \
                      changes nothing that did not change. The same graph gives the same files."
    )]
    Export {
        /// The cube
        #[arg(long, value_name = "CUBE")]
        cube: String,
        /// Form of the files
        #[arg(long, value_name = "FORMAT", default_value = "cypher", value_parser = ["cypher", "csv"])]
        format: String,
        /// The directory to write to; it is made if it does not exist
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Read memories and what was stated between them from an export, or from CSV of the same columns
    #[command(
        long_about = "Reads memories and what was stated between them from a directory: graph.cypher as `export` wrote it, or memories.csv and \
                      memory_memory.csv (the second may be missing). Columns are taken by name in any order, with or without types \
                      behind them: `id` and `text` must be there. What is derived (entities, what stands together, topics) is derived anew. \
                      Reading the same files again adds nothing."
    )]
    Import {
        /// The directory
        #[arg(value_name = "DIR")]
        from: PathBuf,
        /// The cube that takes them; it is made if it does not exist
        #[arg(long, value_name = "CUBE")]
        cube: String,
    },
}

const ENTITIES: [Column; 5] = [
    col("name", "/name", Kind::Plain),
    col("kind", "/kind", Kind::Plain),
    col("mentions", "/mentions", Kind::Number),
    col("together", "/together", Kind::Number),
    col("entity", "/entity", Kind::Hidden),
];

const WRITTEN: [Column; 4] = [
    col("memories", "/memories", Kind::Number),
    col("entities", "/entities", Kind::Number),
    col("edges", "/edges", Kind::Number),
    col("into", "/into", Kind::Plain),
];

/// An entity, and how often it stands together with the one that was asked for.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    entity: &'a Entity,
    #[serde(skip_serializing_if = "Option::is_none")]
    together: Option<f32>,
}

#[derive(Debug, Serialize)]
struct Exported {
    memories: usize,
    entities: usize,
    edges: usize,
    into: String,
}

pub async fn run(app: &App, args: GraphArgs) -> Result<Exit> {
    match args.what {
        GraphWhat::Show { entity, cube, limit } => show(app, entity, &cube, limit).await,
        GraphWhat::Export { cube, format, out } => export(app, &cube, &format, &out).await,
        GraphWhat::Import { from, cube } => {
            let found = read(&from)?;
            let cube = app.cube(&cube)?;
            app.with_store(Need::Create, async |store| import::run(app, store, &cube, &found).await).await
        }
    }
}

async fn show(app: &App, entity: Option<String>, cube: &str, limit: usize) -> Result<Exit> {
    let request = GraphRequest { cube: app.cube(cube)?.to_string(), entity: entity.clone(), token: None };
    app.with_store(Need::Read, async |store| {
        let graph = store.graph(request).await?;
        if let Some(entity) = &entity
            && graph.entities.is_empty()
        {
            return Err(Failure::new(Exit::NotFound, format!("no memory of the cube mentions {entity:?}"))
                .next("`cubelog graph show --cube CUBE` lists what is mentioned; `cubelog search` finds by words"));
        }
        let mut shown = shown(&graph, entity.is_some());
        let all = shown.len();
        shown.truncate(if limit == 0 { usize::MAX } else { limit });
        app.screen.answer(&graph, &ENTITIES, &shown)?;
        if shown.len() < all {
            app.screen.note(&format!("{} of {all}; --limit 0 shows all", shown.len()));
        }
        match &entity {
            Some(entity) => app
                .screen
                .note(&format!("{} memories; `cubelog timeline {entity:?}` lists what is said of it", graph.memories.len())),
            None if shown.is_empty() => app.screen.note("the memories of the cube mention nothing"),
            None => {}
        }
        Ok(Exit::Ok)
    })
    .await
}

/// Entities, the most mentioned first; around one, those that stand together with it most often.
fn shown(graph: &GraphResponse, around: bool) -> Vec<Shown<'_>> {
    let mut together: HashMap<&str, f32> = HashMap::new();
    for edge in graph.edges.iter().filter(|edge| around && edge.kind == "co-occurs") {
        *together.entry(&edge.from).or_default() += edge.weight;
        *together.entry(&edge.to).or_default() += edge.weight;
    }
    let row = |entity| Shown { together: together.get(entity_id(entity)).copied(), entity };
    let mut shown: Vec<Shown<'_>> = graph.entities.iter().map(row).collect();
    shown.sort_by(|a, b| {
        let key = |shown: &Shown<'_>| (shown.together.unwrap_or(0.0), shown.entity.mentions);
        key(b).0.total_cmp(&key(a).0).then(key(b).1.cmp(&key(a).1)).then(a.entity.key.cmp(&b.entity.key))
    });
    shown
}

fn entity_id(entity: &Entity) -> &str {
    &entity.entity
}

async fn export(app: &App, cube: &str, format: &str, out: &Path) -> Result<Exit> {
    let request = GraphRequest { cube: app.cube(cube)?.to_string(), entity: None, token: None };
    let graph = app.with_store(Need::Read, async |store| store.graph(request).await).await?;
    let sheets = sheets::sheets(&graph);
    let mut files: Vec<(String, String)> = Vec::new();
    if format == "csv" {
        files.extend(sheets.iter().map(|sheet| (format!("{}.csv", sheet.name), csv::write(sheet))));
        files.push(("load.cypher".to_owned(), csv::loader(&sheets)));
    } else {
        files.push(("graph.cypher".to_owned(), cypher::write(&sheets)));
    }
    let failed = |error: std::io::Error| Failure::io(&format!("cannot write to {}", out.display()), &error);
    std::fs::create_dir_all(out).map_err(failed)?;
    for (name, text) in &files {
        std::fs::write(out.join(name), text).map_err(failed)?;
    }
    let exported = Exported {
        memories: graph.memories.len(),
        entities: graph.entities.len(),
        edges: graph.edges.len(),
        into: out.display().to_string(),
    };
    app.screen.record(&WRITTEN, &exported)?;
    Ok(Exit::Ok)
}

/// What an export holds, or CSV of the same columns.
fn read(from: &Path) -> Result<Found> {
    let text = |name: &str| -> Result<Option<String>> {
        match std::fs::read_to_string(from.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io(&format!("cannot read {}", from.join(name).display()), &error)),
        }
    };
    let unreadable = |name: &'static str| {
        move |Unreadable { line, what }: Unreadable| {
            Failure::new(Exit::Refused, format!("{name} cannot be read")).because(format!("line {line}: {what}"))
        }
    };
    if let Some(memories) = text("memories.csv")? {
        return Ok(Found {
            memories: csv::read(&memories).map_err(unreadable("memories.csv"))?,
            edges: match text("memory_memory.csv")? {
                Some(edges) => csv::read(&edges).map_err(unreadable("memory_memory.csv"))?,
                None => Vec::new(),
            },
        });
    }
    match text("graph.cypher")? {
        Some(statements) => cypher::read(&statements).map_err(unreadable("graph.cypher")),
        None => Err(Failure::new(Exit::NotFound, format!("{} has neither memories.csv nor graph.cypher", from.display()))
            .next("`cubelog graph export --cube CUBE --out DIR` writes such a directory")),
    }
}
