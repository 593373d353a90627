//! Predicates as expressions over columns. Values are literals of the expression and never text of a query, so nothing in
//! a name, a speaker or a tag can change what is asked.

use cubelog_memory::{CubeKey, Cut, EventId, MemoryId, SubjectId, Tag, Timestamp};
use datafusion::common::ScalarValue;
use datafusion::functions_nested::expr_fn::array_has;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{col, lit};

use crate::columns::UTC;
use crate::port::{Filter, Known};

pub fn time(time: Timestamp) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(time.micros()), Some(UTC.into())))
}

pub fn all(terms: impl IntoIterator<Item = Expr>) -> Option<Expr> {
    terms.into_iter().reduce(Expr::and)
}

pub fn any(terms: impl IntoIterator<Item = Expr>) -> Option<Expr> {
    terms.into_iter().reduce(Expr::or)
}

pub fn cube(cube: &CubeKey) -> Expr {
    col("cube").eq(lit(cube.cube.as_str())).and(col("tenant").eq(lit(cube.tenant.as_str())))
}

/// One of these values; a single one as an equality, which every index answers.
pub fn one_of(column: &str, values: impl IntoIterator<Item = String>) -> Expr {
    let mut values: Vec<String> = values.into_iter().collect();
    match values.len() {
        0 => lit(false),
        1 => col(column).eq(lit(values.remove(0))),
        _ => col(column).in_list(values.into_iter().map(lit).collect(), false),
    }
}

pub fn memories(column: &str, ids: &[MemoryId]) -> Expr {
    one_of(column, ids.iter().map(MemoryId::to_string))
}

pub fn event(event: EventId) -> Expr {
    col("event").eq(lit(event.to_string()))
}

pub fn subjects(ids: &[SubjectId]) -> Expr {
    one_of("subject", ids.iter().map(SubjectId::to_string))
}

/// Rows that were known then; `None` means all.
pub fn known(known: &Known) -> Option<Expr> {
    match known {
        Known::Now => None,
        Known::At(at) => Some(col("recorded_at").lt_eq(time(*at))),
        Known::Below(cut) => Some(below(cut)),
    }
}

fn below(cut: &Cut) -> Expr {
    any(cut.iter().map(|(partition, next)| col("log_partition").eq(lit(partition)).and(col("log_offset").lt(lit(next)))))
        .unwrap_or_else(|| lit(false))
}

/// The predicate of a search over `memories`, but for paths: where most memories belong stands in no column.
pub fn search(cubes: &[CubeKey], filter: &Filter) -> Option<Expr> {
    let mut terms: Vec<Expr> = Vec::new();
    let mut tenants: Vec<&str> = cubes.iter().map(|cube| cube.tenant.as_str()).collect();
    tenants.sort_unstable();
    tenants.dedup();
    match tenants.as_slice() {
        [] => {}
        // The usual case, in the form that the indices answer directly.
        [tenant] => {
            terms.push(one_of("cube", cubes.iter().map(|cube| cube.cube.to_string())));
            terms.push(col("tenant").eq(lit(*tenant)));
        }
        _ => terms.extend(any(cubes.iter().map(self::cube))),
    }
    if !filter.include_hidden {
        terms.push(col("visible").eq(lit(true)));
    }
    if !filter.speakers.is_empty() {
        terms.push(one_of("speaker", filter.speakers.iter().cloned()));
    }
    if !filter.sessions.is_empty() {
        terms.push(one_of("session", filter.sessions.iter().cloned()));
    }
    if !filter.semantic.is_empty() {
        terms.push(one_of("semantic", filter.semantic.iter().map(|semantic| semantic.word().to_owned())));
    }
    terms.extend(filter.tags.iter().map(|tag: &Tag| array_has(col("tags"), lit(tag.as_str()))));
    terms.extend(filter.since.map(|since| col("valid_from").gt_eq(time(since))));
    terms.extend(filter.until.map(|until| col("valid_from").lt(time(until))));
    terms.extend(filter.before_index.map(|index| col("stream_index").lt(lit(index))));
    all(terms)
}
