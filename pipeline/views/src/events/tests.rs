//! Bulk decoding: what is decoded one by one is decoded in bulk, a bad record costs itself only, and no ciphertext gets through.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use arrow_avro::schema::{AvroSchema, Fingerprint as Rabin, FingerprintAlgorithm};
use bytes::Bytes;
use cubelog_memory::*;
use proptest::prelude::*;

use super::*;

/// Bytes that must show up nowhere.
pub(crate) const CIPHERTEXT: &[u8] = b"ciphertext-of-something-personal";

fn id(number: u128) -> MemoryId {
    MemoryId::from_bytes(number.to_be_bytes())
}

fn sealed() -> Sealed {
    Sealed { subject: SubjectId::new("subject-1").unwrap(), key: 1, nonce: [7; 12], ciphertext: CIPHERTEXT.to_vec() }
}

fn valid() -> Validity {
    Validity { from: Timestamp(5), to: None }
}

/// One body of every shape that matters: with a memory, with two, with an optional one, with none, with lists of records.
pub(crate) fn bodies() -> Vec<Body> {
    let tag = |text: &str| Tag::new(text).unwrap();
    vec![
        Body::CubeCreated(CubeCreated {
            owner: PrincipalId::new("ann").unwrap(),
            visibility: Visibility::Private,
            auditable: true,
        }),
        Body::TurnReceived(TurnReceived {
            memory: id(1),
            stream_index: 41,
            fingerprint: Fingerprint([0xab; 16]),
            descriptive: Descriptive { semantic: SemanticType::Turn, path: None, tags: BTreeSet::from([tag("a"), tag("b")]) },
            governance: Governance::default(),
            valid: valid(),
            content: sealed(),
        }),
        Body::MemoryRecorded(MemoryRecorded {
            memory: id(2),
            kind: Kind::Plaintext,
            fingerprint: Fingerprint([1; 16]),
            descriptive: Descriptive::of(SemanticType::Fact),
            governance: Governance::default(),
            valid: valid(),
            sources: vec![VersionRef { memory: id(1), version: 1 }],
            content: sealed(),
        }),
        Body::MemoryMerged(MemoryMerged {
            into: id(2),
            expected: 1,
            sources: vec![VersionRef { memory: id(1), version: 1 }, VersionRef { memory: id(3), version: 2 }],
            fingerprint: Fingerprint([2; 16]),
            valid: valid(),
            content: sealed(),
        }),
        Body::MemoryRelated(MemoryRelated {
            from: id(4),
            to: id(5),
            relation: Relation::Supports,
            weight: 0.5,
            withdrawn: false,
        }),
        Body::HoldPlaced(HoldPlaced { hold: HoldId::from_bytes([9; 16]), memory: None, reason: Some("because".into()) }),
        Body::ExtractionRecorded(ExtractionRecorded {
            extractor: tag("rules"),
            sources: vec![],
            tokens_in: 1,
            tokens_out: 2,
            output: sealed(),
        }),
    ]
}

/// The event at an offset of partition 3.
pub(crate) fn raw(offset: u64, tenant: &str, cube: &str, body: Body) -> RawEvent {
    let event = Event {
        envelope: Envelope {
            id: EventId::from_bytes(u128::from(offset + 1_000).to_be_bytes()),
            cube: CubeKey::new(TenantId::new(tenant).unwrap(), CubeName::new(cube).unwrap()),
            actor: PrincipalId::new("ann").unwrap(),
            origin: Origin::Api,
            occurred_at: Timestamp(1_000_000),
            command: None,
            causation: None,
            correlation: Some(EventId::from_bytes([3; 16])),
            schema_version: SCHEMA_VERSION,
        },
        body,
    };
    let mut payload = Vec::new();
    cubelog_schemas::encode_event(&event, &mut payload).unwrap();
    let position = Position { partition: 3, offset };
    RawEvent { position, recorded_at: Timestamp(2_000_000 + offset as i64), payload: Bytes::from(payload) }
}

fn records() -> Vec<RawEvent> {
    bodies().into_iter().enumerate().map(|(offset, body)| raw(offset as u64, "acme", "a", body)).collect()
}

fn decode(records: &[RawEvent]) -> (RecordBatch, Vec<BadEvent>) {
    let mut decoder = EventDecoder::new(&EventSchemas::released()).unwrap();
    let decoded = decoder.decode(records).unwrap();
    (concat_batches(&decoder.schema(), &decoded.batches).unwrap(), decoded.bad)
}

fn texts(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    batch[column].as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn offsets(batch: &RecordBatch) -> Vec<u64> {
    batch["log_offset"].as_primitive::<UInt64Type>().values().to_vec()
}

#[test]
fn both_avro_libraries_agree_on_the_fingerprint() {
    for (fingerprint, json) in cubelog_schemas::released_event_schemas() {
        let rabin = AvroSchema::new((*json).to_owned()).fingerprint(FingerprintAlgorithm::Rabin).unwrap();
        assert_eq!(rabin, Rabin::Rabin(*fingerprint));
    }
}

#[test]
fn every_event_becomes_a_row_with_its_kind_and_memory() {
    let (batch, bad) = decode(&records());
    assert_eq!(bad, vec![]);
    let kinds: Vec<_> = bodies().iter().map(|body| Some(body.kind().to_owned())).collect();
    assert_eq!(texts(&batch, "kind"), kinds);
    let memory = |number| Some(id(number).to_string());
    assert_eq!(texts(&batch, "memory_id"), [None, memory(1), memory(2), memory(2), memory(4), None, None]);
    assert_eq!(texts(&batch, "event_id")[0], Some("00000000-0000-0000-0000-0000000003e8".into()));
    assert_eq!(texts(&batch, "correlation_id")[0], Some("03030303-0303-0303-0303-030303030303".into()));
    assert_eq!(texts(&batch, "command_id")[0], None);
    assert_eq!(texts(&batch, "origin")[0], Some("api".into()));
    let time = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(batch["recorded_at"].data_type(), &time);
    assert_eq!(batch["occurred_at"].data_type(), &time);
    let names: Vec<_> = batch.schema_ref().fields().iter().take(10).map(|field| field.name().clone()).collect();
    let first =
        ["log_partition", "log_offset", "recorded_at", "event_id", "kind", "memory_id", "tenant", "cube", "actor", "origin"];
    assert_eq!(names, first);
}

#[test]
fn fields_of_a_body_that_is_not_there_are_null() {
    let (batch, _) = decode(&records());
    let turns = batch["turn_received"].as_struct();
    let index = turns["stream_index"].as_primitive::<Int64Type>();
    assert_eq!((index.null_count(), index.value(1)), (index.len() - 1, 41));
    let valid = turns["valid"].as_struct();
    assert_eq!((valid.null_count(), valid["from"].null_count(), valid["to"].null_count()), (6, 6, 7));
    let tags = turns["descriptive"].as_struct()["tags"].as_list::<i32>().clone();
    assert_eq!(tags.value(1).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["a", "b"]);
    let sources = batch["memory_merged"].as_struct()["sources"].as_list::<i32>().value(3);
    assert_eq!(sources.as_struct()["memory"].as_string::<i32>().value(1), id(3).to_string());
}

#[test]
fn sealed_content_is_shown_as_its_length_only() {
    let (batch, _) = decode(&records());
    for (row, field) in [(1, "turn_received"), (2, "memory_recorded"), (3, "memory_merged")] {
        let content = batch[field].as_struct()["content"].as_struct().clone();
        assert_eq!(content.column_names(), ["subject", "key", "sealed_bytes"]);
        assert_eq!(content["sealed_bytes"].as_primitive::<Int64Type>().value(row), CIPHERTEXT.len() as i64);
    }
    fn no_bytes(data_type: &DataType) {
        match data_type {
            DataType::Struct(fields) => fields.iter().for_each(|field| no_bytes(field.data_type())),
            DataType::List(field) => no_bytes(field.data_type()),
            other => assert!(!other.is_binary(), "{other}"),
        }
        assert!(!matches!(data_type, DataType::FixedSizeBinary(_)));
    }
    batch.schema_ref().fields().iter().for_each(|field| no_bytes(field.data_type()));
    for column in batch.columns() {
        assert!(!format!("{column:?}").contains("ciphertext"));
    }
}

#[test]
fn a_bad_record_costs_itself_only() {
    let break_it = |payload: &Bytes, how: &str| -> Bytes {
        let mut bytes = payload.to_vec();
        match how {
            "cut" => bytes.truncate(bytes.len() - 3),
            "header only" => bytes.truncate(10),
            "nothing" => bytes.clear(),
            "trailing" => bytes.extend([0xC3, 0x01, 0x02]),
            "twice" => bytes.extend(payload.iter()),
            "unknown schema" => bytes[5] ^= 0xff,
            "no magic" => bytes[0] = 0,
            // The first text after the sixteen bytes of the event's id and one byte of length.
            "not utf-8" => bytes[27] = 0xff,
            other => panic!("{other}"),
        }
        Bytes::from(bytes)
    };
    let reasons = [
        ("cut", ""),
        ("header only", "ends before"),
        ("nothing", "single-object"),
        ("trailing", ""),
        ("twice", ""),
        ("unknown schema", "does not know"),
        ("no magic", "single-object"),
        ("not utf-8", ""),
    ];
    for (how, reason) in reasons {
        for at in [vec![0], vec![3], vec![6], vec![0, 1, 5], (0..7).collect()] {
            let mut records = records();
            for index in &at {
                records[*index].payload = break_it(&records[*index].payload, how);
            }
            let (batch, bad) = decode(&records);
            assert_eq!(bad.iter().map(|bad| bad.position.offset as usize).collect::<Vec<_>>(), at, "{how}");
            assert!(bad.iter().all(|bad| bad.reason.contains(reason)), "{how}: {bad:?}");
            let good: Vec<_> = (0..7).filter(|offset| !at.contains(&(*offset as usize))).collect();
            assert_eq!(offsets(&batch), good, "{how}");
        }
    }
}

#[test]
fn an_older_schema_reads_as_the_current_one() {
    // As if an earlier release had known no way back: the last field of the record is missing.
    let mut older: serde_json::Value = serde_json::from_str(cubelog_schemas::EVENT_SCHEMA).unwrap();
    let removed = older["fields"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(removed["name"], "module_rolled_back");
    let json = older.to_string();
    let Rabin::Rabin(fingerprint) = AvroSchema::new(json.clone()).fingerprint(FingerprintAlgorithm::Rabin).unwrap() else {
        panic!("no rabin fingerprint");
    };
    let mut schemas = EventSchemas::released();
    schemas.older.push((fingerprint, json));
    let mut records = records();
    for record in records.iter_mut().step_by(2) {
        let mut payload = record.payload.to_vec();
        payload[2..10].copy_from_slice(&fingerprint.to_le_bytes());
        payload.pop(); // The branch "null" of the last field.
        record.payload = Bytes::from(payload);
    }
    let mut decoder = EventDecoder::new(&schemas).unwrap();
    let decoded = decoder.decode(&records).unwrap();
    assert_eq!(decoded.bad, vec![]);
    assert_eq!(decoded.batches.len(), 7, "a change of the writer's schema ends the batch");
    let batch = concat_batches(&decoder.schema(), &decoded.batches).unwrap();
    assert_eq!(batch, decode(&self::records()).0);
}

/// What the releases wrote of every kind, as rows of one table.
#[test]
fn goldens_of_all_releases_become_rows_of_today() {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/avro/golden");
    for (release, kinds) in [("v1", 21), ("v2", 34)] {
        let mut expected = Vec::new();
        let mut records = Vec::new();
        for file in std::fs::read_dir(golden.join(release)).unwrap() {
            let path = file.unwrap().path();
            let kind = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if kind == "access" || kind == "content" {
                continue;
            }
            let payload = Bytes::from(std::fs::read(&path).unwrap());
            let event = cubelog_schemas::decode_event(&payload).unwrap();
            let position = Position { partition: 0, offset: expected.len() as u64 };
            records.push(RawEvent { position, recorded_at: Timestamp(1), payload });
            expected.push((Some(kind), event.body.memory().map(|memory| memory.to_string())));
        }
        assert_eq!(records.len(), kinds);
        let (batch, bad) = decode(&records);
        assert_eq!(bad, vec![]);
        let rows: Vec<_> = texts(&batch, "kind").into_iter().zip(texts(&batch, "memory_id")).collect();
        assert_eq!(rows, expected);
        if release == "v2" {
            let digests = batch["module_trained"].as_struct()["artefact"].as_string::<i32>().iter().flatten().collect::<Vec<_>>();
            assert_eq!(digests, ["d6".repeat(32)]);
        }
    }
}

#[test]
fn more_records_than_a_batch_holds() {
    let bodies = bodies();
    let records: Vec<_> = (0..20_000).map(|offset| raw(offset, "acme", "a", bodies[offset as usize % 7].clone())).collect();
    let mut decoder = EventDecoder::new(&EventSchemas::released()).unwrap();
    let decoded = decoder.decode(&records).unwrap();
    assert_eq!(decoded.batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [8_192, 8_192, 3_616]);
    let again = decoder.decode(&records[..5]).unwrap();
    assert_eq!(offsets(&again.batches[0]), [0, 1, 2, 3, 4]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever bytes stand on the log, every record is either a row or bad, its neighbours are rows, and nothing panics.
    #[test]
    fn damage_stays_where_it_is(victim in 0usize..7, changes in prop::collection::vec((0usize..400, any::<u8>()), 1..6), cut in prop::option::of(0usize..400)) {
        let mut records = records();
        let mut payload = records[victim].payload.to_vec();
        for (at, byte) in changes {
            let at = at % payload.len();
            payload[at] = byte;
        }
        if let Some(cut) = cut {
            payload.truncate(cut);
        }
        records[victim].payload = Bytes::from(payload);
        let (batch, bad) = decode(&records);
        let mut all = offsets(&batch);
        all.extend(bad.iter().map(|bad| bad.position.offset));
        all.sort_unstable();
        prop_assert_eq!(all, (0..7).collect::<Vec<_>>());
        prop_assert!(bad.iter().all(|bad| bad.position.offset == victim as u64));
    }
}
