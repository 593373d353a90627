//! One schema text from many files: every named type stands where it is first used, and by name after that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

pub fn avro_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("avro")
}

/// The source files by full name of what they define.
pub fn sources() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(avro_dir()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "avsc") {
            let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let name = format!("{}.{}", schema["namespace"].as_str().unwrap(), schema["name"].as_str().unwrap());
            found.insert(name, schema);
        }
    }
    found
}

/// The whole schema of one record.
pub fn bundle(name: &str) -> String {
    let whole = inline(&Value::String(format!("dev.cubelog.{name}")), &sources(), &mut BTreeSet::new());
    serde_json::to_string_pretty(&whole).unwrap() + "\n"
}

fn inline(schema: &Value, sources: &BTreeMap<String, Value>, seen: &mut BTreeSet<String>) -> Value {
    match schema {
        Value::String(name) => match sources.get(name) {
            Some(definition) if seen.insert(name.clone()) => inline(definition, sources, seen),
            _ => schema.clone(),
        },
        Value::Array(branches) => branches.iter().map(|branch| inline(branch, sources, seen)).collect(),
        Value::Object(object) => {
            let mut whole = object.clone();
            for key in ["type", "items", "fields"] {
                if let Some(inner) = whole.get_mut(key) {
                    *inner = inline(inner, sources, seen);
                }
            }
            Value::Object(whole)
        }
        other => other.clone(),
    }
}
