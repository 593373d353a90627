//! Routes of cubes.

use axum::extract::State;
use cubelog_api::cubes::{CreateCubeRequest, CubesResponse, GrantRequest, RevokeRequest};
use cubelog_api::memories::WriteResponse;
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body, Segments, Terms, named};

/// The cubes that the caller may read
#[utoipa::path(get, path = paths::CUBES, operation_id = "list_cubes", tag = "cubes", responses((status = 200, body = CubesResponse)))]
pub(crate) async fn list(State(app): State<App>, Asking(caller): Asking) -> Answer<CubesResponse> {
    Ok(Reply::ok(app.service.cubes(&caller).await?))
}

/// Make a cube
#[utoipa::path(post, path = paths::CUBES, operation_id = "create_cube", tag = "cubes", request_body = CreateCubeRequest,
    responses((status = 201, body = WriteResponse)))]
pub(crate) async fn create(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Body(request): Body<CreateCubeRequest>,
) -> Answer<WriteResponse> {
    let answer = app.service.create_cube(&caller, request, terms.key.as_deref()).await?;
    Ok(Reply::created(answer.clone()).token(answer.token))
}

/// Give a principal a right in a cube
#[utoipa::path(post, path = paths::GRANTS, operation_id = "grant", tag = "cubes", request_body = GrantRequest,
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn grant(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    terms: Terms,
    Body(mut request): Body<GrantRequest>,
) -> Answer<WriteResponse> {
    request.cube = named("cube", request.cube, cube)?;
    let answer = app.service.grant(&caller, request, terms.key.as_deref()).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}

/// Take a principal's right in a cube
#[utoipa::path(delete, path = paths::GRANT, operation_id = "revoke", tag = "cubes",
    params(
        ("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded"),
        ("principal" = String, Path, description = "Whose right it is"),
    ),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn revoke(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments((cube, principal)): Segments<(String, String)>,
    terms: Terms,
) -> Answer<WriteResponse> {
    let answer = app.service.revoke(&caller, RevokeRequest { cube, principal }, terms.key.as_deref()).await?;
    Ok(Reply::ok(answer.clone()).token(answer.token))
}
