//! The written form of events, accesses and content: Avro, in single-object encoding, readable for ever.
//!
//! `avro/` holds one schema file per record, what was released of them, and golden bytes of every release.
//! Everything written starts with `C3 01` and the fingerprint of its schema, so that a reader knows the writer.

mod codec;
mod error;
mod releases;
mod upcast;
mod wire;

pub use codec::{decode_access, decode_content, decode_event, encode_access, encode_content, encode_event, fingerprint_of};
pub use error::{DecodeError, EncodeError};
pub use releases::{
    ACCESS_FINGERPRINT, ACCESS_SCHEMA, CONTENT_FINGERPRINT, CONTENT_SCHEMA, EVENT_FINGERPRINT, EVENT_SCHEMA, HEADER_BYTES,
    released_access_schemas, released_content_schemas, released_event_schemas,
};
