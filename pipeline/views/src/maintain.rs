//! Upkeep between batches: indices, compaction, pruning. All of it keeps the cut and writes its own pointer.

use std::sync::Arc;

use lance::Dataset;
use lance::dataset::cleanup::CleanupPolicy;
use lance::dataset::optimize::{CompactionOptions, compact_files};

use crate::commit::{Mark, StrictCas};
use crate::error::ViewError;
use crate::fault;
use crate::indices::{self, Due};
use crate::layout;
use crate::pointer::{self, PointerState};
use crate::port::TableStats;
use crate::store::{LanceViews, Writer};
use crate::tables::Table;

/// A fragment with fewer rows is small.
const FRAGMENT_ROWS: u64 = 128 * 1024;
/// More small fragments than this are put together.
const SMALL_FRAGMENTS: usize = 64;
/// Deleted rows in a table before it is rewritten: at least this many, and a quarter of what is alive.
const DELETED_ROWS: u64 = 4_096;
/// Versions beyond those that pointers need before old ones are pruned.
const SPARE_VERSIONS: usize = 32;

impl LanceViews {
    pub(crate) async fn run_maintenance(&self) -> Result<Vec<String>, ViewError> {
        let mut writer = self.writer().await?;
        let mut done = Vec::new();
        if self.is_erasing() {
            self.purge(&mut writer).await?;
            done.push("removed files of erased content".to_owned());
        }
        let before: Vec<u64> = writer.tables.iter().map(|dataset| dataset.version().version).collect();
        for table in Table::ALL {
            self.maintain_table(&mut writer, table, &mut done).await?;
        }
        let after: Vec<u64> = writer.tables.iter().map(|dataset| dataset.version().version).collect();
        if before != after {
            self.point(&mut writer).await?;
        }
        for table in Table::ALL {
            if layout::versions(&self.dir, table).len() > SPARE_VERSIONS {
                let removed = self.prune(&writer, table).await?;
                if removed > 0 {
                    done.push(format!("{}: pruned {removed} old versions", table.name()));
                }
            }
        }
        Ok(done)
    }

    pub(crate) fn mark(&self, writer: &Writer) -> Mark {
        Mark::new(&writer.pointer.cut().unwrap_or_default(), writer.pointer.batch, &self.options.embedder)
    }

    async fn maintain_table(&self, writer: &mut Writer, table: Table, done: &mut Vec<String>) -> Result<(), ViewError> {
        // Indices first: compaction after an index build moved fragments from under the index in older versions of Lance.
        self.index_table(writer, table, done).await?;
        let (small, live, deleted) = indices::shape(&writer.tables[table.index()], FRAGMENT_ROWS);
        if small > SMALL_FRAGMENTS || deleted > DELETED_ROWS.max(live / 4) {
            self.compact(writer, table, 0.1).await?;
            done.push(format!("{}: compacted {small} small fragments", table.name()));
        }
        Ok(())
    }

    /// Builds and extends what is due of a table's indices.
    pub(crate) async fn index_table(&self, writer: &mut Writer, table: Table, done: &mut Vec<String>) -> Result<(), ViewError> {
        let mark = self.mark(writer);
        for spec in indices::ALL.iter().filter(|spec| spec.table == table) {
            let dataset = writer.tables[table.index()].clone();
            let due = indices::due(spec, &dataset, self.options.held_max)
                .await
                .map_err(|source| fault::store("inspect", table, source))?;
            let what = match due {
                Due::Nothing => continue,
                Due::Build => "built",
                Due::Extend { .. } => "extended",
            };
            let mut changed = dataset.as_ref().clone();
            let changing = match due {
                Due::Extend { merge } => indices::extend(spec, &mut changed, merge, &mark).await,
                _ => indices::build(spec, &mut changed, &mark).await,
            };
            let fence = writer.fences[table.index()].clone();
            self.adopt(writer, table, &fence, changing.map(|()| changed), "index")?;
            done.push(format!("{}: {what} the index on {}", table.name(), spec.column));
        }
        Ok(())
    }

    /// Puts small fragments together and drops deleted rows from fragments with more than `threshold` of them.
    pub(crate) async fn compact(&self, writer: &mut Writer, table: Table, threshold: f32) -> Result<(), ViewError> {
        let options = CompactionOptions {
            target_rows_per_fragment: FRAGMENT_ROWS as usize,
            materialize_deletions_threshold: threshold,
            num_threads: Some(1),
            transaction_properties: Some(self.mark(writer).properties()),
            ..CompactionOptions::default()
        };
        let mut changed = writer.tables[table.index()].as_ref().clone();
        let compacted = compact_files(&mut changed, options, None).await;
        let fence = writer.fences[table.index()].clone();
        self.adopt(writer, table, &fence, compacted.map(|_| changed), "compact")
    }

    /// Takes over what maintenance committed. After an error the table may have moved on: then only reopening helps.
    pub(crate) fn adopt(
        &self,
        writer: &mut Writer,
        table: Table,
        fence: &Arc<StrictCas>,
        changed: lance::Result<Dataset>,
        action: &'static str,
    ) -> Result<(), ViewError> {
        match changed {
            Ok(dataset) => {
                fence.advance(dataset.version().version);
                writer.tables[table.index()] = Arc::new(dataset);
                Ok(())
            }
            Err(source) => {
                writer.torn = true;
                Err(fault::commit(action, table, fence, source))
            }
        }
    }

    /// Removes versions that no pointer leads to, and files that no version needs. Answers how many versions went.
    pub(crate) async fn prune(&self, writer: &Writer, table: Table) -> Result<u64, ViewError> {
        let dataset = &writer.tables[table.index()];
        let pointed = pointer::read_all(&self.dir)?.into_iter().filter_map(|found| match found.state {
            PointerState::Readable(pointer) => pointer.table(table).map(|pointed| pointed.version),
            _ => None,
        });
        let oldest = pointed.chain([dataset.version().version]).min().unwrap_or_default();
        let policy = CleanupPolicy {
            before_version: Some(oldest),
            // Safe because nobody else writes here, and we do not while we clean.
            delete_unverified: true,
            error_if_tagged_old_versions: false,
            ..CleanupPolicy::default()
        };
        let removed = dataset.cleanup_with_policy(policy).await.map_err(|source| fault::store("prune", table, source))?;
        Ok(removed.old_versions)
    }

    pub(crate) async fn table_stats(&self) -> Result<Vec<TableStats>, ViewError> {
        let snapshot = self.current().await?;
        let mut stats = Vec::new();
        for table in Table::ALL {
            let dataset = snapshot.table(table);
            let rows = dataset.count_rows(None).await.map_err(|source| fault::store("count", table, source))?;
            stats.push(TableStats {
                table: table.name().to_owned(),
                rows: rows as u64,
                versions: layout::versions(&self.dir, table).len() as u64,
                fragments: dataset.fragments().len() as u64,
                bytes: layout::bytes_below(&layout::table_dir(&self.dir, table)),
            });
        }
        Ok(stats)
    }
}
