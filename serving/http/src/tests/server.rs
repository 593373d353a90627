//! The server on a real socket: it serves, refuses open addresses without keys, and ends without losing a request.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::world::{World, open};
use crate::keys::{ApiKeys, KeyFile};
use crate::routes::HttpOptions;
use crate::serve::{ServeError, serve};

fn text(key: &str, method: &str, path: &str, body: &Value) -> String {
    let body = body.to_string();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_request_that_runs_when_the_shutdown_begins_is_answered_and_kept() {
    let world = World::new().await;
    world.cube("notes").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let keys = ApiKeys::open(world.file.clone()).unwrap();
    let server = tokio::spawn(serve(listener, world.service.clone(), keys, HttpOptions::default(), async {
        let _ = stopped.await;
    }));
    // Ready comes when the cube is in the views.
    let ready = async {
        loop {
            let mut quick = TcpStream::connect(address).await.unwrap();
            quick.write_all(text(&world.ann, "GET", "/readyz", &Value::Null).as_bytes()).await.unwrap();
            let answer = answer(&mut quick).await;
            if answer.starts_with("HTTP/1.1 200") {
                return;
            }
            assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("catching up"), "{answer}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ready).await.unwrap();
    let mut idle = TcpStream::connect(address).await.unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(text(&world.ann, "POST", "/v1/sql", &json!({"query": "SLEEP", "timeout_ms": 500})).as_bytes()).await.unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    let write = text(&world.ann, "POST", "/v1/memories", &json!({"cube": "notes", "content": {"text": "kept"}}));
    let (first, second) = write.as_bytes().split_at(write.len() - 20);
    half.write_all(first).await.unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(address).await.is_err(), "nothing new is accepted");
    half.write_all(second).await.unwrap();
    let written = answer(&mut half).await;
    assert!(written.starts_with("HTTP/1.1 201"), "{written}");
    assert!(answer(&mut slow).await.starts_with("HTTP/1.1 200"));
    assert_eq!(answer(&mut idle).await, "");
    let ended = tokio::time::timeout(Duration::from_secs(10), server).await.unwrap().unwrap();
    ended.unwrap();
    let World { directory, clock, service, router, .. } = world;
    drop((service, router));
    let service = open(&directory, &clock).await;
    let cut = service.cubelog().flush().await.unwrap();
    assert_eq!(cut.span(), 2, "the cube and the memory are on the log");
    service.close().await.unwrap();
}

#[tokio::test]
async fn an_open_address_needs_a_key_first() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let keys = ApiKeys::open(KeyFile::in_directory(directory.path())).unwrap();
    let refused = serve(listener, world.service.clone(), keys, HttpOptions::default(), async {}).await;
    assert!(matches!(refused, Err(ServeError::Open { .. })), "{refused:?}");
    assert_eq!(world.get(&world.ann, "/v1/cubes").await.status, 200, "the store is left as it was");
}

#[tokio::test]
async fn a_head_that_does_not_arrive_and_a_request_that_does_not_end_are_cut_off() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let keys = ApiKeys::open(world.file.clone()).unwrap();
    let options = HttpOptions {
        head_timeout: Duration::from_millis(100),
        drain_timeout: Duration::from_millis(200),
        ..HttpOptions::default()
    };
    let server = tokio::spawn(serve(listener, world.service.clone(), keys, options, async {
        let _ = stopped.await;
    }));
    let mut slow_head = TcpStream::connect(address).await.unwrap();
    slow_head.write_all(b"GET /livez HTTP/1.1\r\nhost").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), slow_head.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is ended");
    let mut endless = TcpStream::connect(address).await.unwrap();
    endless
        .write_all(text(&world.ann, "POST", "/v1/sql", &json!({"query": "SLEEP", "timeout_ms": 30_000})).as_bytes())
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), server).await.unwrap().unwrap().unwrap();
}
