//! Routes of reads over both times.

use axum::extract::State;
use cubelog_api::MemoryVersion;
use cubelog_api::paths;
use cubelog_api::read::{DiffRequest, DiffResponse, GetRequest, HistoryRequest, HistoryResponse, StateRequest, StateResponse};

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Parameters, Segments, Terms, named, rows};

/// One memory at a moment
#[utoipa::path(get, path = paths::MEMORY, operation_id = "get", tag = "reads",
    params(("memory" = String, Path, description = "Id of the memory"), GetRequest),
    responses((status = 200, body = MemoryVersion)))]
pub(crate) async fn get(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Parameters(mut request): Parameters<GetRequest>,
) -> Answer<MemoryVersion> {
    request.memory = named("memory", request.memory, memory)?;
    request.token = terms.token(request.token);
    let token = request.token.clone();
    let answer = app.service.get(&caller, request).await?;
    // The current version is what a change has to be made over, also where an older one is shown.
    let current = answer.memory.current;
    Ok(Reply::ok(answer).token(token).version(current))
}

/// Every step of a memory's chain, oldest first
#[utoipa::path(get, path = paths::HISTORY, operation_id = "history", tag = "reads",
    params(("memory" = String, Path, description = "Id of the memory"), HistoryRequest),
    responses((status = 200, body = HistoryResponse)))]
pub(crate) async fn history(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Parameters(mut request): Parameters<HistoryRequest>,
) -> Answer<HistoryResponse> {
    request.memory = named("memory", request.memory, memory)?;
    request.token = terms.token(request.token);
    request.limit = rows(request.limit)?;
    let token = request.token.clone();
    Ok(Reply::ok(app.service.history(&caller, request).await?).token(token))
}

/// Every memory of a cube at a moment, in the order of the stream
#[utoipa::path(get, path = paths::STATE, operation_id = "state", tag = "reads", params(StateRequest),
    responses((status = 200, body = StateResponse)))]
pub(crate) async fn state(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Parameters(mut request): Parameters<StateRequest>,
) -> Answer<StateResponse> {
    request.token = terms.token(request.token);
    request.limit = rows(request.limit)?;
    let token = request.token.clone();
    Ok(Reply::ok(app.service.state(&caller, request).await?).token(token))
}

/// What differs in a cube between two moments
#[utoipa::path(get, path = paths::DIFF, operation_id = "diff", tag = "reads", params(DiffRequest),
    responses((status = 200, body = DiffResponse)))]
pub(crate) async fn diff(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Parameters(mut request): Parameters<DiffRequest>,
) -> Answer<DiffResponse> {
    request.token = terms.token(request.token);
    request.limit = rows(request.limit)?;
    let token = request.token.clone();
    Ok(Reply::ok(app.service.diff(&caller, request).await?).token(token))
}
