//! What an operation of the runner can fail with, by what the caller should do.

use cubelog_keyring::KeyError;
use cubelog_log::LogError;
use cubelog_memory::content::ContentError;
use cubelog_memory::{CubeKey, Cut, MemoryId, NameError, PrincipalId, Rejection, Right};
use cubelog_schemas::EncodeError;
use cubelog_views::ViewError;

use crate::policy::PolicyError;
use crate::ports::EmbedError;

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("cube {0} does not exist; `cubelog ingest` or `cubelog init` creates cubes")]
    UnknownCube(CubeKey),
    #[error("memory {0} does not exist, or not yet at that moment")]
    UnknownMemory(MemoryId),
    #[error("{principal} may not {right} in cube {cube}; its owner can grant that")]
    Forbidden { principal: PrincipalId, right: Right, cube: CubeKey },
    #[error("cube {cube} is parked behind record {position}, which could not be decoded: {reason}; see `cubelog dead list`")]
    Parked { cube: CubeKey, position: String, reason: String },
    #[error("{0}")]
    BadRequest(String),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error("the views did not reach {wanted} in time (they reflect {reflected}); try again, the write itself is safe")]
    NotYet { wanted: Cut, reflected: Cut },
    #[error("the event is too large: {0}")]
    Encode(#[from] EncodeError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Views(#[from] ViewError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Embed(#[from] EmbedError),
    #[error("the projector has stopped: {0}; restart, nothing acknowledged is lost")]
    Stopped(String),
    #[error("{action}: {source}")]
    Io { action: String, source: std::io::Error },
}
