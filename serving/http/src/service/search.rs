//! Search: a query in, ranked memories out.

use cubelog_api::Problem;
use cubelog_api::search::{Hit, SearchRequest, SearchResponse};
use cubelog_memory::SemanticType;
use cubelog_memory::limits::HITS_MAX;
use cubelog_runner::Caller;
use cubelog_views::Filter;

use super::problems::problem;
use super::{Service, convert, parse};

/// Hits of a search that names no number.
const HITS_DEFAULT: u32 = 10;

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
        };
        let answer = self.cubelog().search(caller, search).await.map_err(problem)?;
        let hits = answer.hits.iter().map(|hit| Hit {
            rank: hit.rank as u32,
            score: hit.score,
            dense: hit.dense,
            lexical: hit.lexical,
            memory: convert::memory(&hit.row),
        });
        Ok(SearchResponse { hits: hits.collect(), reflected: answer.reflected.to_string(), query_cut: answer.query_cut })
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
