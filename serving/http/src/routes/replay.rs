//! Routes of long work over the whole log, for administrators.

use axum::extract::State;
use cubelog_api::paths;
use cubelog_api::replay::{ReplayRequest, ReplayResponse, VerifyRequest, VerifyResponse};

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body, OptionalBody};

/// Make views from the log alone, under a name
#[utoipa::path(post, path = paths::REPLAY, operation_id = "replay", tag = "administration", request_body = ReplayRequest,
    responses((status = 201, body = ReplayResponse)))]
pub(crate) async fn replay(
    State(app): State<App>,
    Asking(caller): Asking,
    Body(request): Body<ReplayRequest>,
) -> Answer<ReplayResponse> {
    Ok(Reply::created(app.service.replay(&caller, request, None).await?))
}

/// Compare the live views with a fresh replay, or with a replay that exists
#[utoipa::path(post, path = paths::VERIFY, operation_id = "verify", tag = "administration", request_body = Option<VerifyRequest>,
    responses((status = 200, body = VerifyResponse)))]
pub(crate) async fn verify(
    State(app): State<App>,
    Asking(caller): Asking,
    OptionalBody(request): OptionalBody<VerifyRequest>,
) -> Answer<VerifyResponse> {
    Ok(Reply::ok(app.service.verify(&caller, request, None).await?))
}

/// Make the live views anew from the log, and swap
#[utoipa::path(post, path = paths::REBUILD, operation_id = "rebuild", tag = "administration",
    responses((status = 200, body = ReplayResponse)))]
pub(crate) async fn rebuild(State(app): State<App>, Asking(caller): Asking) -> Answer<ReplayResponse> {
    Ok(Reply::ok(app.service.rebuild(&caller, None).await?))
}
