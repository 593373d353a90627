//! The data set written down: one JSON object a line, and a manifest from which it can be rebuilt bit for bit.

use std::collections::BTreeMap;

use cubelog_memory::content::Digest;
use cubelog_memory::event::VersionRef;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::general::REPLAY;
use super::set::Dataset;
use super::source::{Exclusion, Source};
use super::templates::VERSION;
use crate::digest::sha256;

/// A version of a memory as manifests name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Named {
    /// The memory's id.
    pub memory: String,
    /// Which version of it.
    pub version: u32,
    /// Digest of its content, 64 hexadecimal digits.
    pub digest: String,
}

/// What the data set was made of and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataManifest {
    /// Version of the templates and of how they are drawn.
    pub templates: u32,
    /// What decided every choice.
    pub seed: u64,
    /// Facts.
    pub facts: usize,
    /// The versions that the facts come from.
    pub sources: Vec<Named>,
    /// Versions that were left out, each with its reason.
    pub excluded: Vec<(String, u32, String)>,
    /// SHA-256 of the lines, 64 hexadecimal digits.
    pub digest: String,
}

/// The lines of a data set.
pub fn lines(set: &Dataset) -> String {
    let mut lines = String::new();
    let mut line = |value: serde_json::Value| {
        lines.push_str(&value.to_string());
        lines.push('\n');
    };
    for entry in &set.entries {
        let fact = &entry.fact;
        let fill = |questions: &[&str]| questions.iter().map(|question| fact.fill(question, &fact.entity)).collect::<Vec<_>>();
        let sources: Vec<_> = fact.sources.iter().map(|of| json!([of.memory.to_string(), of.version])).collect();
        line(json!({
            "entity": fact.entity, "kind": fact.kind, "topic": fact.topic, "value": fact.value, "sentence": fact.sentence,
            "sources": sources, "trained": fill(&entry.trained), "held_out": fill(&entry.held_out),
        }));
    }
    set.unknown.iter().for_each(|question| line(json!({ "unknown": question })));
    REPLAY.iter().for_each(|question| line(json!({ "replay": question })));
    lines
}

/// The manifest of a data set with these lines.
pub fn manifest(set: &Dataset, lines: &str, sources: &[Source], excluded: &[Exclusion]) -> DataManifest {
    let digests: BTreeMap<VersionRef, Digest> = sources.iter().map(|source| (source.version, source.digest)).collect();
    let named = |version: VersionRef| Named {
        memory: version.memory.to_string(),
        version: version.version,
        digest: digests.get(&version).map(Digest::to_string).unwrap_or_default(),
    };
    let reasons = excluded.iter().map(|out| (out.version.memory.to_string(), out.version.version, out.reason.words().into()));
    DataManifest {
        templates: VERSION,
        seed: set.seed,
        facts: set.entries.len(),
        sources: set.sources().into_iter().map(named).collect(),
        excluded: reasons.collect(),
        digest: sha256(lines.as_bytes()),
    }
}
