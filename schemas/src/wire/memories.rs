//! Bodies about memories: received, recorded, revised, merged, related, moved, tagged, governed, expired, doubted, settled.

use cubelog_memory::{
    BeliefOutcome, BeliefResolved, ConflictNoted, ConflictResolved, Kind, Lifecycle, MemoryExpired, MemoryGoverned, MemoryMerged,
    MemoryMoved, MemoryRecorded, MemoryRelated, MemoryRevised, MemoryTagged, Relation, Sensitivity, Tag, Trust, TurnReceived,
    VersionRef,
};

use super::bodies::Record;
use super::parts::{
    read_descriptive, read_fingerprint, read_finite, read_governance, read_lifespan, read_memory, read_sealed, read_tag,
    read_terms, read_time, read_validity, read_versions, write_descriptive, write_finite, write_governance, write_lifespan,
    write_sealed, write_tags, write_terms, write_validity, write_versions,
};
use super::{Reader, Writer};
use crate::error::{DecodeError, EncodeError};

impl Record for TurnReceived {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.unsigned("stream_index", self.stream_index)?;
        writer.fixed(&self.fingerprint.0);
        write_descriptive(writer, &self.descriptive);
        write_governance(writer, &self.governance);
        write_validity(writer, &self.valid);
        write_sealed(writer, &self.content);
        write_terms(writer, &self.governance)
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut body = Self {
            memory: read_memory(reader, "memory")?,
            stream_index: reader.number("stream_index")?,
            fingerprint: read_fingerprint(reader)?,
            descriptive: read_descriptive(reader)?,
            governance: read_governance(reader)?,
            valid: read_validity(reader)?,
            content: read_sealed(reader)?,
        };
        read_terms(reader, &mut body.governance)?;
        Ok(body)
    }
}

impl Record for MemoryRecorded {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.string(self.kind.word());
        writer.fixed(&self.fingerprint.0);
        write_descriptive(writer, &self.descriptive);
        write_governance(writer, &self.governance);
        write_validity(writer, &self.valid);
        write_versions(writer, &self.sources);
        write_sealed(writer, &self.content);
        write_terms(writer, &self.governance)
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut body = Self {
            memory: read_memory(reader, "memory")?,
            kind: reader.word("kind", Kind::from_word)?,
            fingerprint: read_fingerprint(reader)?,
            descriptive: read_descriptive(reader)?,
            governance: read_governance(reader)?,
            valid: read_validity(reader)?,
            sources: read_versions(reader, "sources")?,
            content: read_sealed(reader)?,
        };
        read_terms(reader, &mut body.governance)?;
        Ok(body)
    }
}

impl Record for MemoryRevised {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.long(i64::from(self.expected));
        writer.fixed(&self.fingerprint.0);
        write_validity(writer, &self.valid);
        write_sealed(writer, &self.content);
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            expected: reader.number("expected")?,
            fingerprint: read_fingerprint(reader)?,
            valid: read_validity(reader)?,
            content: read_sealed(reader)?,
        })
    }
}

impl Record for MemoryMerged {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.into.as_bytes());
        writer.long(i64::from(self.expected));
        write_versions(writer, &self.sources);
        writer.fixed(&self.fingerprint.0);
        write_validity(writer, &self.valid);
        write_sealed(writer, &self.content);
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            into: read_memory(reader, "into")?,
            expected: reader.number("expected")?,
            sources: read_versions(reader, "sources")?,
            fingerprint: read_fingerprint(reader)?,
            valid: read_validity(reader)?,
            content: read_sealed(reader)?,
        })
    }
}

impl Record for MemoryRelated {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        // Not a number is in no range, so it is refused here too, and nothing that we write is refused when it is read.
        if !(0.0..=1.0).contains(&self.weight) {
            return Err(EncodeError::Weight { weight: self.weight });
        }
        writer.fixed(self.from.as_bytes());
        writer.fixed(self.to.as_bytes());
        writer.string(self.relation.word());
        writer.float(self.weight);
        writer.boolean(self.withdrawn);
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let body = Self {
            from: read_memory(reader, "from")?,
            to: read_memory(reader, "to")?,
            relation: reader.word("relation", Relation::from_word)?,
            weight: reader.float("weight")?,
            withdrawn: reader.boolean("withdrawn")?,
        };
        if (0.0..=1.0).contains(&body.weight) { Ok(body) } else { Err(DecodeError::Weight { weight: body.weight }) }
    }
}

impl Record for MemoryMoved {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.string(self.to.word());
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            to: reader.word("to", Lifecycle::from_word)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for MemoryTagged {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        write_tags(writer, self.add.iter());
        write_tags(writer, self.remove.iter());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            add: reader.array("add", |reader| read_tag(reader, "add"))?,
            remove: reader.array("remove", |reader| read_tag(reader, "remove"))?,
        })
    }
}

impl Record for MemoryExpired {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { memory: read_memory(reader, "memory")?, reason: reader.option_string("reason")? })
    }
}

impl Record for ConflictResolved {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.long(i64::from(self.expected));
        writer.long(i64::from(self.winner));
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            expected: reader.number("expected")?,
            winner: reader.number("winner")?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for MemoryGoverned {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.option_string(self.sensitivity.map(Sensitivity::word));
        writer.option_string(self.trust.map(Trust::word));
        writer.option(self.priority, |writer, priority| writer.long(i64::from(priority)));
        match self.lifespan {
            None => writer.long(0),
            Some(lifespan) => {
                writer.long(1);
                write_lifespan(writer, lifespan)?;
            }
        }
        writer.option(self.pinned, Writer::boolean);
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            sensitivity: reader.option("sensitivity", |reader, field| reader.word(field, Sensitivity::from_word))?,
            trust: reader.option("trust", |reader, field| reader.word(field, Trust::from_word))?,
            priority: reader.option("priority", Reader::number)?,
            lifespan: reader.option("lifespan", |reader, _| read_lifespan(reader))?,
            pinned: reader.option("pinned", Reader::boolean)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for ConflictNoted {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.long(i64::from(self.version));
        writer.fixed(self.against.memory.as_bytes());
        writer.long(i64::from(self.against.version));
        write_finite(writer, "confidence", self.confidence)?;
        writer.string(self.detector.as_str());
        writer.option_string(self.verdict.as_ref().map(Tag::as_str));
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            version: reader.number("version")?,
            against: VersionRef { memory: read_memory(reader, "against")?, version: reader.number("against")? },
            confidence: read_finite(reader, "confidence")?,
            detector: read_tag(reader, "detector")?,
            verdict: reader.option("verdict", read_tag)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for BeliefResolved {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.long(i64::from(self.version));
        write_versions(writer, &self.over);
        writer.string(self.outcome.word());
        writer.option(self.since, |writer, since| writer.long(since.micros()));
        write_finite(writer, "confidence", self.confidence)?;
        writer.string(self.decider.as_str());
        writer.option_string(self.verdict.as_ref().map(Tag::as_str));
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            version: reader.number("version")?,
            over: read_versions(reader, "over")?,
            outcome: reader.word("outcome", BeliefOutcome::from_word)?,
            since: reader.option("since", read_time)?,
            confidence: read_finite(reader, "confidence")?,
            decider: read_tag(reader, "decider")?,
            verdict: reader.option("verdict", read_tag)?,
            reason: reader.option_string("reason")?,
        })
    }
}
