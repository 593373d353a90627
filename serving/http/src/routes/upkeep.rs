//! Routes of a cube's upkeep.

use axum::extract::State;
use cubelog_api::memories::WriteResponse;
use cubelog_api::paths;
use cubelog_api::upkeep::{
    DedupeRequest, DedupeResponse, ForgetRequest, ForgetResponse, GovernRequest, HoldRequest, HoldResponse, LiftRequest,
    PolicyRequest, UndoMergeRequest, UndoMergeResponse,
};

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body, OptionalBody, Segments, Terms, named};

/// Set or remove a policy of a cube
#[utoipa::path(post, path = paths::POLICIES, operation_id = "set_policy", tag = "cubes", request_body = PolicyRequest,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn set_policy(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    terms: Terms,
    Body(mut request): Body<PolicyRequest>,
) -> Answer<WriteResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.set_policy(&caller, request, terms.key.as_deref()).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}

/// Place a legal hold on a memory or on the whole cube
#[utoipa::path(post, path = paths::HOLDS, operation_id = "place_hold", tag = "cubes", request_body = HoldRequest,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 201, body = HoldResponse)))]
pub(crate) async fn place_hold(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    terms: Terms,
    Body(mut request): Body<HoldRequest>,
) -> Answer<HoldResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.place_hold(&caller, request, terms.key.as_deref()).await?;
    Ok(Reply::created(answer.clone()).token(answer.token))
}

/// Lift a legal hold
#[utoipa::path(post, path = paths::LIFT, operation_id = "lift_hold", tag = "cubes", request_body = Option<LiftRequest>,
    params(
        ("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded"),
        ("hold" = String, Path, description = "Id of the hold"),
    ),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn lift_hold(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments((cube, hold)): Segments<(String, String)>,
    terms: Terms,
    OptionalBody(mut request): OptionalBody<LiftRequest>,
) -> Answer<WriteResponse> {
    request.cube = named("cube", request.cube, cube)?;
    request.hold = named("hold", request.hold, hold)?;
    let answer = app.service.lift_hold(&caller, request, terms.key.as_deref()).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}

/// Pin a memory, or give it another lifespan or priority
#[utoipa::path(post, path = paths::GOVERN, operation_id = "govern", tag = "memories", request_body = GovernRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn govern(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<GovernRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    let answer = app.service.govern(&caller, request, terms.key.as_deref()).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}

/// Archive and expire what is due
#[utoipa::path(post, path = paths::FORGET, operation_id = "forget", tag = "cubes", request_body = Option<ForgetRequest>,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = ForgetResponse)))]
pub(crate) async fn forget(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    OptionalBody(mut request): OptionalBody<ForgetRequest>,
) -> Answer<ForgetResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.forget(&caller, request).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}

/// Merge memories that are one statement
#[utoipa::path(post, path = paths::DEDUPE, operation_id = "dedupe", tag = "cubes", request_body = Option<DedupeRequest>,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = DedupeResponse)))]
pub(crate) async fn dedupe(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    OptionalBody(mut request): OptionalBody<DedupeRequest>,
) -> Answer<DedupeResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.dedupe(&caller, request).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}

/// Take a merge back
#[utoipa::path(post, path = paths::UNDO_MERGE, operation_id = "undo_merge", tag = "cubes", request_body = UndoMergeRequest,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = UndoMergeResponse)))]
pub(crate) async fn undo_merge(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    Body(mut request): Body<UndoMergeRequest>,
) -> Answer<UndoMergeResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.undo_merge(&caller, request).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}
