//! Search: a query in, ranked memories out.

use cubelog_api::Problem;
use cubelog_api::context::{ContextRequest, ContextResponse};
use cubelog_api::search::{Hit, SearchRequest, SearchResponse};
use cubelog_memory::SemanticType;
use cubelog_memory::limits::{FIELD_BYTES_MAX, HITS_MAX};
use cubelog_memory::ranking::{Method, Term};
use cubelog_runner::Caller;
use cubelog_views::Filter;

use super::passed::passed;
use super::problems::problem;
use super::{Service, convert, parse};

/// Hits of a search that names no number.
const HITS_DEFAULT: u32 = 10;
/// Memories of a context that names no number, and at most.
const MEMORIES_DEFAULT: u32 = 50;
const MEMORIES_MAX: usize = 200;
/// Turns before a query that are taken.
const CONTEXT_TURNS_MAX: usize = 20;
/// Tokens of a context that names no budget.
const TOKENS_DEFAULT: u32 = 1_000;

impl Service {
    pub async fn search(&self, caller: &Caller, request: SearchRequest) -> Result<SearchResponse, Problem> {
        if request.query.trim().is_empty() {
            return Err(Problem::invalid("query", "is empty; say what to look for"));
        }
        let k = request.k.unwrap_or(HITS_DEFAULT) as usize;
        if !(1..=HITS_MAX).contains(&k) {
            return Err(Problem::invalid("k", format!("{k} is out of range; 1 to {HITS_MAX} are allowed")));
        }
        let search = cubelog_runner::SearchRequest {
            cubes: parse::cubes(caller, &request.cubes)?,
            filter: filter(request.filter)?,
            token: parse::optional_cut("token", request.token.as_deref())?,
            query: request.query,
            k,
            diversity: match request.diversity.unwrap_or(0.0) {
                weight if (0.0..=1.0).contains(&weight) => weight,
                weight => return Err(Problem::invalid("diversity", format!("{weight} is out of range; 0 to 1 are allowed"))),
            },
            method: match request.method.as_deref() {
                None => Method::Hybrid,
                Some(word) => parse::word("method", word, Method::from_word, Method::ALL)?,
            },
            asked_at: parse::optional_time("asked_at", request.asked_at.as_deref())?,
            context: context_of(request.context)?,
            without: request
                .without
                .iter()
                .map(|word| parse::word("without", word, Term::from_word, Term::ALL))
                .collect::<Result<_, _>>()?,
        };
        let asked = search.filter.clone();
        let answer = self.cubelog().search(caller, search).await.map_err(problem)?;
        let hits = answer.hits.iter().map(|found| Hit { passed: passed(&asked, &found.row), ..hit(found) });
        Ok(SearchResponse { hits: hits.collect(), reflected: answer.reflected.to_string(), query_cut: answer.query_cut })
    }

    /// The best memories for a prompt of so many tokens.
    pub async fn context(&self, caller: &Caller, request: ContextRequest) -> Result<ContextResponse, Problem> {
        if request.query.trim().is_empty() {
            return Err(Problem::invalid("query", "is empty; say what the prompt is about"));
        }
        let k = request.k.unwrap_or(MEMORIES_DEFAULT) as usize;
        if !(1..=MEMORIES_MAX).contains(&k) {
            return Err(Problem::invalid("k", format!("{k} is out of range; 1 to {MEMORIES_MAX} are allowed")));
        }
        let search = cubelog_runner::SearchRequest {
            filter: filter(request.filter)?,
            token: parse::optional_cut("token", request.token.as_deref())?,
            asked_at: parse::optional_time("asked_at", request.asked_at.as_deref())?,
            context: context_of(request.context)?,
            ..cubelog_runner::SearchRequest::new(parse::cubes(caller, &request.cubes)?, request.query, k)
        };
        let budget = request.tokens.unwrap_or(TOKENS_DEFAULT) as usize;
        let context = self.cubelog().context(caller, search, budget).await.map_err(problem)?;
        Ok(ContextResponse {
            text: context.text,
            tokens: context.tokens as u32,
            cited: context.cited.iter().map(hit).collect(),
            left_out: context.left_out as u32,
            reflected: context.reflected.to_string(),
            query_cut: context.query_cut,
        })
    }
}

fn context_of(context: Vec<String>) -> Result<Vec<String>, Problem> {
    if context.len() > CONTEXT_TURNS_MAX {
        return Err(Problem::invalid("context", format!("has {} turns; the last {CONTEXT_TURNS_MAX} are enough", context.len())));
    }
    match context.iter().find(|turn| turn.len() > FIELD_BYTES_MAX) {
        Some(turn) => {
            Err(Problem::invalid("context", format!("has a turn of {} bytes; {FIELD_BYTES_MAX} are allowed", turn.len())))
        }
        None => Ok(context),
    }
}

fn hit(hit: &cubelog_runner::Hit) -> Hit {
    Hit {
        rank: hit.rank as u32,
        score: hit.score,
        terms: hit.terms.iter().map(|(term, value)| (term.word().to_owned(), *value)).collect(),
        passed: Vec::new(),
        memory: convert::memory(&hit.row),
    }
}

fn filter(filter: cubelog_api::search::Filter) -> Result<Filter, Problem> {
    Ok(Filter {
        semantic: filter
            .semantic
            .iter()
            .map(|word| parse::word("filter.semantic", word, SemanticType::from_word, SemanticType::ALL))
            .collect::<Result<_, _>>()?,
        tags: parse::tags("filter.tags", &filter.tags)?,
        path: filter.path.as_deref().map(|text| parse::path(text).map(|path| path.to_string())).transpose()?,
        since: parse::optional_time("filter.since", filter.since.as_deref())?,
        until: parse::optional_time("filter.until", filter.until.as_deref())?,
        before_index: filter.before_index,
        include_hidden: filter.include_hidden,
        speakers: filter.speakers,
        sessions: filter.sessions,
    })
}
