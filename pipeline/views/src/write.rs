//! Committing a batch: each table by itself, then the pointer, which makes it one.

use std::sync::Arc;

use lance::Dataset;

use crate::commit::{Mark, append, upsert};
use crate::error::ViewError;
use crate::fault;
use crate::layout;
use crate::pointer;
use crate::port::Batch;
use crate::store::{LanceViews, Writer};
use crate::tables::Table;
use crate::{cubes, dead, edges, memories, turns, versions};

impl LanceViews {
    pub(crate) async fn write(&self, batch: Batch) -> Result<(), ViewError> {
        let mut writer = self.writer().await?;
        let reflected = writer.pointer.cut().unwrap_or_default();
        if reflected.includes(&batch.upto) {
            return Ok(());
        }
        if !batch.upto.includes(&reflected) {
            let reason = format!("a batch up to {} would go back behind {reflected}, which is reflected", batch.upto);
            return Err(ViewError::Query(reason));
        }
        let number = writer.pointer.batch + 1;
        let mark = Mark::new(&batch.upto, number, &self.options.embedder);
        writer.torn = true;
        for table in Table::ALL {
            if let Some(dataset) = commit_table(table, &writer, &batch, &mark, self.options.dim).await? {
                writer.tables[table.index()] = dataset;
            }
        }
        writer.pointer.batch = number;
        writer.pointer.cut = batch.upto.to_string();
        self.point(&mut writer).await?;
        writer.torn = false;
        Ok(())
    }

    /// Writes the next pointer to where the writer's tables stand, and lets readers see them.
    pub(crate) async fn point(&self, writer: &mut Writer) -> Result<(), ViewError> {
        let mut pointer = writer.pointer.clone();
        pointer.sequence += 1;
        for table in Table::ALL {
            let version = writer.tables[table.index()].version().version;
            if pointer.table(table).is_none_or(|pointed| pointed.version != version) {
                pointer.tables.insert(table.name().to_owned(), layout::point(&self.dir, table, version)?);
            }
        }
        let (dir, written) = (self.dir.clone(), pointer.clone());
        let wrote = tokio::task::spawn_blocking(move || pointer::write(&dir, &written)).await;
        wrote.map_err(|error| pointer::io_error("write", std::io::Error::other(error)))??;
        writer.pointer = pointer;
        self.publish(writer);
        Ok(())
    }
}

/// Commits the rows of one table; `None` if the batch has none.
async fn commit_table(
    table: Table,
    writer: &Writer,
    batch: &Batch,
    mark: &Mark,
    dim: Option<usize>,
) -> Result<Option<Arc<Dataset>>, ViewError> {
    let dataset = &writer.tables[table.index()];
    let fence = &writer.fences[table.index()];
    let committed = match table {
        Table::Versions if !batch.versions.is_empty() => {
            append(dataset, fence, versions::row::to_batch(&batch.versions)?, mark).await
        }
        Table::Turns if !batch.turns.is_empty() => append(dataset, fence, turns::row::to_batch(&batch.turns)?, mark).await,
        Table::Edges if !batch.edges.is_empty() => append(dataset, fence, edges::row::to_batch(&batch.edges)?, mark).await,
        Table::Cubes if !batch.cubes.is_empty() => {
            let rows = cubes::row::to_batch(&batch.cubes)?;
            upsert(dataset, fence, vec![rows], cubes::table::KEY, Some(cubes::table::NEWER), mark).await
        }
        Table::Dead if !batch.dead.is_empty() => {
            upsert(dataset, fence, vec![dead::row::to_batch(&batch.dead)?], dead::table::KEY, None, mark).await
        }
        Table::Memories if !batch.memories.is_empty() => {
            let rows = memories::row::to_batch(&batch.memories, dim)?;
            if batch.memories_are_new {
                append(dataset, fence, rows, mark).await
            } else {
                upsert(dataset, fence, vec![rows], memories::table::KEY, Some(memories::table::NEWER), mark).await
            }
        }
        _ => return Ok(None),
    };
    committed.map(Some).map_err(|source| fault::commit("write", table, fence, source))
}
