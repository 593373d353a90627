//! Modules, blocks and the review list of a cube as JSON and back: what the fold has to know of them when it goes on.

use std::collections::{BTreeMap, BTreeSet};

use cubelog_memory::{
    Block, BlockId, Digest, MemoryId, Module, ModuleId, Review, Sources, Stage, Stale, StaleCause, SubjectId, Tag, VersionRef,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
struct StaleJson {
    cause: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Uuid>,
}

#[derive(Serialize, Deserialize)]
struct SourcesJson {
    /// `memory:version` each.
    versions: Vec<String>,
    subjects: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ModuleJson {
    name: String,
    stage: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<Uuid>,
    sources: SourcesJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artefact: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale: Option<StaleJson>,
}

#[derive(Serialize, Deserialize)]
struct BlockJson {
    sources: SourcesJson,
    setting: String,
    tokens: u64,
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stale: Option<StaleJson>,
}

#[derive(Serialize, Deserialize)]
struct ReviewJson {
    memory: Uuid,
    version: u32,
    against: Uuid,
    against_version: u32,
    confidence: f64,
    detector: String,
}

/// `None` for nothing, so that a cube without carriers has the row that it always had.
fn text<T: Serialize>(values: &T, is_empty: bool) -> Option<String> {
    if is_empty { None } else { serde_json::to_string(values).ok() }
}

pub fn modules_text(modules: &BTreeMap<ModuleId, Module>) -> Option<String> {
    let rows: BTreeMap<Uuid, ModuleJson> = modules
        .iter()
        .map(|(id, module)| {
            let json = ModuleJson {
                name: module.name.to_string(),
                stage: module.stage.word().to_owned(),
                parents: module.parents.iter().map(ModuleId::uuid).collect(),
                sources: sources_json(&module.sources),
                base: module.base.map(|digest| digest.to_string()),
                artefact: module.artefact.map(|digest| digest.to_string()),
                stale: stale_json(module.stale),
            };
            (id.uuid(), json)
        })
        .collect();
    text(&rows, rows.is_empty())
}

pub fn blocks_text(blocks: &BTreeMap<BlockId, Block>) -> Option<String> {
    let rows: BTreeMap<Uuid, BlockJson> = blocks
        .iter()
        .map(|(id, block)| {
            let json = BlockJson {
                sources: sources_json(&block.sources),
                setting: block.setting.to_string(),
                tokens: block.tokens,
                bytes: block.bytes,
                stale: stale_json(block.stale),
            };
            (id.uuid(), json)
        })
        .collect();
    text(&rows, rows.is_empty())
}

pub fn reviews_text(reviews: &BTreeMap<(MemoryId, MemoryId), Review>) -> Option<String> {
    let rows: Vec<ReviewJson> = reviews
        .iter()
        .map(|((memory, against), review)| ReviewJson {
            memory: memory.uuid(),
            version: review.version,
            against: against.uuid(),
            against_version: review.against_version,
            confidence: f64::from(review.confidence),
            detector: review.detector.to_string(),
        })
        .collect();
    text(&rows, rows.is_empty())
}

pub fn modules_from(text: &str) -> Result<BTreeMap<ModuleId, Module>, String> {
    let rows: BTreeMap<Uuid, ModuleJson> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    rows.into_iter()
        .map(|(id, json)| {
            let module = Module {
                name: Tag::new(json.name).map_err(|error| error.to_string())?,
                stage: Stage::from_word(&json.stage).ok_or_else(|| format!("unknown stage {}", json.stage))?,
                parents: json.parents.into_iter().map(ModuleId::new).collect(),
                sources: sources_from(json.sources)?,
                base: json.base.as_deref().map(digest_from).transpose()?,
                artefact: json.artefact.as_deref().map(digest_from).transpose()?,
                stale: json.stale.map(stale_from).transpose()?,
            };
            Ok((ModuleId::new(id), module))
        })
        .collect()
}

pub fn blocks_from(text: &str) -> Result<BTreeMap<BlockId, Block>, String> {
    let rows: BTreeMap<Uuid, BlockJson> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    rows.into_iter()
        .map(|(id, json)| {
            let block = Block {
                sources: sources_from(json.sources)?,
                setting: digest_from(&json.setting)?,
                tokens: json.tokens,
                bytes: json.bytes,
                stale: json.stale.map(stale_from).transpose()?,
            };
            Ok((BlockId::new(id), block))
        })
        .collect()
}

pub fn reviews_from(text: &str) -> Result<BTreeMap<(MemoryId, MemoryId), Review>, String> {
    let rows: Vec<ReviewJson> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    rows.into_iter()
        .map(|json| {
            let review = Review {
                version: json.version,
                against_version: json.against_version,
                confidence: json.confidence as f32,
                detector: Tag::new(json.detector).map_err(|error| error.to_string())?,
            };
            Ok(((MemoryId::new(json.memory), MemoryId::new(json.against)), review))
        })
        .collect()
}

fn sources_json(sources: &Sources) -> SourcesJson {
    SourcesJson {
        versions: sources.versions().iter().map(|version| format!("{}:{}", version.memory, version.version)).collect(),
        subjects: sources.subjects.iter().map(SubjectId::to_string).collect(),
    }
}

fn sources_from(json: SourcesJson) -> Result<Sources, String> {
    let version = |text: &String| -> Option<VersionRef> {
        let (memory, version) = text.split_once(':')?;
        Some(VersionRef { memory: memory.parse().ok()?, version: version.parse().ok()? })
    };
    let versions: Vec<VersionRef> = json
        .versions
        .iter()
        .map(|text| version(text).ok_or_else(|| format!("{text:?} is no version")))
        .collect::<Result<_, _>>()?;
    let subjects: BTreeSet<SubjectId> =
        json.subjects.into_iter().map(SubjectId::new).collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    Ok(Sources::new(&versions, subjects))
}

fn stale_json(stale: Option<Stale>) -> Option<StaleJson> {
    stale.map(|stale| StaleJson { cause: stale.cause.word().to_owned(), source: stale.source.map(|source| source.uuid()) })
}

fn stale_from(json: StaleJson) -> Result<Stale, String> {
    let cause = StaleCause::from_word(&json.cause).ok_or_else(|| format!("unknown cause {}", json.cause))?;
    Ok(Stale { cause, source: json.source.map(MemoryId::new) })
}

fn digest_from(text: &str) -> Result<Digest, String> {
    let bad = || format!("{text:?} is no digest");
    if !text.is_ascii() || text.len() != 64 {
        return Err(bad());
    }
    let mut digest = [0; 32];
    for (byte, place) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).map_err(|_| bad())?;
    }
    Ok(Digest(digest))
}
