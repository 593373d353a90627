//! Routes of dead letters.

use axum::extract::State;
use cubelog_api::dead::{DeadDiscardRequest, DeadHandledResponse, DeadListResponse, DeadRetryRequest};
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, OptionalBody, Segments, named};

/// Records that could not be decoded
#[utoipa::path(get, path = paths::DEAD, operation_id = "list_dead", tag = "administration",
    responses((status = 200, body = DeadListResponse)))]
pub(crate) async fn list(State(app): State<App>, Asking(caller): Asking) -> Answer<DeadListResponse> {
    Ok(Reply::ok(app.service.dead(&caller).await?))
}

/// Decode a record once more
#[utoipa::path(post, path = paths::DEAD_RETRY, operation_id = "retry_dead", tag = "administration",
    params(("position" = String, Path, description = "partition:offset")),
    responses((status = 200, body = DeadHandledResponse)))]
pub(crate) async fn retry(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(position): Segments<String>,
) -> Answer<DeadHandledResponse> {
    Ok(Reply::ok(app.service.dead_retry(&caller, DeadRetryRequest { position }).await?))
}

/// Give a record up, so that its cube goes on without it
#[utoipa::path(post, path = paths::DEAD_DISCARD, operation_id = "discard_dead", tag = "administration",
    request_body = Option<DeadDiscardRequest>,
    params(("position" = String, Path, description = "partition:offset")),
    responses((status = 200, body = DeadHandledResponse)))]
pub(crate) async fn discard(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(position): Segments<String>,
    OptionalBody(mut request): OptionalBody<DeadDiscardRequest>,
) -> Answer<DeadHandledResponse> {
    request.position = named("position", request.position, position)?;
    Ok(Reply::ok(app.service.dead_discard(&caller, request).await?))
}
