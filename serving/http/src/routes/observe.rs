//! Around every request: an id, the counters, one line in the server's log without content, and the bodies of problems.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cubelog_api::{Code, Problem};
use tokio::time::Instant;

use super::App;
use super::answer::{Failure, write_problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id of a request that a client may choose, in bytes.
const REQUEST_ID_BYTES_MAX: usize = 64;

pub(crate) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    // The template and not the path, so that no id and no query is written down.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", |path| app.metrics.name_of(path.as_str()));
    let path = request.uri().path().to_owned();
    let id = match request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok()) {
        Some(id) if is_plain(id) => id.to_owned(),
        _ => app.metrics.next_request_id(),
    };
    let _running = app.metrics.running();
    let mut response = next.run(request).await;
    if let Some(mut problem) = response.extensions_mut().remove::<Problem>() {
        problem.instance = Some(path);
        problem.request_id = Some(id.clone());
        let trace = problem.trace.take();
        if problem.status >= 500 {
            let detail = trace.as_deref().unwrap_or_default();
            tracing::error!(request_id = %id, %method, route, code = problem.code.word(), detail, "request failed");
            hide_the_machine(&mut problem);
        }
        let answer = write_problem(&problem);
        let headers = std::mem::take(response.headers_mut());
        response = answer;
        for (name, value) in headers {
            // What an inner part said beside its problem stays (Allow), but not the form of its empty body.
            if let Some(name) = name.filter(|name| !response.headers().contains_key(name) && name.as_str() != "content-length") {
                response.headers_mut().insert(name, value);
            }
        }
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    app.metrics.count(route, &method, status, elapsed);
    tracing::info!(request_id = %id, %method, route, status, elapsed_us = elapsed.as_micros() as u64, "request");
    response
}

fn is_plain(id: &str) -> bool {
    (1..=REQUEST_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Directories, addresses and what an engine said are for the server's log and not for clients.
fn hide_the_machine(problem: &mut Problem) {
    match problem.code {
        Code::Internal | Code::Damaged | Code::DiskFull | Code::NewerFormat | Code::BrokerUnreachable | Code::Stopped => {
            problem.detail = problem.title.clone();
        }
        _ => {}
    }
}

pub(crate) async fn not_found() -> Failure {
    Problem::new(Code::NotFound, "there is no such route").into()
}

pub(crate) async fn method_not_allowed() -> Failure {
    Problem::new(Code::MethodNotAllowed, "the route has no such method").into()
}

/// The panic's own text may hold content; it goes nowhere.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    let mut problem = Problem::new(Code::Internal, "the request ended in a panic");
    problem.trace = Some("panic".to_owned());
    Failure(problem).into_response()
}
