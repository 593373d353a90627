//! The verbs as one type: a request of the interface in, its answer or a problem out. The server's routes and the command
//! line in local mode both call it, so the two never differ.

mod audit;
mod beliefs;
mod convert;
mod cubes;
mod dead;
mod ingest;
mod learn;
mod memories;
mod parse;
mod passed;
mod problems;
mod read;
mod replay;
mod search;
mod sql;
mod status;
mod upkeep;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

use cubelog_api::{Code, Problem};
use cubelog_extract::OpenAi;
use cubelog_memory::{Cut, Timestamp};
use cubelog_runner::{Caller, Clock, Cubelog};

pub use self::learn::extracted;
pub use self::sql::{SqlLimits, SqlRows, SqlRunner, SqlScope};
pub(crate) use self::status::lag;
use self::work::LongWork;

/// A store with every verb on it. Clones share it.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    cubelog: Cubelog,
    sql: Arc<dyn SqlRunner>,
    clock: Arc<dyn Clock>,
    replays: Option<PathBuf>,
    model: Option<Arc<OpenAi>>,
    work: LongWork,
}

impl Service {
    pub fn new(cubelog: Cubelog, sql: Arc<dyn SqlRunner>, clock: Arc<dyn Clock>) -> Self {
        Self { inner: Arc::new(Inner { cubelog, sql, clock, replays: None, model: None, work: LongWork::default() }) }
    }

    /// Says below which directory replays lie that requests speak of by name. Without it, such requests are refused. To be
    /// called before the service is shared.
    #[must_use]
    pub fn with_replays_dir(mut self, directory: PathBuf) -> Self {
        Arc::make_mut(&mut self.inner).replays = Some(directory);
        self
    }

    /// Names the model that requests may have turns read and contradictions judged by. No request names an endpoint of its own: whoever
    /// could would make the server speak to anybody. To be called before the service is shared.
    #[must_use]
    pub fn with_model(mut self, model: Arc<OpenAi>) -> Self {
        Arc::make_mut(&mut self.inner).model = Some(model);
        self
    }

    /// The store itself.
    pub fn cubelog(&self) -> &Cubelog {
        &self.inner.cubelog
    }

    /// Ends long work and closes the store: everything acknowledged is on the log and in the views.
    pub async fn close(&self) -> Result<(), Problem> {
        self.inner.work.abort();
        self.cubelog().close().await.map_err(problems::problem)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Waits until the views reflect the cut that a request carries.
    async fn wait(&self, token: Option<&str>) -> Result<Option<Cut>, Problem> {
        let token = parse::optional_cut("token", token)?;
        if let Some(token) = &token {
            self.cubelog().wait(token).await.map_err(problems::problem)?;
        }
        Ok(token)
    }
}

/// For verbs over the whole installation.
fn admin_only(caller: &Caller, verb: &str) -> Result<(), Problem> {
    if caller.admin {
        return Ok(());
    }
    Err(Problem::new(Code::AdminOnly, format!("{} is no administrator, and {verb} concerns every cube", caller.principal)))
}

/// One page of `rows`. A cursor is the number of rows before it and the id of the last of them, so that rows that come or go
/// in between neither repeat nor hide others.
fn page<T>(
    rows: Vec<T>,
    limit: Option<u32>,
    cursor: Option<&str>,
    id: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let (count, last) = cursor
                .split_once('.')
                .and_then(|(count, last)| Some((count.parse::<usize>().ok()?, last)))
                .ok_or_else(|| Problem::invalid("cursor", "is none that an answer gave; start without one"))?;
            let is_last = |row: &T| id(row) == last;
            // Nearly always the row stands where it stood; else it is looked for, and if it is gone its place decides.
            match rows.get(count.wrapping_sub(1)).is_some_and(&is_last) {
                true => count,
                false => rows.iter().position(is_last).map_or(count, |index| index + 1),
            }
        }
    };
    let limit = match limit {
        None => usize::MAX,
        Some(0) => return Err(Problem::invalid("limit", "must be at least 1")),
        Some(limit) => limit as usize,
    };
    let total = rows.len();
    let rows: Vec<T> = rows.into_iter().skip(start).take(limit).collect();
    let end = start.saturating_add(rows.len());
    let next = (end < total).then(|| rows.last().map(|row| format!("{end}.{}", id(row)))).flatten();
    Ok((rows, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(rows: &[&str], limit: u32) -> Vec<Vec<String>> {
        let (mut pages, mut cursor) = (Vec::new(), None);
        loop {
            let rows: Vec<String> = rows.iter().map(ToString::to_string).collect();
            let (page, next) = page(rows, Some(limit), cursor.as_deref(), Clone::clone).unwrap();
            pages.push(page);
            match next {
                None => return pages,
                next => cursor = next,
            }
        }
    }

    #[test]
    fn pages_cover_all_rows_once() {
        for limit in 1..7 {
            let rows = ["a", "b", "c", "d", "e"];
            assert_eq!(pages(&rows, limit).concat(), rows, "limit {limit}");
        }
        assert_eq!(pages(&[], 3), vec![Vec::<String>::new()]);
    }

    #[test]
    fn a_row_that_comes_in_front_moves_no_page() {
        let owned = |rows: &[&str]| rows.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (first, next) = page(owned(&["b", "c", "d"]), Some(2), None, Clone::clone).unwrap();
        assert_eq!(first, ["b", "c"]);
        let (second, _) = page(owned(&["a", "b", "c", "d"]), Some(2), next.as_deref(), Clone::clone).unwrap();
        assert_eq!(second, ["d"]);
        let (gone, _) = page(owned(&["b", "d", "e"]), Some(2), next.as_deref(), Clone::clone).unwrap();
        assert_eq!(gone, ["e"], "the place decides where the row itself is gone");
    }

    #[test]
    fn an_invented_cursor_and_an_empty_page_are_refused() {
        for cursor in ["", "x", "1", "-1.a", "99999999999999999999.a"] {
            assert_eq!(page(vec![1, 2], None, Some(cursor), i32::to_string).unwrap_err().code, Code::Invalid, "{cursor:?}");
        }
        assert_eq!(page(vec![1], Some(0), None, i32::to_string).unwrap_err().code, Code::Invalid);
        assert_eq!(page(vec![1, 2], None, Some("18446744073709551615.x"), i32::to_string).unwrap().0, Vec::<i32>::new());
    }
}
