//! What is malformed, too large, too much at once or too slow gets a problem, and the server goes on.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::world::World;
use crate::routes::HttpOptions;

#[tokio::test]
async fn what_axum_itself_refuses_is_a_problem_too() {
    let world = World::new().await;
    let raw = |method: &str, path: &str, kind: &str, body: &str| {
        let builder = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", world.ann));
        let builder = if kind.is_empty() { builder } else { builder.header("content-type", kind) };
        world.send(builder.body(Body::from(body.to_owned())).unwrap())
    };
    let json = "application/json";
    for (method, path, kind, body, status, code) in [
        ("GET", "/v1/nothing", "", "", 404, "not-found"),
        ("GET", "/", "", "", 200, ""),
        ("POST", "/livez", "", "", 405, "method-not-allowed"),
        ("PUT", "/v1/cubes", json, "{}", 405, "method-not-allowed"),
        ("POST", "/v1/search", "", "{}", 415, "unsupported-media-type"),
        ("POST", "/v1/search", "text/plain", "{}", 415, "unsupported-media-type"),
        ("POST", "/v1/search", json, "{", 400, "bad-request"),
        ("POST", "/v1/search", json, "", 400, "bad-request"),
        ("POST", "/v1/search", json, "[]", 422, "invalid"),
        ("POST", "/v1/search", json, "{\"query\": 7}", 422, "invalid"),
        ("POST", "/v1/search", json, "{\"query\": \"a\", \"typo\": 1}", 422, "invalid"),
        ("POST", "/v1/search", json, "{\"query\": \" \"}", 422, "invalid"),
        ("POST", "/v1/search", json, "{\"query\": \"a\", \"k\": 0}", 422, "invalid"),
        ("POST", "/v1/search", json, "{\"query\": \"a\", \"k\": 1001}", 422, "invalid"),
        ("POST", "/v1/search", json, "{\"query\": \"a\", \"cubes\": [\"nowhere\"]}", 404, "unknown-cube"),
        ("GET", "/v1/state", "", "", 422, "invalid"),
        ("GET", "/v1/memories/not-an-id", "", "", 422, "invalid"),
        ("GET", "/v1/memories/%ff", "", "", 400, "bad-request"),
        ("POST", "/v1/memories", json, "{\"cube\": \"a b\", \"content\": {\"text\": \"x\"}}", 422, "invalid"),
        ("POST", "/v1/dead/x/retry", "", "", 422, "invalid"),
        ("GET", "/problems/nothing", "", "", 404, "not-found"),
    ] {
        let answer = raw(method, path, kind, body).await;
        assert_eq!(answer.status, status, "{method} {path} {body}: {}", answer.text);
        if !code.is_empty() {
            assert_eq!(answer.code(), code, "{method} {path} {body}: {}", answer.text);
        }
    }
    assert_eq!(raw("POST", "/livez", "", "").await.header("allow"), "GET,HEAD");
    let deep = format!("{{\"query\": \"a\", \"filter\": {}1{}}}", "[".repeat(5_000), "]".repeat(5_000));
    assert!([400, 422].contains(&raw("POST", "/v1/search", json, &deep).await.status));
    let problem = world.get(&world.ann, "/problems/stale").await.ok();
    assert_eq!((&problem["status"], &problem["code"]), (&json!(409), &json!("stale")));
}

#[tokio::test]
async fn bodies_and_batches_have_limits() {
    let options = HttpOptions { body_bytes_max: 1_000, ingest_bytes_max: 4_000_000, ..HttpOptions::default() };
    let world = World::with(options).await;
    let large = json!({"query": "x".repeat(2_000)});
    let answer = world.post(&world.ann, "/v1/search", large.clone()).await;
    assert_eq!((answer.status, answer.code()), (413, "too-large"));
    // A body that does not announce its length is cut off while it is read.
    let chunks = futures_stream(large.to_string());
    let request = Request::post("/v1/search")
        .header("authorization", format!("Bearer {}", world.ann))
        .header("content-type", "application/json")
        .body(chunks)
        .unwrap();
    assert_eq!(world.send(request).await.code(), "too-large");
    let turns: Vec<_> = (0..10_001).map(|index| json!({"turn_id": index.to_string(), "text": "x"})).collect();
    let answer = world.post(&world.ann, "/v1/ingest", json!({"cube": "c", "turns": turns})).await;
    assert_eq!((answer.status, answer.code()), (413, "too-large"));
    let long = json!({"cube": "c", "turns": [{"turn_id": "1", "text": "x".repeat(300_000)}]});
    assert_eq!(world.post(&world.ann, "/v1/ingest", long).await.code(), "invalid");
    assert_eq!(world.get(&world.ann, "/v1/cubes").await.ok()["cubes"], json!([]), "nothing was half done");
}

/// A body in two pieces of unknown length.
fn futures_stream(text: String) -> Body {
    struct Pieces(Vec<axum::body::Bytes>);
    impl axum::body::HttpBody for Pieces {
        type Data = axum::body::Bytes;
        type Error = std::convert::Infallible;
        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
            std::task::Poll::Ready(self.0.pop().map(|piece| Ok(hyper::body::Frame::data(piece))))
        }
    }
    let bytes = axum::body::Bytes::from(text);
    let half = bytes.len() / 2;
    Body::new(Pieces(vec![bytes.slice(half..), bytes.slice(..half)]))
}

#[tokio::test]
async fn too_many_requests_at_once_are_refused_and_the_next_is_served() {
    let options = HttpOptions { requests_at_once_max: 3, requests_per_key_max: 2, ..HttpOptions::default() };
    let world = std::sync::Arc::new(World::with(options).await);
    let slow = |key: &str| {
        let (world, key) = (world.clone(), key.to_owned());
        tokio::spawn(async move { world.post(&key, "/v1/sql", json!({"query": "SLEEP", "timeout_ms": 600})).await.status })
    };
    let (first, second) = (slow(&world.ann), slow(&world.ann));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let third = world.get(&world.ann, "/v1/cubes").await;
    assert_eq!((third.status, third.code(), third.header("retry-after")), (429, "too-many-requests", "1"));
    let other = slow(&world.bob);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let fourth = world.get(&world.root, "/v1/cubes").await;
    assert_eq!((fourth.status, fourth.code(), fourth.header("retry-after")), (503, "overloaded", "1"));
    assert_eq!(world.get(&world.ann, "/livez").await.status, 200, "monitors are never refused");
    for running in [first, second, other] {
        assert_eq!(running.await.unwrap(), 200);
    }
    world.get(&world.ann, "/v1/cubes").await.ok();
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up_and_a_panic_is_a_problem() {
    let options = HttpOptions { request_timeout: Duration::from_millis(50), ..HttpOptions::default() };
    let world = World::with(options).await;
    let slow = world.post(&world.ann, "/v1/sql", json!({"query": "SLEEP"})).await;
    assert_eq!((slow.status, slow.code()), (504, "timeout"));
    let panicked = world.post(&world.ann, "/v1/sql", json!({"query": "PANIC"})).await;
    assert_eq!((panicked.status, panicked.code()), (500, "internal"));
    assert!(!panicked.text.contains("PANIC"));
    world.get(&world.ann, "/v1/cubes").await.ok();
}
