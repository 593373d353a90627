//! In front of every data route: a key, a place among the running requests, a body within its limit, and a time to end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use cubelog_api::paths::{self, IDEMPOTENCY_HEADER};
use cubelog_api::{Code, Problem};
use http_body_util::LengthLimitError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::answer::Failure;
use super::extract::header_text;
use super::idempotency::{Asked, Found};
use super::{App, HttpOptions};
use crate::keys::{KeyInfo, KeyRefusal};

/// Verbs that take as long as the log is long.
const WITHOUT_TIMEOUT: [&str; 5] = [paths::REPLAY, paths::VERIFY, paths::REBUILD, paths::EXTRACT, paths::SETTLE];

/// Places for running requests.
pub(crate) struct Places {
    all: Arc<Semaphore>,
    ingests: Semaphore,
    /// Running requests of each key that has any.
    by_key: Arc<Mutex<HashMap<String, usize>>>,
    per_key_max: usize,
}

impl Places {
    pub fn new(options: &HttpOptions) -> Self {
        Self {
            all: Arc::new(Semaphore::new(options.requests_at_once_max)),
            ingests: Semaphore::new(options.ingests_at_once_max),
            by_key: Arc::default(),
            per_key_max: options.requests_per_key_max,
        }
    }

    fn take(&self, key: &str) -> Result<Place, Problem> {
        let overloaded = || Problem::new(Code::Overloaded, "the server runs as many requests as it can").with_retry_after(1);
        let all = self.all.clone().try_acquire_owned().map_err(|_| overloaded())?;
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        let running = by_key.entry(key.to_owned()).or_default();
        if *running >= self.per_key_max {
            let detail = format!("key {key} has {running} requests running, which is the most");
            return Err(Problem::new(Code::TooManyRequests, detail).with_retry_after(1));
        }
        *running += 1;
        Ok(Place { by_key: self.by_key.clone(), key: key.to_owned(), _all: all })
    }
}

/// A place, given back when dropped.
struct Place {
    by_key: Arc<Mutex<HashMap<String, usize>>>,
    key: String,
    _all: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = by_key.get_mut(&self.key) {
            *running -= 1;
            if *running == 0 {
                by_key.remove(&self.key);
            }
        }
    }
}

pub(crate) async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    match admitted(&app, request, next).await {
        Ok(response) => response,
        Err(failure) => failure.into_response(),
    }
}

async fn admitted(app: &App, mut request: Request, next: Next) -> Result<Response, Failure> {
    let (caller, key) = authenticate(app, request.headers())?;
    let _place = app.places.take(&key.id)?;
    request.extensions_mut().insert(caller.clone());
    let route = request.extensions().get::<MatchedPath>().map_or(String::new(), |path| path.as_str().to_owned());
    let idempotency_key = match *request.method() {
        Method::POST | Method::DELETE => header_text(request.headers(), &HeaderName::from_static(IDEMPOTENCY_HEADER))?,
        _ => None,
    };
    let idempotency_key = idempotency_key.map(|text| format!("{}/{}/{text}", caller.tenant, caller.principal));
    let work = async {
        let _ingest = match route == paths::INGEST {
            true => app.places.ingests.acquire().await.ok(),
            false => None,
        };
        let limit = if route == paths::INGEST { app.options.ingest_bytes_max } else { app.options.body_bytes_max };
        let (parts, body) = request.into_parts();
        let body = read(body, limit).await?;
        let Some(key) = idempotency_key else {
            return Ok(next.run(Request::from_parts(parts, Body::from(body))).await);
        };
        let asked = Asked::of(&parts, &body);
        match app.answers.find(key, asked)? {
            Found::Answer(answer) => Ok(answer),
            Found::First(first) => {
                let response = next.run(Request::from_parts(parts, Body::from(body))).await;
                Ok(first.keep(response).await)
            }
        }
    };
    if WITHOUT_TIMEOUT.contains(&route.as_str()) {
        return work.await;
    }
    let limit = app.options.request_timeout;
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let detail = format!("the request was given up after {} ms", limit.as_millis());
        Err(Problem::new(Code::Timeout, detail).with_retry_after(1).into())
    })
}

fn authenticate(app: &App, headers: &HeaderMap) -> Result<(cubelog_runner::Caller, KeyInfo), Problem> {
    let refused = |detail: String| Problem::new(Code::Unauthenticated, detail);
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| refused("the key is no ASCII text".to_owned()))?,
        (None, _) => return Err(refused("the request carries no key".to_owned())),
        (Some(_), Some(_)) => return Err(refused("the request carries several keys".to_owned())),
    };
    let key = match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") => key.trim(),
        _ => return Err(refused("the Authorization header is not of the form `Bearer clk_...`".to_owned())),
    };
    app.keys.check(key, app.service.now()).map_err(|refusal| match refusal {
        KeyRefusal::Unknown | KeyRefusal::Expired { .. } | KeyRefusal::Revoked { .. } => refused(refusal.to_string()),
        KeyRefusal::Unreadable(error) => {
            let mut problem = Problem::new(Code::Internal, "keys cannot be checked");
            problem.trace = Some(error.to_string());
            problem
        }
    })
}

/// The whole body, if it is no larger than the limit.
async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Code::TooLarge, format!("the body is larger than {limit} bytes"));
    // What announces itself as too large is not read at all.
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        // A body that ends early has no length error in it.
        match std::error::Error::source(&error).is_some_and(|source| source.is::<LengthLimitError>()) {
            true => too_large(),
            false => Problem::new(Code::BadRequest, "the body ended early"),
        }
    })
}
