//! Whether two stores say the same, row by row: how `verify` proves that the live views equal a fresh replay.
//!
//! The right side's keys are held in memory as hashes (about 40 bytes a row); everything else streams.

use std::collections::BTreeMap;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use lance::Dataset;
use lance::dataset::ROW_ID;
use xxhash_rust::xxh3::xxh3_128;

use crate::columns::BatchReader;
use crate::error::ViewError;
use crate::read::{Read, take};
use crate::store::LanceViews;
use crate::tables::Table;

/// How far two numbers of a vector may lie apart; the same text embedded in another batch gives slightly other sums.
pub const VECTOR_TOLERANCE: f32 = 1e-5;

/// How many rows are named for each table.
pub const EXAMPLES: usize = 10;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompareOptions {
    /// Leaves out where and when the log recorded things, the ids of events about cubes, and dead letters: for views over
    /// different logs that hold the same events.
    pub ignore_log_places: bool,
    /// Leaves out fingerprints, which depend on data keys: for views over logs sealed under different keys.
    pub ignore_fingerprints: bool,
}

/// What is wrong with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    OnlyLeft,
    OnlyRight,
    /// These columns differ.
    Columns(Vec<String>),
    /// One side has the row more often.
    Count {
        left: u32,
        right: u32,
    },
}

/// How one table differs; tables that are equal are not reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDifference {
    pub table: &'static str,
    pub only_left: u64,
    pub only_right: u64,
    pub different: u64,
    /// At most [`EXAMPLES`], the smallest keys first.
    pub examples: Vec<(String, Difference)>,
}

/// Compares all tables of two stores at their newest snapshots.
pub fn compare<'a>(
    left: &'a LanceViews,
    right: &'a LanceViews,
    options: CompareOptions,
) -> BoxFuture<'a, Result<Vec<TableDifference>, ViewError>> {
    compare_tables(left, right, options).boxed()
}

async fn compare_tables(
    left: &LanceViews,
    right: &LanceViews,
    options: CompareOptions,
) -> Result<Vec<TableDifference>, ViewError> {
    let (left, right) = (left.current().await?, right.current().await?);
    let mut differences = Vec::new();
    for table in Table::ALL {
        if table == Table::Dead && options.ignore_log_places {
            continue;
        }
        let found = compare_table(table, left.table(table), right.table(table), &options).await?;
        if found.only_left + found.only_right + found.different > 0 {
            differences.push(found);
        }
    }
    Ok(differences)
}

fn key_columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Versions => crate::versions::table::KEY,
        Table::Turns => crate::turns::table::KEY,
        Table::Edges => &["from_memory", "to_memory", "relation", "event"],
        Table::Cubes => crate::cubes::table::KEY,
        Table::Dead => crate::dead::table::KEY,
        Table::Memories => crate::memories::table::KEY,
    }
}

const PLACES: &[&str] = &["log_partition", "log_offset", "recorded_at", "changed_at", "created_at", "expired_at"];

fn is_left_out(table: Table, column: &str, options: &CompareOptions) -> bool {
    let place = PLACES.contains(&column) || (table == Table::Cubes && column == "events");
    // Packed rows repeat all that the other columns say, so nothing can be left out of them.
    if column.starts_with("packed_") && (options.ignore_log_places || options.ignore_fingerprints) {
        return true;
    }
    let fingerprint = matches!(column, "fingerprint" | "memory_fingerprint" | "siblings");
    (options.ignore_log_places && place) || (options.ignore_fingerprints && fingerprint)
}

struct Side {
    row: u64,
    left: u32,
    right: u32,
}

async fn compare_table(
    table: Table,
    left: &Arc<Dataset>,
    right: &Arc<Dataset>,
    options: &CompareOptions,
) -> Result<TableDifference, ViewError> {
    let keys = key_columns(table);
    let columns: Vec<&str> = left
        .schema()
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .filter(|name| !is_left_out(table, name, options) && right.schema().field(name).is_some())
        .collect();
    let mut report = Report::new(table);
    let mut sides = index(table, right, keys).await?;
    let mut batches = Read::rows(None).columns(&columns).stream(table, left).await?;
    while let Some(batch) = batches.try_next().await? {
        let mut pairs: Vec<(usize, u64)> = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            match sides.entry(hash(&batch, keys, row)) {
                Entry::Vacant(_) => report.only_left(key_text(&batch, keys, row)),
                Entry::Occupied(mut entry) => {
                    entry.get_mut().left += 1;
                    pairs.push((row, entry.get().row));
                }
            }
        }
        if pairs.is_empty() {
            continue;
        }
        let rows: Vec<u64> = pairs.iter().map(|(_, row)| *row).collect();
        let others = take(table, right, &rows, Some(&columns)).await?;
        compare_rows(&batch, &others, &pairs, keys, &columns, &mut report)?;
    }
    finish(table, right, keys, sides, &mut report).await?;
    Ok(report.0)
}

/// Key hashes of all rows with where they are.
async fn index(table: Table, dataset: &Arc<Dataset>, keys: &[&str]) -> Result<HashMap<u128, Side>, ViewError> {
    let mut sides: HashMap<u128, Side> = HashMap::new();
    let mut batches = Read::rows(None).columns(keys).row_id().stream(table, dataset).await?;
    while let Some(batch) = batches.try_next().await? {
        let rows = BatchReader::new(table.name(), &batch).u64(ROW_ID)?;
        for row in 0..batch.num_rows() {
            let side = sides.entry(hash(&batch, keys, row)).or_insert_with(|| Side { row: rows.value(row), left: 0, right: 0 });
            side.right += 1;
        }
    }
    Ok(sides)
}

fn compare_rows(
    batch: &RecordBatch,
    others: &RecordBatch,
    pairs: &[(usize, u64)],
    keys: &[&str],
    columns: &[&str],
    report: &mut Report,
) -> Result<(), ViewError> {
    let rows: arrow_array::UInt64Array = pairs.iter().map(|(row, _)| *row as u64).collect();
    let mut differing: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for column in columns {
        let (Some(left), Some(right)) = (batch.column_by_name(column), others.column_by_name(column)) else { continue };
        let left = arrow::compute::take(left, &rows, None).map_err(|error| ViewError::Query(error.to_string()))?;
        for row in distinct(&left, right)? {
            differing.entry(row).or_default().push((*column).to_owned());
        }
    }
    for (row, mut columns) in differing {
        if columns.iter().any(|column| !column.starts_with("packed_")) {
            columns.retain(|column| !column.starts_with("packed_"));
        }
        report.different(key_text(batch, keys, pairs[row].0), Difference::Columns(columns));
    }
    Ok(())
}

/// Rows in which two columns differ; null equals null.
fn distinct(left: &ArrayRef, right: &ArrayRef) -> Result<Vec<usize>, ViewError> {
    if left.data_type() != right.data_type() {
        return Ok((0..left.len()).collect());
    }
    if let DataType::FixedSizeList(..) = left.data_type() {
        return Ok((0..left.len()).filter(|row| !vectors_agree(left, right, *row)).collect());
    }
    if left.data_type().is_nested() {
        let differs = |row: &usize| left.slice(*row, 1).to_data() != right.slice(*row, 1).to_data();
        return Ok((0..left.len()).filter(differs).collect());
    }
    let distinct = arrow::compute::kernels::cmp::distinct(left, right).map_err(|error| ViewError::Query(error.to_string()))?;
    Ok(distinct.values().set_indices().collect())
}

fn vectors_agree(left: &ArrayRef, right: &ArrayRef, row: usize) -> bool {
    let (left, right) = (left.as_fixed_size_list(), right.as_fixed_size_list());
    if left.is_null(row) || right.is_null(row) {
        return left.is_null(row) == right.is_null(row);
    }
    let (left, right) = (left.value(row), right.value(row));
    match (left.as_primitive_opt::<Float32Type>(), right.as_primitive_opt::<Float32Type>()) {
        (Some(left), Some(right)) => {
            left.values().iter().zip(right.values()).all(|(left, right)| (left - right).abs() <= VECTOR_TOLERANCE)
        }
        _ => false,
    }
}

/// Counts that disagree, and rows that only the right side has.
async fn finish(
    table: Table,
    right: &Arc<Dataset>,
    keys: &[&str],
    sides: HashMap<u128, Side>,
    report: &mut Report,
) -> Result<(), ViewError> {
    let mut odd: Vec<Side> = sides.into_values().filter(|side| side.left != side.right).collect();
    odd.sort_unstable_by_key(|side| side.row);
    // Examples come from the first thousands; the counts are of all.
    const NAMED: usize = 4_096;
    let named: Vec<u64> = odd.iter().take(NAMED).map(|side| side.row).collect();
    let names = if named.is_empty() { None } else { Some(take(table, right, &named, Some(keys)).await?) };
    for (place, side) in odd.iter().enumerate() {
        let key = names.as_ref().filter(|names| place < names.num_rows()).map(|names| key_text(names, keys, place));
        if side.left == 0 {
            report.only_right(key);
        } else {
            report.count(key, side.left, side.right);
        }
    }
    Ok(())
}

fn hash(batch: &RecordBatch, keys: &[&str], row: usize) -> u128 {
    xxh3_128(key_text(batch, keys, row).as_bytes())
}

/// The key as a person would write it.
fn key_text(batch: &RecordBatch, keys: &[&str], row: usize) -> String {
    let mut text = String::with_capacity(80);
    for key in keys {
        if !text.is_empty() {
            text.push(' ');
        }
        let Some(column) = batch.column_by_name(key) else { continue };
        if let Some(column) = column.as_string_opt::<i32>() {
            text.push_str(column.value(row));
        } else if let Some(column) = column.as_primitive_opt::<arrow_array::types::UInt64Type>() {
            text.push_str(&format!("{:020}", column.value(row)));
        } else if let Some(column) = column.as_primitive_opt::<arrow_array::types::UInt32Type>() {
            text.push_str(&format!("{:010}", column.value(row)));
        }
    }
    text
}

struct Report(TableDifference);

impl Report {
    fn new(table: Table) -> Self {
        Self(TableDifference { table: table.name(), only_left: 0, only_right: 0, different: 0, examples: Vec::new() })
    }

    fn example(&mut self, key: String, difference: Difference) {
        let examples = &mut self.0.examples;
        let place = examples.partition_point(|(other, _)| *other < key);
        if place < EXAMPLES {
            examples.insert(place, (key, difference));
            examples.truncate(EXAMPLES);
        }
    }

    fn only_left(&mut self, key: String) {
        self.0.only_left += 1;
        self.example(key, Difference::OnlyLeft);
    }

    fn only_right(&mut self, key: Option<String>) {
        self.0.only_right += 1;
        if let Some(key) = key {
            self.example(key, Difference::OnlyRight);
        }
    }

    fn different(&mut self, key: String, difference: Difference) {
        self.0.different += 1;
        self.example(key, difference);
    }

    fn count(&mut self, key: Option<String>, left: u32, right: u32) {
        self.0.different += 1;
        if let Some(key) = key {
            self.example(key, Difference::Count { left, right });
        }
    }
}
