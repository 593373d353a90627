//! The server's log never holds what people say or ask.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use super::world::World;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Captured;
    fn make_writer(&'a self) -> Captured {
        self.clone()
    }
}

#[tokio::test]
async fn the_servers_log_holds_no_content_at_any_level() {
    let captured = Captured::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(captured.clone()).with_ansi(false).finish();
    // For the whole process: one that only this thread had would miss events that other tests meet first.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = World::new().await;
    world.cube("notes").await;
    let turns = json!([{"turn_id": "1", "speaker": "canary-speaker", "text": "canary-text"}]);
    let report = world.post(&world.ann, "/v1/ingest", json!({"cube": "notes", "turns": turns})).await.ok();
    let query = json!({"query": "canary-query", "filter": {"speakers": ["canary-filter"]}, "token": report["token"]});
    world.post(&world.ann, "/v1/search", query).await.ok();
    world.post(&world.ann, "/v1/search", json!({"query": "canary-typo", "tpyo": "canary-typo"})).await;
    world.get(&world.ann, "/v1/state?cube=notes&at=canary-at").await;
    world.get(&world.ann, "/v1/memories/canary-path").await;
    world.post(&world.ann, "/v1/memories", json!({"cube": "notes", "content": {"text": "canary-record"}})).await.ok();
    world.post(&world.ann, "/v1/sql", json!({"query": "canary-sql"})).await.ok();
    world.service.close().await.unwrap();
    let log = String::from_utf8_lossy(&captured.0.lock().unwrap()).into_owned();
    assert!(log.contains("/v1/search") && log.contains("status=422"), "requests are not logged");
    for word in ["canary", world.ann.rsplit_once('_').unwrap().1] {
        let line = log.lines().find(|line| line.contains(word));
        assert!(line.is_none(), "{word} is in the log: {line:?}");
    }
}
