//! `Access`, one read of one cube.

use cubelog_memory::{Access, CubeKey, CubeName, EventId, PrincipalId, Purpose, TenantId};

use super::parts::{read_time, read_versions, write_versions};
use super::{Reader, Writer};
use crate::error::{DecodeError, EncodeError};

pub(crate) fn write_access(writer: &mut Writer<'_>, access: &Access) -> Result<(), EncodeError> {
    writer.fixed(access.id.as_bytes());
    writer.string(access.cube.tenant.as_str());
    writer.string(access.cube.cube.as_str());
    writer.string(access.principal.as_str());
    writer.string(access.purpose.word());
    writer.long(access.at.micros());
    writer.option(access.query.as_ref(), |writer, query| writer.fixed(query));
    write_versions(writer, &access.shown);
    Ok(())
}

pub(crate) fn read_access(reader: &mut Reader<'_>) -> Result<Access, DecodeError> {
    Ok(Access {
        id: reader.fixed("access_id").map(EventId::from_bytes)?,
        cube: CubeKey { tenant: reader.name("tenant", TenantId::new)?, cube: reader.name("cube", CubeName::new)? },
        principal: reader.name("principal", PrincipalId::new)?,
        purpose: reader.word("purpose", Purpose::from_word)?,
        at: read_time(reader, "at")?,
        query: reader.option("query", |reader, field| reader.fixed(field))?,
        shown: read_versions(reader, "shown")?,
    })
}
