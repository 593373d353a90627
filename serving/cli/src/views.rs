//! Views in LanceDB behind the runner's port, and SQL over the ones that are live.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use cubelog_api::problem::{Code, Problem};
use cubelog_api::sql::Column;
use cubelog_http::{SqlLimits, SqlRows, SqlRunner, SqlScope};
use cubelog_log::{EventLog, ReadFrom, Topic};
use cubelog_memory::Cut;
use cubelog_runner::{Clock, Embedder, TableDifference, ViewFactory};
use cubelog_views::compare::{CompareOptions, Difference, compare};
use cubelog_views::events::{EventScan, EventWindow, RawEvent, RawEvents, ScanError};
use cubelog_views::sql::{SqlError, SqlOptions, query, to_json_rows};
use cubelog_views::{LanceViews, ViewError, ViewOptions, ViewStore};
use futures::{StreamExt, TryStreamExt};

/// Opens views, and remembers which are open: SQL and comparison need more of them than the port offers.
pub struct Factory {
    embedder: Arc<dyn Embedder>,
    clock: Arc<dyn Clock>,
    open: Mutex<HashMap<PathBuf, Weak<LanceViews>>>,
}

impl Factory {
    pub fn new(embedder: Arc<dyn Embedder>, clock: Arc<dyn Clock>) -> Self {
        Self { embedder, clock, open: Mutex::default() }
    }

    /// The views that were opened last in `dir`, while somebody uses them.
    fn opened(&self, dir: &Path) -> Option<Arc<LanceViews>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).get(dir).and_then(Weak::upgrade)
    }

    /// The views behind a handle that this factory gave out.
    fn behind(&self, views: &Arc<dyn ViewStore>) -> Option<Arc<LanceViews>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = Arc::as_ptr(views).cast::<()>();
        open.values().filter_map(Weak::upgrade).find(|candidate| Arc::as_ptr(candidate).cast::<()>() == wanted)
    }
}

#[async_trait]
impl ViewFactory for Factory {
    async fn open(&self, dir: &Path, writable: bool) -> Result<Arc<dyn ViewStore>, ViewError> {
        let dim = self.embedder.dim();
        let clock = self.clock.clone();
        let options = ViewOptions {
            embedder: self.embedder.identity().to_owned(),
            dim: (dim > 0).then_some(dim),
            now: Arc::new(move || clock.now()),
            read_only: !writable,
            held_max: cubelog_views::HELD_MAX,
        };
        let views = Arc::new(LanceViews::open(dir, options).await?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, views| views.strong_count() > 0);
        open.insert(dir.to_owned(), Arc::downgrade(&views));
        Ok(views)
    }

    async fn compare(
        &self,
        left: &Arc<dyn ViewStore>,
        right: &Arc<dyn ViewStore>,
        ignore_log_places: bool,
    ) -> Result<Vec<TableDifference>, ViewError> {
        let (Some(a), Some(b)) = (self.behind(left), self.behind(right)) else {
            return Err(ViewError::Query("views of another factory cannot be compared".to_owned()));
        };
        let options = CompareOptions { ignore_log_places, ..CompareOptions::default() };
        let found = compare(&a, &b, options).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let (left, right) = (left.stats().await?, right.stats().await?);
        let rows = |stats: &[cubelog_views::TableStats], table: &str| {
            stats.iter().find(|stats| stats.table == table).map_or(0, |stats| stats.rows)
        };
        Ok(found
            .into_iter()
            .map(|difference| TableDifference {
                table: difference.table.to_owned(),
                rows_left: rows(&left, difference.table),
                rows_right: rows(&right, difference.table),
                differing: difference.only_left + difference.only_right + difference.different,
                examples: difference.examples.iter().map(|(key, what)| format!("{key} {}", in_words(what))).collect(),
            })
            .collect())
    }
}

fn in_words(difference: &Difference) -> String {
    match difference {
        Difference::OnlyLeft => "stands only in the live views".to_owned(),
        Difference::OnlyRight => "stands only in the others".to_owned(),
        Difference::Columns(columns) => format!("differs in {}", columns.join(", ")),
        Difference::Count { left, right } => format!("stands {left} times in the live views and {right} times in the others"),
    }
}

/// SQL over the live views and the log.
pub struct Sql {
    pub factory: Arc<Factory>,
    pub log: Arc<dyn EventLog>,
    /// Holds the generations of the views; `CURRENT` names the one in use.
    pub views_dir: PathBuf,
}

impl Sql {
    fn views(&self) -> Option<Arc<LanceViews>> {
        let current = std::fs::read_to_string(self.views_dir.join("CURRENT")).unwrap_or_default();
        let current = current.trim();
        self.factory.opened(&self.views_dir.join(if current.is_empty() { "1" } else { current }))
    }
}

#[async_trait]
impl SqlRunner for Sql {
    async fn sql(&self, scope: SqlScope, text: &str, limits: SqlLimits) -> Result<SqlRows, Problem> {
        let views = self.views().ok_or_else(|| Problem::new(Code::Starting, "the views are being opened"))?;
        let options = SqlOptions {
            tenant: scope.tenant,
            cubes: scope.cubes,
            rows_max: limits.rows_max,
            timeout: limits.timeout,
            ..SqlOptions::default()
        };
        let events = Arc::new(LogScan { log: self.log.clone(), until: views.reflected() });
        let answer = query(views.datasets(), Some(events), text, options).await.map_err(problem)?;
        let columns = answer.schema.fields().iter();
        Ok(SqlRows {
            columns: columns
                .map(|field| Column { name: field.name().clone(), data_type: field.data_type().to_string() })
                .collect(),
            rows: to_json_rows(&answer).into_iter().map(serde_json::Value::Object).collect(),
            truncated: answer.truncated,
            notes: answer.notes,
        })
    }
}

fn problem(error: SqlError) -> Problem {
    let code = match &error {
        SqlError::Timeout { .. } => Code::Timeout,
        SqlError::Busy { .. } => Code::Overloaded,
        SqlError::Memory { .. } | SqlError::TooLong { .. } => Code::TooLarge,
        SqlError::Failed { .. } => Code::Internal,
        _ => Code::Invalid,
    };
    let text = error.to_string();
    match text.split_once("; ") {
        Some((what, next)) => Problem::new(code, what).with_next(next),
        None => Problem::new(code, text),
    }
}

/// The events topic below a cut.
struct LogScan {
    log: Arc<dyn EventLog>,
    until: Cut,
}

#[async_trait]
impl EventScan for LogScan {
    async fn scan(&self, window: EventWindow) -> Result<RawEvents, ScanError> {
        let mut from = self.log.begin(Topic::Events).await?;
        if let Some(since) = window.since {
            from = from.join(&self.log.cut_at(Topic::Events, since).await?);
        }
        let mut until = self.until.clone();
        if let Some(before) = window.until {
            let end = self.log.cut_at(Topic::Events, before).await?;
            until = until.iter().map(|(partition, next)| (partition, next.min(end.next(partition)))).collect();
        }
        // A window that is empty reads nothing.
        let from: Cut = until.iter().map(|(partition, next)| (partition, next.min(from.next(partition)))).collect();
        let records = self.log.read(Topic::Events, ReadFrom { from, until: Some(until) }).await?;
        let raw = |record: cubelog_log::Record| RawEvent {
            position: record.position,
            recorded_at: record.recorded_at,
            payload: record.payload,
        };
        Ok(records.map_ok(move |records| records.into_iter().map(raw).collect()).map_err(ScanError::from).boxed())
    }
}
