//! Which indices each table has, when they are built, and when they take in rows that came later. Until then queries look at
//! the younger rows directly, so an index changes how fast an answer comes and never what it is (vectors: nearly never).

use std::sync::Arc;

use lance::Dataset;
use lance::index::DatasetIndexExt;
use lance::index::vector::VectorIndexParams;
use lance_index::IndexType;
use lance_index::optimize::OptimizeOptions;
use lance_index::scalar::{BuiltinIndexType, InvertedIndexParams, ScalarIndexParams};
use lance_table::format::IndexMetadata;
use lancedb::DistanceType;

use crate::commit::Mark;
use crate::tables::Table;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Few rows of many values: ids.
    BTree,
    /// Many rows of few values: cubes, flags.
    Bitmap,
    Text,
    Vector,
}

#[derive(Debug, Clone, Copy)]
pub struct Spec {
    pub table: Table,
    pub column: &'static str,
    pub kind: Kind,
}

const fn spec(table: Table, column: &'static str, kind: Kind) -> Spec {
    Spec { table, column, kind }
}

pub const ALL: &[Spec] = &[
    spec(Table::Memories, "memory", Kind::BTree),
    spec(Table::Memories, "tenant", Kind::Bitmap),
    spec(Table::Memories, "cube", Kind::Bitmap),
    spec(Table::Memories, "visible", Kind::Bitmap),
    spec(Table::Memories, "search_text", Kind::Text),
    spec(Table::Memories, "vector", Kind::Vector),
    spec(Table::Versions, "memory", Kind::BTree),
    spec(Table::Versions, "event", Kind::BTree),
    spec(Table::Versions, "cube", Kind::Bitmap),
    spec(Table::Edges, "from_memory", Kind::BTree),
    spec(Table::Edges, "to_memory", Kind::BTree),
    spec(Table::Edges, "cube", Kind::Bitmap),
];

/// Rows from which an index is worth having.
const SCALAR_ROWS: u64 = 4_096;
/// Fewest rows for which words or vectors are indexed, however little may be held in memory.
const CONTENT_ROWS: u64 = 1_024;
/// Rows in one partition of the vectors' index. When there are four times as many, the index is built anew.
pub const PARTITION_ROWS: u64 = 2_000;
/// Rows that queries may have to look at beside the index: this many, or this share of the table.
const TAIL_ROWS: u64 = 2_048;
const TAIL_SHARE: u64 = 32;
/// Segments of one index before they are merged into one.
const SEGMENTS: usize = 4;

impl Spec {
    pub fn name(&self) -> String {
        format!("{}_idx", self.column)
    }

    /// Words and vectors are indexed when half of what may be held in memory is there: until then no search needs it.
    fn rows_wanted(&self, held_max: usize) -> u64 {
        match self.kind {
            Kind::BTree | Kind::Bitmap => SCALAR_ROWS,
            Kind::Text | Kind::Vector => CONTENT_ROWS.max(held_max as u64 / 2),
        }
    }
}

/// What an index needs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Nothing,
    Build,
    /// Take in the tail, merging this many segments.
    Extend {
        merge: usize,
    },
}

fn rows(fragments: impl Iterator<Item = u64>) -> u64 {
    fragments.sum()
}

/// Decides by the manifest alone.
pub async fn due(spec: &Spec, dataset: &Dataset, held_max: usize) -> lance::Result<Due> {
    if dataset.schema().field(spec.column).is_none() {
        return Ok(Due::Nothing);
    }
    let segments = segments(spec, dataset).await?;
    let all = rows(dataset.fragments().iter().map(live_rows));
    if segments.is_empty() {
        return Ok(if all >= spec.rows_wanted(held_max) { Due::Build } else { Due::Nothing });
    }
    let covered = |id: u64| segments.iter().any(|s| s.fragment_bitmap.as_ref().is_some_and(|bitmap| bitmap.contains(id as u32)));
    let tail = rows(dataset.fragments().iter().filter(|fragment| !covered(fragment.id)).map(live_rows));
    if tail < TAIL_ROWS.max(all / TAIL_SHARE) {
        return Ok(Due::Nothing);
    }
    if spec.kind == Kind::Vector && partitions(spec, dataset).await? * PARTITION_ROWS * 4 < all {
        return Ok(Due::Build);
    }
    let merge = match spec.kind {
        Kind::Text | Kind::Vector if segments.len() < SEGMENTS => 0,
        _ => segments.len(),
    };
    Ok(Due::Extend { merge })
}

fn live_rows(fragment: &lance_table::format::Fragment) -> u64 {
    let deleted = fragment.deletion_file.as_ref().and_then(|file| file.num_deleted_rows).unwrap_or(0);
    fragment.physical_rows.unwrap_or(0).saturating_sub(deleted) as u64
}

async fn segments(spec: &Spec, dataset: &Dataset) -> lance::Result<Vec<IndexMetadata>> {
    dataset.load_indices_by_name(&spec.name()).await
}

/// Number of partitions of a vector index.
async fn partitions(spec: &Spec, dataset: &Dataset) -> lance::Result<u64> {
    let statistics = dataset.index_statistics(&spec.name()).await?;
    let statistics: serde_json::Value = serde_json::from_str(&statistics).unwrap_or_default();
    Ok(statistics["indices"][0]["num_partitions"].as_u64().unwrap_or(1))
}

/// Segments of the indices that hold content: words of texts, codes of vectors.
pub async fn of_content(dataset: &Dataset) -> lance::Result<Vec<IndexMetadata>> {
    let names: Vec<String> = ALL.iter().filter(|spec| matches!(spec.kind, Kind::Text | Kind::Vector)).map(Spec::name).collect();
    Ok(dataset.load_indices().await?.iter().filter(|index| names.contains(&index.name)).cloned().collect())
}

/// Builds the index anew.
pub async fn build(spec: &Spec, dataset: &mut Dataset, mark: &Mark) -> lance::Result<()> {
    let (index_type, params): (IndexType, Box<dyn lance_index::IndexParams>) = match spec.kind {
        Kind::BTree => (IndexType::BTree, Box::new(ScalarIndexParams::for_builtin(BuiltinIndexType::BTree))),
        Kind::Bitmap => (IndexType::Bitmap, Box::new(ScalarIndexParams::for_builtin(BuiltinIndexType::Bitmap))),
        Kind::Text => (IndexType::Inverted, Box::new(text_params())),
        Kind::Vector => {
            let params = vector_params(rows(dataset.fragments().iter().map(live_rows)));
            (params.index_type(), Box::new(params))
        }
    };
    let properties = mark.properties().as_ref().clone();
    dataset
        .create_index_builder(&[spec.column], index_type, params.as_ref())
        .name(spec.name())
        .replace(true)
        .transaction_properties(properties)
        .await
        .map(|_| ())
}

/// Lets the index take in the rows that came since.
pub async fn extend(spec: &Spec, dataset: &mut Dataset, merge: usize, mark: &Mark) -> lance::Result<()> {
    let options =
        OptimizeOptions::merge(merge).index_names(vec![spec.name()]).transaction_properties(mark.properties().as_ref().clone());
    dataset.optimize_indices(&options).await
}

fn text_params() -> InvertedIndexParams {
    InvertedIndexParams::default()
        .with_position(false)
        .stem(true)
        .remove_stop_words(true)
        .ascii_folding(true)
        .num_workers(1)
        .memory_limit_mb(256)
}

fn vector_params(rows: u64) -> VectorIndexParams {
    let partitions = (rows / PARTITION_ROWS).clamp(4, 4_096) as usize;
    VectorIndexParams::ivf_rq(partitions, 5, DistanceType::Cosine.into())
}

/// Counts of rows by fragment, for the caller's own decisions.
pub fn shape(dataset: &Arc<Dataset>, small: u64) -> (usize, u64, u64) {
    let fragments = dataset.fragments();
    let small = fragments.iter().filter(|fragment| live_rows(fragment) < small).count();
    let live = rows(fragments.iter().map(live_rows));
    let physical: u64 = fragments.iter().map(|fragment| fragment.physical_rows.unwrap_or(0) as u64).sum();
    (small, live, physical - live)
}
