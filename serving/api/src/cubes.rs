//! Cubes: list, create, grant, revoke.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Makes a cube; the caller becomes its owner.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateCubeRequest {
    /// Name within the caller's tenant, or `tenant/cube`.
    pub cube: String,
    /// Who may read it without a grant: `private` (default) or `tenant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,
    /// Reads are on the log before their answer leaves.
    #[serde(default)]
    pub auditable: bool,
}

/// Gives a principal a right in a cube, in place of the one it had.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// Taken from the path where the path names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cube: String,
    pub principal: String,
    /// `read`, `write` or `share`; each includes the ones before it.
    pub right: String,
}

/// Takes a principal's right in a cube.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    pub cube: String,
    pub principal: String,
}

/// The cubes that the caller may read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CubesResponse {
    pub cubes: Vec<Cube>,
}

/// A cube with its grants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Cube {
    pub tenant: String,
    pub cube: String,
    /// Absent until the cube is created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    pub visibility: String,
    pub auditable: bool,
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Documents by name, for example that of `forgetting`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub policies: BTreeMap<String, String>,
    /// Legal holds in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holds: Vec<Hold>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime)]
    pub created_at: Option<String>,
    /// When the log recorded the last change to the cube itself.
    #[schema(format = DateTime)]
    pub changed_at: String,
    /// Where that change stands on the log.
    #[schema(example = "0:12")]
    pub changed: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    pub principal: String,
    pub right: String,
}

/// A legal hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    #[schema(format = "uuid")]
    pub hold: String,
    /// The memory that is held; the whole cube if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "uuid")]
    pub memory: Option<String>,
}
