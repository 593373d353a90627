//! The engine that one query runs in: no files, no table functions, bounded memory, and only the tables it was given.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::SqlOptions;

/// Catalog and schema that the tables stand in.
pub(super) const CATALOG: &str = "cubelog";
pub(super) const SCHEMA: &str = "views";

/// Rows of a batch. Smaller than the engine's default: between two batches a query can be stopped, and some joins do all work for a
/// batch at one go.
const BATCH_ROWS: usize = 4_096;

/// Functions whose result has the size that a number says: one call can fill the memory before anything counts it.
const WITHHELD: [&str; 7] = ["repeat", "lpad", "rpad", "array_repeat", "array_resize", "range", "generate_series"];

/// A session with these tables.
pub(super) fn session(tables: Vec<(String, Arc<dyn TableProvider>)>, options: &SqlOptions) -> Result<SessionContext> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(options.memory_bytes_max)))
        .with_disk_manager_builder(disk)
        .build_arc()?;
    // The default registry brings the local file system along.
    runtime.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref())?;

    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(true)
        .with_information_schema(true)
        .with_target_partitions(options.threads.max(1))
        .with_batch_size(BATCH_ROWS);
    // Views hold plain strings; a cast to VARCHAR should give the same type.
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;

    let functions = SessionStateDefaults::default_scalar_functions();
    let functions = functions.into_iter().filter(|function| !WITHHELD.contains(&function.name())).collect();
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions)
        .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .build();
    let session = SessionContext::new_with_state(state);
    for (name, table) in tables {
        session.register_table(name.as_str(), table)?;
    }
    Ok(session)
}

/// Makes every operator give way now and then. The engine does so at leaves only, and a join can yield for hours on one leaf batch.
pub(super) fn cooperative(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let wrapped = plan.transform_up(|node| {
        if node.name() == "CooperativeExec" {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(node)) as Arc<dyn ExecutionPlan>))
    })?;
    Ok(wrapped.data)
}
