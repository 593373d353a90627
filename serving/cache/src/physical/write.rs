//! Writing a run: quantise, seal, write, make durable, and only then give it its name.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;

use cubelog_keyring::{Keyring, PART_TAG_BYTES, SealContext};
use cubelog_memory::{BlockId, CubeKey, CubeName, Digest, EventId, SubjectId, TenantId};

use super::file::{Front, Part, about};
use super::layer;
use super::manifest::{Format, Kept, Label, Manifest, Share};
use super::shape::Shape;
use super::span::{KvSpan, join_layer};
use super::store::{Store, StoreError};
use crate::logical::{Dtype, RestoredBlock, Run, Standing};

/// A run as it is to be written.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(crate) id: BlockId,
    pub(crate) manifest: Manifest,
    pub(crate) shape: Shape,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub id: BlockId,
    /// Of the file.
    pub bytes: u64,
    /// BLAKE3 over the table of sealed parts and the label: what the event of the block names.
    pub checksum: Digest,
}

/// Appends the bytes of a layer.
type Encode<'e> = dyn FnMut(usize, &mut Vec<u8>) -> Result<(), StoreError> + 'e;

/// Name of the keys' owner where a run is about nobody, and what keys are bound to.
pub(crate) fn home(tenant: &TenantId) -> CubeKey {
    #[expect(clippy::expect_used, reason = "a literal name")]
    let cube = CubeName::new("kv-blocks").expect("a valid name");
    CubeKey::new(tenant.clone(), cube)
}

pub(crate) fn context(id: BlockId, home: &CubeKey) -> SealContext<'_> {
    SealContext { event: EventId::new(id.uuid()), cube: home, field: "kv share" }
}

impl Draft {
    /// From a run of the logical cache; all its blocks have their numbers in memory.
    pub fn of_run(id: BlockId, run: &Run<KvSpan>, standing: Standing) -> Result<Self, StoreError> {
        let spans: Option<Vec<&KvSpan>> = run.blocks.iter().map(|block| block.payload()).collect();
        let (Some(scope), Some(spans)) = (run.scope(), spans) else {
            return Err(StoreError::Draft { what: "a block has no numbers in memory; load it first" });
        };
        let fits = run.blocks.iter().zip(&spans).all(|(block, span)| {
            let alike = span.shape() == spans[0].shape() && span.dtype() == scope.setting.dtype;
            alike && span.tokens() == block.tokens().len()
        });
        if !fits {
            return Err(StoreError::Draft { what: "its blocks differ in shape, dtype or tokens; build them in one setting" });
        }
        let blocks = run.blocks.iter().map(|block| RestoredBlock {
            tokens: block.tokens().len(),
            origin: block.origin().clone(),
            cost: block.cost(),
            priority: block.priority(),
            standing,
        });
        let manifest = Manifest {
            scope: Arc::clone(scope),
            tokens: run.tokens(),
            blocks: blocks.collect(),
            cubes: run.cubes.clone(),
            subjects: run.subjects.clone(),
        };
        Ok(Self { id, manifest, shape: spans[0].shape() })
    }
}

impl Store {
    /// Writes a run durably: when this returns, the file has its name and survives a loss of power. On an error nothing is left.
    pub fn write(&self, draft: &Draft, run: &Run<KvSpan>) -> Result<Written, StoreError> {
        let spans: Vec<(&KvSpan, usize)> =
            run.blocks.iter().filter_map(|block| block.payload()).map(|span| (span, span.tokens())).collect();
        let shape = draft.shape.layer(draft.manifest.own_tokens());
        let coding = draft.manifest.scope.setting.coding;
        let missing = StoreError::Draft { what: "a block has no numbers in memory; load it first" };
        if spans.len() != draft.manifest.blocks.len() {
            return Err(missing);
        }
        self.write_parts(draft, |layer, bytes| {
            let joined = match draft.manifest.scope.setting.dtype {
                Dtype::F32 => {
                    join_layer::<f32>(&spans, draft.shape, layer).map(|numbers| layer::encode(&numbers, shape, coding, bytes))
                }
                Dtype::Bf16 => join_layer::<half::bf16>(&spans, draft.shape, layer)
                    .map(|numbers| layer::encode(&numbers, shape, coding, bytes)),
            };
            match joined {
                Some(encoded) => Ok(encoded?),
                None => Err(StoreError::Draft { what: "its blocks differ in shape, dtype or tokens; build them in one setting" }),
            }
        })
    }

    /// Writes a run whose layers are given as the bytes of their parts.
    pub(crate) fn write_parts(
        &self,
        draft: &Draft,
        mut layer: impl FnMut(usize, &mut Vec<u8>) -> Result<(), StoreError>,
    ) -> Result<Written, StoreError> {
        let path = self.path(draft.id);
        let next = self.unfinished(draft.id);
        if path.try_exists().map_err(StoreError::io("look for", &path))? {
            return Err(StoreError::Exists { path });
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next).map_err(StoreError::io("create", &next))?;
        let written = self.fill(&mut file, draft, &mut layer).and_then(|written| {
            file.sync_all().map_err(StoreError::io("sync", &next))?;
            std::fs::rename(&next, &path).map_err(StoreError::io("rename", &next))?;
            self.sync_dir()?;
            Ok(written)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&next);
        }
        written
    }

    fn fill(&self, file: &mut File, draft: &Draft, layer: &mut Encode<'_>) -> Result<Written, StoreError> {
        let next = self.unfinished(draft.id);
        let scope = &draft.manifest.scope;
        let home = home(&scope.tenant);
        let owners = owners(&self.keyring, &home, &draft.manifest.subjects);
        let (key, shares) = self.keyring.joint_key(&owners, &context(draft.id, &home))?;
        let label = Label {
            run: draft.id.to_string(),
            tenant: scope.tenant.as_str().to_owned(),
            shares: shares.into_iter().map(Share::of).collect(),
            layers: draft.shape.layers,
            kv_heads: draft.shape.kv_heads,
            head_dim: draft.shape.head_dim,
            tokens: draft.manifest.own_tokens(),
            dtype: Format::of(scope.setting.dtype),
            coding: Kept::of(scope.setting.coding),
            setting: scope.setting.digest().to_string(),
        }
        .print();
        let about = about(&label);

        // The front is written last, when the checksums are known; its length is known now.
        let count = draft.shape.layers + 1;
        let mut at = Front::bytes(label.len(), count) as u64;
        file.set_len(at).map_err(StoreError::io("write", &next))?;
        std::io::Seek::seek(file, std::io::SeekFrom::End(0)).map_err(StoreError::io("write", &next))?;
        let mut front = Front { label, parts: Vec::with_capacity(count) };
        let expected = draft.shape.layer(draft.manifest.own_tokens());
        let expected = expected.stored_bytes(scope.setting.coding, scope.setting.dtype.bytes());
        let mut bytes = Vec::with_capacity(expected + PART_TAG_BYTES);
        for number in 0..count {
            bytes.clear();
            match number.checked_sub(1) {
                None => bytes = draft.manifest.print(),
                Some(index) => layer(index, &mut bytes)?,
            }
            if number > 0 && bytes.len() != expected {
                return Err(StoreError::Draft { what: "a layer has another size than its shape says" });
            }
            key.seal(number as u32, &about, &mut bytes)?;
            file.write_all(&bytes).map_err(StoreError::io("write", &next))?;
            front.parts.push(Part { at, bytes: bytes.len() as u64, crc: crc32c::crc32c(&bytes) });
            at += bytes.len() as u64;
        }
        let printed = front.print();
        file.write_all_at(&printed, 0).map_err(StoreError::io("write", &next))?;
        Ok(Written { id: draft.id, bytes: at, checksum: Digest(*blake3::hash(&printed).as_bytes()) })
    }
}

/// Whose keys a run is sealed under: everybody whom it is about, or the tenant's own pseudonym.
fn owners(keyring: &Keyring, home: &CubeKey, subjects: &BTreeSet<SubjectId>) -> BTreeSet<SubjectId> {
    if subjects.is_empty() { BTreeSet::from([keyring.subject_of(home, "nobody")]) } else { subjects.clone() }
}
