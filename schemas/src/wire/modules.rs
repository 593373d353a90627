//! Bodies about modules: proposed, trained, evaluated, published, activated, retired, rolled back.

use cubelog_memory::{
    Gate, ModuleActivated, ModuleEvaluated, ModuleId, ModuleProposed, ModulePublished, ModuleRetired, ModuleRolledBack,
    ModuleTrained,
};

use super::bodies::Record;
use super::parts::{
    read_digest, read_finite, read_grounds, read_subjects, read_tag, read_versions, write_finite, write_grounds, write_subjects,
    write_versions,
};
use super::{Reader, Writer};
use crate::error::{DecodeError, EncodeError};

fn read_module(reader: &mut Reader<'_>, field: &'static str) -> Result<ModuleId, DecodeError> {
    reader.fixed(field).map(ModuleId::from_bytes)
}

fn write_other(writer: &mut Writer<'_>, module: Option<&ModuleId>) {
    writer.option(module, |writer, module| writer.fixed(module.as_bytes()));
}

impl Record for ModuleProposed {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.module.as_bytes());
        writer.string(self.name.as_str());
        write_versions(writer, &self.sources);
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            module: read_module(reader, "module")?,
            name: read_tag(reader, "name")?,
            sources: read_versions(reader, "sources")?,
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for ModuleTrained {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.module.as_bytes());
        writer.string(self.name.as_str());
        writer.array(self.parents.iter(), |writer, parent| writer.fixed(parent.as_bytes()));
        write_versions(writer, &self.sources);
        write_subjects(writer, &self.subjects);
        writer.string(&self.base);
        writer.fixed(&self.base_digest.0);
        writer.fixed(&self.tokenizer_digest.0);
        writer.fixed(&self.data_digest.0);
        writer.fixed(&self.artefact.0);
        writer.unsigned("seed", self.seed)?;
        writer.string(&self.code);
        writer.string(&self.settings);
        writer.string(&self.report);
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            module: read_module(reader, "module")?,
            name: read_tag(reader, "name")?,
            parents: reader.array("parents", |reader| read_module(reader, "parents"))?,
            sources: read_versions(reader, "sources")?,
            subjects: read_subjects(reader)?,
            base: reader.string("base")?.to_owned(),
            base_digest: read_digest(reader, "base_digest")?,
            tokenizer_digest: read_digest(reader, "tokenizer_digest")?,
            data_digest: read_digest(reader, "data_digest")?,
            artefact: read_digest(reader, "artefact")?,
            seed: reader.number("seed")?,
            code: reader.string("code")?.to_owned(),
            settings: reader.string("settings")?.to_owned(),
            report: reader.string("report")?.to_owned(),
            reason: reader.option_string("reason")?,
        })
    }
}

fn write_gate(writer: &mut Writer<'_>, gate: &Gate) -> Result<(), EncodeError> {
    writer.string(gate.name.as_str());
    write_finite(writer, "value", gate.value)?;
    match gate.threshold {
        None => writer.long(0),
        Some(threshold) => {
            writer.long(1);
            write_finite(writer, "threshold", threshold)?;
        }
    }
    writer.boolean(gate.passed);
    Ok(())
}

fn read_gate(reader: &mut Reader<'_>) -> Result<Gate, DecodeError> {
    Ok(Gate {
        name: read_tag(reader, "name")?,
        value: read_finite(reader, "value")?,
        threshold: reader.option("threshold", read_finite)?,
        passed: reader.boolean("passed")?,
    })
}

impl Record for ModuleEvaluated {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.module.as_bytes());
        writer.boolean(self.passed);
        writer.try_array(self.gates.iter(), write_gate)?;
        writer.string(&self.report);
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            module: read_module(reader, "module")?,
            passed: reader.boolean("passed")?,
            gates: reader.array("gates", read_gate)?,
            report: reader.string("report")?.to_owned(),
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for ModulePublished {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.module.as_bytes());
        writer.fixed(&self.artefact.0);
        writer.unsigned("bytes", self.bytes)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            module: read_module(reader, "module")?,
            artefact: read_digest(reader, "artefact")?,
            bytes: reader.number("bytes")?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for ModuleActivated {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.module.as_bytes());
        write_other(writer, self.replaces.as_ref());
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            module: read_module(reader, "module")?,
            replaces: reader.option("replaces", read_module)?,
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for ModuleRetired {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.module.as_bytes());
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            module: read_module(reader, "module")?,
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}

impl Record for ModuleRolledBack {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.fixed(self.module.as_bytes());
        write_other(writer, self.to.as_ref());
        write_grounds(writer, &self.grounds)?;
        writer.option_string(self.reason.as_deref());
        Ok(())
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            module: read_module(reader, "module")?,
            to: reader.option("to", read_module)?,
            grounds: read_grounds(reader)?,
            reason: reader.option_string("reason")?,
        })
    }
}
