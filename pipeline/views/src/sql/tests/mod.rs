//! Queries get what they may read and nothing else, in the time and the memory that they were given.

mod bounds;
mod reads;
mod refuses;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Int64Array, RecordBatch, RecordBatchIterator, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::Float32Type;
use async_trait::async_trait;
use bytes::Bytes;
use cubelog_memory::{CubeKey, CubeName, Position, TenantId, Timestamp};
use futures::StreamExt;
use lance::Dataset;
use serde_json::{Value, json};

use super::run::query_with_schemas;
use super::*;
use crate::events::tests::{bodies, raw};
use crate::events::{EventScan, EventSchemas, EventWindow, RawEvent, RawEvents, ScanError};

/// Stands in every text that a reader of acme's cube `a` must not see.
const SECRET: &str = "umbrella-secret";

/// Some tables and a log, of two tenants.
struct World {
    _directory: tempfile::TempDir,
    memories: Arc<Dataset>,
    big: Arc<Dataset>,
    dead: Arc<Dataset>,
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let write = async |name: &str, batch: RecordBatch| {
            let schema = batch.schema();
            let uri = directory.path().join(name).to_string_lossy().into_owned();
            Arc::new(Dataset::write(RecordBatchIterator::new([Ok(batch)], schema), uri.as_str(), None).await.unwrap())
        };
        let times = TimestampMicrosecondArray::from_iter_values((0..6).map(|n| n * 1_000_000)).with_timezone("UTC");
        let vectors = (0..6).map(|n| Some(vec![Some(n as f32), None]));
        let memories = batch(vec![
            ("memory", Arc::new(StringArray::from(vec!["m0", "m1", "m2", "m3", "m4", "m5"]))),
            ("tenant", Arc::new(StringArray::from(vec!["acme", "acme", "acme", "umbrella", "umbrella", "acme"]))),
            ("cube", Arc::new(StringArray::from(vec!["a", "a", "b", "a", "c", "a"]))),
            (
                "text",
                Arc::new(StringArray::from(vec![
                    Some("10"),
                    Some("11"),
                    Some("12-umbrella-secret"),
                    Some(SECRET),
                    Some(SECRET),
                    None,
                ])),
            ),
            ("priority", Arc::new(Int64Array::from(vec![1, 2, 0, 0, 0, 3]))),
            ("visible", Arc::new(BooleanArray::from(vec![true, false, true, true, true, true]))),
            ("changed_at", Arc::new(times)),
            ("vector", Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(vectors, 2))),
        ]);
        let rows = 20_000;
        let big = batch(vec![
            ("tenant", Arc::new(StringArray::from(vec!["acme"; rows]))),
            ("cube", Arc::new(StringArray::from(vec!["a"; rows]))),
            ("n", Arc::new(Int64Array::from_iter_values(0..rows as i64))),
        ]);
        let dead = batch(vec![("record_key", Arc::new(StringArray::from(vec!["umbrella/a"])))]);
        let (memories, big, dead) = (write("memories", memories).await, write("big", big).await, write("dead", dead).await);
        Self { _directory: directory, memories, big, dead }
    }

    async fn ask(&self, sql: &str, options: SqlOptions) -> Result<SqlAnswer, SqlError> {
        let tables = vec![("memories", self.memories.clone()), ("big", self.big.clone()), ("dead", self.dead.clone())];
        let log: Arc<dyn EventScan> = Arc::new(Log);
        query_with_schemas(tables, Some((log, Arc::new(EventSchemas::released()))), sql, options).await
    }

    async fn rows(&self, sql: &str, options: SqlOptions) -> Vec<Value> {
        let answer = self.ask(sql, options).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        to_json_rows(&answer).into_iter().map(Value::Object).collect()
    }
}

/// Events of two tenants, a bad record between them; keeps to the window exactly, so that a window too narrow shows.
struct Log;

#[async_trait]
impl EventScan for Log {
    async fn scan(&self, window: EventWindow) -> Result<RawEvents, ScanError> {
        let mut batches = Vec::new();
        for (start, tenant) in [(0, "acme"), (10, "umbrella"), (20, "acme")] {
            let bodies = bodies().into_iter().enumerate();
            batches.push(bodies.map(|(index, body)| raw(start + index as u64, tenant, "a", body)).collect::<Vec<_>>());
        }
        batches[1].push(RawEvent {
            position: Position { partition: 3, offset: 17 },
            recorded_at: Timestamp(2_000_017),
            payload: Bytes::from_static(b"nonsense"),
        });
        for batch in &mut batches {
            batch.retain(|record| {
                window.since.is_none_or(|since| record.recorded_at >= since)
                    && window.until.is_none_or(|until| record.recorded_at < until)
            });
        }
        Ok(futures::stream::iter(batches.into_iter().map(Ok)).boxed())
    }
}

struct BrokenLog;

#[async_trait]
impl EventScan for BrokenLog {
    async fn scan(&self, _window: EventWindow) -> Result<RawEvents, ScanError> {
        Ok(futures::stream::iter([Err("disk on fire".into())]).boxed())
    }
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

fn cube(tenant_name: &str, name: &str) -> CubeKey {
    CubeKey::new(tenant(tenant_name), CubeName::new(name).unwrap())
}

/// A reader of acme's cube `a`.
fn reader() -> SqlOptions {
    SqlOptions { tenant: Some(tenant("acme")), cubes: Some(vec![cube("acme", "a")]), ..SqlOptions::default() }
}

fn quick(millis: u64) -> SqlOptions {
    SqlOptions { timeout: Duration::from_millis(millis), ..SqlOptions::default() }
}
