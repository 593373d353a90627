//! Cubes: list, create, grant, revoke.

use cubelog_api::Problem;
use cubelog_api::cubes::{CreateCubeRequest, CubesResponse, GrantRequest, RevokeRequest};
use cubelog_api::memories::WriteResponse;
use cubelog_memory::{Right, Visibility};
use cubelog_runner::{Caller, Change};

use super::problems::problem;
use super::{Service, convert, parse};

impl Service {
    /// The cubes that the caller may read, in name order.
    pub async fn cubes(&self, caller: &Caller) -> Result<CubesResponse, Problem> {
        let rows = self.cubelog().cubes(caller).await.map_err(problem)?;
        Ok(CubesResponse { cubes: rows.iter().map(convert::cube).collect() })
    }

    /// Makes a cube that the caller owns.
    pub async fn create_cube(
        &self,
        caller: &Caller,
        request: CreateCubeRequest,
        key: Option<&str>,
    ) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let visibility = match request.visibility.as_deref() {
            None => Visibility::Private,
            Some(word) => parse::word("visibility", word, Visibility::from_word, Visibility::ALL)?,
        };
        let change = Change::CreateCube { visibility, auditable: request.auditable };
        self.change(caller, cube, None, change, key).await
    }

    pub async fn grant(&self, caller: &Caller, request: GrantRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let principal = parse::principal("principal", &request.principal)?;
        let right = parse::word("right", &request.right, Right::from_word, Right::ALL)?;
        self.change(caller, cube, None, Change::Grant { principal, right }, key).await
    }

    pub async fn revoke(&self, caller: &Caller, request: RevokeRequest, key: Option<&str>) -> Result<WriteResponse, Problem> {
        let cube = parse::cube(caller, &request.cube)?;
        let principal = parse::principal("principal", &request.principal)?;
        self.change(caller, cube, None, Change::Revoke { principal }, key).await
    }
}
