//! Routes of beliefs.

use axum::extract::State;
use cubelog_api::beliefs::{BeliefsRequest, BeliefsResponse, ResolveBeliefRequest};
use cubelog_api::memories::WriteResponse;
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body, Parameters, Segments, Terms, named};

/// What is believed in a cube, now or at a moment
#[utoipa::path(get, path = paths::BELIEFS, operation_id = "beliefs", tag = "reads",
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded"), BeliefsRequest),
    responses((status = 200, body = BeliefsResponse)))]
pub(crate) async fn beliefs(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    terms: Terms,
    Parameters(mut request): Parameters<BeliefsRequest>,
) -> Answer<BeliefsResponse> {
    request.cube = named("cube", request.cube, cube)?;
    request.token = terms.token(request.token);
    let answer = app.service.beliefs(&caller, request).await?;
    let token = answer.reflected.clone();
    Ok(Reply::ok(answer).token(token))
}

/// Settle which of several memories is believed
#[utoipa::path(post, path = paths::RESOLVE_BELIEF, operation_id = "resolve_belief", tag = "memories",
    request_body = ResolveBeliefRequest,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn resolve(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    terms: Terms,
    Body(mut request): Body<ResolveBeliefRequest>,
) -> Answer<WriteResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.resolve_belief(&caller, request, terms.key.as_deref()).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}
