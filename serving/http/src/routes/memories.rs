//! Routes of changes to memories.

use axum::extract::State;
use cubelog_api::memories::{
    ExpireRequest, MergeRequest, MoveRequest, RecordRequest, RelateRequest, ResolveRequest, ReviseRequest, TagRequest,
    WriteResponse,
};
use cubelog_api::paths;

use super::App;
use super::answer::{Answer, Reply};
use super::extract::{Asking, Body, Segments, Terms, named};

/// Write a new memory
#[utoipa::path(post, path = paths::MEMORIES, operation_id = "record", tag = "memories", request_body = RecordRequest,
    responses((status = 201, body = WriteResponse)))]
pub(crate) async fn record(
    State(app): State<App>,
    Asking(caller): Asking,
    terms: Terms,
    Body(request): Body<RecordRequest>,
) -> Answer<WriteResponse> {
    Ok(written(Reply::created, app.service.record(&caller, request, terms.key.as_deref()).await?))
}

fn written(reply: fn(WriteResponse) -> Reply<WriteResponse>, answer: WriteResponse) -> Reply<WriteResponse> {
    let (token, version) = (answer.token.clone(), answer.version);
    reply(answer).token(token).version(version)
}

/// Give a memory new content
#[utoipa::path(post, path = paths::REVISE, operation_id = "revise", tag = "memories", request_body = ReviseRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn revise(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<ReviseRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    request.expected_version = terms.version(request.expected_version)?;
    Ok(written(Reply::ok, app.service.revise(&caller, request, terms.key.as_deref()).await?))
}

/// Make several memories one
#[utoipa::path(post, path = paths::MERGE, operation_id = "merge", tag = "memories", request_body = MergeRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn merge(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<MergeRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    request.expected_version = terms.version(request.expected_version)?;
    Ok(written(Reply::ok, app.service.merge(&caller, request, terms.key.as_deref()).await?))
}

/// State or withdraw a relation from one memory to another
#[utoipa::path(post, path = paths::RELATE, operation_id = "relate", tag = "memories", request_body = RelateRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn relate(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<RelateRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    Ok(written(Reply::ok, app.service.relate(&caller, request, terms.key.as_deref()).await?))
}

/// Move a memory through its lifecycle
#[utoipa::path(post, path = paths::MOVE, operation_id = "move", tag = "memories", request_body = MoveRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn move_memory(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<MoveRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    Ok(written(Reply::ok, app.service.move_memory(&caller, request, terms.key.as_deref()).await?))
}

/// Put labels on a memory and take labels off
#[utoipa::path(post, path = paths::TAG, operation_id = "tag", tag = "memories", request_body = TagRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn tag(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<TagRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    Ok(written(Reply::ok, app.service.tag(&caller, request, terms.key.as_deref()).await?))
}

/// End a memory's lifespan
#[utoipa::path(post, path = paths::EXPIRE, operation_id = "expire", tag = "memories", request_body = ExpireRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn expire(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<ExpireRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    Ok(written(Reply::ok, app.service.expire(&caller, request, terms.key.as_deref()).await?))
}

/// Settle sibling versions
#[utoipa::path(post, path = paths::RESOLVE, operation_id = "resolve", tag = "memories", request_body = ResolveRequest,
    params(("memory" = String, Path, description = "Id of the memory")),
    responses((status = 200, body = WriteResponse)))]
pub(crate) async fn resolve(
    State(app): State<App>,
    Asking(caller): Asking,
    Segments(memory): Segments<String>,
    terms: Terms,
    Body(mut request): Body<ResolveRequest>,
) -> Answer<WriteResponse> {
    request.memory = named("memory", request.memory, memory)?;
    request.expected_version = terms.version(request.expected_version)?;
    Ok(written(Reply::ok, app.service.resolve(&caller, request, terms.key.as_deref()).await?))
}
