//! Reads over both times: get, history, state, diff.

use std::path::Path;

use cubelog_api::read::{
    DiffRequest, DiffResponse, Difference, GetRequest, HistoryRequest, HistoryResponse, StateRequest, StateResponse,
};
use cubelog_api::{MemoryVersion, Problem};
use cubelog_runner::Caller;
use cubelog_views::VersionRow;

use super::problems::problem;
use super::{Service, convert, page, parse};

impl Service {
    /// One memory at a moment.
    pub async fn get(&self, caller: &Caller, request: GetRequest) -> Result<MemoryVersion, Problem> {
        let memory = parse::memory("memory", &request.memory)?;
        let cube = request.cube.as_deref().map(|text| parse::cube(caller, text)).transpose()?;
        let moment = parse::moment(["at", "valid_at"], request.at.as_deref(), request.valid_at.as_deref())?;
        self.wait(request.token.as_deref()).await?;
        let row = self.cubelog().get(caller, cube.as_ref(), memory, &moment).await.map_err(problem)?;
        Ok(convert::version(&row))
    }

    /// Every step of a memory's chain, oldest first.
    pub async fn history(&self, caller: &Caller, request: HistoryRequest) -> Result<HistoryResponse, Problem> {
        let memory = parse::memory("memory", &request.memory)?;
        self.wait(request.token.as_deref()).await?;
        let rows = self.cubelog().history(caller, memory).await.map_err(problem)?;
        let (rows, next_cursor) = page(rows, request.limit, request.cursor.as_deref(), |row| row.event.to_string())?;
        let versions = rows.iter().map(convert::version).collect();
        Ok(HistoryResponse { memory: memory.to_string(), versions, next_cursor })
    }

    /// Every memory of a cube at a moment, in the order of the stream.
    pub async fn state(&self, caller: &Caller, request: StateRequest) -> Result<StateResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let moment = parse::moment(["at", "valid_at"], request.at.as_deref(), request.valid_at.as_deref())?;
        self.wait(request.token.as_deref()).await?;
        let rows = self.cubelog().state(caller, &cube, &moment, request.include_hidden).await.map_err(problem)?;
        let total = rows.len() as u64;
        let id = |row: &VersionRow| row.memory.id.to_string();
        let (rows, next_cursor) = page(rows, request.limit, request.cursor.as_deref(), id)?;
        Ok(StateResponse {
            tenant: cube.tenant.to_string(),
            cube: cube.cube.to_string(),
            memories: rows.iter().map(convert::version).collect(),
            total,
            next_cursor,
        })
    }

    /// What differs in a cube between two moments, or between the cube as it stands and a replay.
    pub async fn diff(&self, caller: &Caller, request: DiffRequest) -> Result<DiffResponse, Problem> {
        if let Some(name) = request.against.as_deref() {
            let directory = self.replay_named("against", name)?;
            return self.diff_against(caller, request, &directory).await;
        }
        let cube = parse::cube(caller, &request.cube)?;
        let side =
            |fields, at: &Option<String>, valid_at: &Option<String>| parse::moment(fields, at.as_deref(), valid_at.as_deref());
        let before = side(["before", "before_valid_at"], &request.before, &request.before_valid_at)?;
        let after = side(["after", "after_valid_at"], &request.after, &request.after_valid_at)?;
        if before == after {
            return Err(Problem::invalid("before", "is the same moment as after; name at least one of them"));
        }
        self.wait(request.token.as_deref()).await?;
        let differences = self.cubelog().diff(caller, &cube, &before, &after).await.map_err(problem)?;
        differences_page(&cube, differences, &request)
    }

    /// What differs in a cube between its live views (before) and those that a replay made in `directory` (after). The
    /// request's moments and its `against` are not looked at.
    pub async fn diff_against(&self, caller: &Caller, request: DiffRequest, directory: &Path) -> Result<DiffResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        self.wait(request.token.as_deref()).await?;
        let differences = self.cubelog().diff_views(caller, &cube, directory).await.map_err(problem)?;
        differences_page(&cube, differences, &request)
    }
}

fn differences_page(
    cube: &cubelog_memory::CubeKey,
    differences: Vec<cubelog_runner::Difference>,
    request: &DiffRequest,
) -> Result<DiffResponse, Problem> {
    let differences: Vec<Difference> = differences.iter().map(difference).collect();
    let total = differences.len() as u64;
    let id = |difference: &Difference| difference.memory.clone();
    let (differences, next_cursor) = page(differences, request.limit, request.cursor.as_deref(), id)?;
    Ok(DiffResponse { tenant: cube.tenant.to_string(), cube: cube.cube.to_string(), differences, total, next_cursor })
}

fn difference(difference: &cubelog_runner::Difference) -> Difference {
    let (change, before, after, fields) = match difference {
        cubelog_runner::Difference::Added(row) => ("added", None, Some(row), &[][..]),
        cubelog_runner::Difference::Removed(row) => ("removed", Some(row), None, &[][..]),
        cubelog_runner::Difference::Changed { before, after, fields } => {
            ("changed", Some(before), Some(after), fields.as_slice())
        }
    };
    let memory = before.or(after).map_or_else(String::new, |row| row.memory.id.to_string());
    Difference {
        change: change.to_owned(),
        memory,
        fields: fields.iter().map(ToString::to_string).collect(),
        before: before.map(|row| convert::version(row)),
        after: after.map(|row| convert::version(row)),
    }
}
