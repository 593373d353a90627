//! Schemas only grow: every release can read every other one, and an edit that breaks this is found.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use apache_avro::types::Value;
use cubelog_schemas::*;
use serde_json::{Value as Json, json};

use crate::bundle::{avro_dir, bundle};
use crate::golden::golden_dir;
use crate::samples;

/// Both can read what the other writes, always.
fn mutual(one: &str, other: &str) -> bool {
    let (one, other) = (Schema::parse_str(one).unwrap(), Schema::parse_str(other).unwrap());
    SchemaCompatibility::mutual_read(&one, &other) == Ok(Compatibility::Full)
}

fn edited(edit: impl FnOnce(&mut Vec<Json>)) -> String {
    let mut schema: Json = serde_json::from_str(EVENT_SCHEMA).unwrap();
    edit(schema["fields"].as_array_mut().unwrap());
    schema.to_string()
}

fn named<'a>(fields: &'a mut [Json], name: &str) -> &'a mut Json {
    fields.iter_mut().find(|field| field["name"] == name).unwrap()
}

/// The schema with one more kind, the way the README asks for.
fn with_cube_renamed() -> String {
    edited(|fields| {
        fields.push(json!({
            "name": "cube_renamed", "default": null,
            "type": ["null", {"type": "record", "name": "CubeRenamed", "fields": [
                {"name": "former", "type": "dev.cubelog.Id"},
                {"name": "content", "type": "dev.cubelog.Sealed"},
            ]}],
        }));
    })
}

#[test]
fn the_sources_and_every_release_read_each_other() {
    let mut compared = 0;
    for release in std::fs::read_dir(avro_dir().join("released")).unwrap() {
        for name in ["Event", "Access", "Content"] {
            let path = release.as_ref().unwrap().path().join(format!("{}.avsc", name.to_lowercase()));
            let released = std::fs::read_to_string(&path).unwrap();
            assert!(mutual(&bundle(name), &released), "the sources and {} do not read each other", path.display());
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * released_event_schemas().len(), "releases.rs names every release, oldest first");
}

#[test]
fn a_new_nullable_kind_is_compatible_and_reads_every_golden() {
    let grown = with_cube_renamed();
    assert!(mutual(EVENT_SCHEMA, &grown));
    let (writer, reader) = (Schema::parse_str(EVENT_SCHEMA).unwrap(), Schema::parse_str(&grown).unwrap());
    let reader = GenericDatumReader::builder(&writer).reader_schema(&reader).build().unwrap();
    for event in samples::events() {
        let bytes = std::fs::read(golden_dir().join(format!("{}.bin", event.body.kind()))).unwrap();
        let Value::Record(fields) = reader.read_value(&mut &bytes[HEADER_BYTES..]).unwrap() else { panic!("not a record") };
        let null = Value::Union(0, Box::new(Value::Null));
        assert_eq!(fields.last().unwrap(), &("cube_renamed".to_owned(), null.clone()));
        assert!(fields.iter().any(|(name, value)| name == event.body.kind() && *value != null));
    }
}

#[test]
fn breaking_edits_are_found() {
    let breaking: [(&str, String); 7] = [
        ("a field without default is removed", edited(|fields| fields.retain(|field| field["name"] != "tenant"))),
        ("a field is added without default", edited(|fields| fields.push(json!({"name": "region", "type": "string"})))),
        ("a type is changed", edited(|fields| named(fields, "actor")["type"] = json!("long"))),
        ("a type is narrowed", edited(|fields| named(fields, "schema_version")["type"] = json!("int"))),
        ("a field is renamed", edited(|fields| named(fields, "actor")["name"] = json!("principal"))),
        (
            "a body is made required",
            edited(|fields| {
                let body = named(fields, "cube_revoked");
                body["type"] = body["type"][1].clone();
                body.as_object_mut().unwrap().remove("default");
            }),
        ),
        (
            "a field inside a body is added without default",
            edited(|fields| {
                let turn = named(fields, "turn_received");
                turn["type"][1]["fields"].as_array_mut().unwrap().push(json!({"name": "language", "type": "string"}));
            }),
        ),
    ];
    for (edit, schema) in breaking {
        assert!(!mutual(EVENT_SCHEMA, &schema), "not found: {edit}");
    }
}

#[test]
fn every_record_stands_in_a_file_of_its_own_that_apache_avro_can_join() {
    let sources = crate::bundle::sources();
    let texts: Vec<String> = sources.values().map(Json::to_string).collect();
    assert_eq!(Schema::parse_list(&texts).unwrap().len(), sources.len());
    for (name, schema) in &sources {
        assert!(schema["doc"].is_string(), "{name} has no doc");
        for field in schema["fields"].as_array().into_iter().flatten() {
            assert!(field["doc"].as_str().is_some_and(|doc| !doc.is_empty()), "{name}.{} has no doc", field["name"]);
            if let Some(branches) = field["type"].as_array() {
                assert!(
                    branches.len() == 2 && branches[0] == "null",
                    "{name}.{} is no union of null and one type",
                    field["name"]
                );
                assert!(field["default"].is_null() && field.get("default").is_some(), "{name}.{} has no default", field["name"]);
            }
        }
    }
}
