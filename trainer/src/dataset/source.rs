//! Which memories may be distilled: stable, trusted, not quarantined, not under erasure. Every refusal has its reason.

use cubelog_memory::Timestamp;
use cubelog_memory::content::Digest;
use cubelog_memory::event::VersionRef;
use cubelog_memory::metadata::{Sensitivity, Trust};
use serde::Serialize;

/// One version of a memory, as the cube holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Which memory, and which version of it.
    pub version: VersionRef,
    /// Digest of its content.
    pub digest: Digest,
    /// What it says.
    pub text: String,
    /// Who said it; `None` where nobody did.
    pub speaker: Option<String>,
    /// When it was said.
    pub said_at: Timestamp,
    /// How far its source is believed.
    pub trust: Trust,
    /// How far it may travel.
    pub sensitivity: Sensitivity,
    /// What keeps it out, as the cube knows it.
    pub standing: Standing,
}

/// What the cube knows against a memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// It is in quarantine.
    pub quarantined: bool,
    /// Somebody whom it is about is to be erased.
    pub erasing: bool,
    /// It is under a hold.
    pub held: bool,
    /// Another version or memory is believed in its place.
    pub outdated: bool,
}

/// What may be distilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Sources believed less are left out.
    pub trust_min: Trust,
    /// Memories more sensitive are left out: what is in a module travels with it.
    pub sensitivity_max: Sensitivity,
}

impl Default for Admission {
    fn default() -> Self {
        Self { trust_min: Trust::Unverified, sensitivity_max: Sensitivity::Internal }
    }
}

/// Why a memory was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Somebody whom it is about is to be erased.
    Erasing,
    /// It is in quarantine.
    Quarantined,
    /// It is under a hold.
    Held,
    /// Its source is not believed enough.
    Trust,
    /// It is too sensitive.
    Sensitivity,
    /// Another version or memory is believed in its place.
    Outdated,
    /// No statement about anybody or anything named was found in it.
    NothingRead,
    /// What it says was said by another memory already.
    SaidAlready,
    /// There were more facts than asked for.
    BeyondMost,
}

impl Reason {
    /// The reason in words.
    pub const fn words(self) -> &'static str {
        match self {
            Reason::Erasing => "somebody whom it is about is to be erased",
            Reason::Quarantined => "it is in quarantine",
            Reason::Held => "it is under a hold",
            Reason::Trust => "its source is not believed enough",
            Reason::Sensitivity => "it is too sensitive to travel with a module",
            Reason::Outdated => "another version or memory is believed in its place",
            Reason::NothingRead => "no statement about anybody or anything named was found in it",
            Reason::SaidAlready => "what it says was said by another memory already",
            Reason::BeyondMost => "there were more facts than the most that were asked for",
        }
    }
}

/// A memory that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exclusion {
    /// Which.
    pub version: VersionRef,
    /// Why.
    pub reason: Reason,
}

impl Admission {
    /// Why a memory may not be distilled; `None` if it may. The gravest reason is named.
    pub fn refuses(&self, source: &Source) -> Option<Reason> {
        let standing = source.standing;
        [
            (standing.erasing, Reason::Erasing),
            (standing.quarantined, Reason::Quarantined),
            (standing.held, Reason::Held),
            (source.trust < self.trust_min, Reason::Trust),
            (source.sensitivity > self.sensitivity_max, Reason::Sensitivity),
            (standing.outdated, Reason::Outdated),
        ]
        .into_iter()
        .find_map(|(refused, reason)| refused.then_some(reason))
    }
}
