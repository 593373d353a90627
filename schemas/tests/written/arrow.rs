//! Bulk decoding: arrow-avro turns every golden into one batch, with the columns that the schema promises.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch, StructArray};
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use cubelog_schemas::*;

use crate::bundle::avro_dir;
use crate::golden::golden_dir;
use crate::samples;

fn batch() -> RecordBatch {
    let (current, goldens) = (EVENT_FINGERPRINT, golden_dir());
    decoded(current, samples::events().iter().map(|event| goldens.join(format!("{}.bin", event.body.kind()))).collect())
}

/// Records of one writer, read as today's schema says.
fn decoded(writer: u64, records: Vec<std::path::PathBuf>) -> RecordBatch {
    let mut store = SchemaStore::new();
    for (fingerprint, json) in released_event_schemas() {
        store.set(Fingerprint::Rabin(*fingerprint), AvroSchema::new((*json).to_owned())).unwrap();
    }
    let mut decoder = ReaderBuilder::new()
        .with_reader_schema(AvroSchema::new(EVENT_SCHEMA.to_owned()))
        .with_writer_schema_store(store)
        .with_active_fingerprint(Fingerprint::Rabin(writer))
        .with_batch_size(64)
        .build_decoder()
        .unwrap();
    for record in records {
        let bytes = std::fs::read(record).unwrap();
        assert_eq!(decoder.decode(&bytes).unwrap(), bytes.len());
    }
    let batch = decoder.flush().unwrap().unwrap();
    assert!(decoder.flush().unwrap().is_none());
    batch
}

fn column<'a>(of: &'a StructArray, name: &str) -> &'a dyn Array {
    of.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).as_ref()
}

#[test]
fn all_goldens_become_one_batch() {
    let batch = batch();
    let events = samples::events();
    assert_eq!(batch.num_rows(), events.len());
    let rows = StructArray::from(batch);

    for (row, event) in events.iter().enumerate() {
        assert_eq!(column(&rows, "event_id").as_fixed_size_binary().value(row), event.envelope.id.as_bytes());
        assert_eq!(column(&rows, "tenant").as_string::<i32>().value(row), "acme");
        let time = column(&rows, "occurred_at").as_primitive::<TimestampMicrosecondType>().value(row);
        assert_eq!(time, event.envelope.occurred_at.micros());
        assert_eq!(column(&rows, "command_id").as_fixed_size_binary().value(row), [0x02; 16]);
        assert!(column(&rows, "causation_id").is_null(row));
        for kind in events.iter().map(|event| event.body.kind()) {
            assert_eq!(column(&rows, kind).is_valid(row), kind == event.body.kind(), "{kind} in row {row}");
        }
    }
}

#[test]
fn records_of_the_first_release_have_the_columns_of_today() {
    let events = samples::events_of_v1();
    let records = events.iter().map(|event| avro_dir().join(format!("golden/v1/{}.bin", event.body.kind())));
    let old = decoded(released_event_schemas()[0].0, records.collect());
    let names = |batch: &RecordBatch| batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    assert_eq!(names(&old), names(&batch()));
    let rows = StructArray::from(old);
    for (row, event) in events.iter().enumerate() {
        for (kind, column) in samples::events().iter().map(|event| (event.body.kind(), column(&rows, event.body.kind()))) {
            assert_eq!(column.is_valid(row), kind == event.body.kind(), "{kind} in row {row}");
        }
    }
    let recorded = column(&rows, "memory_recorded").as_struct();
    let governance = column(recorded, "governance").as_struct();
    assert_eq!(column(governance, "keep_until").as_primitive::<TimestampMicrosecondType>().value(1), 1_900_000_000_000_000);
    assert!(column(recorded, "pinned").is_null(1) && column(recorded, "half_life_s").is_null(1));
    assert_eq!(column(governance, "watermark").as_string::<i32>().value(1), "contract-7");
}

#[test]
fn bodies_keep_their_values() {
    let rows = StructArray::from(batch());
    let turn = column(&rows, "turn_received").as_struct();
    assert_eq!(column(turn, "memory").as_fixed_size_binary().value(0), [0x41; 16]);
    assert_eq!(column(turn, "stream_index").as_primitive::<Int64Type>().value(0), 300);
    let content = column(turn, "content").as_struct();
    assert_eq!(column(content, "ciphertext").as_binary::<i32>().value(0).len(), 40);
    assert_eq!(column(content, "nonce").as_fixed_size_binary().value(0), [0x0c; 12]);

    let recorded = column(&rows, "memory_recorded").as_struct();
    let descriptive = column(recorded, "descriptive").as_struct();
    assert_eq!(column(descriptive, "path").as_string::<i32>().value(1), "travel/flights/seat");
    let tags = column(descriptive, "tags").as_list::<i32>().value(1);
    assert_eq!(tags.as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["aisle", "größe"]);
    let governance = column(recorded, "governance").as_struct();
    assert_eq!(column(governance, "priority").as_primitive::<Int32Type>().value(1), -100);
    assert_eq!(column(governance, "watermark").as_string::<i32>().value(1), "contract-7");
    let sources = column(recorded, "sources").as_list::<i32>().value(1);
    let versions = column(sources.as_struct(), "version").as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(versions, [1, i64::from(u32::MAX)]);
    let valid = column(recorded, "valid").as_struct();
    assert_eq!(column(valid, "to").as_primitive::<TimestampMicrosecondType>().value(1), 1_700_000_000_000_001);

    let row = 29;
    let evaluated = column(&rows, "module_evaluated").as_struct();
    let gates = column(evaluated, "gates").as_list::<i32>().value(row);
    assert_eq!(column(gates.as_struct(), "name").as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["recall", "seconds"]);
    assert!(column(gates.as_struct(), "threshold").is_null(1));
    let changed = column(&rows, "tier_changed").as_struct();
    let statistics = column(column(changed, "grounds").as_struct(), "statistics").as_struct();
    assert_eq!(column(statistics, "heat").as_primitive::<Float32Type>().value(24), 7.25);
    let trained = column(&rows, "module_trained").as_struct();
    assert_eq!(column(trained, "data_digest").as_fixed_size_binary().value(28), [0xd5; 32]);

    let related = column(&rows, "memory_related").as_struct();
    assert_eq!(column(related, "weight").as_primitive::<Float32Type>().value(4), 0.25);
    assert!(column(related, "withdrawn").as_boolean().value(4));
}

#[test]
fn arrow_avro_computes_the_same_fingerprints() {
    for (fingerprint, json) in released_event_schemas().iter().chain(released_access_schemas()).chain(released_content_schemas())
    {
        let found = AvroSchema::new((*json).to_owned()).fingerprint(FingerprintAlgorithm::Rabin).unwrap();
        assert_eq!(found, Fingerprint::Rabin(*fingerprint));
    }
}
