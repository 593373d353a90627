//! Bytes that are no record: each wrong in its own way gets its own error, and no bytes at all make decoding panic.

use cubelog_memory::limits::EVENT_BYTES_MAX;
use cubelog_memory::*;
use cubelog_schemas::*;
use proptest::prelude::*;

use crate::{samples, strategies};

fn encoded(event: &Event) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_event(event, &mut bytes).unwrap();
    bytes
}

/// The bytes of an event after one run of bytes was replaced by another; the run must be there exactly once.
fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len()).filter(|start| bytes[*start..].starts_with(old)).collect();
    assert_eq!(places.len(), 1, "{old:?}");
    [&bytes[..places[0]], new, &bytes[places[0] + old.len()..]].concat()
}

fn of_kind(kind: &str) -> Vec<u8> {
    encoded(samples::events().iter().find(|event| event.body.kind() == kind).unwrap())
}

#[test]
fn each_fault_has_its_own_error() {
    let turn = of_kind("turn_received");
    let check = |bytes: Vec<u8>, expected: fn(&DecodeError) -> bool| {
        let error = decode_event(&bytes).unwrap_err();
        assert!(expected(&error), "{error:?}");
        assert!(!error.to_string().is_empty());
    };
    use DecodeError as E;
    check(vec![], |e| *e == E::Truncated { field: "header", at: 0 });
    check(b"{\"json\":1}".to_vec(), |e| *e == E::Magic { found: *b"{\"" });
    check(vec![0xC3, 0x01, 1], |e| *e == E::Truncated { field: "header", at: 3 });
    check([&[0xC3, 0x01][..], &7u64.to_le_bytes(), &turn[10..]].concat(), |e| {
        *e == E::UnknownFingerprint { record: "event", fingerprint: 7 }
    });
    check(turn[..turn.len() - 1].to_vec(), |e| matches!(e, E::Truncated { field: "module_rolled_back", .. }));
    check([&turn[..], &[0]].concat(), |e| *e == E::Trailing { bytes: 1 });
    check(vec![0; EVENT_BYTES_MAX + 1], |e| *e == E::Oversize { bytes: EVENT_BYTES_MAX + 1 });
    check(replaced(&turn, b"\x08acme", b"\x08ac/e"), |e| matches!(e, E::Name { field: "tenant", .. }));
    check(replaced(&turn, b"\x08acme", b"\x00"), |e| matches!(e, E::Name { field: "tenant", .. }));
    check(replaced(&turn, b"\x08acme", b"\x08ac\xFFe"), |e| *e == E::Utf8 { field: "tenant", at: 29 });
    check(replaced(&turn, b"\x08acme", b"\x09acme"), |e| *e == E::Length { field: "tenant", value: -5 });
    check(replaced(&turn, b"\x08acme", b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"), |e| {
        matches!(e, E::Varint { field: "tenant", .. })
    });
    check(replaced(&turn, b"\x08acme", b"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"), |e| {
        matches!(e, E::Truncated { field: "tenant", .. })
    });
    check(replaced(&turn, b"\x0cingest", b"\x0cdreams"), |e| matches!(e, E::Word { field: "origin", .. }));
    check(replaced(&turn, b"\xd8\x04\xf1", b"\x01\xf1"), |e| *e == E::Range { field: "stream_index", value: -1 });

    let related = of_kind("memory_related");
    check(
        replaced(&related, &0.25f32.to_le_bytes(), &f32::NAN.to_le_bytes()),
        |e| matches!(e, E::Weight { weight } if weight.is_nan()),
    );
    check(replaced(&related, &[0x80, 0x3E, 1], &[0x80, 0x3E, 2]), |e| *e == E::Boolean { field: "withdrawn", value: 2 });
    check(replaced(&of_kind("memory_recorded"), b"travel/flights/seat", b"travel/flights//eat"), |e| {
        matches!(e, E::Path { field: "path", .. })
    });

    // The bodies follow the envelope; an event of the smallest one shows where they start.
    let revoked = of_kind("cube_revoked");
    let rejected = of_kind("module_evaluated");
    check(replaced(&rejected, &0.96875f32.to_le_bytes(), &f32::INFINITY.to_le_bytes()), |e| {
        *e == E::NotFinite { field: "value", value: f32::INFINITY }
    });
    // A lifespan cannot end at an instant and decay as well.
    let governed = of_kind("memory_governed");
    let end = governed.windows(3).position(|window| window == [2, 2, 0x80]).unwrap() + 10;
    let both = [&governed[..end], &[2, 2], &governed[end + 1..]].concat();
    check(both, |e| matches!(e, E::Range { field: "half_life_s beside keep_until", value: 1 }));

    const KINDS: usize = 34;
    assert_eq!(samples::events().len(), KINDS);
    let start = revoked.len() - KINDS - 16;
    let (envelope, nulls) = (&revoked[..start], [0u8; KINDS]);
    let one = b"\x02\x1ebob@example.org".as_slice();
    check([envelope, &nulls[..]].concat(), |e| *e == E::NoBody);
    check([envelope, &nulls[..11], one, b"\x02\x06hot\x00", &nulls[13..]].concat(), |e| {
        *e == E::TwoBodies { first: "cube_revoked", second: "policy_set" }
    });
    check([envelope, &[4], &nulls[1..]].concat(), |e| *e == E::Branch { field: "turn_received", branch: 2 });
}

#[test]
fn what_would_not_be_read_is_not_written() {
    let mut out = b"kept".to_vec();
    assert!(matches!(encode_event(&samples::turn(EVENT_BYTES_MAX), &mut out), Err(EncodeError::Oversize { .. })));
    let mut event = samples::events().remove(4);
    let Body::MemoryRelated(body) = &mut event.body else { panic!("not related") };
    body.weight = f32::NAN;
    assert!(matches!(encode_event(&event, &mut out), Err(EncodeError::Weight { .. })));
    let mut event = samples::turn(1);
    let Body::TurnReceived(body) = &mut event.body else { panic!("not a turn") };
    body.stream_index = u64::MAX;
    assert_eq!(encode_event(&event, &mut out), Err(EncodeError::Range { field: "stream_index", value: u64::MAX }));
    for (place, odd) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY].into_iter().enumerate() {
        let mut event = samples::events().swap_remove(29);
        let Body::ModuleEvaluated(body) = &mut event.body else { panic!("not evaluated") };
        body.gates[1].threshold = (place == 0).then_some(odd);
        body.gates[0].value = if place == 0 { 0.0 } else { odd };
        assert!(matches!(encode_event(&event, &mut out), Err(EncodeError::NotFinite { .. })));
    }
    let mut event = samples::events().swap_remove(21);
    let Body::MemoryGoverned(body) = &mut event.body else { panic!("not governed") };
    body.lifespan = Some(Lifespan::Decay { half_life_s: u64::MAX });
    assert_eq!(encode_event(&event, &mut out), Err(EncodeError::Range { field: "half_life_s", value: u64::MAX }));
    assert_eq!(out, b"kept");
}

#[test]
fn the_largest_event_goes_both_ways() {
    let room = EVENT_BYTES_MAX - encoded(&samples::turn(0)).len();
    let event = samples::turn(room - 2);
    let bytes = encoded(&event);
    assert_eq!(bytes.len(), EVENT_BYTES_MAX);
    assert_eq!(decode_event(&bytes).unwrap(), event);
}

#[test]
fn arrays_may_come_in_blocks_with_sizes() {
    let tagged = of_kind("memory_tagged");
    let expected = decode_event(&tagged).unwrap();
    let in_one = b"\x04\x02a\x02b\x00";
    for blocks in [&b"\x02\x02a\x02\x02b\x00"[..], b"\x03\x08\x02a\x02b\x00", b"\x01\x04\x02a\x01\x04\x02b\x00"] {
        assert_eq!(decode_event(&replaced(&tagged, in_one, blocks)).unwrap(), expected);
    }
    let lies = replaced(&tagged, in_one, b"\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x02a");
    assert_eq!(decode_event(&lies).unwrap_err(), DecodeError::Length { field: "add", value: i64::MAX });
    let lies = replaced(&tagged, in_one, b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x02\x02a");
    assert_eq!(decode_event(&lies).unwrap_err(), DecodeError::Length { field: "add", value: i64::MIN });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..600), framed in 0..4usize) {
        let fingerprint = [0, EVENT_FINGERPRINT, ACCESS_FINGERPRINT, CONTENT_FINGERPRINT][framed];
        let bytes = match framed {
            0 => body,
            _ => [&[0xC3, 0x01][..], &fingerprint.to_le_bytes(), &body].concat(),
        };
        let _ = decode_event(&bytes);
        let _ = decode_access(&bytes);
        let _ = decode_content(&bytes);
    }

    #[test]
    fn damaged_events_never_panic_and_never_stay_the_same(
        event in strategies::any_event(),
        place in any::<prop::sample::Index>(),
        flip in 1..=255u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = encoded(&event);
        let mut flipped = bytes.clone();
        flipped[place.index(bytes.len())] ^= flip;
        if let Ok(read) = decode_event(&flipped) {
            prop_assert_ne!(read, event);
        }
        prop_assert!(decode_event(&bytes[..cut.index(bytes.len())]).is_err());
    }
}
