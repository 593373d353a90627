//! How long coding takes, beside apache-avro: `cargo test -p cubelog-schemas -p cubelog-cli --test written -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use cubelog_schemas::*;

use crate::samples;

const ROUNDS: u32 = 200_000;

fn timed(what: &str, mut once: impl FnMut()) {
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let start = Instant::now();
    (0..ROUNDS).for_each(|_| once());
    println!("{what}: {:.0} ns", start.elapsed().as_nanos() as f64 / f64::from(ROUNDS));
}

#[test]
#[ignore = "measures, decides nothing"]
fn nanoseconds_per_turn() {
    let event = samples::turn(200);
    let mut bytes = Vec::new();
    encode_event(&event, &mut bytes).unwrap();
    println!("turn_received of {} bytes", bytes.len());
    let mut out = Vec::with_capacity(1_024);
    timed("encode", || {
        out.clear();
        encode_event(black_box(&event), &mut out).unwrap();
    });
    timed("decode", || drop(black_box(decode_event(black_box(&bytes)).unwrap())));
    let schema = Schema::parse_str(EVENT_SCHEMA).unwrap();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    timed("apache-avro, to a tree of values", || drop(black_box(reader.read_value(&mut &bytes[HEADER_BYTES..]).unwrap())));
}
