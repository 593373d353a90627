//! A server in a temporary directory, with keys for everybody who comes along.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use cubelog_api::Problem;
use cubelog_api::sql::Column;
use cubelog_keyring::{Keyring, KeyringOptions};
use cubelog_log::{LocalLog, LocalOptions};
use cubelog_memory::{PrincipalId, TenantId, Timestamp, derive_uuid};
use cubelog_runner::{Clock, Cubelog, Ids, NoEmbedder, Parts, Role, Settings, TableDifference, ViewFactory};
use cubelog_views::{MemViews, ViewError, ViewStore};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::keys::{ApiKeys, CreatedKey, KeyFile, NewKey};
use crate::routes::{HttpOptions, router};
use crate::service::{Service, SqlLimits, SqlRows, SqlRunner, SqlScope};

/// 2026-01-01T00:00:00Z
pub const START: i64 = 1_767_225_600_000_000;

pub struct TestClock(pub AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        // Time passes by a microsecond a look, so that nothing happens at one instant twice.
        Timestamp(self.0.fetch_add(1, Ordering::SeqCst))
    }
}

struct TestIds(AtomicU64);

impl Ids for TestIds {
    fn next(&self) -> Uuid {
        derive_uuid("test-id", &[&self.0.fetch_add(1, Ordering::SeqCst).to_string()])
    }
}

/// Views in memory by directory.
#[derive(Default)]
struct MemFactory(Mutex<HashMap<PathBuf, Arc<MemViews>>>);

#[async_trait]
impl ViewFactory for MemFactory {
    async fn open(&self, dir: &Path, _writable: bool) -> Result<Arc<dyn ViewStore>, ViewError> {
        std::fs::create_dir_all(dir).unwrap();
        Ok(self.0.lock().unwrap().entry(dir.to_owned()).or_insert_with(|| Arc::new(MemViews::new())).clone())
    }

    async fn compare(
        &self,
        left: &Arc<dyn ViewStore>,
        right: &Arc<dyn ViewStore>,
        _ignore_log_places: bool,
    ) -> Result<Vec<TableDifference>, ViewError> {
        let (left, right) = (left.cubes(None).await?, right.cubes(None).await?);
        let differing = u64::from(left != right);
        let table = TableDifference {
            table: "cubes".to_owned(),
            rows_left: left.len() as u64,
            rows_right: right.len() as u64,
            differing,
            examples: Vec::new(),
        };
        Ok(Vec::from_iter((differing > 0).then_some(table)))
    }
}

/// Answers every query with what it was asked within.
struct EchoSql;

#[async_trait]
impl SqlRunner for EchoSql {
    async fn sql(&self, scope: SqlScope, text: &str, limits: SqlLimits) -> Result<SqlRows, Problem> {
        if text == "PANIC" {
            panic!("a panic that quotes {text}");
        }
        if text == "SLEEP" {
            tokio::time::sleep(limits.timeout).await;
        }
        let cubes = scope.cubes.map(|cubes| cubes.iter().map(ToString::to_string).collect::<Vec<_>>());
        let row = json!({"tenant": scope.tenant.map(|tenant| tenant.to_string()), "cubes": cubes, "rows": limits.rows_max});
        let columns = vec![Column { name: "tenant".to_owned(), data_type: "Utf8".to_owned() }];
        Ok(SqlRows { columns, rows: vec![row], truncated: false, notes: Vec::new() })
    }
}

pub struct World {
    pub directory: tempfile::TempDir,
    pub clock: Arc<TestClock>,
    pub service: Service,
    pub file: KeyFile,
    pub router: Router,
    /// Owns what the tests make, in tenant acme.
    pub ann: String,
    /// Has no rights, in tenant acme.
    pub bob: String,
    /// Administers, in tenant acme.
    pub root: String,
    /// Administers, in tenant other.
    pub stranger: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The code of a problem, after looking at its form.
    pub fn code(&self) -> &str {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        for member in ["type", "title", "detail", "next", "instance", "request_id"] {
            assert!(self.body[member].as_str().is_some_and(|text| !text.is_empty()), "{member} is missing: {}", self.text);
        }
        let code = self.body["code"].as_str().unwrap();
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["status"], self.status);
        assert!(self.body["retryable"].is_boolean());
        code
    }

    /// The body of a good answer.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text);
        self.body
    }
}

impl World {
    pub async fn new() -> Self {
        Self::with(HttpOptions::default()).await
    }

    pub async fn with(options: HttpOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(START)));
        let service = open(&directory, &clock).await;
        let file = KeyFile::in_directory(directory.path());
        let key = |tenant, principal, admin| new_key(&file, tenant, principal, admin, None).key;
        let (ann, bob) = (key("acme", "ann", false), key("acme", "bob", false));
        let (root, stranger) = (key("acme", "root", true), key("other", "eve", true));
        let router = router(service.clone(), ApiKeys::open(file.clone()).unwrap(), options);
        Self { directory, clock, service, file, router, ann, bob, root, stranger }
    }

    /// Sets the server up with a model, as its configuration does.
    pub fn set_model(&mut self, model: cubelog_extract::OpenAi) {
        self.service = self.service.clone().with_model(Arc::new(model));
        let keys = ApiKeys::open(self.file.clone()).unwrap();
        self.router = router(self.service.clone(), keys, HttpOptions::default());
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: parts.status.as_u16(), headers: parts.headers, body, text }
    }

    pub async fn call(&self, key: &str, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Answer {
        self.send(request(Some(key), method, path, body, headers)).await
    }

    pub async fn get(&self, key: &str, path: &str) -> Answer {
        self.call(key, "GET", path, None, &[]).await
    }

    pub async fn post(&self, key: &str, path: &str, body: Value) -> Answer {
        self.call(key, "POST", path, Some(body), &[]).await
    }

    /// A cube of Ann's.
    pub async fn cube(&self, name: &str) {
        self.post(&self.ann, "/v1/cubes", json!({"cube": name})).await.ok();
    }

    /// A memory of Ann's, which the views show already.
    pub async fn memory(&self, cube: &str, text: &str) -> Value {
        let written = self.post(&self.ann, "/v1/memories", json!({"cube": cube, "content": {"text": text}})).await.ok();
        self.service.cubelog().flush().await.unwrap();
        written
    }
}

pub fn request(key: Option<&str>, method: &str, path: &str, body: Option<Value>, headers: &[(&str, &str)]) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if let Some(key) = key {
        builder = builder.header("authorization", format!("Bearer {key}"));
    }
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    match body {
        None => builder.body(Body::empty()).unwrap(),
        Some(body) => builder.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap(),
    }
}

pub fn new_key(file: &KeyFile, tenant: &str, principal: &str, admin: bool, expires_at: Option<Timestamp>) -> CreatedKey {
    let new =
        NewKey { tenant: TenantId::new(tenant).unwrap(), principal: PrincipalId::new(principal).unwrap(), admin, expires_at };
    file.create(new, Timestamp(START)).unwrap()
}

pub async fn open(directory: &tempfile::TempDir, clock: &Arc<TestClock>) -> Service {
    let at = directory.path();
    let log_clock = clock.clone();
    let options = LocalOptions { partitions: 2, clock: Arc::new(move || log_clock.now()) };
    let parts = Parts {
        log: Arc::new(LocalLog::open(&at.join("log"), options).unwrap()),
        keyring: Arc::new(Keyring::open_or_create(KeyringOptions { dir: at.join("keys"), master: None }).unwrap()),
        embedder: Arc::new(NoEmbedder),
        factory: Arc::new(MemFactory::default()),
        clock: clock.clone(),
        // Ids of a second opening must not meet those of the first.
        ids: Arc::new(TestIds(AtomicU64::new(clock.0.load(Ordering::SeqCst) as u64))),
        views_dir: at.join("views"),
        settings: Settings { commit_interval: std::time::Duration::from_millis(20), ..Settings::default() },
    };
    let cubelog = Cubelog::open(parts, Role::Writer).await.unwrap();
    Service::new(cubelog, Arc::new(EchoSql), clock.clone()).with_replays_dir(at.join("replays"))
}

/// A path with every parameter filled in so that it could be found.
pub fn filled(template: &str) -> String {
    template
        .replace("{cube}", "notes")
        .replace("{principal}", "bob")
        .replace("{memory}", "00000000-0000-0000-0000-000000000001")
        .replace("{hold}", "00000000-0000-0000-0000-000000000002")
        .replace("{position}", "0:0")
        .replace("{code}", "stale")
}

pub fn is_success(status: u16) -> bool {
    StatusCode::from_u16(status).unwrap().is_success()
}
