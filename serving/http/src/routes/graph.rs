//! Routes of the graph of a cube, its tree and its timeline.

use axum::extract::State;
use cubelog_api::graph::{GraphRequest, GraphResponse, TimelineRequest, TimelineResponse, TreeRequest, TreeResponse};
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body, Parameters, Segments, Terms, named};

/// Where the memories of a cube belong: task, concept, fact, with counts
#[utoipa::path(get, path = paths::TREE, operation_id = "tree", tag = "reads",
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded"), TreeRequest),
    responses((status = 200, body = TreeResponse)))]
pub(crate) async fn tree(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    terms: Terms,
    Parameters(mut request): Parameters<TreeRequest>,
) -> Answer<TreeResponse> {
    request.cube = named("cube", request.cube, cube)?;
    request.token = terms.token(request.token);
    let answer = app.service.tree(&caller, request).await?;
    let token = answer.reflected.clone();
    Ok(Reply::ok(answer).token(token))
}

/// Memories, entities and the edges between them; all of a cube, or what touches one entity
#[utoipa::path(get, path = paths::GRAPH, operation_id = "graph", tag = "reads",
    params(("cube" = String, Path, description = "Name within the tenant, or tenant/cube percent-encoded"), GraphRequest),
    responses((status = 200, body = GraphResponse)))]
pub(crate) async fn graph(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(cube): Segments<String>,
    terms: Terms,
    Parameters(mut request): Parameters<GraphRequest>,
) -> Answer<GraphResponse> {
    request.cube = named("cube", request.cube, cube)?;
    request.token = terms.token(request.token);
    let answer = app.service.graph(&caller, request).await?;
    let token = answer.reflected.clone();
    Ok(Reply::ok(answer).token(token))
}

/// Everything about something, in the order of time
#[utoipa::path(post, path = paths::TIMELINE, operation_id = "timeline", tag = "reads", request_body = TimelineRequest,
    responses((status = 200, body = TimelineResponse)))]
pub(crate) async fn timeline(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Body(mut request): Body<TimelineRequest>,
) -> Answer<TimelineResponse> {
    request.token = terms.token(request.token);
    let answer = app.service.timeline(&caller, request).await?;
    let token = answer.reflected.clone();
    Ok(Reply::ok(answer).token(token))
}
