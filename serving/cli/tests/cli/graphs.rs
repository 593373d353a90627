//! Tree, timeline and graph from the command line; the way to Neo4j and back.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::kit::{Place, Ran};

/// Texts that want out of a string, a field or a line.
const HOSTILE: [&str; 6] = [
    "Oscar said \"no\" to a back\\slash and an end\\",
    "\\u0022 DETACH DELETE n //",
    "line\nbreak\tand tab",
    "\"}] AS row\nMATCH (n) DETACH DELETE n;",
    "emoji 😀 é 三, semi;colon",
    "'single' `tick` {brace} $param \u{2028} separator",
];

/// A place with the sample and a cube of texts that want out.
fn place() -> Place {
    let place = Place::with_sample();
    for (number, text) in HOSTILE.iter().enumerate() {
        let path = format!("work/case-{number}");
        place.ok(&[
            "add",
            text,
            "--cube",
            "hostile",
            "--speaker",
            "Ana",
            "--path",
            &path,
            "--tag",
            "kept",
            "--valid-from",
            "2026-02-03",
        ]);
    }
    place
}

/// Texts with what else must survive, in the order of texts.
fn contents(place: &Place, cube: &str) -> Vec<(String, String, String, String, Value)> {
    let rows = place.json(&["timeline", "--cube", cube]);
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or_default().to_owned();
    let mut contents: Vec<_> = rows["memories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let path = if row["path_derived"] == true { String::new() } else { text(row, "path") };
            let since = row["valid"]["from"].as_str().unwrap().to_owned();
            (text(row, "text"), text(row, "speaker"), path, since, row["tags"].clone())
        })
        .collect();
    contents.sort_by(|a, b| (&a.0, &a.3).cmp(&(&b.0, &b.3)));
    contents
}

/// How many edges of each kind a cube has.
fn kinds(place: &Place, cube: &str) -> BTreeMap<String, u64> {
    let graph = place.json(&["graph", "show", "--cube", cube]);
    let mut kinds = BTreeMap::new();
    for edge in graph["edges"].as_array().unwrap() {
        *kinds.entry(edge["kind"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    kinds
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn a_tree_and_a_timeline_are_complete() {
    let place = place();
    let tree = place.json(&["tree", "nadia-tomas", "--depth", "1"]);
    let all = place.json(&["timeline", "--cube", "nadia-tomas"]);
    assert_eq!(tree["memories"], all["total"]);
    let sum: u64 = tree["branches"].as_array().unwrap().iter().map(|branch| branch["memories"].as_u64().unwrap()).sum();
    assert_eq!(Some(sum), tree["memories"].as_u64(), "every memory belongs somewhere: {tree}");
    let largest = tree["branches"][0]["path"].as_str().unwrap().to_owned();
    let below = place.json(&["timeline", "--cube", "nadia-tomas", "--path", &largest]);
    assert_eq!(below["total"], tree["branches"][0]["memories"], "the filter and the tree agree");
    let found = place.json(&["search", "cat", "--cube", "nadia-tomas", "--path", &largest, "-k", "500"]);
    assert!(found["hits"].as_array().unwrap().iter().all(|hit| hit["path"].as_str().unwrap().starts_with(&largest)), "{found}");

    let times: Vec<&str> = all["memories"].as_array().unwrap().iter().map(|row| row["valid"]["from"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "in the order of time");
    let cats = place.json(&["timeline", "the cat", "--cube", "nadia-tomas", "--from", "2026-01-01"]);
    let cats = cats["memories"].as_array().unwrap();
    assert!(!cats.is_empty() && cats.iter().all(|row| row["valid"]["from"].as_str().unwrap() >= "2026"));
    assert!(cats.iter().all(|row| row["text"].as_str().unwrap().to_lowercase().contains("cat")), "{cats:?}");
    let tomas = place.json(&["timeline", "Tomas", "--cube", "nadia-tomas"]);
    assert_eq!(tomas["understood"]["named"], serde_json::json!(["Tomas"]), "{tomas}");
    place.ok(&["timeline", "unicorns", "--cube", "nadia-tomas"]).says(&["unicorns", "cubelog search"]);
    assert!(place.ok(&["tree", "hostile", "--depth", "9"]).out.contains("work/case-0"));
}

#[test]
fn entities_are_shown_with_what_stands_beside_them() {
    let place = place();
    let graph = place.json(&["graph", "show", "--cube", "nadia-tomas"]);
    assert!(graph["entities"].as_array().unwrap().len() > 5, "{graph}");
    let near = place.json(&["graph", "show", "Nadia", "--cube", "nadia-tomas"]);
    assert!(near["edges"].as_array().unwrap().iter().any(|edge| edge["kind"] == "said-by"), "{near}");
    for nothing in ["Nobody at all", "😀"] {
        place.run(&["graph", "show", nothing, "--cube", "nadia-tomas"]).expect(3).says(&["graph show"]);
    }
    place.run(&["graph", "show", "", "--cube", "nadia-tomas"]).expect(2);
    place.run(&["graph", "show", "--cube", "nowhere"]).expect(3);
    place.run(&["tree", "nowhere"]).expect(3);
    place.run(&["tree", "hostile", "--depth", "0"]).expect(2);
    place.run(&["tree", "hostile", "--path", "a/b/c/d"]).expect(2);
    place.run(&["timeline", "--cube", "nowhere"]).expect(3);
}

#[test]
fn an_export_comes_back_whole_and_only_once() {
    let place = place();
    for (cube, format) in [("hostile", "cypher"), ("hostile", "csv"), ("nadia-tomas", "csv"), ("june-move", "cypher")] {
        let (out, again, copy) = (place.path(&format!("{cube}-{format}")), place.path("again"), format!("{cube}-{format}"));
        let (to, same) = (out.to_str().unwrap(), again.to_str().unwrap());
        place.ok(&["graph", "export", "--cube", cube, "--format", format, "--out", to]);
        place.ok(&["graph", "export", "--cube", cube, "--format", format, "--out", same]);
        assert_eq!(files(&out), files(&again), "the same graph gives the same files");
        std::fs::remove_dir_all(&again).unwrap();
        let taken = place.json(&["graph", "import", to, "--cube", &copy]);
        assert_eq!(contents(&place, &copy), contents(&place, cube), "{cube} as {format}");
        assert_eq!(kinds(&place, &copy), kinds(&place, cube), "{cube} as {format}");
        let second = place.json(&["graph", "import", to, "--cube", &copy]);
        assert_eq!((second["memories"].as_u64(), second["known"].as_u64()), (Some(0), taken["memories"].as_u64()), "{second}");
        assert_eq!(kinds(&place, &copy), kinds(&place, cube), "nothing twice");
    }
    place.ok(&["verify"]);
}

#[test]
fn what_cannot_be_imported_says_why() {
    let place = Place::new();
    place.ok(&["init"]);
    let import = |files: &[(&str, &str)]| {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        place.run(&["graph", "import", directory.path().to_str().unwrap(), "--cube", "c"])
    };
    import(&[]).expect(3).says(&["memories.csv", "graph export"]);
    import(&[("memories.csv", "id,text\n1,a,b\n")]).expect(4).says(&["line 2"]);
    import(&[("memories.csv", "text\nhello\n")]).expect(4).says(&["memory 1", "id"]);
    import(&[("graph.cypher", "UNWIND [\n  {id: \"1\n")]).expect(4).says(&["line 2"]);
    let plain =
        import(&[("memories.csv", "id,text\n1,hello\n2,\n"), ("memory_memory.csv", "from,to,type\n1,9,RELATED\n")]).expect(0);
    assert!(plain.err.contains("erased"), "{plain}");
    assert_eq!(place.json(&["timeline", "--cube", "c"])["total"], 1);
}

/// Loads exports into a real Neo4j server, twice, and takes them back from there. Runs where `CUBELOG_NEO4J` is set (to anything) and
/// `deploy/neo4j/run --check` is content: it starts a server of half a gigabyte for half a minute.
#[test]
fn a_real_server_takes_an_export_and_gives_it_back() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/neo4j/run");
    if std::env::var_os("CUBELOG_NEO4J").is_none() {
        println!("skipped: set CUBELOG_NEO4J=1 to load exports into a real server");
        return;
    }
    let place = place();
    for format in ["cypher", "csv"] {
        let (out, back) = (place.path(&format!("to-{format}")), place.path(&format!("from-{format}")));
        place.ok(&["graph", "export", "--cube", "hostile", "--format", format, "--out", out.to_str().unwrap()]);
        std::fs::create_dir_all(&back).unwrap();
        let query = format!(
            ">{} MATCH (m:Memory) RETURN m.id AS id, m.text AS text, m.speaker AS speaker, m.semantic AS semantic, m.path AS path, \
             m.path_derived AS `path_derived:boolean`, m.tags AS `tags:string[]`, m.valid_from AS valid_from ORDER BY id",
            back.join("memories.csv").display()
        );
        let counts = "=MATCH (a)-[r]->(b) RETURN toLower(replace(type(r), '_', '-')) AS kind, count(r) AS n ORDER BY kind";
        let output = Command::new(script).arg("--load").arg(&out).args([&query, counts]).output().unwrap();
        let ran = Ran::of(output, &["--load", format]).expect(0);
        let there: BTreeMap<String, u64> = ran
            .out
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(','))
            .map(|(kind, count)| (kind.trim_matches('"').to_owned(), count.trim_matches('"').parse().unwrap()))
            .filter(|(kind, _)| !["belongs-to", "part-of"].contains(&kind.as_str()))
            .collect();
        assert_eq!(there, kinds(&place, "hostile"), "{format}: loaded twice, there once");
        let copy = format!("back-{format}");
        place.ok(&["graph", "import", back.to_str().unwrap(), "--cube", &copy]);
        assert_eq!(contents(&place, &copy), contents(&place, "hostile"), "{format}: nothing was lost on the way");
    }
}
