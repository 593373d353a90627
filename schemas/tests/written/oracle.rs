//! The same records as apache-avro sees them: values by field name, written by a generic writer.

use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use cubelog_memory::*;

type Fields = Vec<(&'static str, Value)>;

/// Writes `value` with apache-avro; fields that are not named take their defaults.
pub fn write(schema: &Schema, value: Value) -> Vec<u8> {
    let value = value.resolve(schema).expect("value fits the schema");
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
}

pub fn event_value(event: &Event) -> Value {
    let envelope = &event.envelope;
    record(vec![
        ("event_id", fixed(envelope.id.as_bytes())),
        ("tenant", text(envelope.cube.tenant.as_str())),
        ("cube", text(envelope.cube.cube.as_str())),
        ("actor", text(envelope.actor.as_str())),
        ("origin", text(envelope.origin.word())),
        ("occurred_at", time(envelope.occurred_at)),
        ("command_id", maybe(envelope.command.map(|id| fixed(id.as_bytes())))),
        ("causation_id", maybe(envelope.causation.map(|id| fixed(id.as_bytes())))),
        ("correlation_id", maybe(envelope.correlation.map(|id| fixed(id.as_bytes())))),
        ("schema_version", Value::Long(envelope.schema_version.into())),
        (event.body.kind(), record(body_fields(&event.body))),
    ])
}

pub fn access_value(access: &Access) -> Value {
    record(vec![
        ("access_id", fixed(access.id.as_bytes())),
        ("tenant", text(access.cube.tenant.as_str())),
        ("cube", text(access.cube.cube.as_str())),
        ("principal", text(access.principal.as_str())),
        ("purpose", text(access.purpose.word())),
        ("at", time(access.at)),
        ("query", maybe(access.query.map(|query| fixed(&query)))),
        ("shown", versions(&access.shown)),
    ])
}

pub fn content_value(content: &Content) -> Value {
    record(vec![
        ("text", text(&content.text)),
        ("speaker", words(&content.speaker)),
        ("caption", words(&content.caption)),
        ("session", words(&content.session)),
        ("source", words(&content.source)),
    ])
}

fn body_fields(body: &Body) -> Fields {
    match body {
        Body::TurnReceived(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("stream_index", Value::Long(body.stream_index as i64)),
            ("fingerprint", fixed(&body.fingerprint.0)),
            ("descriptive", descriptive(&body.descriptive)),
            ("governance", governance(&body.governance)),
            ("valid", validity(&body.valid)),
            ("content", sealed(&body.content)),
            half_life(&body.governance),
            pinned(&body.governance),
        ],
        Body::MemoryRecorded(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("kind", text(body.kind.word())),
            ("fingerprint", fixed(&body.fingerprint.0)),
            ("descriptive", descriptive(&body.descriptive)),
            ("governance", governance(&body.governance)),
            ("valid", validity(&body.valid)),
            ("sources", versions(&body.sources)),
            ("content", sealed(&body.content)),
            half_life(&body.governance),
            pinned(&body.governance),
        ],
        Body::MemoryRevised(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("expected", Value::Long(body.expected.into())),
            ("fingerprint", fixed(&body.fingerprint.0)),
            ("valid", validity(&body.valid)),
            ("content", sealed(&body.content)),
        ],
        Body::MemoryMerged(body) => vec![
            ("into", fixed(body.into.as_bytes())),
            ("expected", Value::Long(body.expected.into())),
            ("sources", versions(&body.sources)),
            ("fingerprint", fixed(&body.fingerprint.0)),
            ("valid", validity(&body.valid)),
            ("content", sealed(&body.content)),
        ],
        Body::MemoryRelated(body) => vec![
            ("from", fixed(body.from.as_bytes())),
            ("to", fixed(body.to.as_bytes())),
            ("relation", text(body.relation.word())),
            ("weight", Value::Float(body.weight)),
            ("withdrawn", Value::Boolean(body.withdrawn)),
        ],
        Body::MemoryMoved(body) => {
            vec![("memory", fixed(body.memory.as_bytes())), ("to", text(body.to.word())), ("reason", words(&body.reason))]
        }
        Body::MemoryTagged(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("add", texts(body.add.iter().map(Tag::as_str))),
            ("remove", texts(body.remove.iter().map(Tag::as_str))),
        ],
        Body::MemoryExpired(body) => vec![("memory", fixed(body.memory.as_bytes())), ("reason", words(&body.reason))],
        Body::ConflictResolved(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("expected", Value::Long(body.expected.into())),
            ("winner", Value::Long(body.winner.into())),
            ("reason", words(&body.reason)),
        ],
        Body::CubeCreated(body) => vec![
            ("owner", text(body.owner.as_str())),
            ("visibility", text(body.visibility.word())),
            ("auditable", Value::Boolean(body.auditable)),
        ],
        Body::CubeGranted(body) => {
            vec![("principal", text(body.principal.as_str())), ("right", text(body.right.word()))]
        }
        Body::CubeRevoked(body) => vec![("principal", text(body.principal.as_str()))],
        Body::PolicySet(body) => vec![("name", text(body.name.as_str())), ("document", text(&body.document))],
        Body::CubeImported(body) => vec![
            ("format", text(body.format.as_str())),
            ("received", Value::Long(body.received as i64)),
            ("duplicates", Value::Long(body.duplicates as i64)),
            ("refused", Value::Long(body.refused as i64)),
        ],
        Body::ExtractionRecorded(body) => vec![
            ("extractor", text(body.extractor.as_str())),
            ("sources", versions(&body.sources)),
            ("tokens_in", Value::Long(body.tokens_in as i64)),
            ("tokens_out", Value::Long(body.tokens_out as i64)),
            ("output", sealed(&body.output)),
        ],
        Body::HoldPlaced(body) => vec![
            ("hold", fixed(body.hold.as_bytes())),
            ("memory", maybe(body.memory.map(|memory| fixed(memory.as_bytes())))),
            ("reason", words(&body.reason)),
        ],
        Body::HoldLifted(body) => vec![("hold", fixed(body.hold.as_bytes())), ("reason", words(&body.reason))],
        Body::ErasureRequested(body) => vec![
            ("erasure", fixed(body.erasure.as_bytes())),
            ("subject", text(body.subject.as_str())),
            ("reason", words(&body.reason)),
        ],
        Body::ErasureCompleted(body) => vec![
            ("erasure", fixed(body.erasure.as_bytes())),
            ("subject", text(body.subject.as_str())),
            ("left", texts(body.left.iter().map(String::as_str))),
        ],
        Body::DeadLetterHandled(body) => vec![
            ("partition", Value::Long(body.position.partition.into())),
            ("offset", Value::Long(body.position.offset as i64)),
            ("action", text(body.action.word())),
            ("reason", words(&body.reason)),
        ],
        Body::JobRun(body) => vec![
            ("job", text(body.job.as_str())),
            ("started_at", time(body.started_at)),
            ("ended_at", time(body.ended_at)),
            ("outcome", text(body.outcome.word())),
            ("report", text(&body.report)),
        ],
        Body::MemoryGoverned(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("sensitivity", maybe(body.sensitivity.map(|word| text(word.word())))),
            ("trust", maybe(body.trust.map(|word| text(word.word())))),
            ("priority", maybe(body.priority.map(Value::Int))),
            ("lifespan", maybe(body.lifespan.map(|lifespan| record(ends(lifespan))))),
            ("pinned", maybe(body.pinned.map(Value::Boolean))),
            ("reason", words(&body.reason)),
        ],
        Body::ConflictNoted(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("version", Value::Long(body.version.into())),
            ("against", version(&body.against)),
            ("confidence", Value::Float(body.confidence)),
            ("detector", text(body.detector.as_str())),
            ("verdict", words(&body.verdict.as_ref().map(ToString::to_string))),
            ("reason", words(&body.reason)),
        ],
        Body::BeliefResolved(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("version", Value::Long(body.version.into())),
            ("over", versions(&body.over)),
            ("outcome", text(body.outcome.word())),
            ("since", maybe(body.since.map(time))),
            ("confidence", Value::Float(body.confidence)),
            ("decider", text(body.decider.as_str())),
            ("verdict", words(&body.verdict.as_ref().map(ToString::to_string))),
            ("reason", words(&body.reason)),
        ],
        Body::TierChanged(body) => vec![
            ("memory", fixed(body.memory.as_bytes())),
            ("version", Value::Long(body.version.into())),
            ("from", text(body.from.word())),
            ("to", text(body.to.word())),
            ("carrier", maybe(body.carrier.map(|carrier| fixed(carrier.as_bytes())))),
            ("grounds", grounds(&body.grounds)),
            ("reason", words(&body.reason)),
        ],
        Body::BlockBuilt(body) => vec![
            ("block", fixed(body.block.as_bytes())),
            ("sources", versions(&body.sources)),
            ("subjects", texts(body.subjects.iter().map(SubjectId::as_str))),
            ("model", text(&body.model)),
            ("setting", fixed(&body.setting.0)),
            ("tokens", Value::Long(body.tokens as i64)),
            ("bytes", Value::Long(body.bytes as i64)),
            ("checksum", fixed(&body.checksum.0)),
            ("grounds", grounds(&body.grounds)),
            ("reason", words(&body.reason)),
        ],
        Body::BlockDropped(body) => vec![
            ("block", fixed(body.block.as_bytes())),
            ("cause", text(body.cause.word())),
            ("grounds", grounds(&body.grounds)),
            ("reason", words(&body.reason)),
        ],
        Body::ModuleProposed(body) => vec![
            ("module", fixed(body.module.as_bytes())),
            ("name", text(body.name.as_str())),
            ("sources", versions(&body.sources)),
            ("grounds", grounds(&body.grounds)),
            ("reason", words(&body.reason)),
        ],
        Body::ModuleTrained(body) => vec![
            ("module", fixed(body.module.as_bytes())),
            ("name", text(body.name.as_str())),
            ("parents", Value::Array(body.parents.iter().map(|parent| fixed(parent.as_bytes())).collect())),
            ("sources", versions(&body.sources)),
            ("subjects", texts(body.subjects.iter().map(SubjectId::as_str))),
            ("base", text(&body.base)),
            ("base_digest", fixed(&body.base_digest.0)),
            ("tokenizer_digest", fixed(&body.tokenizer_digest.0)),
            ("data_digest", fixed(&body.data_digest.0)),
            ("artefact", fixed(&body.artefact.0)),
            ("seed", Value::Long(body.seed as i64)),
            ("code", text(&body.code)),
            ("settings", text(&body.settings)),
            ("report", text(&body.report)),
            ("reason", words(&body.reason)),
        ],
        Body::ModuleEvaluated(body) => vec![
            ("module", fixed(body.module.as_bytes())),
            ("passed", Value::Boolean(body.passed)),
            ("gates", Value::Array(body.gates.iter().map(gate).collect())),
            ("report", text(&body.report)),
            ("grounds", grounds(&body.grounds)),
            ("reason", words(&body.reason)),
        ],
        Body::ModulePublished(body) => vec![
            ("module", fixed(body.module.as_bytes())),
            ("artefact", fixed(&body.artefact.0)),
            ("bytes", Value::Long(body.bytes as i64)),
            ("reason", words(&body.reason)),
        ],
        Body::ModuleActivated(body) => vec![
            ("module", fixed(body.module.as_bytes())),
            ("replaces", maybe(body.replaces.map(|module| fixed(module.as_bytes())))),
            ("grounds", grounds(&body.grounds)),
            ("reason", words(&body.reason)),
        ],
        Body::ModuleRetired(body) => {
            vec![("module", fixed(body.module.as_bytes())), ("grounds", grounds(&body.grounds)), ("reason", words(&body.reason))]
        }
        Body::ModuleRolledBack(body) => vec![
            ("module", fixed(body.module.as_bytes())),
            ("to", maybe(body.to.map(|module| fixed(module.as_bytes())))),
            ("grounds", grounds(&body.grounds)),
            ("reason", words(&body.reason)),
        ],
    }
}

fn gate(gate: &Gate) -> Value {
    record(vec![
        ("name", text(gate.name.as_str())),
        ("value", Value::Float(gate.value)),
        ("threshold", maybe(gate.threshold.map(Value::Float))),
        ("passed", Value::Boolean(gate.passed)),
    ])
}

fn grounds(grounds: &Grounds) -> Value {
    let statistics = grounds.statistics.map(|statistics| {
        record(vec![
            ("as_of", time(statistics.as_of)),
            ("accesses", Value::Long(statistics.accesses as i64)),
            ("principals", Value::Long(statistics.principals as i64)),
            ("sessions", Value::Long(statistics.sessions as i64)),
            ("heat", Value::Float(statistics.heat)),
            ("quantile", Value::Float(statistics.quantile)),
            ("stable_s", Value::Long(statistics.stable_s as i64)),
            ("tokens_saved", Value::Long(statistics.tokens_saved as i64)),
        ])
    });
    record(vec![
        ("policy", words(&grounds.policy.as_ref().map(ToString::to_string))),
        ("policy_event", maybe(grounds.policy_event.map(|event| fixed(event.as_bytes())))),
        ("statistics", maybe(statistics)),
    ])
}

/// A lifespan as its two nullable fields.
fn ends(lifespan: Lifespan) -> Fields {
    let (keep_until, half_life_s) = match lifespan {
        Lifespan::Keep => (None, None),
        Lifespan::Until(until) => (Some(time(until)), None),
        Lifespan::Decay { half_life_s } => (None, Some(Value::Long(half_life_s as i64))),
    };
    vec![("keep_until", maybe(keep_until)), ("half_life_s", maybe(half_life_s))]
}

fn record(fields: Fields) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn fixed(bytes: &[u8]) -> Value {
    Value::Fixed(bytes.len(), bytes.to_vec())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn words(text: &Option<String>) -> Value {
    maybe(text.clone().map(Value::String))
}

fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    Value::Array(texts.map(text).collect())
}

fn time(time: Timestamp) -> Value {
    Value::TimestampMicros(time.micros())
}

fn maybe(value: Option<Value>) -> Value {
    match value {
        None => Value::Union(0, Box::new(Value::Null)),
        Some(value) => Value::Union(1, Box::new(value)),
    }
}

fn versions(versions: &[VersionRef]) -> Value {
    Value::Array(versions.iter().map(version).collect())
}

fn version(version: &VersionRef) -> Value {
    record(vec![("memory", fixed(version.memory.as_bytes())), ("version", Value::Long(version.version.into()))])
}

fn descriptive(descriptive: &Descriptive) -> Value {
    record(vec![
        ("semantic", text(descriptive.semantic.word())),
        ("path", words(&descriptive.path.as_ref().map(ToString::to_string))),
        ("tags", texts(descriptive.tags.iter().map(Tag::as_str))),
    ])
}

fn governance(governance: &Governance) -> Value {
    let mut fields = vec![
        ("sensitivity", text(governance.sensitivity.word())),
        ("trust", text(governance.trust.word())),
        ("priority", Value::Int(governance.priority)),
        ("watermark", words(&governance.watermark.as_ref().map(ToString::to_string))),
    ];
    fields.extend(ends(governance.lifespan).into_iter().take(1));
    record(fields)
}

fn half_life(governance: &Governance) -> (&'static str, Value) {
    ends(governance.lifespan).swap_remove(1)
}

fn pinned(governance: &Governance) -> (&'static str, Value) {
    ("pinned", maybe(governance.pinned.then_some(Value::Boolean(true))))
}

fn validity(valid: &Validity) -> Value {
    record(vec![("from", time(valid.from)), ("to", maybe(valid.to.map(time)))])
}

fn sealed(sealed: &Sealed) -> Value {
    record(vec![
        ("subject", text(sealed.subject.as_str())),
        ("key", Value::Long(sealed.key.into())),
        ("nonce", fixed(&sealed.nonce)),
        ("ciphertext", Value::Bytes(sealed.ciphertext.clone())),
    ])
}
