//! Audit of a memory: who changed it, and who was shown it.

use cubelog_api::Problem;
use cubelog_api::audit::{AuditRead, AuditReadsResponse, AuditRequest, AuditWrite, AuditWritesResponse};
use cubelog_memory::MemoryId;
use cubelog_runner::{AccessEntry, Caller};
use cubelog_views::VersionRow;

use super::problems::problem;
use super::{Service, convert, page, parse};

impl Service {
    /// Who changed the memory, oldest first, without its content.
    pub async fn audit_writes(&self, caller: &Caller, request: AuditRequest) -> Result<AuditWritesResponse, Problem> {
        let memory = parse::memory("memory", &request.memory)?;
        self.wait(request.token.as_deref()).await?;
        let rows = self.cubelog().audit_writes(caller, memory).await.map_err(problem)?;
        let (rows, next_cursor) = page(rows, request.limit, request.cursor.as_deref(), |row| row.event.to_string())?;
        Ok(AuditWritesResponse { memory: memory.to_string(), writes: rows.iter().map(write).collect(), next_cursor })
    }

    /// Who was shown the memory, oldest first.
    pub async fn audit_reads(&self, caller: &Caller, request: AuditRequest) -> Result<AuditReadsResponse, Problem> {
        let memory = parse::memory("memory", &request.memory)?;
        self.wait(request.token.as_deref()).await?;
        let entries = self.cubelog().audit_reads(caller, memory).await.map_err(problem)?;
        let id = |entry: &AccessEntry| entry.access.id.to_string();
        let (entries, next_cursor) = page(entries, request.limit, request.cursor.as_deref(), id)?;
        let reads = entries.iter().map(|entry| read(memory, entry)).collect();
        Ok(AuditReadsResponse { memory: memory.to_string(), reads, next_cursor })
    }
}

fn write(row: &VersionRow) -> AuditWrite {
    AuditWrite {
        tenant: row.cube.tenant.to_string(),
        cube: row.cube.cube.to_string(),
        event: row.event.to_string(),
        change: row.change.clone(),
        actor: row.actor.to_string(),
        occurred_at: convert::time(row.occurred_at),
        recorded_at: convert::time(row.recorded_at),
        position: row.position.to_string(),
        version: row.version,
        lifecycle: row.memory.lifecycle.word().to_owned(),
        conflict: row.conflict,
        parents: row.parents.iter().map(convert::version_ref).collect(),
        fingerprint: convert::fingerprint(&row.fingerprint),
        reason: row.reason.clone(),
    }
}

fn read(memory: MemoryId, entry: &AccessEntry) -> AuditRead {
    let access = &entry.access;
    AuditRead {
        access: access.id.to_string(),
        tenant: access.cube.tenant.to_string(),
        cube: access.cube.cube.to_string(),
        principal: access.principal.to_string(),
        purpose: access.purpose.word().to_owned(),
        at: convert::time(access.at),
        query: access.query.map(hex::encode),
        versions: access.shown.iter().filter(|shown| shown.memory == memory).map(|shown| shown.version).collect(),
        shown: access.shown.len() as u32,
        position: entry.position.to_string(),
        recorded_at: convert::time(entry.recorded_at),
    }
}
