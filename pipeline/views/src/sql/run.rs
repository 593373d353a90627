//! Runs one statement on threads of its own, so that a query which never gives way cannot hold up its caller.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionContext};
use datafusion::sql::TableReference;
use datafusion::sql::parser::Statement;
use futures::StreamExt;
use lance::Dataset;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::bounded::bounded;
use super::error::{SqlError, one_line};
use super::events_table::EventsTable;
use super::guard::GuardedTable;
use super::reach::Reach;
use super::session::{CATALOG, SCHEMA, cooperative, session};
use super::statement::{is_query, parse};
use super::{QUERIES_AT_ONCE_MAX, SqlAnswer, SqlOptions};
use crate::events::{EventScan, EventSchemas};

/// Name of the table of events.
const EVENTS: &str = "events";
/// Stack of a query's threads: a long chain of ORs is a deep tree, and dropping it recurses.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// One permit for each query that computes. A query that was given up keeps its permit until its threads have noticed.
static SLOTS: Semaphore = Semaphore::const_new(QUERIES_AT_ONCE_MAX);

/// Answers one read-only statement over `tables` and, if given, the log as the table `events`.
///
/// Every table is narrowed to what `options` allow; a table that has no columns to tell by is left out unless everything is allowed.
/// Dropping the future ends the query.
pub async fn query(
    tables: Vec<(&str, Arc<Dataset>)>,
    events: Option<Arc<dyn EventScan>>,
    sql: &str,
    options: SqlOptions,
) -> Result<SqlAnswer, SqlError> {
    let events = events.map(|scan| (scan, Arc::new(EventSchemas::released())));
    query_with_schemas(tables, events, sql, options).await
}

/// As [`query`], with the schemas that the log was written with.
pub(super) async fn query_with_schemas(
    tables: Vec<(&str, Arc<Dataset>)>,
    events: Option<(Arc<dyn EventScan>, Arc<EventSchemas>)>,
    sql: &str,
    options: SqlOptions,
) -> Result<SqlAnswer, SqlError> {
    let tables = tables.into_iter().map(|(name, dataset)| (name.to_owned(), dataset)).collect();
    let job = Job { tables, events, sql: sql.to_owned(), options: options.clone(), io: Handle::current() };
    let limit_ms = options.timeout.as_millis();
    let mut started = false;
    let answer = async {
        // The semaphore is never closed.
        let Ok(slot) = SLOTS.acquire().await else { return Err(SqlError::Busy { limit_ms }) };
        started = true;
        let (send, receive) = oneshot::channel();
        let thread = std::thread::Builder::new().name("cubelog-sql".into()).stack_size(STACK_BYTES);
        thread.spawn(move || job.run(slot, send)).map_err(|error| SqlError::Failed { reason: error.to_string() })?;
        receive
            .await
            .unwrap_or_else(|_| Err(SqlError::Failed { reason: "the engine gave up on it; please report the statement".into() }))
    };
    match tokio::time::timeout(options.timeout, answer).await {
        Ok(answer) => answer,
        Err(_) if started => Err(SqlError::Timeout { limit_ms }),
        Err(_) => Err(SqlError::Busy { limit_ms }),
    }
}

/// A statement and all it needs, ready to be moved to another thread.
struct Job {
    tables: Vec<(String, Arc<Dataset>)>,
    events: Option<(Arc<dyn EventScan>, Arc<EventSchemas>)>,
    sql: String,
    options: SqlOptions,
    /// The runtime that reads; computing happens on the query's own.
    io: Handle,
}

impl Job {
    /// Ends when the answer is there or nobody waits for it any more; the permit goes back then.
    fn run(self, _slot: SemaphorePermit<'static>, mut send: oneshot::Sender<Result<SqlAnswer, SqlError>>) {
        let runtime = Builder::new_multi_thread()
            .worker_threads(self.options.threads.max(1))
            .thread_name("cubelog-sql")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = send.send(Err(SqlError::Failed { reason: error.to_string() }));
                return;
            }
        };
        let answer = runtime.block_on(async {
            tokio::select! {
                answer = self.answer() => Some(answer),
                () = send.closed() => None,
            }
        });
        if let Some(answer) = answer {
            let _ = send.send(answer);
        }
        // Waits for workers that are in the middle of a batch, so that the permit stands for all of the query's threads.
        drop(runtime);
    }

    async fn answer(&self) -> Result<SqlAnswer, SqlError> {
        let limit_bytes = self.options.memory_bytes_max;
        let statement = parse(&self.sql)?;
        let (session, bad) = self.session()?;
        let state = session.state();
        known_tables(&session, &state, &statement)?;

        let planning = |error| SqlError::planning(&error, limit_bytes);
        let cut = is_query(&statement);
        let mut plan = state.statement_to_plan(statement).await.map_err(planning)?;
        // The statement was checked already; this one looks at what it became.
        let reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        reads.verify_plan(&plan).map_err(planning)?;
        plan = bounded(plan, limit_bytes).map_err(planning)?;
        if cut {
            let one_more = self.options.rows_max.saturating_add(1);
            plan =
                LogicalPlanBuilder::from(plan).limit(0, Some(one_more)).and_then(LogicalPlanBuilder::build).map_err(planning)?;
        }
        let plan = state.create_physical_plan(&plan).await.map_err(planning)?;
        let plan = cooperative(plan).map_err(planning)?;
        let mut answer = self.collect(&state, plan).await?;

        let bad = bad.map_or(0, |bad| bad.load(Ordering::Relaxed));
        if bad > 0 {
            answer
                .notes
                .push(format!("{bad} records of the log could not be decoded and are missing from events; see the table dead"));
        }
        Ok(answer)
    }

    /// The engine with the tables within reach, and the count of undecodable records.
    fn session(&self) -> Result<(SessionContext, Option<Arc<AtomicU64>>), SqlError> {
        let failed = |reason: String| SqlError::Failed { reason };
        let reach = Reach::new(&self.options);
        let mut tables: Vec<(String, Arc<dyn TableProvider>)> = Vec::new();
        for (name, dataset) in &self.tables {
            let table = GuardedTable::new(name, dataset.clone(), reach.clone(), self.io.clone());
            if reach.covers(&table.schema()) {
                tables.push((name.clone(), Arc::new(table)));
            }
        }
        let mut bad = None;
        if let Some((scan, schemas)) = &self.events {
            let table = EventsTable::new(scan.clone(), schemas.clone(), reach, self.io.clone())
                .map_err(|error| failed(error.to_string()))?;
            bad = Some(table.bad());
            tables.push((EVENTS.to_owned(), Arc::new(table)));
        }
        let session = session(tables, &self.options).map_err(|error| failed(one_line(&error.to_string())))?;
        Ok((session, bad))
    }

    async fn collect(
        &self,
        state: &SessionState,
        plan: Arc<dyn datafusion::physical_plan::ExecutionPlan>,
    ) -> Result<SqlAnswer, SqlError> {
        let limit_bytes = self.options.memory_bytes_max;
        let running = |error| SqlError::running(&error, limit_bytes);
        let context = state.task_ctx();
        let held = MemoryConsumer::new("answer").register(context.memory_pool());
        let schema = unique_names(&plan.schema());
        let mut stream = execute_stream(plan, context).map_err(running)?;
        let mut answer = SqlAnswer { schema: schema.clone(), batches: Vec::new(), truncated: false, notes: Vec::new() };
        let mut left = self.options.rows_max;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(running)?;
            if batch.num_rows() > left {
                answer.truncated = true;
            }
            let batch = batch.slice(0, batch.num_rows().min(left));
            left -= batch.num_rows();
            if batch.num_rows() > 0 {
                held.try_grow(batch.get_array_memory_size()).map_err(running)?;
                let batch = RecordBatch::try_new(schema.clone(), batch.columns().to_vec());
                answer.batches.push(batch.map_err(|error| SqlError::Failed { reason: one_line(&error.to_string()) })?);
            }
            if answer.truncated {
                break;
            }
        }
        Ok(answer)
    }
}

/// Refuses names that are no table, with the names that are.
fn known_tables(session: &SessionContext, state: &SessionState, statement: &Statement) -> Result<(), SqlError> {
    let references = state.resolve_table_references(statement).map_err(|error| SqlError::planning(&error, 0))?;
    for reference in references {
        let own = match &reference {
            TableReference::Bare { .. } => true,
            TableReference::Partial { schema, .. } => **schema == *SCHEMA,
            TableReference::Full { catalog, schema, .. } => **catalog == *CATALOG && **schema == *SCHEMA,
        };
        let in_information_schema =
            reference.schema() == Some("information_schema") && reference.catalog().is_none_or(|name| name == CATALOG);
        if in_information_schema || (own && session.table_exist(reference.table()).unwrap_or(false)) {
            continue;
        }
        let known = session.catalog(CATALOG).and_then(|catalog| catalog.schema(SCHEMA)).map(|schema| schema.table_names());
        let mut known = known.unwrap_or_default();
        known.sort();
        return Err(SqlError::UnknownTable {
            name: reference.to_string(),
            known: if known.is_empty() { "none".into() } else { known.join(", ") },
        });
    }
    Ok(())
}

/// The schema with names that repeat numbered: `tenant`, `tenant_2`. Rows are objects for some readers.
fn unique_names(schema: &SchemaRef) -> SchemaRef {
    let mut taken: BTreeSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    if taken.len() == schema.fields().len() {
        return schema.clone();
    }
    let mut seen = BTreeSet::new();
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .map(|field| {
            if seen.insert(field.name().clone()) {
                return field.as_ref().clone();
            }
            let mut number = 2;
            let mut name = format!("{}_{number}", field.name());
            while !taken.insert(name.clone()) {
                number += 1;
                name = format!("{}_{number}", field.name());
            }
            field.as_ref().clone().with_name(name)
        })
        .collect();
    Arc::new(Schema::new(fields))
}
