//! Routes for monitors and newcomers, and the status behind a key.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cubelog_api::status::{HealthResponse, RootResponse, StatusResponse};
use cubelog_api::{Code, Problem, paths};
use serde_json::{Value, json};

use super::App;
use super::answer::{Answer, Failure, Reply};
use super::extract::{Asking, Segments};

/// What this is
#[utoipa::path(get, path = paths::ROOT, operation_id = "root", tag = "server", security(()), responses((status = 200, body = RootResponse)))]
pub(crate) async fn root() -> Json<RootResponse> {
    Json(RootResponse {
        name: "cubelog".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        openapi: paths::OPENAPI.to_owned(),
    })
}

/// Whether the process answers
#[utoipa::path(get, path = paths::LIVEZ, operation_id = "livez", tag = "server", security(()), responses((status = 200, body = HealthResponse)))]
pub(crate) async fn livez() -> Json<HealthResponse> {
    Json(HealthResponse { status: "up".to_owned() })
}

/// Whether requests should come here: the views reflect what the log held at the start, and the projector runs
#[utoipa::path(get, path = paths::READYZ, operation_id = "readyz", tag = "server", security(()), responses((status = 200, body = HealthResponse)))]
pub(crate) async fn readyz(State(app): State<App>) -> Answer<HealthResponse> {
    if app.is_draining.load(Ordering::Relaxed) {
        return Err(Problem::new(Code::Starting, "the server is shutting down").with_next("use another server").into());
    }
    let status = app.service.cubelog().status().await;
    if let Some(reason) = status.stopped {
        let mut problem = Problem::new(Code::Stopped, "the projector has stopped");
        problem.trace = Some(reason);
        return Err(problem.into());
    }
    if !app.is_ready.load(Ordering::Relaxed) {
        let target = app.caught_up_at.get_or_init(|| status.end.clone());
        if !status.reflected.includes(target) {
            let left = crate::service::lag(target, &status.reflected);
            let detail = format!("the views are catching up; {left} records are left");
            return Err(Problem::new(Code::Starting, detail).with_retry_after(1).into());
        }
        app.is_ready.store(true, Ordering::Relaxed);
    }
    Ok(Reply::ok(HealthResponse { status: "ready".to_owned() }))
}

/// Counters as Prometheus text
#[utoipa::path(get, path = paths::METRICS, operation_id = "metrics", tag = "server", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let text = app.metrics.text(&app.service.cubelog().status().await);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// This description
#[utoipa::path(get, path = paths::OPENAPI, operation_id = "openapi", tag = "server", security(()), responses((status = 200, body = Object)))]
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], crate::openapi::document()).into_response()
}

/// What a kind of problem means
#[utoipa::path(get, path = paths::PROBLEM, operation_id = "problem", tag = "server", security(()),
    params(("code" = String, Path, description = "The last segment of a problem's type")),
    responses((status = 200, body = Object)))]
pub(crate) async fn problem(Segments(word): Segments<String>) -> Result<Json<Value>, Failure> {
    let code = Code::ALL.iter().find(|code| code.word() == word);
    let code = code.ok_or_else(|| Problem::new(Code::NotFound, "there is no such kind of problem"))?;
    Ok(Json(json!({
        "code": code.word(),
        "title": code.title(),
        "status": code.status(),
        "retryable": code.retryable(),
        "next": code.next(),
    })))
}

/// Health and size of the store
#[utoipa::path(get, path = paths::STATUS, operation_id = "status", tag = "administration", responses((status = 200, body = StatusResponse)))]
pub(crate) async fn status(State(app): State<App>, Asking(caller): Asking) -> Answer<StatusResponse> {
    Ok(Reply::ok(app.service.status(&caller).await?))
}
