//! Routes of search and SQL.

use axum::extract::State;
use cubelog_api::context::{ContextRequest, ContextResponse};
use cubelog_api::paths;
use cubelog_api::search::{SearchRequest, SearchResponse};
use cubelog_api::sql::{SqlRequest, SqlResponse};

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body, Terms};

/// Find memories
#[utoipa::path(post, path = paths::SEARCH, operation_id = "search", tag = "reads", request_body = SearchRequest,
    responses((status = 200, body = SearchResponse)))]
pub(crate) async fn search(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Body(mut request): Body<SearchRequest>,
) -> Answer<SearchResponse> {
    request.token = terms.token(request.token);
    let answer = app.service.search(&caller, request).await?;
    let token = answer.reflected.clone();
    Ok(Reply::ok(answer).token(token))
}

/// The best memories for a prompt, in so many tokens
#[utoipa::path(post, path = paths::CONTEXT, operation_id = "context", tag = "reads", request_body = ContextRequest,
    responses((status = 200, body = ContextResponse)))]
pub(crate) async fn context(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Body(mut request): Body<ContextRequest>,
) -> Answer<ContextResponse> {
    request.token = terms.token(request.token);
    let answer = app.service.context(&caller, request).await?;
    let token = answer.reflected.clone();
    Ok(Reply::ok(answer).token(token))
}

/// One read-only statement over the views and the events
#[utoipa::path(post, path = paths::SQL, operation_id = "sql", tag = "reads", request_body = SqlRequest,
    responses((status = 200, body = SqlResponse)))]
pub(crate) async fn sql(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Body(mut request): Body<SqlRequest>,
) -> Answer<SqlResponse> {
    request.token = terms.token(request.token);
    let token = request.token.clone();
    Ok(Reply::ok(app.service.sql(&caller, request).await?).token(token))
}
