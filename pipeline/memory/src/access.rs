//! Reads are remembered too: who was shown which versions, when, and for what. They travel on a topic of their own.

use crate::event::VersionRef;
use crate::ids::{CubeKey, EventId, PrincipalId};
use crate::metadata::words;
use crate::position::Timestamp;

words!(
    /// What kind of read it was.
    Purpose {
        Search = "search",
        Get = "get",
        History = "history",
        State = "state",
        Context = "context",
        Beliefs = "beliefs",
        Chat = "chat",
        Export = "export",
        Sql = "sql",
        Audit = "audit",
    }
);

/// One read of one cube.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    pub id: EventId,
    pub cube: CubeKey,
    pub principal: PrincipalId,
    pub purpose: Purpose,
    pub at: Timestamp,
    /// HMAC of the query under the cube's key, so that equal queries can be counted and none can be read.
    pub query: Option<[u8; 16]>,
    /// What was shown, best first.
    pub shown: Vec<VersionRef>,
}
