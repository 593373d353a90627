//! Routes of ingest.

use axum::extract::State;
use cubelog_api::ingest::{EndIngestRequest, EndIngestResponse, IngestRequest, IngestResponse};
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body};

/// Take a batch of turns or chat messages in
#[utoipa::path(post, path = paths::INGEST, operation_id = "ingest", tag = "ingest", request_body = IngestRequest,
    responses((status = 200, body = IngestResponse)))]
pub(crate) async fn ingest(
    State(app): State<App>,
    Asking(caller): Asking,
    Body(request): Body<IngestRequest>,
) -> Answer<IngestResponse> {
    let answer = app.service.ingest(&caller, request).await?;
    let token = answer.token.clone();
    Ok(Reply::ok(answer).token(token))
}

/// Note in a cube that an import into it ended
#[utoipa::path(post, path = paths::INGEST_END, operation_id = "end_ingest", tag = "ingest", request_body = EndIngestRequest,
    responses((status = 200, body = EndIngestResponse)))]
pub(crate) async fn end(
    State(app): State<App>,
    Asking(caller): Asking,
    Body(request): Body<EndIngestRequest>,
) -> Answer<EndIngestResponse> {
    Ok(Reply::ok(app.service.end_ingest(&caller, request).await?))
}
