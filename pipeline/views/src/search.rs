//! Search: what is held in memory finds and ranks, and the rows of the best are read. Tables too large for that are searched by
//! their indices on disk.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};

use arrow_array::{Array, Float32Array, RecordBatch, StringArray};
use cubelog_beliefs::Claim;
use cubelog_memory::ranking::{Method, Ranked};
use cubelog_memory::{CubeKey, MemoryId, Timestamp};
use cubelog_recall::{About, Admit, Memories, Names, Search, Side, Spot, Topic, find};
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
use crate::held::Held;
use crate::memories::row;
use crate::port::{Filter, Found, Scene, SearchQuery};
use crate::read::{Read, take};
use crate::tables::Table;

const TABLE: Table = Table::Memories;

/// Most words of a query that the text side looks for; the rest of a long query adds time and no precision.
const WORDS_MAX: usize = 64;
/// Longest word that the index keeps, in bytes.
const WORD_BYTES_MAX: usize = 40;

/// Partitions of the vectors' index that a search looks into at least; one holds about [`crate::indices::PARTITION_ROWS`].
const PROBES: usize = 60;

/// Searches one snapshot of `memories`, of which `held` is what is held in memory, and answers with the best, best first. Rows come
/// without their vectors.
pub async fn search(
    dataset: &Arc<Dataset>,
    held: &Arc<Held>,
    query: SearchQuery,
    dim: Option<usize>,
) -> Result<Vec<Found>, ViewError> {
    if query.cubes.is_empty() || query.candidates == 0 || query.ask.k == 0 {
        return Ok(Vec::new());
    }
    let vector = query.vector.as_deref().filter(|_| dim.is_some());
    if let (Some(vector), Some(dim)) = (vector, dim)
        && (vector.len() != dim || !vector.iter().all(|number| number.is_finite()))
    {
        return Err(ViewError::Query(format!(
            "the query vector has {} numbers or is not finite; {dim} are wanted",
            vector.len()
        )));
    }
    let columns = || filter::search(&query.cubes, &query.filter);
    let rows = rows(dataset, held, &query.cubes, &query.filter).await?;
    let (near, matching) = match held.whole {
        true => (None, None),
        false => elsewhere(dataset, vector, query.text.as_deref(), columns(), query.candidates).await?,
    };
    let held = held.clone();
    let has_vector = vector.is_some();
    // Comparing is work for a processor, and must not keep other tasks waiting.
    let (best, held) = tokio::task::spawn_blocking(move || {
        let found = {
            let names = held.names.read().unwrap_or_else(PoisonError::into_inner);
            let similar = match (&near, query.vector.as_deref().filter(|_| has_vector && held.whole)) {
                (Some(rows), _) => Side::Elsewhere(rows),
                (None, vector) => vector.map_or(Side::No, Side::Held),
            };
            let wording = match (&matching, query.text.as_deref().filter(|_| held.whole)) {
                (Some(rows), _) => Side::Elsewhere(rows),
                (None, text) => text.map_or(Side::No, Side::Held),
            };
            find_held(&held.memories, &names, &query, rows, similar, wording)
        };
        (found, held)
    })
    .await
    .map_err(|panic| ViewError::Query(format!("the search panicked: {panic}")))?;
    let ids: Vec<u64> = best.iter().map(|(spot, _)| held.memories.place(*spot).row).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let columns: Vec<&str> = row::COLUMNS.iter().copied().filter(|column| *column != "vector").collect();
    let rows = row::from_batch(&take(TABLE, dataset, &ids, Some(&columns)).await?)?;
    Ok(rows.into_iter().zip(best).map(|(row, (_, ranked))| Found { ranked, row }).collect())
}

/// The rows that pass what of a filter is not held with every memory; `None` if it asks for none of that.
async fn rows(
    dataset: &Arc<Dataset>,
    held: &Held,
    cubes: &[CubeKey],
    filter: &Filter,
) -> Result<Option<HashSet<u64>>, ViewError> {
    let at_path = filter.path.as_ref().map(|path| {
        let names = held.names.read().unwrap_or_else(PoisonError::into_inner);
        held.memories.rows_at_path(&names, path)
    });
    if !needs_rows(filter) {
        return Ok(at_path);
    }
    let mut rows = row_ids(dataset, filter::search(cubes, filter)).await?;
    if let Some(at_path) = at_path {
        rows.retain(|row| at_path.contains(row));
    }
    Ok(Some(rows))
}

/// What the memories of cubes are about.
pub async fn topics(
    dataset: &Arc<Dataset>,
    held: &Arc<Held>,
    cubes: &[CubeKey],
    filter: &Filter,
) -> Result<Vec<Topic>, ViewError> {
    let rows = rows(dataset, held, cubes, filter).await?;
    let names = held.names.read().unwrap_or_else(PoisonError::into_inner);
    Ok(held.memories.topics(&names, &admit(&names, cubes, filter, rows)))
}

/// What of cubes is about something, in the order of time.
pub async fn timeline(
    dataset: &Arc<Dataset>,
    held: &Arc<Held>,
    cubes: &[CubeKey],
    filter: &Filter,
    about: &About,
) -> Result<Vec<(MemoryId, Timestamp)>, ViewError> {
    let mut rows = rows(dataset, held, cubes, filter).await?;
    let mut about = about.clone();
    if !held.whole && !(about.words.is_empty() && about.named.is_empty()) {
        // Words are not held, so texts are read; what they tell takes the place of what is held.
        let told = rows_about(dataset, filter::search(cubes, filter), &about).await?;
        rows = Some(rows.map_or_else(|| told.clone(), |rows| &rows & &told));
        about = About::default();
    }
    let names = held.names.read().unwrap_or_else(PoisonError::into_inner);
    let admit = admit(&names, cubes, filter, rows);
    Ok(moments(&held.memories, &held.memories.timeline(&names, &admit, &about)))
}

/// Memories with when each is valid from.
pub fn moments(memories: &Memories, spots: &[Spot]) -> Vec<(MemoryId, Timestamp)> {
    spots.iter().map(|spot| memories.place(*spot)).map(|place| (place.memory, Timestamp(place.valid_from))).collect()
}

/// Rows that pass a filter and whose texts are about something.
async fn rows_about(dataset: &Arc<Dataset>, filter: Option<Expr>, about: &About) -> Result<HashSet<u64>, ViewError> {
    let mut rows = HashSet::new();
    let columns = ["text", "caption", "speaker"];
    let mut batches = Read::rows(filter).columns(&columns).row_id().stream(TABLE, dataset).await?;
    while let Some(batch) = batches.try_next().await? {
        let reader = BatchReader::new(TABLE.name(), &batch);
        let (texts, captions, speakers) = (reader.text("text")?, reader.text("caption")?, reader.text("speaker")?);
        let ids = reader.u64(ROW_ID)?;
        for row in 0..reader.rows() {
            let said = |column: &StringArray| column.is_valid(row).then(|| column.value(row).to_owned());
            if about.is_met_by(said(texts).as_deref(), said(captions).as_deref(), said(speakers).as_deref()) {
                rows.insert(ids.value(row));
            }
        }
    }
    Ok(rows)
}

/// Searches what is held; `rows` are those that pass what is not held with every memory.
pub fn find_held(
    memories: &Memories,
    names: &Names,
    query: &SearchQuery,
    rows: Option<HashSet<u64>>,
    similar: Side<'_, [f32]>,
    wording: Side<'_, str>,
) -> Vec<(Spot, Ranked)> {
    let admit = admit(names, &query.cubes, &query.filter, rows);
    let search = Search {
        admit: &admit,
        similar,
        wording,
        named: &query.named,
        asker: query.asker.as_deref(),
        own: query.own,
        candidates: query.candidates,
        ask: &query.ask,
    };
    find(memories, names, &search)
}

/// A filter in terms of what is held.
pub fn admit(names: &Names, cubes: &[CubeKey], filter: &Filter, rows: Option<HashSet<u64>>) -> Admit {
    let cubes: Vec<String> = cubes.iter().map(|key| format!("{}/{}", key.tenant, key.cube)).collect();
    let mut admit = Admit::cubes_of(names, &cubes).speakers(names, &filter.speakers).sessions(names, &filter.sessions);
    admit.since = filter.since.map(|since| since.micros());
    admit.until = filter.until.map(|until| until.micros());
    admit.before_index = filter.before_index;
    admit.hidden = filter.include_hidden;
    admit.rows = rows;
    admit
}

/// Who speaks in cubes, and until when.
pub fn scene(memories: &Memories, names: &Names, cubes: &[CubeKey]) -> Scene {
    let admit = admit(names, cubes, &Filter::default(), None);
    Scene {
        speakers: memories.speakers(names, &admit).iter().map(|name| name.to_string()).collect(),
        span: memories.span(&admit).map(|(oldest, newest)| (Timestamp(oldest), Timestamp(newest))),
    }
}

/// What the visible memories of a cube claim.
pub fn claims(memories: &Memories, names: &Names, cube: &CubeKey) -> Vec<(MemoryId, Claim)> {
    let admit = admit(names, std::slice::from_ref(cube), &Filter::default(), None);
    memories.claims(&admit).map(|(memory, claim)| (memory, claim.clone())).collect()
}

/// Whether a search looks at what memories are about.
pub fn needs_topics(query: &SearchQuery) -> bool {
    query.filter.path.is_some() || (query.ask.method == Method::Hybrid && query.ask.expand)
}

/// Whether a filter asks for what stands in columns alone: tags and types.
fn needs_rows(filter: &Filter) -> bool {
    !filter.tags.is_empty() || !filter.semantic.is_empty()
}

/// Ids of the rows that pass a filter.
async fn row_ids(dataset: &Arc<Dataset>, filter: Option<Expr>) -> Result<HashSet<u64>, ViewError> {
    let mut ids = HashSet::new();
    for batch in Read::rows(filter).columns(&["memory"]).row_id().collect(TABLE, dataset).await? {
        ids.extend(BatchReader::new(TABLE.name(), &batch).u64(ROW_ID)?.values().iter().copied());
    }
    Ok(ids)
}

type Rows = Option<Vec<(u64, f32)>>;

/// Both sides by the indices on disk, for tables that are too large to be held.
async fn elsewhere(
    dataset: &Arc<Dataset>,
    vector: Option<&[f32]>,
    text: Option<&str>,
    filter: Option<Expr>,
    candidates: usize,
) -> Result<(Rows, Rows), ViewError> {
    let words = text.map(words).filter(|words| !words.is_empty());
    let dense = async {
        match vector {
            Some(vector) => by_index(dataset, vector, filter.clone(), candidates).await.map(Some),
            None => Ok(None),
        }
    };
    let lexical = async {
        match &words {
            Some(words) => lexical(dataset, words, filter.clone(), candidates).await.map(Some),
            None => Ok(None),
        }
    };
    let (dense, lexical) = futures::join!(dense, lexical);
    // A query text that the index cannot take must not hide what the vectors found.
    let lexical = match lexical {
        Err(error) if vector.is_some() => {
            tracing::warn!(%error, "the text side of a search failed; answering by vectors alone");
            None
        }
        lexical => lexical?,
    };
    Ok((dense?, lexical))
}

/// Row ids with cosine similarity, by the index on disk, whose approximate distances are made exact by a second look at the vectors.
async fn by_index(
    dataset: &Arc<Dataset>,
    vector: &[f32],
    filter: Option<Expr>,
    candidates: usize,
) -> Result<Vec<(u64, f32)>, ViewError> {
    let fail = |source: lance::Error| fault::query(TABLE, source);
    let mut scanner = dataset.scan();
    scanner.nearest("vector", &Float32Array::from(vector.to_vec()), candidates).map_err(fail)?;
    scanner.distance_metric(DistanceType::Cosine.into());
    scanner.minimum_nprobes(PROBES);
    scanner.refine(2);
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
