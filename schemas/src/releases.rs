//! The released schemas and their fingerprints: what may stand on a log, oldest first.

/// `C3 01` and eight bytes of fingerprint before every record.
pub const HEADER_BYTES: usize = 10;

/// Released schemas of `Event`, each whole in one JSON text, oldest first; the last is what this version writes.
const EVENTS: &[(u64, &str)] =
    &[(0xa9a0_8375_fdbb_dc97, include_str!("../avro/released/v1/event.avsc")), (EVENT_FINGERPRINT, EVENT_SCHEMA)];
// What did not change between two releases stands here once.
const ACCESSES: &[(u64, &str)] = &[(ACCESS_FINGERPRINT, ACCESS_SCHEMA)];
const CONTENTS: &[(u64, &str)] = &[(CONTENT_FINGERPRINT, CONTENT_SCHEMA)];

/// The schema of `Event` that this version writes, whole in one JSON text.
pub const EVENT_SCHEMA: &str = include_str!("../avro/released/v2/event.avsc");
/// Rabin fingerprint (CRC-64-AVRO of the parsing canonical form) of [`EVENT_SCHEMA`]; stands little-endian in the header.
pub const EVENT_FINGERPRINT: u64 = 0x8832_b6db_94a0_0535;
/// The schema of `Access` that this version writes.
pub const ACCESS_SCHEMA: &str = include_str!("../avro/released/v2/access.avsc");
/// Rabin fingerprint of [`ACCESS_SCHEMA`].
pub const ACCESS_FINGERPRINT: u64 = 0x44d1_6e7f_a401_9b28;
/// The schema of `Content` that this version writes.
pub const CONTENT_SCHEMA: &str = include_str!("../avro/released/v2/content.avsc");
/// Rabin fingerprint of [`CONTENT_SCHEMA`].
pub const CONTENT_FINGERPRINT: u64 = 0x5d15_abd7_621e_e1cc;

/// Every released schema of `Event` with its fingerprint, oldest first: what a bulk decoder has to register.
pub fn released_event_schemas() -> &'static [(u64, &'static str)] {
    EVENTS
}

/// Every released schema of `Access` with its fingerprint, oldest first.
pub fn released_access_schemas() -> &'static [(u64, &'static str)] {
    ACCESSES
}

/// Every released schema of `Content` with its fingerprint, oldest first.
pub fn released_content_schemas() -> &'static [(u64, &'static str)] {
    CONTENTS
}
