//! Bodies about everything beside single memories: cubes, extraction, holds, erasure, dead letters, jobs.

use cubelog_memory::{
    CubeCreated, CubeGranted, CubeImported, CubeRevoked, DeadLetterAction, DeadLetterHandled, ErasureCompleted, ErasureId,
    ErasureRequested, ExtractionRecorded, HoldId, HoldLifted, HoldPlaced, JobOutcome, JobRun, PolicySet, Position, PrincipalId,
    Right, SubjectId, Visibility,
};

use super::bodies::Record;
use super::parts::{read_memory, read_sealed, read_tag, read_time, read_versions, write_sealed, write_versions};
use super::{Reader, Writer};
use crate::error::{DecodeError, EncodeError};

impl Record for CubeCreated {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.owner.as_str());
        writer.string(self.visibility.word());
        writer.boolean(self.auditable);
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            owner: reader.name("owner", PrincipalId::new)?,
            visibility: reader.word("visibility", Visibility::from_word)?,
            auditable: reader.boolean("auditable")?,
        })
    }
}

impl Record for CubeGranted {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.principal.as_str());
        writer.string(self.right.word());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { principal: reader.name("principal", PrincipalId::new)?, right: reader.word("right", Right::from_word)? })
    }
}

impl Record for CubeRevoked {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.principal.as_str());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { principal: reader.name("principal", PrincipalId::new)? })
    }
}

impl Record for PolicySet {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.name.as_str());
        writer.string(&self.document);
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { name: read_tag(reader, "name")?, document: reader.string("document")?.to_owned() })
    }
}

impl Record for CubeImported {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.format.as_str());
        writer.unsigned("received", self.received)?;
        writer.unsigned("duplicates", self.duplicates)?;
        writer.unsigned("refused", self.refused)
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            format: read_tag(reader, "format")?,
            received: reader.number("received")?,
            duplicates: reader.number("duplicates")?,
            refused: reader.number("refused")?,
        })
    }
}

impl Record for ExtractionRecorded {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.extractor.as_str());
        write_versions(writer, &self.sources);
        writer.unsigned("tokens_in", self.tokens_in)?;
        writer.unsigned("tokens_out", self.tokens_out)?;
        write_sealed(writer, &self.output);
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            extractor: read_tag(reader, "extractor")?,
            sources: read_versions(reader, "sources")?,
            tokens_in: reader.number("tokens_in")?,
            tokens_out: reader.number("tokens_out")?,
            output: read_sealed(reader)?,
        })
    }
}

impl Record for HoldPlaced {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.hold.as_bytes());
        writer.option(self.memory.as_ref(), |writer, memory| writer.fixed(memory.as_bytes()));
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            hold: reader.fixed("hold").map(HoldId::from_bytes)?,
            memory: reader.option("memory", read_memory)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for HoldLifted {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.hold.as_bytes());
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { hold: reader.fixed("hold").map(HoldId::from_bytes)?, reason: reader.option_string("reason")? })
    }
}

impl Record for ErasureRequested {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.erasure.as_bytes());
        writer.string(self.subject.as_str());
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            erasure: reader.fixed("erasure").map(ErasureId::from_bytes)?,
            subject: reader.name("subject", SubjectId::new)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for ErasureCompleted {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.erasure.as_bytes());
        writer.string(self.subject.as_str());
        writer.array(self.left.iter(), |writer, left| writer.string(left));
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            erasure: reader.fixed("erasure").map(ErasureId::from_bytes)?,
            subject: reader.name("subject", SubjectId::new)?,
            left: reader.array("left", |reader| reader.string("left").map(str::to_owned))?,
        })
    }
}

impl Record for DeadLetterHandled {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.long(i64::from(self.position.partition));
        writer.unsigned("offset", self.position.offset)?;
        writer.string(self.action.word());
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            position: Position { partition: reader.number("partition")?, offset: reader.number("offset")? },
            action: reader.word("action", DeadLetterAction::from_word)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for JobRun {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.string(self.job.as_str());
        writer.long(self.started_at.micros());
        writer.long(self.ended_at.micros());
        writer.string(self.outcome.word());
        writer.string(&self.report);
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            job: read_tag(reader, "job")?,
            started_at: read_time(reader, "started_at")?,
            ended_at: read_time(reader, "ended_at")?,
            outcome: reader.word("outcome", JobOutcome::from_word)?,
            report: reader.string("report")?.to_owned(),
        })
    }
}
