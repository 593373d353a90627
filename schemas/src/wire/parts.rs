//! Records that stand inside several bodies: sealed content, references, metadata.

use cubelog_memory::{
    Descriptive, Fingerprint, Governance, Lifespan, MemoryId, Path, Sealed, SemanticType, Sensitivity, SubjectId, Tag, Timestamp,
    Trust, Validity, VersionRef,
};

use super::{Reader, Writer};
use crate::error::DecodeError;

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

pub(super) fn write_governance(writer: &mut Writer<'_>, governance: &Governance) {
    writer.string(governance.sensitivity.word());
    writer.string(governance.trust.word());
    writer.long(i64::from(governance.priority));
    let keep_until = match governance.lifespan {
        Lifespan::Keep => None,
        Lifespan::Until(until) => Some(until),
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
    })
}
