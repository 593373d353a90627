//! The fence: every commit to a table goes through a strict compare-and-swap, so that a second writer is refused and
//! never merged with. The cut that the rows reflect travels in the same commit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use lance::dataset::scanner::RowAddrTreeMap;
use lance::dataset::transaction::{Operation, Transaction};
use lance::dataset::{CommitBuilder, InsertBuilder, MergeInsertBuilder, WhenMatched, WhenNotMatched, WriteMode, WriteParams};
use lance::{Dataset, Error};
use lance_io::object_store::ObjectStore;
use lance_table::format::{IndexMetadata, Manifest};
use lance_table::io::commit::{
    CommitError, CommitHandler, ConditionalPutCommitHandler, ManifestLocation, ManifestNamingScheme, ManifestWriter,
};
use object_store::path::Path;

/// Above this many rows a merge probes the key's index instead of reading all keys.
pub const INDEXED_MERGE_ROWS: usize = 1_000_000;

/// Commits version `head + 1` or nothing. Lance's own conflict handling would rebase onto a foreign commit and go on.
#[derive(Debug)]
pub struct StrictCas {
    inner: ConditionalPutCommitHandler,
    head: AtomicU64,
    refused: AtomicBool,
}

impl StrictCas {
    pub fn new(head: u64) -> Self {
        Self { inner: ConditionalPutCommitHandler, head: AtomicU64::new(head), refused: AtomicBool::new(false) }
    }

    /// Makes `version` the one that the next commit must follow; called after a commit of our own was seen to land.
    pub fn advance(&self, version: u64) {
        self.head.store(version, Ordering::SeqCst);
    }

    /// Whether a foreign version was met.
    pub fn was_refused(&self) -> bool {
        self.refused.load(Ordering::SeqCst)
    }

    fn refuse(&self) {
        self.refused.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl CommitHandler for StrictCas {
    fn is_version_not_found_definitive(&self) -> bool {
        self.inner.is_version_not_found_definitive()
    }

    fn propagate_commit_error_after_success(&self) -> bool {
        self.inner.propagate_commit_error_after_success()
    }

    async fn commit(
        &self,
        manifest: &mut Manifest,
        indices: Option<Vec<IndexMetadata>>,
        base_path: &Path,
        object_store: &ObjectStore,
        manifest_writer: ManifestWriter,
        naming_scheme: ManifestNamingScheme,
        transaction: Option<lance_table::format::Transaction>,
    ) -> Result<ManifestLocation, CommitError> {
        let expected = self.head.load(Ordering::SeqCst) + 1;
        if manifest.version != expected {
            self.refuse();
            let reason = format!("version {} would follow a foreign commit; expected {expected}", manifest.version);
            return Err(CommitError::OtherError(Error::invalid_input(reason)));
        }
        let committed =
            self.inner.commit(manifest, indices, base_path, object_store, manifest_writer, naming_scheme, transaction).await;
        match &committed {
            Ok(location) => self.advance(location.version),
            Err(CommitError::CommitConflict) => self.refuse(),
            Err(CommitError::OtherError(_)) => {}
        }
        committed
    }
}

/// What every commit of the views carries.
#[derive(Debug, Clone)]
pub struct Mark(Arc<HashMap<String, String>>);

pub const CUT: &str = "cubelog.cut";
pub const BATCH: &str = "cubelog.batch";
pub const EMBEDDER: &str = "cubelog.embedder";

impl Mark {
    pub fn new(cut: &cubelog_memory::Cut, batch: u64, embedder: &str) -> Self {
        Self(Arc::new(HashMap::from([
            (CUT.to_owned(), cut.to_string()),
            (BATCH.to_owned(), batch.to_string()),
            (EMBEDDER.to_owned(), embedder.to_owned()),
        ])))
    }

    pub fn properties(&self) -> Arc<HashMap<String, String>> {
        self.0.clone()
    }
}

/// Commits one transaction with the mark in it. `CommitBuilder::with_transaction_properties` is never read by Lance 14, so
/// the mark is set on the transaction itself.
async fn commit(
    dataset: &Arc<Dataset>,
    cas: &Arc<StrictCas>,
    mut transaction: Transaction,
    affected: Option<RowAddrTreeMap>,
    mark: &Mark,
) -> Result<Arc<Dataset>, Error> {
    transaction.transaction_properties = Some(mark.properties());
    let mut builder = CommitBuilder::new(dataset.clone())
        .with_max_retries(0)
        .with_skip_auto_cleanup(true)
        .with_commit_handler(cas.clone() as Arc<dyn CommitHandler>);
    if let Some(affected) = affected {
        builder = builder.with_affected_rows(affected);
    }
    let committed = builder.execute(transaction).await?;
    cas.advance(committed.version().version);
    Ok(Arc::new(committed))
}

/// Appends rows.
pub async fn append(dataset: &Arc<Dataset>, cas: &Arc<StrictCas>, rows: RecordBatch, mark: &Mark) -> Result<Arc<Dataset>, Error> {
    let params = WriteParams {
        mode: WriteMode::Append,
        skip_auto_cleanup: true,
        commit_handler: Some(cas.clone() as Arc<dyn CommitHandler>),
        ..WriteParams::default()
    };
    let transaction = InsertBuilder::new(dataset.clone()).with_params(&params).execute_uncommitted(vec![rows]).await?;
    commit(dataset, cas, transaction, None, mark).await
}

/// Inserts rows, or replaces those with the same `key` where `newer` (SQL over `source` and `target`) holds. Keys within
/// `rows` must be distinct. Rows that are not newer stay as they are.
pub async fn upsert(
    dataset: &Arc<Dataset>,
    cas: &Arc<StrictCas>,
    rows: Vec<RecordBatch>,
    key: &[&str],
    newer: Option<&str>,
    mark: &Mark,
) -> Result<Arc<Dataset>, Error> {
    let keys = key.iter().map(|column| (*column).to_owned()).collect();
    let large = dataset.count_rows(None).await? > INDEXED_MERGE_ROWS;
    let merged = MergeInsertBuilder::try_new(dataset.clone(), keys)?
        .when_matched(newer.map_or(WhenMatched::UpdateAll, |newer| WhenMatched::UpdateIf(newer.to_owned())))
        .when_not_matched(WhenNotMatched::InsertAll)
        .use_index(large)
        .conflict_retries(0)
        .try_build()?
        .execute_uncommitted_batches(rows)
        .await?;
    commit(dataset, cas, merged.transaction, merged.affected_rows, mark).await
}

/// Makes `version` the newest again, as a new version.
pub async fn restore(head: &Arc<Dataset>, cas: &Arc<StrictCas>, version: u64, mark: &Mark) -> Result<Arc<Dataset>, Error> {
    let transaction = Transaction::new(head.version().version, Operation::Restore { version }, None);
    commit(head, cas, transaction, None, mark).await
}

/// Takes indices out of the table; they can be built again from its rows.
pub async fn drop_indices(
    dataset: &Arc<Dataset>,
    cas: &Arc<StrictCas>,
    indices: Vec<IndexMetadata>,
    mark: &Mark,
) -> Result<Arc<Dataset>, Error> {
    let operation = Operation::CreateIndex { new_indices: Vec::new(), removed_indices: indices };
    commit(dataset, cas, Transaction::new(dataset.version().version, operation, None), None, mark).await
}
