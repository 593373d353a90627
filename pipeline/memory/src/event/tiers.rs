//! Events about the form that memories are served in: tier changed, block built, block dropped; and the grounds of such decisions.

use std::collections::BTreeSet;

use super::{VersionNo, VersionRef};
use crate::content::Digest;
use crate::ids::{BlockId, EventId, MemoryId, SubjectId, Tag};
use crate::metadata::{Kind, words};
use crate::position::Timestamp;

/// What was known about the use of a memory (or of all memories of a candidate) when something was decided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Until when accesses were counted.
    pub as_of: Timestamp,
    pub accesses: u64,
    pub principals: u64,
    pub sessions: u64,
    /// Exponentially decayed use, finite.
    pub heat: f32,
    /// Share of the cube's memories that are no hotter, 0 to 1.
    pub quantile: f32,
    /// Seconds since the content last changed.
    pub stable_s: u64,
    /// Prompt tokens that the decision is expected to save, or has saved, over the span of the policy.
    pub tokens_saved: u64,
}

/// Why something was decided: the policy as it then was, and the figures that it looked at.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grounds {
    /// Name of the policy; `None` if a person decided.
    pub policy: Option<Tag>,
    /// The event that set the policy, which names its exact wording.
    pub policy_event: Option<EventId>,
    pub statistics: Option<Statistics>,
}

/// A memory is served in another form from now on: promoted to a block or a module, or demoted towards its text.
#[derive(Debug, Clone, PartialEq)]
pub struct TierChanged {
    pub memory: MemoryId,
    /// The version that the decision was taken over.
    pub version: VersionNo,
    /// The tier that the decision was taken over.
    pub from: Kind,
    pub to: Kind,
    /// The block or module that carries the memory; none for plaintext.
    pub carrier: Option<MemoryId>,
    pub grounds: Grounds,
    pub reason: Option<String>,
}

/// Keys and values of a span of tokens were computed and kept.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockBuilt {
    pub block: BlockId,
    /// The versions whose text the span holds, at least one.
    pub sources: Vec<VersionRef>,
    /// Everybody whom the text is about: a block dies with the first of their keys.
    pub subjects: BTreeSet<SubjectId>,
    /// Name of the model, for people.
    pub model: String,
    /// Digest of everything that changes the numbers but the text: model, tokenizer, template, adapters, rope, number format.
    pub setting: Digest,
    pub tokens: u64,
    /// Size as stored.
    pub bytes: u64,
    /// Digest of the block as stored, that is encrypted: a digest of the text itself would betray it.
    pub checksum: Digest,
    pub grounds: Grounds,
    pub reason: Option<String>,
}

words!(
    /// Why a block was dropped.
    DropCause {
        /// To make room.
        Evicted = "evicted",
        /// A source changed.
        Stale = "stale",
        /// A subject was erased.
        Erased = "erased",
        /// Its bytes were not what they should be.
        Damaged = "damaged",
        /// Somebody asked for it.
        Requested = "requested",
    }
);

/// A block is gone for good; what it carried is served as text again.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockDropped {
    pub block: BlockId,
    pub cause: DropCause,
    pub grounds: Grounds,
    pub reason: Option<String>,
}
