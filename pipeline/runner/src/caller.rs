//! On whose behalf something is done.

use cubelog_memory::{Origin, PrincipalId, TenantId};

/// An authenticated principal and the way it came in.
#[derive(Debug, Clone)]
pub struct Caller {
    pub tenant: TenantId,
    pub principal: PrincipalId,
    /// Administers the installation: rights of single cubes do not bind it. Reads are logged all the same.
    pub admin: bool,
    pub origin: Origin,
}
