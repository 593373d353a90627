//! The table `events`: the log itself, decoded as it is read and narrowed to the caller's reach.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use cubelog_memory::Timestamp;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::reach::Reach;
use crate::events::{EventDecoder, EventScan, EventSchemas, EventWindow, EventsError, RawEvent, ScanError};

/// Batches of records in flight between the runtime that reads the log and the one that decodes.
const BATCHES_BETWEEN: usize = 2;

const RECORDED_AT: &str = "recorded_at";

/// The log could not be read; carried through the engine as an external error.
#[derive(Debug, thiserror::Error)]
#[error("read the log for table events: {0}")]
struct LogFailed(ScanError);

/// The log as a table.
pub(super) struct EventsTable {
    source: Source,
    schema: SchemaRef,
    /// Records that could not be decoded, over all scans of the query.
    bad: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Source {
    scan: Arc<dyn EventScan>,
    schemas: Arc<EventSchemas>,
    reach: Reach,
    io: Handle,
}

impl EventsTable {
    pub fn new(scan: Arc<dyn EventScan>, schemas: Arc<EventSchemas>, reach: Reach, io: Handle) -> Result<Self, EventsError> {
        let schema = EventDecoder::new(&schemas)?.schema();
        Ok(Self { source: Source { scan, schemas, reach, io }, schema, bad: Arc::default() })
    }

    /// Counts records that could not be decoded.
    pub fn bad(&self) -> Arc<AtomicU64> {
        self.bad.clone()
    }
}

impl fmt::Debug for EventsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsTable").field("reach", &self.source.reach).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for EventsTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let answer = |filter: &&Expr| match bound(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let window = filters.iter().filter_map(bound).fold(EventWindow::default(), narrower);
        let part = EventsPart { source: self.source.clone(), schema: self.schema.clone(), window, bad: self.bad.clone() };
        let exec = StreamingTableExec::try_new(self.schema.clone(), vec![Arc::new(part)], projection, None, false, limit)?;
        Ok(Arc::new(exec))
    }
}

/// The window that a comparison of `recorded_at` with an instant allows.
fn bound(filter: &Expr) -> Option<EventWindow> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else { return None };
    let (column, value, op) = match (&**left, &**right) {
        (Expr::Column(column), Expr::Literal(value, _)) => (column, value, *op),
        (Expr::Literal(value, _), Expr::Column(column)) => (column, value, op.swap()?),
        _ => return None,
    };
    let ScalarValue::TimestampMicrosecond(Some(micros), _) = value else { return None };
    if column.name() != RECORDED_AT {
        return None;
    }
    let at = Some(Timestamp(*micros));
    let after = Some(Timestamp(micros.checked_add(1)?));
    match op {
        Operator::Gt => Some(EventWindow { since: after, until: None }),
        Operator::GtEq => Some(EventWindow { since: at, until: None }),
        Operator::Lt => Some(EventWindow { since: None, until: at }),
        Operator::LtEq => Some(EventWindow { since: None, until: after }),
        Operator::Eq => Some(EventWindow { since: at, until: after }),
        _ => None,
    }
}

fn narrower(a: EventWindow, b: EventWindow) -> EventWindow {
    EventWindow {
        since: a.since.max(b.since),
        until: match (a.until, b.until) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        },
    }
}

/// One pass over the log.
struct EventsPart {
    source: Source,
    schema: SchemaRef,
    window: EventWindow,
    bad: Arc<AtomicU64>,
}

impl fmt::Debug for EventsPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsPart").field("window", &self.window).finish_non_exhaustive()
    }
}

impl PartitionStream for EventsPart {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let source = self.source.clone();
        let bad = self.bad.clone();
        let records = read(&source, self.window);
        let batches = async move {
            let mut decoder = EventDecoder::new(&source.schemas).map_err(external)?;
            let reach = source.reach;
            let batches = records.map(move |records| {
                let decoded = decoder.decode(&records?).map_err(external)?;
                bad.fetch_add(decoded.bad.len() as u64, Ordering::Relaxed);
                let batches = decoded.batches.iter().map(|batch| reach.narrow(batch).map_err(DataFusionError::from));
                Ok::<_, DataFusionError>(stream::iter(batches.collect::<Vec<_>>()))
            });
            Ok::<_, DataFusionError>(batches.try_flatten())
        };
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), stream::once(batches).try_flatten()))
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Reads the log on its own runtime. The stream owns the task: dropping the one ends the other.
fn read(source: &Source, window: EventWindow) -> impl futures::Stream<Item = Result<Vec<RawEvent>>> + Send + use<> {
    let (out, records) = mpsc::channel(BATCHES_BETWEEN);
    let scan = source.scan.clone();
    let mut reading = JoinSet::new();
    reading.spawn_on(
        async move {
            let mut stream = match scan.scan(window).await {
                Ok(stream) => stream,
                Err(error) => {
                    let _ = out.send(Err(external(LogFailed(error)))).await;
                    return;
                }
            };
            while let Some(batch) = stream.next().await {
                if out.send(batch.map_err(|error| external(LogFailed(error)))).await.is_err() {
                    return;
                }
            }
        },
        &source.io,
    );
    stream::unfold((records, reading), |(mut records, mut reading)| async move {
        if let Some(batch) = records.recv().await {
            return Some((batch, (records, reading)));
        }
        // The channel is closed. A task that panicked must not pass for the end of the log.
        match reading.join_next().await {
            Some(Err(error)) => Some((Err(DataFusionError::ExecutionJoin(Box::new(error))), (records, reading))),
            _ => None,
        }
    })
}
