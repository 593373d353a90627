//! Routes of learning from turns and of settling what contradicts.

use axum::extract::State;
use cubelog_api::learn::{ExtractRequest, ExtractResponse, SettleRequest, SettleResponse};
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, OptionalBody, Segments, named};

/// Learn facts, preferences, events and profiles from turns that were not read before
#[utoipa::path(post, path = paths::EXTRACT, operation_id = "extract", tag = "cubes", request_body = Option<ExtractRequest>,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = ExtractResponse)))]
pub(crate) async fn extract(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    OptionalBody(mut request): OptionalBody<ExtractRequest>,
) -> Answer<ExtractResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.extract(&caller, request).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}

/// Put contradictions on the review list, and have a model settle those that it is sure of
#[utoipa::path(post, path = paths::SETTLE, operation_id = "settle", tag = "cubes", request_body = Option<SettleRequest>,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = SettleResponse)))]
pub(crate) async fn settle(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    OptionalBody(mut request): OptionalBody<SettleRequest>,
) -> Answer<SettleResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.settle(&caller, request).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}
