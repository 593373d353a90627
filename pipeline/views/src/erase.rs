//! Erasure in the views: rows of a subject lose their content, and the files that held it go, indices included.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, new_null_array};
use cubelog_memory::{MemoryId, SubjectId};
use datafusion::logical_expr::Expr;
use datafusion::prelude::{col, lit};

use crate::columns::BatchReader;
use crate::commit::{Mark, drop_indices, upsert};
use crate::error::ViewError;
use crate::fault;
use crate::filter;
use crate::indices;
use crate::memories::table::IDS_IN_ONE_QUERY;
use crate::parts::PACKED_CONTENT;
use crate::pointer;
use crate::read::Read;
use crate::recovery::quarantine_dir;
use crate::store::{LanceViews, Writer};
use crate::tables::Table;
use crate::{turns, versions};

/// Columns that say something about content.
const CONTENT: &[&str] = &["text", "speaker", "caption", "session", "source", "search_text", "vector", PACKED_CONTENT];

/// Present while files of erased content may still be there, so that a crash in between is made good by maintenance.
const MARKER: &str = "erasing";

impl LanceViews {
    pub(crate) async fn erase_subjects(&self, subjects: &[SubjectId]) -> Result<u64, ViewError> {
        if subjects.is_empty() {
            return Ok(0);
        }
        let mut writer = self.writer().await?;
        let in_clear = filter::subjects(subjects).and(col("erased").eq(lit(false)));
        // Turns carry speaker and session of their memory's first version.
        let first = filter::subjects(subjects).and(col("version").eq(lit(1u32)));
        let firsts = self.ids(&writer, first).await?;
        let mut changes = Vec::new();
        for (table, key) in [(Table::Versions, versions::table::KEY), (Table::Memories, crate::memories::table::KEY)] {
            let batches = Read::rows(in_clear.clone()).collect(table, &writer.tables[table.index()]).await?;
            changes.push((table, key, batches));
        }
        let said = col("session").is_not_null().or(col("speaker").is_not_null()).or(col("source").is_not_null());
        let mut turn_rows = Vec::new();
        for ids in firsts.chunks(IDS_IN_ONE_QUERY) {
            let filter = filter::memories("memory", ids).and(said.clone());
            turn_rows.extend(Read::rows(filter).collect(Table::Turns, &writer.tables[Table::Turns.index()]).await?);
        }
        changes.push((Table::Turns, turns::table::KEY, turn_rows));
        for (_, _, batches) in &mut changes {
            batches.retain(|batch| batch.num_rows() > 0);
        }
        let changed: usize = changes.iter().flat_map(|(.., batches)| batches).map(RecordBatch::num_rows).sum();
        if changed == 0 && !self.is_erasing() {
            return Ok(0);
        }
        self.set_erasing()?;
        writer.torn = true;
        let mark = self.mark(&writer);
        self.drop_content_indices(&mut writer, &mark).await?;
        for (table, key, batches) in changes {
            if batches.is_empty() {
                continue;
            }
            let rows = batches.iter().map(blank).collect::<Result<Vec<_>, _>>()?;
            let (dataset, fence) = (&writer.tables[table.index()], &writer.fences[table.index()]);
            let rewritten = upsert(dataset, fence, rows, key, None, &mark).await;
            writer.tables[table.index()] = rewritten.map_err(|source| fault::commit("erase from", table, fence, source))?;
        }
        self.purge(&mut writer).await?;
        writer.torn = false;
        Ok(changed as u64)
    }

    /// Memories of rows in `versions`.
    async fn ids(&self, writer: &Writer, filter: Expr) -> Result<Vec<MemoryId>, ViewError> {
        let mut ids = BTreeSet::new();
        let dataset = &writer.tables[Table::Versions.index()];
        for batch in Read::rows(filter).columns(&["memory"]).collect(Table::Versions, dataset).await? {
            let reader = BatchReader::new(Table::Versions.name(), &batch);
            let column = reader.ids("memory")?;
            for row in 0..reader.rows() {
                ids.insert(column.memory(row)?);
            }
        }
        Ok(ids.into_iter().collect())
    }

    async fn drop_content_indices(&self, writer: &mut Writer, mark: &Mark) -> Result<(), ViewError> {
        let table = Table::Memories;
        let dataset = &writer.tables[table.index()];
        let found = indices::of_content(dataset).await.map_err(|source| fault::store("inspect", table, source))?;
        if found.is_empty() {
            return Ok(());
        }
        let fence = &writer.fences[table.index()];
        let dropped = drop_indices(dataset, fence, found, mark).await;
        writer.tables[table.index()] = dropped.map_err(|source| fault::commit("drop an index of", table, fence, source))?;
        Ok(())
    }

    pub(crate) fn is_erasing(&self) -> bool {
        self.marker().exists()
    }

    fn marker(&self) -> PathBuf {
        self.dir.join(MARKER)
    }

    fn set_erasing(&self) -> Result<(), ViewError> {
        let set = || File::create(self.marker())?.sync_all().and_then(|()| File::open(&self.dir)?.sync_all());
        set().map_err(|source| pointer::io_error("mark", source))
    }

    /// Removes everything that only the past needs: deleted rows, old versions, old indices, damaged files put aside.
    pub(crate) async fn purge(&self, writer: &mut Writer) -> Result<(), ViewError> {
        let mark = self.mark(writer);
        self.drop_content_indices(writer, &mark).await?;
        for table in [Table::Versions, Table::Turns, Table::Memories] {
            self.compact(writer, table, 0.0).await?;
        }
        self.index_table(writer, Table::Memories, &mut Vec::new()).await?;
        self.point(writer).await?;
        pointer::retire(&self.dir, 1)?;
        for table in [Table::Versions, Table::Turns, Table::Memories] {
            self.prune(writer, table).await?;
        }
        match std::fs::remove_dir_all(quarantine_dir(&self.dir)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(pointer::io_error("remove", error)),
            _ => {}
        }
        std::fs::remove_file(self.marker()).map_err(|source| pointer::io_error("unmark", source))
    }
}

/// The rows without their content.
fn blank(batch: &RecordBatch) -> Result<RecordBatch, ViewError> {
    let columns: Vec<ArrayRef> = batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, column)| match field.name().as_str() {
            "erased" => Arc::new(BooleanArray::from(vec![true; column.len()])) as ArrayRef,
            name if CONTENT.contains(&name) => new_null_array(column.data_type(), column.len()),
            _ => column.clone(),
        })
        .collect();
    RecordBatch::try_new(batch.schema(), columns).map_err(|error| ViewError::Query(error.to_string()))
}
