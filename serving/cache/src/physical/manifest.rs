//! What a file says of itself: the label, which everybody may read, and the manifest, which is sealed because tokens are content.

use std::collections::BTreeSet;
use std::sync::Arc;

use cubelog_memory::{BlockId, CubeKey, CubeName, Digest, MemoryId, ModuleId, Sealed, SubjectId, TenantId, VersionRef};
use serde::{Deserialize, Serialize};

use super::file::Miss;
use super::shape::Shape;
use crate::logical::{Adapter, Coding, Dtype, Origin, RestoredBlock, Rope, Scope, Setting, Standing, Token};

/// In clear: whose the file is, under whose keys it is sealed, and how large it is. Subjects are pseudonyms, as in events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Label {
    pub(crate) run: String,
    pub(crate) tenant: String,
    pub(crate) shares: Vec<Share>,
    pub(crate) layers: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head_dim: usize,
    /// Of the run, without what precedes it.
    pub(crate) tokens: usize,
    pub(crate) dtype: Format,
    pub(crate) coding: Kept,
    /// Digest of the setting, in hexadecimal.
    pub(crate) setting: String,
}

/// A share of the file's key, sealed under a subject's data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    pub(crate) subject: String,
    pub(crate) key: u32,
    pub(crate) nonce: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    F32,
    Bf16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kept {
    Exact,
    Int8,
}

const BAD_LABEL: Miss = Miss::Damaged("its label cannot be read");
const BAD_MANIFEST: Miss = Miss::Damaged("its manifest cannot be read");

impl Format {
    pub(crate) fn of(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Format::F32,
            Dtype::Bf16 => Format::Bf16,
        }
    }
    pub(crate) fn dtype(self) -> Dtype {
        match self {
            Format::F32 => Dtype::F32,
            Format::Bf16 => Dtype::Bf16,
        }
    }
}

impl Kept {
    pub(crate) fn of(coding: Coding) -> Self {
        match coding {
            Coding::Exact => Kept::Exact,
            Coding::Int8 => Kept::Int8,
        }
    }
    pub(crate) fn coding(self) -> Coding {
        match self {
            Kept::Exact => Coding::Exact,
            Kept::Int8 => Coding::Int8,
        }
    }
}

impl Share {
    pub(crate) fn of(sealed: Sealed) -> Self {
        let Sealed { subject, key, nonce, ciphertext } = sealed;
        Self { subject: subject.as_str().to_owned(), key, nonce: nonce.to_vec(), sealed: ciphertext }
    }
    pub(crate) fn sealed(&self) -> Result<Sealed, Miss> {
        let subject = SubjectId::new(&self.subject).map_err(|_| BAD_LABEL)?;
        let nonce = self.nonce.as_slice().try_into().map_err(|_| BAD_LABEL)?;
        Ok(Sealed { subject, key: self.key, nonce, ciphertext: self.sealed.clone() })
    }
}

impl Label {
    pub(crate) fn shape(&self) -> Shape {
        Shape { layers: self.layers, kv_heads: self.kv_heads, head_dim: self.head_dim }
    }
    pub(crate) fn print(&self) -> Vec<u8> {
        // Strings and numbers always have a written form.
        serde_json::to_vec(self).unwrap_or_default()
    }
    /// Everything in it is checked but the keys.
    pub(crate) fn parse(bytes: &[u8], run: BlockId) -> Result<Self, Miss> {
        let label: Label = serde_json::from_slice(bytes).map_err(|_| BAD_LABEL)?;
        if label.run != run.to_string() {
            return Err(Miss::Foreign("block"));
        }
        label.shape().check(label.tokens).map_err(|_| BAD_LABEL)?;
        Ok(label)
    }
    pub(crate) fn tenant(&self) -> Result<TenantId, Miss> {
        TenantId::new(&self.tenant).map_err(|_| BAD_LABEL)
    }
}

/// What a file holds: the whole key of its blocks, and what they were made from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) scope: Arc<Scope>,
    /// From the first of the prompt to the last of the run.
    pub(crate) tokens: Vec<Token>,
    pub(crate) blocks: Vec<RestoredBlock>,
    /// Of the run and all that precedes it.
    pub(crate) cubes: BTreeSet<CubeKey>,
    pub(crate) subjects: BTreeSet<SubjectId>,
}

/// [`Manifest`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    tenant: String,
    model: [u8; 32],
    tokenizer: [u8; 32],
    template: [u8; 32],
    /// Module, digest of its file, bits of its strength.
    adapters: Vec<([u8; 16], [u8; 32], u32)>,
    rope_theta: u64,
    rope_scaling: String,
    dtype: Format,
    coding: Kept,
    steering: Option<[u8; 32]>,
    tokens: Vec<Token>,
    blocks: Vec<WrittenBlock>,
    cubes: Vec<(String, String)>,
    subjects: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenBlock {
    tokens: usize,
    cubes: Vec<(String, String)>,
    sources: Vec<([u8; 16], u32)>,
    subjects: Vec<String>,
    cost: u64,
    priority: f32,
    standing: u8,
}

impl Manifest {
    pub(crate) fn print(&self) -> Vec<u8> {
        let setting = &self.scope.setting;
        let written = Written {
            tenant: self.scope.tenant.as_str().to_owned(),
            model: setting.model.0,
            tokenizer: setting.tokenizer.0,
            template: setting.template.0,
            adapters: setting.adapters.iter().map(|worn| (*worn.module.as_bytes(), worn.artefact.0, worn.strength)).collect(),
            rope_theta: setting.rope.theta,
            rope_scaling: setting.rope.scaling.to_string(),
            dtype: Format::of(setting.dtype),
            coding: Kept::of(setting.coding),
            steering: setting.steering.map(|digest| digest.0),
            tokens: self.tokens.clone(),
            blocks: self.blocks.iter().map(print_block).collect(),
            cubes: print_cubes(&self.cubes),
            subjects: print_subjects(&self.subjects),
        };
        serde_json::to_vec(&written).unwrap_or_default()
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Miss> {
        let written: Written = serde_json::from_slice(bytes).map_err(|_| BAD_MANIFEST)?;
        let adapters = written.adapters.into_iter().map(|(module, artefact, strength)| Adapter {
            module: ModuleId::from_bytes(module),
            artefact: Digest(artefact),
            strength,
        });
        let setting = Setting {
            model: Digest(written.model),
            tokenizer: Digest(written.tokenizer),
            template: Digest(written.template),
            adapters: adapters.collect(),
            rope: Rope { theta: written.rope_theta, scaling: written.rope_scaling.into() },
            dtype: written.dtype.dtype(),
            coding: written.coding.coding(),
            steering: written.steering.map(Digest),
        };
        let tenant = TenantId::new(&written.tenant).map_err(|_| BAD_MANIFEST)?;
        let manifest = Self {
            scope: Arc::new(Scope { tenant, setting }),
            tokens: written.tokens,
            blocks: written.blocks.into_iter().map(parse_block).collect::<Result<_, _>>()?,
            cubes: parse_cubes(written.cubes)?,
            subjects: parse_subjects(written.subjects)?,
        };
        let own = manifest.blocks.iter().try_fold(0usize, |sum, block| sum.checked_add(block.tokens));
        if manifest.blocks.is_empty() || own.is_none_or(|own| own > manifest.tokens.len()) {
            return Err(BAD_MANIFEST);
        }
        Ok(manifest)
    }

    /// Tokens of the run itself.
    pub(crate) fn own_tokens(&self) -> usize {
        self.blocks.iter().map(|block| block.tokens).sum()
    }
}

fn print_block(block: &RestoredBlock) -> WrittenBlock {
    WrittenBlock {
        tokens: block.tokens,
        cubes: print_cubes(&block.origin.cubes),
        sources: block.origin.sources.iter().map(|source| (*source.memory.as_bytes(), source.version)).collect(),
        subjects: print_subjects(&block.origin.subjects),
        cost: block.cost,
        priority: block.priority,
        standing: match block.standing {
            Standing::Evictable => 0,
            Standing::Pinned => 1,
            Standing::Frozen => 2,
        },
    }
}

fn parse_block(block: WrittenBlock) -> Result<RestoredBlock, Miss> {
    let mut sources: Vec<VersionRef> =
        block.sources.into_iter().map(|(memory, version)| VersionRef { memory: MemoryId::from_bytes(memory), version }).collect();
    sources.sort_unstable();
    Ok(RestoredBlock {
        tokens: block.tokens,
        origin: Origin { cubes: parse_cubes(block.cubes)?, sources, subjects: parse_subjects(block.subjects)? },
        cost: block.cost,
        priority: block.priority,
        standing: match block.standing {
            0 => Standing::Evictable,
            1 => Standing::Pinned,
            2 => Standing::Frozen,
            _ => return Err(BAD_MANIFEST),
        },
    })
}

fn print_cubes(cubes: &BTreeSet<CubeKey>) -> Vec<(String, String)> {
    cubes.iter().map(|cube| (cube.tenant.as_str().to_owned(), cube.cube.as_str().to_owned())).collect()
}

fn parse_cubes(cubes: Vec<(String, String)>) -> Result<BTreeSet<CubeKey>, Miss> {
    let parse = |(tenant, cube): (String, String)| {
        let tenant = TenantId::new(tenant).map_err(|_| BAD_MANIFEST)?;
        Ok(CubeKey::new(tenant, CubeName::new(cube).map_err(|_| BAD_MANIFEST)?))
    };
    cubes.into_iter().map(parse).collect()
}

fn print_subjects(subjects: &BTreeSet<SubjectId>) -> Vec<String> {
    subjects.iter().map(|subject| subject.as_str().to_owned()).collect()
}

fn parse_subjects(subjects: Vec<String>) -> Result<BTreeSet<SubjectId>, Miss> {
    subjects.into_iter().map(|subject| SubjectId::new(subject).map_err(|_| BAD_MANIFEST)).collect()
}
