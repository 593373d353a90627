//! Events made in bulk, sealed and encoded like any other: the records that log benchmarks append and read.

use bytes::Bytes;
use cubelog_keyring::{Keyring, SealContext};
use cubelog_log::Append;
use cubelog_memory::*;
use cubelog_schemas::{encode_content, encode_event};

use crate::corpus::{Random, caller, cube, sentence};

/// Makes records for one keyring.
pub struct Maker<'a> {
    pub keyring: &'a Keyring,
}

impl Maker<'_> {
    fn record(
        &self,
        key: &CubeKey,
        number: u64,
        text: &str,
        body: impl FnOnce(Sealed, Fingerprint) -> Body,
    ) -> anyhow::Result<Append> {
        let event = EventId::new(derive_uuid("bench-event", &[key.cube.as_str(), &number.to_string()]));
        let subject = self.keyring.subject_of(key, "somebody");
        let mut plain = Vec::new();
        encode_content(&Content { speaker: Some("Mira".to_owned()), ..Content::text(text) }, &mut plain)?;
        let sealed = self.keyring.seal(&subject, &SealContext { event, cube: key, field: "content" }, &plain)?;
        let fingerprint = self.keyring.fingerprint(&subject, &plain)?;
        self.encode(key, event, number, body(sealed, fingerprint))
    }

    fn encode(&self, key: &CubeKey, id: EventId, number: u64, body: Body) -> anyhow::Result<Append> {
        let caller = caller();
        let event = Event {
            envelope: Envelope {
                id,
                cube: key.clone(),
                actor: caller.principal,
                origin: caller.origin,
                occurred_at: Timestamp(1_700_000_000_000_000 + number as i64),
                command: None,
                causation: None,
                correlation: None,
                schema_version: SCHEMA_VERSION,
            },
            body,
        };
        let mut payload = Vec::with_capacity(512);
        encode_event(&event, &mut payload)?;
        Ok(Append { key: key.to_string(), id, payload: Bytes::from(payload) })
    }

    pub fn created(&self, key: &CubeKey) -> anyhow::Result<Append> {
        let id = EventId::new(derive_uuid("bench-created", &[key.cube.as_str()]));
        let body = CubeCreated { owner: caller().principal, visibility: Visibility::Private, auditable: false };
        self.encode(key, id, 0, Body::CubeCreated(body))
    }

    pub fn memory(key: &CubeKey, number: u64) -> MemoryId {
        MemoryId::new(derive_uuid("bench-memory", &[key.cube.as_str(), &number.to_string()]))
    }

    pub fn turn(&self, key: &CubeKey, number: u64) -> anyhow::Result<Append> {
        let text = sentence(&mut Random::new(number));
        self.record(key, number, &text, |content, fingerprint| {
            Body::TurnReceived(TurnReceived {
                memory: Self::memory(key, number),
                stream_index: number,
                fingerprint,
                descriptive: Descriptive::of(SemanticType::Turn),
                governance: Governance::default(),
                valid: Validity::since(Timestamp(1_700_000_000_000_000 + number as i64)),
                content,
            })
        })
    }

    /// Version `version` (from 2) of a memory.
    pub fn revision(&self, key: &CubeKey, memory: u64, version: u32, number: u64) -> anyhow::Result<Append> {
        let text = sentence(&mut Random::new(number));
        self.record(key, number, &text, |content, fingerprint| {
            Body::MemoryRevised(MemoryRevised {
                memory: Self::memory(key, memory),
                expected: version - 1,
                fingerprint,
                valid: Validity::since(Timestamp(1_700_000_000_000_000 + number as i64)),
                content,
            })
        })
    }

    /// `count` turns spread over `cubes` cubes in batches of `batch`, each cube created first.
    pub fn turns(&self, prefix: &str, count: usize, cubes: usize, batch: usize) -> anyhow::Result<Vec<Vec<Append>>> {
        let keys: Vec<CubeKey> = (0..cubes.max(1)).map(|number| cube(&format!("{prefix}-{number}"))).collect();
        let mut records = Vec::with_capacity(count + keys.len());
        for key in &keys {
            records.push(self.created(key)?);
        }
        for number in 0..count {
            records.push(self.turn(&keys[number % keys.len()], number as u64)?);
        }
        Ok(records.chunks(batch).map(<[Append]>::to_vec).collect())
    }
}
