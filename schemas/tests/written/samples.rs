//! One fixed event of every kind, and an access and a content: what the goldens say.

use std::collections::BTreeSet;

use cubelog_memory::*;

/// A recognisable id: `n` in every byte.
fn id(n: u8) -> [u8; 16] {
    [n; 16]
}

fn memory(n: u8) -> MemoryId {
    MemoryId::from_bytes(id(n))
}

fn tag(text: &str) -> Tag {
    Tag::new(text).unwrap()
}

fn sealed(bytes: usize) -> Sealed {
    Sealed {
        subject: SubjectId::new("s-00112233445566778899aabbccddeeff").unwrap(),
        key: 2,
        nonce: [0x0c; 12],
        ciphertext: (0..bytes).map(|n| n as u8).collect(),
    }
}

fn cube() -> CubeKey {
    CubeKey::new(TenantId::new("acme").unwrap(), CubeName::new("anna").unwrap())
}

fn full_descriptive() -> Descriptive {
    Descriptive {
        semantic: SemanticType::Fact,
        path: Some(Path::parse("travel/flights/seat").unwrap()),
        tags: BTreeSet::from([tag("aisle"), tag("größe")]),
    }
}

fn full_governance() -> Governance {
    Governance {
        sensitivity: Sensitivity::Personal,
        trust: Trust::Trusted,
        priority: -100,
        lifespan: Lifespan::Until(Timestamp(1_900_000_000_000_000)),
        watermark: Some(tag("contract-7")),
    }
}

fn span() -> Validity {
    Validity { from: Timestamp(-1), to: Some(Timestamp(1_700_000_000_000_001)) }
}

fn versions() -> Vec<VersionRef> {
    vec![VersionRef { memory: memory(0x51), version: 1 }, VersionRef { memory: memory(0x52), version: u32::MAX }]
}

/// A turn as conversations bring them, with `bytes` of ciphertext.
pub fn turn(bytes: usize) -> Event {
    event(Body::TurnReceived(TurnReceived {
        memory: memory(0x41),
        stream_index: 300,
        fingerprint: Fingerprint(id(0xf1)),
        descriptive: Descriptive::of(SemanticType::Turn),
        governance: Governance::default(),
        valid: Validity::since(Timestamp(1_688_000_000_000_000)),
        content: sealed(bytes),
    }))
}

fn event(body: Body) -> Event {
    Event {
        envelope: Envelope {
            id: EventId::from_bytes(id(0x01)),
            cube: cube(),
            actor: PrincipalId::new("importer").unwrap(),
            origin: Origin::Ingest,
            occurred_at: Timestamp(1_688_000_000_123_456),
            command: Some(CommandId::from_bytes(id(0x02))),
            causation: None,
            correlation: Some(EventId::from_bytes(id(0x03))),
            schema_version: 1,
        },
        body,
    }
}

/// Every kind once, in the order of the schema.
pub fn events() -> Vec<Event> {
    let reason = || Some("because – so".to_owned());
    let fingerprint = Fingerprint(id(0xf1));
    let bodies = vec![
        turn(40).body,
        Body::MemoryRecorded(MemoryRecorded {
            memory: memory(0x42),
            kind: Kind::Activation,
            fingerprint,
            descriptive: full_descriptive(),
            governance: full_governance(),
            valid: span(),
            sources: versions(),
            content: sealed(200),
        }),
        Body::MemoryRevised(MemoryRevised { memory: memory(0x43), expected: 7, fingerprint, valid: span(), content: sealed(16) }),
        Body::MemoryMerged(MemoryMerged {
            into: memory(0x44),
            expected: 3,
            sources: versions(),
            fingerprint,
            valid: Validity::since(Timestamp(0)),
            content: sealed(17),
        }),
        Body::MemoryRelated(MemoryRelated {
            from: memory(0x45),
            to: memory(0x46),
            relation: Relation::DerivedFrom,
            weight: 0.25,
            withdrawn: true,
        }),
        Body::MemoryMoved(MemoryMoved { memory: memory(0x47), to: Lifecycle::Frozen, reason: reason() }),
        Body::MemoryTagged(MemoryTagged { memory: memory(0x48), add: vec![tag("a"), tag("b")], remove: vec![] }),
        Body::MemoryExpired(MemoryExpired { memory: memory(0x49), reason: None }),
        Body::ConflictResolved(ConflictResolved { memory: memory(0x4a), expected: 4, winner: 5, reason: reason() }),
        Body::CubeCreated(CubeCreated {
            owner: PrincipalId::new("anna").unwrap(),
            visibility: Visibility::Tenant,
            auditable: true,
        }),
        Body::CubeGranted(CubeGranted { principal: PrincipalId::new("bob@example.org").unwrap(), right: Right::Write }),
        Body::CubeRevoked(CubeRevoked { principal: PrincipalId::new("bob@example.org").unwrap() }),
        Body::PolicySet(PolicySet { name: tag("hot"), document: "{\"heat\":2}".to_owned() }),
        Body::CubeImported(CubeImported { format: tag("locomo"), received: 5_882, duplicates: 1, refused: i64::MAX as u64 }),
        Body::ExtractionRecorded(ExtractionRecorded {
            extractor: tag("qwen-0.6b"),
            sources: versions(),
            tokens_in: 4_096,
            tokens_out: 77,
            output: sealed(33),
        }),
        Body::HoldPlaced(HoldPlaced { hold: HoldId::from_bytes(id(0x61)), memory: Some(memory(0x4b)), reason: reason() }),
        Body::HoldLifted(HoldLifted { hold: HoldId::from_bytes(id(0x61)), reason: None }),
        Body::ErasureRequested(ErasureRequested {
            erasure: ErasureId::from_bytes(id(0x71)),
            subject: sealed(0).subject,
            reason: reason(),
        }),
        Body::ErasureCompleted(ErasureCompleted {
            erasure: ErasureId::from_bytes(id(0x71)),
            subject: sealed(0).subject,
            left: vec!["backup of 2026-11-01".to_owned()],
        }),
        Body::DeadLetterHandled(DeadLetterHandled {
            position: Position { partition: 3, offset: 1_841 },
            action: DeadLetterAction::Retried,
            reason: reason(),
        }),
        Body::JobRun(JobRun {
            job: tag("expiry"),
            started_at: Timestamp(1_700_000_000_000_000),
            ended_at: Timestamp(1_700_000_001_000_000),
            outcome: JobOutcome::Failed,
            report: "{\"expired\":12}".to_owned(),
        }),
    ];
    bodies.into_iter().map(event).collect()
}

pub fn access() -> Access {
    Access {
        id: EventId::from_bytes(id(0x81)),
        cube: cube(),
        principal: PrincipalId::new("agent-4").unwrap(),
        purpose: Purpose::Search,
        at: Timestamp(1_700_000_000_000_000),
        query: Some(id(0x91)),
        shown: versions(),
    }
}

pub fn content() -> Content {
    Content {
        text: "Aisle seats, always – 座席".to_owned(),
        speaker: Some("Anna".to_owned()),
        caption: None,
        session: Some("session 3".to_owned()),
        source: Some("D3:14".to_owned()),
    }
}
