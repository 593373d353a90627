//! What the tests start from: short ways to write events, commands and positions.

use std::collections::BTreeSet;

use cubelog_memory::*;

pub fn cube() -> CubeKey {
    CubeKey::new(TenantId::new("acme").unwrap(), CubeName::new("alice").unwrap())
}

pub fn principal(name: &str) -> PrincipalId {
    PrincipalId::new(name).unwrap()
}

pub fn id(number: u64) -> MemoryId {
    MemoryId::new(derive_uuid("test-memory", &[&number.to_string()]))
}

pub fn event_id(number: u64) -> EventId {
    EventId::new(derive_uuid("test-event", &[&number.to_string()]))
}

pub fn sealed(text: &str) -> Sealed {
    Sealed { subject: SubjectId::new("s-1").unwrap(), key: 1, nonce: [0; 12], ciphertext: text.as_bytes().to_vec() }
}

pub fn fingerprint(text: &str) -> Fingerprint {
    Fingerprint(*derive_uuid("test-text", &[text]).as_bytes())
}

pub fn at(offset: u64) -> At {
    At { position: Position { partition: 0, offset }, recorded_at: Timestamp(offset as i64 * 1_000) }
}

pub fn event(number: u64, body: Body) -> Event {
    Event {
        envelope: Envelope {
            id: event_id(number),
            cube: cube(),
            actor: principal("writer"),
            origin: Origin::Api,
            occurred_at: Timestamp(number as i64),
            command: None,
            causation: None,
            correlation: None,
            schema_version: SCHEMA_VERSION,
        },
        body,
    }
}

pub fn command(number: u64, actor: &str, body: Body) -> Command {
    Command {
        event: event_id(number),
        command: None,
        cube: cube(),
        actor: principal(actor),
        admin: false,
        origin: Origin::Api,
        occurred_at: Timestamp(number as i64),
        causation: None,
        correlation: None,
        body,
    }
}

pub fn created() -> Body {
    Body::CubeCreated(CubeCreated { owner: principal("writer"), visibility: Visibility::Private, auditable: false })
}

pub fn recorded(memory: u64, text: &str) -> Body {
    Body::MemoryRecorded(MemoryRecorded {
        memory: id(memory),
        kind: Kind::Plaintext,
        fingerprint: fingerprint(text),
        descriptive: Descriptive { semantic: SemanticType::Fact, path: None, tags: BTreeSet::new() },
        governance: Governance::default(),
        valid: Validity::since(Timestamp(0)),
        sources: Vec::new(),
        content: sealed(text),
    })
}

pub fn turn(memory: u64, text: &str) -> Body {
    Body::TurnReceived(TurnReceived {
        memory: id(memory),
        stream_index: memory,
        fingerprint: fingerprint(text),
        descriptive: Descriptive::of(SemanticType::Turn),
        governance: Governance::default(),
        valid: Validity::since(Timestamp(0)),
        content: sealed(text),
    })
}

pub fn revised(memory: u64, expected: VersionNo, text: &str) -> Body {
    Body::MemoryRevised(MemoryRevised {
        memory: id(memory),
        expected,
        fingerprint: fingerprint(text),
        valid: Validity::since(Timestamp(0)),
        content: sealed(text),
    })
}

pub fn merged(into: u64, expected: VersionNo, sources: &[(u64, VersionNo)], text: &str) -> Body {
    Body::MemoryMerged(MemoryMerged {
        into: id(into),
        expected,
        sources: sources.iter().map(|(memory, version)| VersionRef { memory: id(*memory), version: *version }).collect(),
        fingerprint: fingerprint(text),
        valid: Validity::since(Timestamp(0)),
        content: sealed(text),
    })
}

pub fn moved(memory: u64, to: Lifecycle) -> Body {
    Body::MemoryMoved(MemoryMoved { memory: id(memory), to, reason: None })
}

pub fn tagged(memory: u64, tag: &str) -> Body {
    Body::MemoryTagged(MemoryTagged { memory: id(memory), add: vec![Tag::new(tag).unwrap()], remove: Vec::new() })
}

pub fn expired(memory: u64) -> Body {
    Body::MemoryExpired(MemoryExpired { memory: id(memory), reason: None })
}

pub fn resolved(memory: u64, expected: VersionNo, winner: VersionNo) -> Body {
    Body::ConflictResolved(ConflictResolved { memory: id(memory), expected, winner, reason: None })
}

pub fn held(hold: u64, memory: Option<u64>) -> Body {
    let hold = HoldId::new(derive_uuid("test-hold", &[&hold.to_string()]));
    Body::HoldPlaced(HoldPlaced { hold, memory: memory.map(id), reason: None })
}

/// Folds bodies in order, numbering events and offsets from 0.
pub fn fold(bodies: Vec<Body>) -> (CubeState, Vec<Applied>) {
    let mut state = CubeState::new(cube());
    let applied = bodies
        .into_iter()
        .enumerate()
        .map(|(number, body)| apply(&mut state, at(number as u64), &event(number as u64, body)))
        .collect();
    (state, applied)
}
