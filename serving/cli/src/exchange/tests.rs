//! Sheets there and back: whatever stands in a text comes back as it was, and files are the same each time.

use cubelog_api::graph::{Edge, Entity, GraphResponse};
use cubelog_api::{Memory, Validity};

use super::*;

/// Texts that want out of a string, a field or a line.
const HOSTILE: [&str; 12] = [
    "plain",
    "a \"quoted\" word",
    "a back\\slash and an end\\",
    "\\u0022 DETACH DELETE n //",
    "line\nbreak\r\nand\ttab",
    "\"}] AS row\nMATCH (n) DETACH DELETE n;",
    "semi;colon, comma",
    "emoji 😀 and é and 三",
    "bell \u{7} and line\u{2028}separator",
    "'single' `tick` {brace} $param",
    "\\\"",
    "",
];

fn memory(number: usize, text: &str) -> Memory {
    Memory {
        tenant: "acme".to_owned(),
        cube: "notes".to_owned(),
        memory: format!("00000000-0000-0000-0000-{number:012}"),
        text: (!text.is_empty()).then(|| text.to_owned()),
        semantic: "note".to_owned(),
        path: Some(format!("work/{number}")),
        path_derived: number % 2 == 0,
        tags: if number == 1 { vec!["a".to_owned(), "b-c".to_owned()] } else { Vec::new() },
        priority: -3,
        stream_index: Some(number as u64),
        valid: Validity { from: "2026-03-01T09:30:00Z".to_owned(), to: None },
        ..Memory::default()
    }
}

fn graph() -> GraphResponse {
    let memories: Vec<Memory> = HOSTILE.iter().enumerate().map(|(number, text)| memory(number, text)).collect();
    let entity = |id: &str, name: &str| Entity {
        entity: id.to_owned(),
        kind: "name".to_owned(),
        key: name.to_lowercase(),
        name: name.to_owned(),
        mentions: 2,
    };
    let edge = |kind: &str, from: &str, to: &str, weight| Edge {
        kind: kind.to_owned(),
        from: from.to_owned(),
        to: to.to_owned(),
        weight,
    };
    let (first, second) = (memories[0].memory.clone(), memories[1].memory.clone());
    GraphResponse {
        tenant: "acme".to_owned(),
        cube: "notes".to_owned(),
        entities: vec![entity("e1", "Ana \"A\" \\"), entity("e2", "Ben")],
        edges: vec![
            edge("mentions", &first, "e1", 1.0),
            edge("co-occurs", "e1", "e2", 3.0),
            edge("related", &first, &second, 0.25),
            edge("next-in-session", &first, &second, 1.0),
        ],
        memories,
        ..GraphResponse::default()
    }
}

/// A sheet's rows as they are read back.
fn rows(sheet: &Sheet) -> Vec<Row> {
    let row = |row: &Vec<Value>| {
        let fields = sheet.columns.iter().zip(row).filter(|(_, value)| !value.is_null());
        fields.map(|((column, _), value)| ((*column).to_owned(), value.clone())).collect()
    };
    sheet.rows.iter().map(row).collect()
}

/// CSV does not tell an empty list or text from none.
fn without_empty(rows: Vec<Row>) -> Vec<Row> {
    let keep = |mut row: Row| {
        row.retain(|_, value| *value != Value::Array(Vec::new()) && value.as_str() != Some(""));
        row
    };
    rows.into_iter().map(keep).collect()
}

#[test]
fn csv_comes_back_as_it_was() {
    let sheets = sheets::sheets(&graph());
    for sheet in &sheets {
        let read = csv::read(&csv::write(sheet)).unwrap();
        assert_eq!(without_empty(read), without_empty(rows(sheet)), "{}", sheet.name);
    }
}

#[test]
fn cypher_comes_back_as_it_was() {
    let sheets = sheets::sheets(&graph());
    let found = cypher::read(&cypher::write(&sheets)).unwrap();
    assert_eq!(found.memories, rows(&sheets[0]));
    let mut edges = rows(&sheets[5]);
    edges.sort_by_key(|row| row["type"].as_str().map(str::to_owned));
    assert_eq!(found.edges, edges);
    assert_eq!(found.edges.len(), 2);
}

#[test]
fn the_same_graph_gives_the_same_files() {
    let write = || {
        let sheets = sheets::sheets(&graph());
        (cypher::write(&sheets), csv::loader(&sheets), sheets.iter().map(csv::write).collect::<String>())
    };
    assert_eq!(write(), write());
}

#[test]
fn no_text_leaves_its_string() {
    let text = cypher::write(&sheets::sheets(&graph()));
    // Every statement begins and ends where ours do; whatever else a line begins with is a row.
    let begins = [
        "CREATE CONSTRAINT",
        "UNWIND [",
        "  {",
        "] AS row",
        "MERGE (",
        "MATCH (a:",
        "MATCH (b:",
        "SET n += row;",
        "SET r.weight = row.weight;",
    ];
    for line in text.lines() {
        assert!(begins.iter().any(|begin| line.starts_with(begin)), "{line}");
    }
    assert_eq!(text.matches("DETACH DELETE").count(), 2, "both stay in their texts");
}

#[test]
fn what_is_no_export_is_refused_with_its_line() {
    let cases: [(&str, u64); 6] = [
        ("UNWIND [\n  {id: \"1\"\n] AS row\n", 2),
        ("UNWIND [\n  {id: \"1}\n", 2),
        ("UNWIND [\n  {id: 1} x\n", 2),
        ("UNWIND [\n  {id: \"\\uZZZZ\"}\n", 2),
        ("UNWIND [\n  nonsense\n", 2),
        ("UNWIND [\n  {id: \"1\"}\n", 2),
    ];
    for (text, line) in cases {
        assert_eq!(cypher::read(text).unwrap_err().line, line, "{text:?}");
    }
    assert_eq!(cypher::read("").unwrap(), Found::default());
    assert_eq!(csv::read("id,text\n1,a,b\n").unwrap_err().line, 2);
    assert_eq!(csv::read("").unwrap(), Vec::<Row>::new());
}

#[test]
fn columns_are_known_with_and_without_types() {
    let plain = csv::read("text,id\nhi,1\n").unwrap();
    let typed = csv::read("id:ID(Memory),:LABEL,text:string\n1,Memory,hi\n").unwrap();
    assert_eq!((plain[0].get("text"), plain[0].get("id")), (typed[0].get("text"), typed[0].get("id")));
}
