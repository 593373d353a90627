//! Why a command cannot happen, and why an event had no effect, in words.

use crate::apply::Refusal;
use crate::event::{Right, VersionNo};
use crate::ids::{BlockId, CubeKey, MemoryId, ModuleId, PrincipalId};
use crate::lifecycle::Lifecycle;

/// Why a command cannot happen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("cube {0} does not exist; create it first")]
    UnknownCube(CubeKey),
    #[error("cube {0} exists already")]
    CubeExists(CubeKey),
    #[error("{principal} may not {right} in cube {cube}; its owner can grant that")]
    Forbidden { principal: PrincipalId, right: Right, cube: CubeKey },
    #[error("memory {0} does not exist in this cube")]
    UnknownMemory(MemoryId),
    #[error("memory {memory} has no version {version}; its newest is {last}")]
    UnknownVersion { memory: MemoryId, version: VersionNo, last: VersionNo },
    #[error("memory {0} exists already")]
    MemoryExists(MemoryId),
    #[error("turn is known already with other content (memory {memory}); revise the memory instead of ingesting it again")]
    TurnChanged { memory: MemoryId },
    #[error("memory {memory} stands at version {current}, not {expected}; read it again and decide anew")]
    Stale { memory: MemoryId, expected: VersionNo, current: VersionNo },
    #[error("memory {memory} is {lifecycle} and refuses new content; move it to activated first")]
    Closed { memory: MemoryId, lifecycle: Lifecycle },
    #[error("memory {memory} cannot move from {from} to {to}")]
    IllegalMove { memory: MemoryId, from: Lifecycle, to: Lifecycle },
    #[error("memory {0} is under a legal hold and cannot expire; lift the hold first")]
    Held(MemoryId),
    #[error("memory {0} has expired")]
    Expired(MemoryId),
    #[error("no such hold is in force")]
    UnknownHold,
    #[error("{what}: {count} given, at most {max} are allowed")]
    TooMany { what: &'static str, count: usize, max: usize },
    #[error("time lies more than a day after the log's clock; correct the clock or the source")]
    Future,
    #[error("validity ends before it begins")]
    EmptyValidity,
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    #[error("memory {0} cannot be merged or related with itself")]
    WithItself(MemoryId),
    #[error("memory {memory}: {refusal}")]
    Memory { memory: MemoryId, refusal: Refusal },
    #[error("block {block}: {refusal}")]
    Block { block: BlockId, refusal: Refusal },
    #[error("module {module}: {refusal}")]
    Module { module: ModuleId, refusal: Refusal },
    #[error("nothing would change; name at least one field")]
    NothingToChange,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::UnknownMemory => f.write_str("memory is unknown at this point of the log"),
            Refusal::UnknownVersion => f.write_str("version is unknown at this point of the log"),
            Refusal::MemoryExists => f.write_str("memory exists already"),
            Refusal::CubeExists => f.write_str("cube exists already"),
            Refusal::IllegalMove { from, to } => write!(f, "no move leads from {from} to {to}"),
            Refusal::Held => f.write_str("a legal hold is in force"),
            Refusal::UnknownHold => f.write_str("hold is unknown"),
            Refusal::Stale => f.write_str("another version became current first"),
            Refusal::AlreadyExpired => f.write_str("memory expired earlier"),
            Refusal::Pinned => f.write_str("memory is pinned; unpin it first"),
            Refusal::UnknownBlock => f.write_str("block is unknown, or was dropped"),
            Refusal::BlockExists => f.write_str("block exists already; a block built anew is another one"),
            Refusal::UnknownModule => f.write_str("module is unknown in this cube"),
            Refusal::IllegalStage { from, to } => write!(f, "no move leads a module from {from} to {to}"),
            Refusal::Revoked => f.write_str("somebody whom it was made from was erased; train another module without them"),
            Refusal::NotCarried => {
                f.write_str("the block or module does not serve this version; build or activate one that does")
            }
            Refusal::NoSources => f.write_str("no memory is named that it is made from or settled over"),
            Refusal::WithItself => f.write_str("it cannot be set against itself, or be its own parent"),
        }
    }
}
