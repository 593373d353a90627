//! Bodies about the form that memories are served in: tier changed, block built, block dropped.

use cubelog_memory::{BlockBuilt, BlockDropped, BlockId, DropCause, TierChanged};

use super::bodies::Record;
use super::parts::{
    read_digest, read_grounds, read_kind, read_memory, read_subjects, read_versions, write_grounds, write_subjects,
    write_versions,
};
use super::{Reader, Writer};
use crate::error::{DecodeError, EncodeError};

fn read_block(reader: &mut Reader<'_>) -> Result<BlockId, DecodeError> {
    reader.fixed("block").map(BlockId::from_bytes)
}

impl Record for TierChanged {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.memory.as_bytes());
        writer.long(i64::from(self.version));
        writer.string(self.from.word());
        writer.string(self.to.word());
        writer.option(self.carrier.as_ref(), |writer, carrier| writer.fixed(carrier.as_bytes()));
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            memory: read_memory(reader, "memory")?,
            version: reader.number("version")?,
            from: read_kind(reader, "from")?,
            to: read_kind(reader, "to")?,
            carrier: reader.option("carrier", read_memory)?,
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for BlockBuilt {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.block.as_bytes());
        write_versions(writer, &self.sources);
        write_subjects(writer, &self.subjects);
        writer.string(&self.model);
        writer.fixed(&self.setting.0);
        writer.unsigned("tokens", self.tokens)?;
        writer.unsigned("bytes", self.bytes)?;
        writer.fixed(&self.checksum.0);
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block: read_block(reader)?,
            sources: read_versions(reader, "sources")?,
            subjects: read_subjects(reader)?,
            model: reader.string("model")?.to_owned(),
            setting: read_digest(reader, "setting")?,
            tokens: reader.number("tokens")?,
            bytes: reader.number("bytes")?,
            checksum: read_digest(reader, "checksum")?,
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for BlockDropped {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.block.as_bytes());
        writer.string(self.cause.word());
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            block: read_block(reader)?,
            cause: reader.word("cause", DropCause::from_word)?,
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}
