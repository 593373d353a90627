//! Hybrid search: a vector side and a text side, each with raw scores, merged per memory. Ranking is the domain's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{Float32Array, RecordBatch};
use cubelog_memory::ranking::Candidate;
use datafusion::logical_expr::Expr;
use futures::TryStreamExt;
use lance::Dataset;
use lance::dataset::ROW_ID;
use lance_index::scalar::FullTextSearchQuery;
use lance_index::scalar::inverted::query::MatchQuery;
use lancedb::DistanceType;

use crate::columns::BatchReader;
use crate::error::ViewError;
use crate::fault;
use crate::filter;
use crate::memories::row;
use crate::port::{Found, SearchQuery};
use crate::read::take;
use crate::tables::Table;

const TABLE: Table = Table::Memories;

/// Most words of a query that the text side looks for; the rest of a long query adds time and no precision.
const WORDS_MAX: usize = 64;
/// Longest word that the index keeps, in bytes.
const WORD_BYTES_MAX: usize = 40;

/// Partitions of the vectors' index that a search looks into at least; one holds about [`crate::indices::PARTITION_ROWS`].
const PROBES: usize = 60;

/// How the vector side finds the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Compares every vector that passes the filter: exact, and fast enough for thousands.
    ByAll,
    /// By the index, with more candidates than asked for, of which the exact similarities then choose.
    ByIndex,
}

/// Scores of one row by both sides.
#[derive(Debug, Clone, Copy, Default)]
struct Scores {
    dense: Option<f32>,
    lexical: Option<f32>,
}

/// Searches one snapshot of `memories`. Rows come without their vectors, in no order that means anything.
///
/// `how` says whether the vectors' index may be used; similarities are exact in any case.
pub async fn search(dataset: &Arc<Dataset>, query: &SearchQuery, dim: Option<usize>, how: How) -> Result<Vec<Found>, ViewError> {
    if query.cubes.is_empty() || query.candidates == 0 {
        return Ok(Vec::new());
    }
    let filter = filter::search(&query.cubes, &query.filter);
    let vector = query.vector.as_deref().filter(|_| dim.is_some());
    if let (Some(vector), Some(dim)) = (vector, dim)
        && (vector.len() != dim || !vector.iter().all(|number| number.is_finite()))
    {
        return Err(ViewError::Query(format!(
            "the query vector has {} numbers or is not finite; {dim} are wanted",
            vector.len()
        )));
    }
    let words = query.text.as_deref().map(words).filter(|words| !words.is_empty());
    let dense = async {
        match vector {
            Some(vector) => dense(dataset, vector, filter.clone(), query.candidates, how).await,
            None => Ok(Vec::new()),
        }
    };
    let lexical = async {
        match &words {
            Some(words) => lexical(dataset, words, filter.clone(), query.candidates).await,
            None => Ok(Vec::new()),
        }
    };
    let (dense, lexical) = futures::join!(dense, lexical);
    // A query text that the index cannot take must not hide what the vectors found.
    let lexical = match lexical {
        Err(error) if vector.is_some() => {
            tracing::warn!(%error, "the text side of a search failed; answering by vectors alone");
            Vec::new()
        }
        lexical => lexical?,
    };
    let mut scores: BTreeMap<u64, Scores> = BTreeMap::new();
    for (row, score) in dense? {
        scores.entry(row).or_default().dense = Some(score);
    }
    for (row, score) in lexical {
        scores.entry(row).or_default().lexical = Some(score);
    }
    let rescore = vector.filter(|_| how == How::ByIndex);
    found(dataset, scores, rescore, query.candidates).await
}

/// The rows of the candidates. Where the index gave approximate similarities, exact ones take their place.
async fn found(
    dataset: &Arc<Dataset>,
    mut scores: BTreeMap<u64, Scores>,
    rescore: Option<&[f32]>,
    candidates: usize,
) -> Result<Vec<Found>, ViewError> {
    if scores.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<u64> = scores.keys().copied().collect();
    let columns: Vec<&str> = row::COLUMNS.iter().copied().filter(|column| *column != "vector" || rescore.is_some()).collect();
    let mut rows = row::from_batch(&take(TABLE, dataset, &ids, Some(&columns)).await?)?;
    if let Some(query) = rescore {
        for (row, scores) in rows.iter_mut().zip(scores.values_mut()) {
            let vector = row.vector.take();
            if scores.dense.is_some() {
                scores.dense = vector.map(|vector| cosine(query, &vector));
            }
        }
        keep_best(&mut scores, candidates);
    }
    Ok(rows
        .into_iter()
        .zip(scores.into_values())
        .filter(|(_, scores)| scores.dense.is_some() || scores.lexical.is_some())
        .map(|(row, scores)| Found {
            candidate: Candidate { memory: row.memory.id, dense: scores.dense, lexical: scores.lexical },
            row,
        })
        .collect())
}

/// Leaves a similarity to the best `candidates` only.
fn keep_best(scores: &mut BTreeMap<u64, Scores>, candidates: usize) {
    let mut dense: Vec<f32> = scores.values().filter_map(|scores| scores.dense).collect();
    if dense.len() > candidates {
        dense.sort_by(|a, b| b.total_cmp(a));
        let worst = dense[candidates - 1];
        for scores in scores.values_mut() {
            scores.dense = scores.dense.filter(|score| *score >= worst);
        }
    }
}

/// Cosine similarity of two vectors of any length.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let (mut dot, mut a_length, mut b_length) = (0.0f32, 0.0f32, 0.0f32);
    for (a, b) in a.iter().zip(b) {
        dot += a * b;
        a_length += a * a;
        b_length += b * b;
    }
    dot / (a_length * b_length).sqrt().max(f32::MIN_POSITIVE)
}

/// Row ids with cosine similarity.
async fn dense(
    dataset: &Arc<Dataset>,
    vector: &[f32],
    filter: Option<Expr>,
    candidates: usize,
    how: How,
) -> Result<Vec<(u64, f32)>, ViewError> {
    let fail = |source: lance::Error| fault::query(TABLE, source);
    let wanted = match how {
        How::ByAll => candidates,
        How::ByIndex => candidates + candidates / 2 + 10,
    };
    let mut scanner = dataset.scan();
    scanner.nearest("vector", &Float32Array::from(vector.to_vec()), wanted).map_err(fail)?;
    scanner.distance_metric(DistanceType::Cosine.into());
    match how {
        How::ByAll => scanner.use_index(false),
        How::ByIndex => scanner.minimum_nprobes(PROBES),
    };
    if let Some(filter) = filter {
        scanner.filter_expr(filter);
    }
    scanner.prefilter(true).with_row_id().project(&["_distance"]).map_err(fail)?;
    let batches: Vec<RecordBatch> = scanner.try_into_stream().await.map_err(fail)?.try_collect().await.map_err(fail)?;
    let mut scored = Vec::with_capacity(candidates);
    for batch in &batches {
        let reader = BatchReader::new(TABLE.name(), batch);
        let (rows, distances) = (reader.u64(ROW_ID)?, reader.f32("_distance")?);
        scored.extend(rows.values().iter().zip(distances.values()).map(|(row, distance)| (*row, 1.0 - distance)));
    }
    Ok(scored)
}

/// Row ids with BM25 scores.
async fn lexical(
    dataset: &Arc<Dataset>,
    words: &str,
    filter: Option<Expr>,
    candidates: usize,
) -> Result<Vec<(u64, f32)>, ViewError> {
    let fail = |source: lance::Error| fault::query(TABLE, source);
    let matching = MatchQuery::new(words.to_owned()).with_column(Some("search_text".to_owned()));
    let mut scanner = dataset.scan();
    scanner.full_text_search(FullTextSearchQuery::new_query(matching.into())).map_err(fail)?;
    if let Some(filter) = filter {
        scanner.filter_expr(filter);
    }
    scanner.prefilter(true).with_row_id().project(&["_score"]).map_err(fail)?;
    scanner.limit(Some(candidates as i64), None).map_err(fail)?;
    let batches: Vec<RecordBatch> = scanner.try_into_stream().await.map_err(fail)?.try_collect().await.map_err(fail)?;
    let mut scored = Vec::with_capacity(candidates);
    for batch in &batches {
        let reader = BatchReader::new(TABLE.name(), batch);
        let (rows, scores) = (reader.u64(ROW_ID)?, reader.f32("_score")?);
        scored.extend(rows.values().iter().zip(scores.values()).map(|(row, score)| (*row, *score)));
    }
    Ok(scored)
}

/// The words of a query, each once: letters and digits only, so that no text is a query language and none is an error.
pub fn words(text: &str) -> String {
    let mut seen = BTreeSet::new();
    let mut words = String::new();
    for word in text.split(|character: char| !character.is_alphanumeric()) {
        if word.is_empty() || word.len() > WORD_BYTES_MAX || !seen.insert(word.to_lowercase()) {
            continue;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        if seen.len() == WORDS_MAX {
            break;
        }
    }
    words
}
