//! Routes of the audit of a memory.

use axum::extract::State;
use cubelog_api::audit::{AuditReadsResponse, AuditRequest, AuditWritesResponse};
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Parameters, Segments, Terms, named, rows};

/// Who changed a memory
#[utoipa::path(get, path = paths::AUDIT_WRITES, operation_id = "audit_writes", tag = "audit",
    params(("memory" = String, Path, description = "Id of the memory"), AuditRequest),
    responses((status = 200, body = AuditWritesResponse)))]
pub(crate) async fn writes(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Parameters(mut request): Parameters<AuditRequest>,
) -> Answer<AuditWritesResponse> {
    request.memory = named("memory", request.memory, memory)?;
    request.token = terms.token(request.token);
    request.limit = rows(request.limit)?;
    let token = request.token.clone();
    Ok(Reply::ok(app.service.audit_writes(&caller, request).await?).token(token))
}

/// Who was shown a memory
#[utoipa::path(get, path = paths::AUDIT_READS, operation_id = "audit_reads", tag = "audit",
    params(("memory" = String, Path, description = "Id of the memory"), AuditRequest),
    responses((status = 200, body = AuditReadsResponse)))]
pub(crate) async fn reads(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Parameters(mut request): Parameters<AuditRequest>,
) -> Answer<AuditReadsResponse> {
    request.memory = named("memory", request.memory, memory)?;
    request.token = terms.token(request.token);
    request.limit = rows(request.limit)?;
    let token = request.token.clone();
    Ok(Reply::ok(app.service.audit_reads(&caller, request).await?).token(token))
}
