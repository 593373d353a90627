//! Our wire code and apache-avro are twins: the same bytes for every record, and every record back from its bytes.

use apache_avro::Schema;
use apache_avro::rabin::Rabin;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use cubelog_schemas::*;
use proptest::prelude::*;
use serde_json::Value as Json;

use crate::{oracle, strategies};

fn twins(schema: &Schema, fingerprint: u64, ours: &[u8], value: Value) -> Result<(), TestCaseError> {
    let mut theirs = vec![0xC3, 0x01];
    theirs.extend_from_slice(&fingerprint.to_le_bytes());
    theirs.extend(oracle::write(schema, value.clone()));
    prop_assert_eq!(ours, &theirs);
    let mut rest = &ours[HEADER_BYTES..];
    let read = GenericDatumReader::builder(schema).build().unwrap().read_value(&mut rest).unwrap();
    prop_assert!(rest.is_empty());
    prop_assert_eq!(read, value.resolve(schema).unwrap());
    Ok(())
}

fn parse(json: &str) -> Schema {
    Schema::parse_str(json).unwrap()
}

#[test]
fn every_event_is_written_and_read_like_apache_avro_does() {
    let schema = parse(EVENT_SCHEMA);
    proptest!(|(event in strategies::any_event())| {
        let mut ours = Vec::new();
        encode_event(&event, &mut ours).unwrap();
        prop_assert_eq!(decode_event(&ours).unwrap(), event.clone());
        twins(&schema, EVENT_FINGERPRINT, &ours, oracle::event_value(&event))?;
    });
}

#[test]
fn every_access_is_written_and_read_like_apache_avro_does() {
    let schema = parse(ACCESS_SCHEMA);
    proptest!(|(access in strategies::any_access())| {
        let mut ours = Vec::new();
        encode_access(&access, &mut ours).unwrap();
        prop_assert_eq!(decode_access(&ours).unwrap(), access.clone());
        twins(&schema, ACCESS_FINGERPRINT, &ours, oracle::access_value(&access))?;
    });
}

#[test]
fn every_content_is_written_and_read_like_apache_avro_does() {
    let schema = parse(CONTENT_SCHEMA);
    proptest!(|(content in strategies::any_content())| {
        let mut ours = Vec::new();
        encode_content(&content, &mut ours).unwrap();
        prop_assert_eq!(decode_content(&ours).unwrap(), content.clone());
        twins(&schema, CONTENT_FINGERPRINT, &ours, oracle::content_value(&content))?;
    });
}

/// apache-avro 0.22 leaves `{"type":"long"}` in the canonical form where a logical type was; the specification, Java and
/// arrow-avro say `"long"`. Without its logical types a schema has the same canonical form everywhere.
fn without_logical_types(schema: &mut Json) {
    match schema {
        Json::Object(object) => {
            object.remove("logicalType");
            object.values_mut().for_each(without_logical_types);
        }
        Json::Array(items) => items.iter_mut().for_each(without_logical_types),
        _ => {}
    }
}

#[test]
fn fingerprints_are_those_of_the_schemas() {
    let mut wrong = Vec::new();
    for (fingerprint, json) in released_event_schemas().iter().chain(released_access_schemas()).chain(released_content_schemas())
    {
        let mut plain: Json = serde_json::from_str(json).unwrap();
        without_logical_types(&mut plain);
        let bytes: [u8; 8] = Schema::parse(&plain).unwrap().fingerprint::<Rabin>().bytes.try_into().unwrap();
        if u64::from_le_bytes(bytes) != *fingerprint {
            wrong.push(format!("{}: {:#018x}", plain["name"], u64::from_le_bytes(bytes)));
        }
    }
    assert!(wrong.is_empty(), "write into releases.rs: {wrong:?}");
}
