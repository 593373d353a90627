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
    }
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
    let one = |version: &VersionRef| {
        record(vec![("memory", fixed(version.memory.as_bytes())), ("version", Value::Long(version.version.into()))])
    };
    Value::Array(versions.iter().map(one).collect())
}

fn descriptive(descriptive: &Descriptive) -> Value {
    record(vec![
        ("semantic", text(descriptive.semantic.word())),
        ("path", words(&descriptive.path.as_ref().map(ToString::to_string))),
        ("tags", texts(descriptive.tags.iter().map(Tag::as_str))),
    ])
}

fn governance(governance: &Governance) -> Value {
    let keep_until = match governance.lifespan {
        Lifespan::Keep => None,
        Lifespan::Until(until) => Some(time(until)),
    };
    record(vec![
        ("sensitivity", text(governance.sensitivity.word())),
        ("trust", text(governance.trust.word())),
        ("priority", Value::Int(governance.priority)),
        ("keep_until", maybe(keep_until)),
        ("watermark", words(&governance.watermark.as_ref().map(ToString::to_string))),
    ])
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
