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

pub fn subject(name: &str) -> SubjectId {
    SubjectId::new(name).unwrap()
}

/// Texts that begin with `b` are about another person.
pub fn sealed(text: &str) -> Sealed {
    let subject = subject(if text.starts_with('b') { "s-2" } else { "s-1" });
    Sealed { subject, key: 1, nonce: [0; 12], ciphertext: text.as_bytes().to_vec() }
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

pub fn erasure(number: u64, of: &str) -> Body {
    let erasure = ErasureId::new(derive_uuid("test-erasure", &[&number.to_string()]));
    Body::ErasureRequested(ErasureRequested { erasure, subject: subject(of), reason: None })
}

pub fn pinned(memory: u64, pinned: bool) -> Body {
    Body::MemoryGoverned(MemoryGoverned {
        memory: id(memory),
        sensitivity: None,
        trust: None,
        priority: None,
        lifespan: None,
        pinned: Some(pinned),
        reason: None,
    })
}

pub fn version(memory: u64, version: VersionNo) -> VersionRef {
    VersionRef { memory: id(memory), version }
}

fn versions(sources: &[(u64, VersionNo)]) -> Vec<VersionRef> {
    sources.iter().map(|(memory, number)| version(*memory, *number)).collect()
}

pub fn noted(memory: (u64, VersionNo), against: (u64, VersionNo)) -> Body {
    Body::ConflictNoted(ConflictNoted {
        memory: id(memory.0),
        version: memory.1,
        against: version(against.0, against.1),
        confidence: 0.5,
        detector: Tag::new("rules").unwrap(),
        verdict: None,
        reason: None,
    })
}

pub fn believed(memory: (u64, VersionNo), over: &[(u64, VersionNo)], outcome: BeliefOutcome, since: Option<i64>) -> Body {
    Body::BeliefResolved(BeliefResolved {
        memory: id(memory.0),
        version: memory.1,
        over: versions(over),
        outcome,
        since: since.map(Timestamp),
        confidence: 0.9,
        decider: Tag::new("rules").unwrap(),
        verdict: None,
        reason: None,
    })
}

pub fn block(number: u64) -> BlockId {
    BlockId::new(derive_uuid("test-block", &[&number.to_string()]))
}

pub fn built(number: u64, sources: &[(u64, VersionNo)]) -> Body {
    Body::BlockBuilt(BlockBuilt {
        block: block(number),
        sources: versions(sources),
        subjects: BTreeSet::new(),
        model: "tiny".to_owned(),
        setting: Digest([1; 32]),
        tokens: 64,
        bytes: 4_096,
        checksum: Digest([2; 32]),
        grounds: Grounds::default(),
        reason: None,
    })
}

pub fn dropped(number: u64) -> Body {
    let (cause, grounds) = (DropCause::Evicted, Grounds::default());
    Body::BlockDropped(BlockDropped { block: block(number), cause, grounds, reason: None })
}

pub fn tier(memory: (u64, VersionNo), from: Kind, to: Kind, carrier: Option<MemoryId>) -> Body {
    let grounds = Grounds::default();
    Body::TierChanged(TierChanged { memory: id(memory.0), version: memory.1, from, to, carrier, grounds, reason: None })
}

pub fn module(number: u64) -> ModuleId {
    ModuleId::new(derive_uuid("test-module", &[&number.to_string()]))
}

pub fn proposed(number: u64, sources: &[(u64, VersionNo)]) -> Body {
    Body::ModuleProposed(ModuleProposed {
        module: module(number),
        name: Tag::new("drinks").unwrap(),
        sources: versions(sources),
        grounds: Grounds::default(),
        reason: None,
    })
}

pub fn trained(number: u64, sources: &[(u64, VersionNo)], parents: &[u64]) -> Body {
    Body::ModuleTrained(ModuleTrained {
        module: module(number),
        name: Tag::new("drinks").unwrap(),
        parents: parents.iter().map(|parent| module(*parent)).collect(),
        sources: versions(sources),
        subjects: BTreeSet::new(),
        base: "tiny".to_owned(),
        base_digest: Digest([3; 32]),
        tokenizer_digest: Digest([4; 32]),
        data_digest: Digest([5; 32]),
        artefact: Digest([6; 32]),
        seed: 7,
        code: "0.1.0".to_owned(),
        settings: "{}".to_owned(),
        report: "{}".to_owned(),
        reason: None,
    })
}

pub fn evaluated(number: u64, passed: bool) -> Body {
    let gate = Gate { name: Tag::new("recall").unwrap(), value: 0.97, threshold: Some(0.95), passed };
    Body::ModuleEvaluated(ModuleEvaluated {
        module: module(number),
        passed,
        gates: vec![gate],
        report: "{}".to_owned(),
        grounds: Grounds::default(),
        reason: None,
    })
}

pub fn published(number: u64) -> Body {
    let artefact = Digest([8; 32]);
    Body::ModulePublished(ModulePublished { module: module(number), artefact, bytes: 10_000, reason: None })
}

pub fn activated(number: u64, replaces: Option<u64>) -> Body {
    let (replaces, grounds) = (replaces.map(module), Grounds::default());
    Body::ModuleActivated(ModuleActivated { module: module(number), replaces, grounds, reason: None })
}

pub fn retired(number: u64) -> Body {
    Body::ModuleRetired(ModuleRetired { module: module(number), grounds: Grounds::default(), reason: None })
}

pub fn rolled_back(number: u64, to: Option<u64>) -> Body {
    let (to, grounds) = (to.map(module), Grounds::default());
    Body::ModuleRolledBack(ModuleRolledBack { module: module(number), to, grounds, reason: None })
}

/// A module on its way into service, over memories that exist.
pub fn served(number: u64, sources: &[(u64, VersionNo)]) -> Vec<Body> {
    vec![trained(number, sources, &[]), evaluated(number, true), published(number), activated(number, None)]
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
