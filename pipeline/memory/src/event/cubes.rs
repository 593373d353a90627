//! Events about whole cubes: created, granted, revoked, policy set, imported.

use crate::ids::{PrincipalId, Tag};
use crate::metadata::words;

words!(
    /// Who may read a cube without a grant.
    Visibility { Private = "private", Tenant = "tenant" }
);
words!(
    /// What a grant allows; each includes the ones before it.
    Right { Read = "read", Write = "write", Share = "share" }
);

#[derive(Debug, Clone, PartialEq)]
pub struct CubeCreated {
    pub owner: PrincipalId,
    pub visibility: Visibility,
    /// Reads are on the log before their answer leaves.
    pub auditable: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CubeGranted {
    pub principal: PrincipalId,
    pub right: Right,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CubeRevoked {
    pub principal: PrincipalId,
}

/// A named policy of the cube was set; an empty document removes it.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySet {
    pub name: Tag,
    pub document: String,
}

/// An import into the cube ended.
#[derive(Debug, Clone, PartialEq)]
pub struct CubeImported {
    /// Kind of source: `jsonl`, `locomo`, `openai-chat`, `chatgpt`.
    pub format: Tag,
    pub received: u64,
    pub duplicates: u64,
    pub refused: u64,
}
