//! Events about LoRA modules: proposed, trained, evaluated, published, activated, retired, rolled back.
//!
//! Everything here stands in clear on the log: settings and reports hold numbers and names, never text of memories.

use std::collections::BTreeSet;

use super::{Grounds, VersionRef};
use crate::content::Digest;
use crate::ids::{ModuleId, SubjectId, Tag};

/// A module ought to be distilled from these memories.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleProposed {
    pub module: ModuleId,
    /// Label shared by all modules of one line: a module that is trained anew is another module of the same name.
    pub name: Tag,
    pub sources: Vec<VersionRef>,
    pub grounds: Grounds,
    pub reason: Option<String>,
}

/// A module came out of training, or out of an import or a composition. It is immutable; trained anew, it is another module.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleTrained {
    pub module: ModuleId,
    pub name: Tag,
    /// Modules that this one succeeds or is composed of.
    pub parents: Vec<ModuleId>,
    /// The versions that it was distilled from; none for a module from elsewhere.
    pub sources: Vec<VersionRef>,
    /// Everybody whom the sources are about: the module is revoked when one of them is erased.
    pub subjects: BTreeSet<SubjectId>,
    /// Name of the base model, for people.
    pub base: String,
    /// Digest of the base model's weights.
    pub base_digest: Digest,
    /// Digest of the tokenizer.
    pub tokenizer_digest: Digest,
    /// HMAC of the data set under a key of the cube: a plain digest of few short sentences would betray them.
    pub data_digest: Digest,
    /// Digest of the adapter's file, which is its address.
    pub artefact: Digest,
    /// Seed of the run.
    pub seed: u64,
    /// Version of the program that trained it.
    pub code: String,
    /// JSON object of the hyper-parameters.
    pub settings: String,
    /// JSON object of what the run measured.
    pub report: String,
    pub reason: Option<String>,
}

/// One measure that a module was held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// For example `recall`, `leak`, `drift`.
    pub name: Tag,
    /// Finite.
    pub value: f32,
    /// What the policy asked for, finite; `None` for a measure that decides nothing.
    pub threshold: Option<f32>,
    pub passed: bool,
}

/// A module was measured. One that does not pass is kept as rejected and never served.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleEvaluated {
    pub module: ModuleId,
    pub passed: bool,
    pub gates: Vec<Gate>,
    /// JSON object of everything else that was measured.
    pub report: String,
    pub grounds: Grounds,
    pub reason: Option<String>,
}

/// A module that passed lies whole and durable where servers find it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModulePublished {
    pub module: ModuleId,
    /// Digest of the file as published; storing it in fewer bits makes it another file than the trained one.
    pub artefact: Digest,
    /// Size as published.
    pub bytes: u64,
    pub reason: Option<String>,
}

/// A published module is worn from now on.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleActivated {
    pub module: ModuleId,
    /// The active module that makes way; it stays published.
    pub replaces: Option<ModuleId>,
    pub grounds: Grounds,
    pub reason: Option<String>,
}

/// A module is out of service for good, or until it is published again.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleRetired {
    pub module: ModuleId,
    pub grounds: Grounds,
    pub reason: Option<String>,
}

/// An active module was taken off at once, for an earlier one or for the base alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ModuleRolledBack {
    pub module: ModuleId,
    /// The published module that is worn in its place.
    pub to: Option<ModuleId>,
    pub grounds: Grounds,
    pub reason: Option<String>,
}
