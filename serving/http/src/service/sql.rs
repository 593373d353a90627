//! SQL through a port, so that nothing here knows the engine behind it.

use std::time::Duration;

use async_trait::async_trait;
use cubelog_api::Problem;
use cubelog_api::sql::{SqlRequest, SqlResponse};
use cubelog_memory::{CubeKey, TenantId};
use cubelog_runner::Caller;

use super::Service;
use super::problems::problem;

/// Rows of an answer for which no limit is named.
const ROWS_DEFAULT: u64 = 1_000;
/// Most rows of an answer.
const ROWS_MAX: u64 = 100_000;
/// Time of a query for which none is named.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// Most time of a query.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);

/// What an engine answers: columns, and one object a row with every column in order.
pub type SqlRows = SqlResponse;

/// What a query may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlScope {
    /// `None` is every tenant.
    pub tenant: Option<TenantId>,
    /// `None` is every cube of the tenant; an empty list is nothing.
    pub cubes: Option<Vec<CubeKey>>,
}

/// What a query may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlLimits {
    /// Rows in the answer; more are cut off, and the answer says so.
    pub rows_max: usize,
    pub timeout: Duration,
}

/// Answers one read-only statement within a scope. Dropping the future ends the query.
#[async_trait]
pub trait SqlRunner: Send + Sync + 'static {
    async fn sql(&self, scope: SqlScope, text: &str, limits: SqlLimits) -> Result<SqlRows, Problem>;
}

impl Service {
    /// One read-only statement over what the caller may read.
    pub async fn sql(&self, caller: &Caller, request: SqlRequest) -> Result<SqlResponse, Problem> {
        let rows = request.limit.unwrap_or(ROWS_DEFAULT);
        if !(1..=ROWS_MAX).contains(&rows) {
            return Err(Problem::invalid("limit", format!("{rows} is out of range; 1 to {ROWS_MAX} are allowed")));
        }
        let timeout = request.timeout_ms.map_or(TIMEOUT_DEFAULT, Duration::from_millis);
        if timeout.is_zero() || timeout > TIMEOUT_MAX {
            let most = TIMEOUT_MAX.as_millis();
            return Err(Problem::invalid("timeout_ms", format!("is out of range; 1 to {most} are allowed")));
        }
        self.wait(request.token.as_deref()).await?;
        let (tenant, cubes) = self.cubelog().sql_scope(caller).await.map_err(problem)?;
        // On the access log before the answer leaves, also if the answer is an error: errors can tell things too.
        self.cubelog().remember_sql(caller, &request.query).await.map_err(problem)?;
        let limits = SqlLimits { rows_max: rows as usize, timeout };
        self.inner.sql.sql(SqlScope { tenant, cubes }, &request.query, limits).await
    }
}
