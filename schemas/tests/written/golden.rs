//! Bytes of every released record: what this version writes now, and what it must read for ever.
//!
//! `CUBELOG_BLESS=1` writes what is missing for the current version. It never overwrites: released bytes do not change.

use std::path::PathBuf;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use cubelog_memory::SCHEMA_VERSION;
use cubelog_schemas::*;

use crate::bundle::{avro_dir, bundle};
use crate::samples;

pub fn golden_dir() -> PathBuf {
    avro_dir().join(format!("golden/v{SCHEMA_VERSION}"))
}

/// Compares a file with what it should hold; a missing one is written if that was asked for.
fn held(path: PathBuf, expected: &[u8]) {
    if !path.exists() && std::env::var_os("CUBELOG_BLESS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; CUBELOG_BLESS=1 writes it", path.display()));
    assert!(
        found == expected,
        "{} differs from what this version writes; released bytes do not change: see schemas/README.md",
        path.display()
    );
}

fn values(schema: &str, bytes: &[u8]) -> Vec<(String, Value)> {
    let schema = Schema::parse_str(schema).unwrap();
    let mut rest = &bytes[HEADER_BYTES..];
    let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut rest).unwrap();
    assert!(rest.is_empty());
    let Value::Record(fields) = value else { panic!("not a record") };
    fields
}

#[test]
fn the_newest_release_is_what_the_sources_say() {
    let release = avro_dir().join(format!("released/v{SCHEMA_VERSION}"));
    for name in ["Event", "Access", "Content"] {
        held(release.join(format!("{}.avsc", name.to_lowercase())), bundle(name).as_bytes());
    }
}

#[test]
fn every_kind_has_golden_bytes_that_decode() {
    let events = samples::events();
    let fields = values(EVENT_SCHEMA, &{
        let mut bytes = Vec::new();
        encode_event(&events[0], &mut bytes).unwrap();
        bytes
    });
    let kinds: Vec<&str> = fields.iter().skip(10).map(|(name, _)| name.as_str()).collect();
    assert_eq!(events.iter().map(|event| event.body.kind()).collect::<Vec<_>>(), kinds, "one sample for every kind");

    for event in events {
        let mut bytes = Vec::new();
        encode_event(&event, &mut bytes).unwrap();
        held(golden_dir().join(format!("{}.bin", event.body.kind())), &bytes);
        assert_eq!(decode_event(&bytes).unwrap(), event);
        for (name, value) in values(EVENT_SCHEMA, &bytes).into_iter().skip(10) {
            assert_eq!(name == event.body.kind(), value != Value::Union(0, Box::new(Value::Null)), "{name}");
        }
    }
}

#[test]
fn access_and_content_have_golden_bytes_that_decode() {
    let mut bytes = Vec::new();
    encode_access(&samples::access(), &mut bytes).unwrap();
    held(golden_dir().join("access.bin"), &bytes);
    assert_eq!(decode_access(&bytes).unwrap(), samples::access());
    assert_eq!(values(ACCESS_SCHEMA, &bytes).len(), 8);

    let mut bytes = Vec::new();
    encode_content(&samples::content(), &mut bytes).unwrap();
    held(golden_dir().join("content.bin"), &bytes);
    assert_eq!(decode_content(&bytes).unwrap(), samples::content());
    assert_eq!(values(CONTENT_SCHEMA, &bytes).len(), 5);
}

#[test]
fn golden_bytes_of_every_release_decode() {
    let mut read = 0;
    for release in std::fs::read_dir(avro_dir().join("golden")).unwrap() {
        for file in std::fs::read_dir(release.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            match path.file_stem().unwrap().to_str().unwrap() {
                "access" => drop(decode_access(&bytes).unwrap()),
                "content" => drop(decode_content(&bytes).unwrap()),
                kind => assert_eq!(decode_event(&bytes).unwrap().body.kind(), kind),
            }
            read += 1;
        }
    }
    assert!(read >= 23 + 36, "{read} golden files");
}

#[test]
fn events_of_the_first_release_say_what_they_said() {
    for event in samples::events_of_v1() {
        let path = avro_dir().join(format!("golden/v1/{}.bin", event.body.kind()));
        assert_eq!(decode_event(&std::fs::read(&path).unwrap()).unwrap(), event, "{}", path.display());
    }
}
