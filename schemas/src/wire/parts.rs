//! Records that stand inside several bodies: sealed content, references, metadata.

use std::collections::BTreeSet;

use cubelog_memory::{
    Descriptive, Digest, EventId, Fingerprint, Governance, Grounds, Kind, Lifespan, MemoryId, Path, Sealed, SemanticType,
    Sensitivity, Statistics, SubjectId, Tag, Timestamp, Trust, Validity, VersionRef,
};

use super::{Reader, Writer};
use crate::error::{DecodeError, EncodeError};

pub(super) fn write_sealed(writer: &mut Writer<'_>, sealed: &Sealed) {
    writer.string(sealed.subject.as_str());
    writer.long(i64::from(sealed.key));
    writer.fixed(&sealed.nonce);
    writer.bytes(&sealed.ciphertext);
}

pub(super) fn read_sealed(reader: &mut Reader<'_>) -> Result<Sealed, DecodeError> {
    Ok(Sealed {
        subject: reader.name("subject", SubjectId::new)?,
        key: reader.number("key")?,
        nonce: reader.fixed("nonce")?,
        ciphertext: reader.bytes("ciphertext")?.to_vec(),
    })
}

pub(super) fn write_versions(writer: &mut Writer<'_>, versions: &[VersionRef]) {
    writer.array(versions.iter(), |writer, version| {
        writer.fixed(version.memory.as_bytes());
        writer.long(i64::from(version.version));
    });
}

pub(super) fn read_versions(reader: &mut Reader<'_>, field: &'static str) -> Result<Vec<VersionRef>, DecodeError> {
    reader.array(field, |reader| Ok(VersionRef { memory: read_memory(reader, field)?, version: reader.number(field)? }))
}

pub(super) fn read_memory(reader: &mut Reader<'_>, field: &'static str) -> Result<MemoryId, DecodeError> {
    reader.fixed(field).map(MemoryId::from_bytes)
}

pub(super) fn read_time(reader: &mut Reader<'_>, field: &'static str) -> Result<Timestamp, DecodeError> {
    reader.long(field).map(Timestamp)
}

pub(super) fn read_fingerprint(reader: &mut Reader<'_>) -> Result<Fingerprint, DecodeError> {
    reader.fixed("fingerprint").map(Fingerprint)
}

pub(super) fn write_validity(writer: &mut Writer<'_>, valid: &Validity) {
    writer.long(valid.from.micros());
    writer.option(valid.to, |writer, to| writer.long(to.micros()));
}

pub(super) fn read_validity(reader: &mut Reader<'_>) -> Result<Validity, DecodeError> {
    Ok(Validity { from: read_time(reader, "valid.from")?, to: reader.option("valid.to", read_time)? })
}

pub(super) fn write_tags<'t>(writer: &mut Writer<'_>, tags: impl ExactSizeIterator<Item = &'t Tag>) {
    writer.array(tags, |writer, tag| writer.string(tag.as_str()));
}

pub(super) fn read_tag(reader: &mut Reader<'_>, field: &'static str) -> Result<Tag, DecodeError> {
    reader.name(field, Tag::new)
}

pub(super) fn write_descriptive(writer: &mut Writer<'_>, descriptive: &Descriptive) {
    writer.string(descriptive.semantic.word());
    writer.option(descriptive.path.as_ref(), |writer, path| writer.string(&path.to_string()));
    write_tags(writer, descriptive.tags.iter());
}

pub(super) fn read_descriptive(reader: &mut Reader<'_>) -> Result<Descriptive, DecodeError> {
    Ok(Descriptive {
        semantic: reader.word("semantic", SemanticType::from_word)?,
        path: reader.option("path", |reader, field| {
            Path::parse(reader.string(field)?).map_err(|reason| DecodeError::Path { field, reason })
        })?,
        tags: reader.array("tags", |reader| read_tag(reader, "tags"))?,
    })
}

/// The governance of the first release. What was added since follows at the end of the body: see [`write_terms`].
pub(super) fn write_governance(writer: &mut Writer<'_>, governance: &Governance) {
    writer.string(governance.sensitivity.word());
    writer.string(governance.trust.word());
    writer.long(i64::from(governance.priority));
    let keep_until = match governance.lifespan {
        Lifespan::Until(until) => Some(until),
        Lifespan::Keep | Lifespan::Decay { .. } => None,
    };
    writer.option(keep_until, |writer, until| writer.long(until.micros()));
    writer.option_string(governance.watermark.as_ref().map(Tag::as_str));
}

pub(super) fn read_governance(reader: &mut Reader<'_>) -> Result<Governance, DecodeError> {
    Ok(Governance {
        sensitivity: reader.word("sensitivity", Sensitivity::from_word)?,
        trust: reader.word("trust", Trust::from_word)?,
        priority: reader.number("priority")?,
        lifespan: reader.option("keep_until", read_time)?.map_or(Lifespan::Keep, Lifespan::Until),
        watermark: reader.option("watermark", read_tag)?,
        pinned: false,
    })
}

/// What the record `Governance` does not hold.
pub(super) fn write_terms(writer: &mut Writer<'_>, governance: &Governance) -> Result<(), EncodeError> {
    let (_, half_life_s) = ends(governance.lifespan)?;
    writer.option(half_life_s, Writer::long);
    writer.option(governance.pinned.then_some(true), Writer::boolean);
    Ok(())
}

pub(super) fn read_terms(reader: &mut Reader<'_>, governance: &mut Governance) -> Result<(), DecodeError> {
    let keep_until = match governance.lifespan {
        Lifespan::Until(until) => Some(until),
        Lifespan::Keep | Lifespan::Decay { .. } => None,
    };
    governance.lifespan = lifespan(keep_until, reader.option("half_life_s", Reader::long)?)?;
    governance.pinned = reader.option("pinned", Reader::boolean)?.unwrap_or(false);
    Ok(())
}

/// A lifespan as two nullable numbers: the instant at which it ends, and the seconds in which it decays by half.
fn ends(lifespan: Lifespan) -> Result<(Option<i64>, Option<i64>), EncodeError> {
    let seconds = |value| i64::try_from(value).map_err(|_| EncodeError::Range { field: "half_life_s", value });
    Ok(match lifespan {
        Lifespan::Keep => (None, None),
        Lifespan::Until(end) => (Some(end.micros()), None),
        Lifespan::Decay { half_life_s } => (None, Some(seconds(half_life_s)?)),
    })
}

fn lifespan(keep_until: Option<Timestamp>, half_life_s: Option<i64>) -> Result<Lifespan, DecodeError> {
    match (keep_until, half_life_s) {
        (None, None) => Ok(Lifespan::Keep),
        (Some(end), None) => Ok(Lifespan::Until(end)),
        (None, Some(value)) => match u64::try_from(value) {
            Ok(half_life_s) => Ok(Lifespan::Decay { half_life_s }),
            Err(_) => Err(DecodeError::Range { field: "half_life_s", value }),
        },
        (Some(_), Some(value)) => Err(DecodeError::Range { field: "half_life_s beside keep_until", value }),
    }
}

pub(super) fn write_lifespan(writer: &mut Writer<'_>, lifespan: Lifespan) -> Result<(), EncodeError> {
    let (keep_until, half_life_s) = ends(lifespan)?;
    writer.option(keep_until, Writer::long);
    writer.option(half_life_s, Writer::long);
    Ok(())
}

pub(super) fn read_lifespan(reader: &mut Reader<'_>) -> Result<Lifespan, DecodeError> {
    let keep_until = reader.option("keep_until", read_time)?;
    lifespan(keep_until, reader.option("half_life_s", Reader::long)?)
}

pub(super) fn read_digest(reader: &mut Reader<'_>, field: &'static str) -> Result<Digest, DecodeError> {
    reader.fixed(field).map(Digest)
}

pub(super) fn write_subjects(writer: &mut Writer<'_>, subjects: &BTreeSet<SubjectId>) {
    writer.array(subjects.iter(), |writer, subject| writer.string(subject.as_str()));
}

pub(super) fn read_subjects(reader: &mut Reader<'_>) -> Result<BTreeSet<SubjectId>, DecodeError> {
    reader.array("subjects", |reader| reader.name("subjects", SubjectId::new))
}

pub(super) fn read_kind(reader: &mut Reader<'_>, field: &'static str) -> Result<Kind, DecodeError> {
    reader.word(field, Kind::from_word)
}

/// A finite number; what is none is refused in both directions, so that nothing that we write is refused when it is read.
pub(super) fn write_finite(writer: &mut Writer<'_>, field: &'static str, value: f32) -> Result<(), EncodeError> {
    if !value.is_finite() {
        return Err(EncodeError::NotFinite { field, value });
    }
    writer.float(value);
    Ok(())
}

pub(super) fn read_finite(reader: &mut Reader<'_>, field: &'static str) -> Result<f32, DecodeError> {
    let value = reader.float(field)?;
    if value.is_finite() { Ok(value) } else { Err(DecodeError::NotFinite { field, value }) }
}

pub(super) fn write_grounds(writer: &mut Writer<'_>, grounds: &Grounds) -> Result<(), EncodeError> {
    writer.option_string(grounds.policy.as_ref().map(Tag::as_str));
    writer.option(grounds.policy_event.as_ref(), |writer, event| writer.fixed(event.as_bytes()));
    let Some(statistics) = &grounds.statistics else {
        writer.long(0);
        return Ok(());
    };
    writer.long(1);
    writer.long(statistics.as_of.micros());
    writer.unsigned("accesses", statistics.accesses)?;
    writer.unsigned("principals", statistics.principals)?;
    writer.unsigned("sessions", statistics.sessions)?;
    write_finite(writer, "heat", statistics.heat)?;
    write_finite(writer, "quantile", statistics.quantile)?;
    writer.unsigned("stable_s", statistics.stable_s)?;
    writer.unsigned("tokens_saved", statistics.tokens_saved)
}

pub(super) fn read_grounds(reader: &mut Reader<'_>) -> Result<Grounds, DecodeError> {
    Ok(Grounds {
        policy: reader.option("policy", read_tag)?,
        policy_event: reader.option("policy_event", |reader, field| reader.fixed(field).map(EventId::from_bytes))?,
        statistics: reader.option("statistics", |reader, _| {
            Ok(Statistics {
                as_of: read_time(reader, "as_of")?,
                accesses: reader.number("accesses")?,
                principals: reader.number("principals")?,
                sessions: reader.number("sessions")?,
                heat: read_finite(reader, "heat")?,
                quantile: read_finite(reader, "quantile")?,
                stable_s: reader.number("stable_s")?,
                tokens_saved: reader.number("tokens_saved")?,
            })
        })?,
    })
}
