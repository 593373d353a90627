//! A Lance table of which a query sees only the rows within the caller's reach.
//!
//! The condition is part of the scan, and the scan is a leaf that no optimizer looks into. Of what the user wrote only comparisons
//! that cannot fail are let down into the scan: an expression that can fail (a cast, a division) must never meet a row that the
//! user may not see, because its error message would quote it.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, ScalarValue, internal_datafusion_err, internal_err};
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use futures::StreamExt;
use lance::Dataset;
use lance::datafusion::LanceTableProvider;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::reach::Reach;

/// Batches in flight between the runtime that reads and the one that computes.
const BATCHES_BETWEEN: usize = 2;

/// A version of a Lance table, narrowed to a reach.
#[derive(Debug)]
pub(super) struct GuardedTable {
    name: String,
    inner: Arc<LanceTableProvider>,
    reach: Reach,
    /// Reading happens on the runtime that the data set belongs to, so that nothing which the data set caches (index readers own
    /// tasks) dies with the runtime of a query.
    io: Handle,
}

impl GuardedTable {
    pub fn new(name: &str, dataset: Arc<Dataset>, reach: Reach, io: Handle) -> Self {
        let inner = Arc::new(LanceTableProvider::new_with_ordering(dataset, false, false, false));
        Self { name: name.to_owned(), inner, reach, io }
    }
}

#[async_trait]
impl TableProvider for GuardedTable {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let schema = self.inner.schema();
        Ok(filters
            .iter()
            .map(|filter| {
                if cannot_fail(filter, &schema) {
                    TableProviderFilterPushDown::Exact
                } else {
                    TableProviderFilterPushDown::Unsupported
                }
            })
            .collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.inner.schema();
        if self.reach.is_nothing() {
            let schema = projection.map_or_else(|| Ok(schema.clone()), |columns| schema.project(columns).map(Arc::new))?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        if let Some(filter) = filters.iter().find(|filter| !cannot_fail(filter, &schema)) {
            return internal_err!("filter {filter} was pushed into a guarded table");
        }
        let state = state
            .as_any()
            .downcast_ref::<SessionState>()
            .ok_or_else(|| internal_datafusion_err!("guarded tables need a plain session"))?
            .clone();
        let filters: Vec<Expr> = self.reach.condition().into_iter().chain(filters.iter().cloned()).collect();
        let (inner, projection) = (self.inner.clone(), projection.cloned());
        let mut reading = JoinSet::new();
        reading.spawn_on(async move { inner.scan(&state, projection.as_ref(), &filters, limit).await }, &self.io);
        let plan = match reading.join_next().await {
            Some(plan) => plan.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))??,
            None => return internal_err!("the plan of a scan got lost"),
        };
        Ok(Arc::new(GuardedScan::new(&self.name, &self.reach, plan, self.io.clone())))
    }
}

/// Whether a condition is true, false or null for every row there can be: comparisons of a column with a value of its own type,
/// null tests, and what `AND`, `OR` and `NOT` make of them.
fn cannot_fail(filter: &Expr, schema: &SchemaRef) -> bool {
    let column_type = |expr: &Expr| match expr {
        Expr::Column(column) => schema.field_with_name(column.name()).ok().map(|field| field.data_type().clone()),
        _ => None,
    };
    let comparable = |column: &Expr, value: &Expr| match (column_type(column), value) {
        (Some(data_type), Expr::Literal(value, _)) => {
            !data_type.is_nested() && value.data_type() == data_type && !matches!(value, ScalarValue::Null)
        }
        _ => false,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And | Operator::Or => cannot_fail(left, schema) && cannot_fail(right, schema),
            Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                comparable(left, right) || comparable(right, left)
            }
            _ => false,
        },
        Expr::Not(inner) => cannot_fail(inner, schema),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => column_type(inner).is_some_and(|data_type| !data_type.is_nested()),
        Expr::Between(between) => comparable(&between.expr, &between.low) && comparable(&between.expr, &between.high),
        Expr::InList(list) => !list.list.is_empty() && list.list.iter().all(|value| comparable(&list.expr, value)),
        Expr::Column(_) => column_type(filter) == Some(arrow::datatypes::DataType::Boolean),
        _ => false,
    }
}

/// Reads what a Lance plan yields, on the runtime that the data set belongs to. A leaf: the plan inside is not shown to optimizers,
/// nor its statistics, which speak of more rows than the reader may know of.
#[derive(Debug)]
struct GuardedScan {
    table: String,
    reach: String,
    inner: Arc<dyn ExecutionPlan>,
    io: Handle,
    properties: Arc<PlanProperties>,
}

impl GuardedScan {
    fn new(table: &str, reach: &Reach, inner: Arc<dyn ExecutionPlan>, io: Handle) -> Self {
        let partitions = inner.properties().partitioning.partition_count();
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(inner.schema()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Self { table: table.to_owned(), reach: reach.describe(), inner, io, properties }
    }
}

impl DisplayAs for GuardedScan {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuardedScan: table={}, reach={}", self.table, self.reach)
    }
}

impl ExecutionPlan for GuardedScan {
    fn name(&self) -> &str {
        "GuardedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a guarded scan has no children") }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.inner.schema(), BATCHES_BETWEEN);
        let (inner, out) = (self.inner.clone(), builder.tx());
        // The stream owns the task: dropping the one ends the other.
        builder.spawn_on(
            async move {
                let mut batches = inner.execute(partition, context)?;
                while let Some(batch) = batches.next().await {
                    if out.send(batch).await.is_err() {
                        break;
                    }
                }
                Ok(())
            },
            &self.io,
        );
        Ok(builder.build())
    }
}
