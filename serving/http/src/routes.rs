//! The routes: every verb of the service under `/v1`, and what monitors and newcomers ask for beside it.

pub(crate) mod admit;
mod answer;
pub(crate) mod audit;
pub(crate) mod beliefs;
pub(crate) mod cubes;
pub(crate) mod dead;
mod extract;
pub(crate) mod health;
mod idempotency;
pub(crate) mod ingest;
pub(crate) mod learn;
pub(crate) mod memories;
mod observe;
pub(crate) mod read;
pub(crate) mod replay;
pub(crate) mod search;
pub(crate) mod upkeep;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use cubelog_api::paths;
use cubelog_memory::Cut;

use crate::keys::ApiKeys;
use crate::metrics::Metrics;
use crate::service::Service;

use self::admit::Places;
use self::idempotency::Answers;

/// What the edge allows. Sizes in bytes.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Largest body of an ordinary request.
    pub body_bytes_max: usize,
    /// Largest body of an ingest.
    pub ingest_bytes_max: usize,
    /// Ingests whose bodies are held at once; others wait.
    pub ingests_at_once_max: usize,
    /// Longest time of an ordinary request, from its head to its answer. Replay, verify and rebuild take as long as they take.
    pub request_timeout: Duration,
    /// Requests at once; more are answered with 503.
    pub requests_at_once_max: usize,
    /// Requests at once with one key; more are answered with 429.
    pub requests_per_key_max: usize,
    /// Answers that are kept for repeated requests with an idempotency key.
    pub idempotent_answers_max: usize,
    /// Connections at once; more wait to be accepted.
    pub connections_max: usize,
    /// Longest time for the head of a request to arrive, and for an idle connection to stay.
    pub head_timeout: Duration,
    /// How long running requests may take to end after the shutdown began.
    pub drain_timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_bytes_max: 2 * 1024 * 1024,
            ingest_bytes_max: 32 * 1024 * 1024,
            ingests_at_once_max: 8,
            request_timeout: Duration::from_secs(60),
            requests_at_once_max: 256,
            requests_per_key_max: 64,
            idempotent_answers_max: 10_000,
            connections_max: 1_024,
            head_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// What the routes share.
#[derive(Clone)]
pub(crate) struct App(Arc<AppInner>);

pub(crate) struct AppInner {
    pub service: Service,
    pub keys: ApiKeys,
    pub options: HttpOptions,
    pub metrics: Metrics,
    pub places: Places,
    pub answers: Answers,
    /// The end of the log when the server started, or when readiness was first asked for; ready once the views reflect it.
    pub caught_up_at: OnceLock<Cut>,
    pub is_ready: AtomicBool,
    pub is_draining: AtomicBool,
}

impl std::ops::Deref for App {
    type Target = AppInner;
    fn deref(&self) -> &AppInner {
        &self.0
    }
}

impl App {
    pub fn new(service: Service, keys: ApiKeys, options: HttpOptions) -> Self {
        Self(Arc::new(AppInner {
            service,
            keys,
            metrics: Metrics::default(),
            places: Places::new(&options),
            answers: Answers::new(options.idempotent_answers_max),
            options,
            caught_up_at: OnceLock::new(),
            is_ready: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
        }))
    }
}

/// The whole edge as one service, for servers of one's own and for tests.
pub fn router(service: Service, keys: ApiKeys, options: HttpOptions) -> Router {
    build(App::new(service, keys, options))
}

pub(crate) fn build(app: App) -> Router {
    // The middleware reads whole bodies itself, within the limits of the options.
    let limit = axum::extract::DefaultBodyLimit::disable();
    let data = data_routes().router.route_layer(from_fn_with_state(app.clone(), admit::admit)).layer(limit);
    open_routes()
        .router
        .merge(data)
        .fallback(observe::not_found)
        .method_not_allowed_fallback(observe::method_not_allowed)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(observe::panicked))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// A router that remembers what was put into it.
pub(crate) struct Routes {
    pub router: Router<App>,
    /// Method and path of each.
    pub list: Vec<(&'static str, &'static str)>,
}

impl Routes {
    fn new() -> Self {
        Self { router: Router::new(), list: Vec::new() }
    }

    fn add(mut self, method: &'static str, path: &'static str, route: MethodRouter<App>) -> Self {
        self.router = self.router.route(path, route);
        self.list.push((method, path));
        self
    }

    fn get<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add("get", path, axum::routing::get(handler))
    }

    fn post<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add("post", path, axum::routing::post(handler))
    }

    fn delete<H: Handler<T, App>, T: 'static>(self, path: &'static str, handler: H) -> Self {
        self.add("delete", path, axum::routing::delete(handler))
    }
}

/// Routes that tell nothing of anybody and need no key.
pub(crate) fn open_routes() -> Routes {
    Routes::new()
        .get(paths::ROOT, health::root)
        .get(paths::LIVEZ, health::livez)
        .get(paths::READYZ, health::readyz)
        .get(paths::METRICS, health::metrics)
        .get(paths::OPENAPI, health::openapi)
        .get(paths::PROBLEM, health::problem)
}

/// Routes behind a key.
pub(crate) fn data_routes() -> Routes {
    Routes::new()
        .get(paths::STATUS, health::status)
        .get(paths::CUBES, cubes::list)
        .post(paths::CUBES, cubes::create)
        .post(paths::GRANTS, cubes::grant)
        .delete(paths::GRANT, cubes::revoke)
        .get(paths::BELIEFS, beliefs::beliefs)
        .post(paths::RESOLVE_BELIEF, beliefs::resolve)
        .post(paths::SETTLE, learn::settle)
        .post(paths::EXTRACT, learn::extract)
        .post(paths::POLICIES, upkeep::set_policy)
        .post(paths::HOLDS, upkeep::place_hold)
        .post(paths::LIFT, upkeep::lift_hold)
        .post(paths::FORGET, upkeep::forget)
        .post(paths::DEDUPE, upkeep::dedupe)
        .post(paths::UNDO_MERGE, upkeep::undo_merge)
        .post(paths::GOVERN, upkeep::govern)
        .post(paths::INGEST, ingest::ingest)
        .post(paths::INGEST_END, ingest::end)
        .post(paths::MEMORIES, memories::record)
        .post(paths::REVISE, memories::revise)
        .post(paths::MERGE, memories::merge)
        .post(paths::RELATE, memories::relate)
        .post(paths::MOVE, memories::move_memory)
        .post(paths::TAG, memories::tag)
        .post(paths::EXPIRE, memories::expire)
        .post(paths::RESOLVE, memories::resolve)
        .get(paths::MEMORY, read::get)
        .get(paths::HISTORY, read::history)
        .get(paths::STATE, read::state)
        .get(paths::DIFF, read::diff)
        .get(paths::AUDIT_WRITES, audit::writes)
        .get(paths::AUDIT_READS, audit::reads)
        .post(paths::SEARCH, search::search)
        .post(paths::CONTEXT, search::context)
        .post(paths::SQL, search::sql)
        .post(paths::REPLAY, replay::replay)
        .post(paths::VERIFY, replay::verify)
        .post(paths::REBUILD, replay::rebuild)
        .get(paths::DEAD, dead::list)
        .post(paths::DEAD_RETRY, dead::retry)
        .post(paths::DEAD_DISCARD, dead::discard)
}
