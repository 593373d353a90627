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
        lifespan: Lifespan::Decay { half_life_s: 2_592_000 },
        pinned: true,
        watermark: Some(tag("contract-7")),
    }
}

/// What the goldens of the first release say: it knew neither decay nor pins, and no kind after `job_run`.
pub fn events_of_v1() -> Vec<Event> {
    let mut events = events();
    events.truncate(21);
    for event in &mut events {
        if let Body::MemoryRecorded(body) = &mut event.body {
            body.governance.lifespan = Lifespan::Until(Timestamp(1_900_000_000_000_000));
            body.governance.pinned = false;
        }
    }
    events
}

fn block() -> BlockId {
    BlockId::from_bytes(id(0xb1))
}

fn module(n: u8) -> ModuleId {
    ModuleId::from_bytes(id(n))
}

fn subjects() -> BTreeSet<SubjectId> {
    [SubjectId::new("s-a").unwrap(), SubjectId::new("s-b").unwrap()].into()
}

fn grounds() -> Grounds {
    Grounds {
        policy: Some(tag("hot")),
        policy_event: Some(EventId::from_bytes(id(0x0e))),
        statistics: Some(Statistics {
            as_of: Timestamp(1_700_000_000_000_000),
            accesses: 41,
            principals: 3,
            sessions: 12,
            heat: 7.25,
            quantile: 0.96875,
            stable_s: 86_400,
            tokens_saved: 5_300,
        }),
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
        Body::MemoryGoverned(MemoryGoverned {
            memory: memory(0x4c),
            sensitivity: Some(Sensitivity::Secret),
            trust: None,
            priority: Some(7),
            lifespan: Some(Lifespan::Until(Timestamp(1_900_000_000_000_000))),
            pinned: Some(false),
            reason: reason(),
        }),
        Body::ConflictNoted(ConflictNoted {
            memory: memory(0x4d),
            version: 2,
            against: versions()[0],
            confidence: 0.375,
            detector: tag("rules"),
            verdict: Some(tag("contradicts")),
            reason: reason(),
        }),
        Body::BeliefResolved(BeliefResolved {
            memory: memory(0x4d),
            version: 2,
            over: versions(),
            outcome: BeliefOutcome::Replaces,
            since: Some(Timestamp(1_690_000_000_000_000)),
            confidence: 1.0,
            decider: tag("anna"),
            verdict: None,
            reason: reason(),
        }),
        Body::TierChanged(TierChanged {
            memory: memory(0x4e),
            version: 3,
            from: Kind::Plaintext,
            to: Kind::Activation,
            carrier: Some(block().memory()),
            grounds: grounds(),
            reason: None,
        }),
        Body::BlockBuilt(BlockBuilt {
            block: block(),
            sources: versions(),
            subjects: subjects(),
            model: "SmolLM2-135M-Instruct".to_owned(),
            setting: Digest([0xd1; 32]),
            tokens: 512,
            bytes: 5_898_240,
            checksum: Digest([0xd2; 32]),
            grounds: grounds(),
            reason: None,
        }),
        Body::BlockDropped(BlockDropped {
            block: block(),
            cause: DropCause::Stale,
            grounds: Grounds::default(),
            reason: reason(),
        }),
        Body::ModuleProposed(ModuleProposed {
            module: module(0xa1),
            name: tag("travel"),
            sources: versions(),
            grounds: grounds(),
            reason: None,
        }),
        Body::ModuleTrained(ModuleTrained {
            module: module(0xa1),
            name: tag("travel"),
            parents: vec![module(0xa0)],
            sources: versions(),
            subjects: subjects(),
            base: "HuggingFaceTB/SmolLM2-135M-Instruct".to_owned(),
            base_digest: Digest([0xd3; 32]),
            tokenizer_digest: Digest([0xd4; 32]),
            data_digest: Digest([0xd5; 32]),
            artefact: Digest([0xd6; 32]),
            seed: 17,
            code: "0.1.0".to_owned(),
            settings: "{\"rank\":16}".to_owned(),
            report: "{\"loss\":0.5}".to_owned(),
            reason: reason(),
        }),
        Body::ModuleEvaluated(ModuleEvaluated {
            module: module(0xa1),
            passed: true,
            gates: vec![
                Gate { name: tag("recall"), value: 0.96875, threshold: Some(0.95), passed: true },
                Gate { name: tag("seconds"), value: -0.0, threshold: None, passed: true },
            ],
            report: "{\"questions\":60}".to_owned(),
            grounds: Grounds { statistics: None, ..grounds() },
            reason: None,
        }),
        Body::ModulePublished(ModulePublished {
            module: module(0xa1),
            artefact: Digest([0xd7; 32]),
            bytes: 9_800_000,
            reason: reason(),
        }),
        Body::ModuleActivated(ModuleActivated {
            module: module(0xa1),
            replaces: Some(module(0xa0)),
            grounds: grounds(),
            reason: reason(),
        }),
        Body::ModuleRetired(ModuleRetired { module: module(0xa0), grounds: grounds(), reason: None }),
        Body::ModuleRolledBack(ModuleRolledBack {
            module: module(0xa1),
            to: Some(module(0xa0)),
            grounds: Grounds::default(),
            reason: reason(),
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
