//! `Event`: the envelope, then one nullable body per kind of which exactly one is there.

use cubelog_memory::{CommandId, CubeKey, CubeName, Envelope, Event, EventId, Origin, PrincipalId, TenantId};

use super::parts::read_time;
use super::{Reader, Writer, bodies};
use crate::error::{DecodeError, EncodeError};

pub(crate) fn write_event(writer: &mut Writer<'_>, event: &Event) -> Result<(), EncodeError> {
    write_envelope(writer, &event.envelope);
    bodies::write_body(writer, &event.body)
}

pub(crate) fn read_event(reader: &mut Reader<'_>) -> Result<Event, DecodeError> {
    Ok(Event { envelope: read_envelope(reader)?, body: bodies::read_body(reader)? })
}

fn write_envelope(writer: &mut Writer<'_>, envelope: &Envelope) {
    writer.fixed(envelope.id.as_bytes());
    writer.string(envelope.cube.tenant.as_str());
    writer.string(envelope.cube.cube.as_str());
    writer.string(envelope.actor.as_str());
    writer.string(envelope.origin.word());
    writer.long(envelope.occurred_at.micros());
    writer.option(envelope.command.as_ref(), |writer, id| writer.fixed(id.as_bytes()));
    writer.option(envelope.causation.as_ref(), |writer, id| writer.fixed(id.as_bytes()));
    writer.option(envelope.correlation.as_ref(), |writer, id| writer.fixed(id.as_bytes()));
    writer.long(i64::from(envelope.schema_version));
}

fn read_envelope(reader: &mut Reader<'_>) -> Result<Envelope, DecodeError> {
    Ok(Envelope {
        id: reader.fixed("event_id").map(EventId::from_bytes)?,
        cube: CubeKey { tenant: reader.name("tenant", TenantId::new)?, cube: reader.name("cube", CubeName::new)? },
        actor: reader.name("actor", PrincipalId::new)?,
        origin: reader.word("origin", Origin::from_word)?,
        occurred_at: read_time(reader, "occurred_at")?,
        command: reader.option("command_id", |reader, field| reader.fixed(field).map(CommandId::from_bytes))?,
        causation: reader.option("causation_id", |reader, field| reader.fixed(field).map(EventId::from_bytes))?,
        correlation: reader.option("correlation_id", |reader, field| reader.fixed(field).map(EventId::from_bytes))?,
        schema_version: reader.number("schema_version")?,
    })
}
