//! Runs as one file that leaves the machine, sealed under a secret that its owner hands over by other means.
//!
//! ```text
//!  0   8  magic "CUBEKVX\n"
//!  8   4  version
//! 12  16  salt, from which with the secret comes the key
//! 28      entries: 8 bytes length, then the sealed bytes, numbered from 0
//! ```
//!
//! Entries: one that says how many runs there are; then per run its description, and its layers as they lie in a run's file before
//! sealing. Each is bound to its number, so nothing can be cut, moved or put in. An import reads everything once before it
//! writes anything.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cubelog_keyring::{JointKey, KeyError};
use cubelog_memory::{BlockId, TenantId};
use serde::{Deserialize, Serialize};

use super::file::Miss;
use super::manifest::Manifest;
use super::shape::Shape;
use super::store::{Store, StoreError};
use super::write::Draft;
use crate::logical::{Origin, Scope, Setting};

const MAGIC: &[u8; 8] = b"CUBEKVX\n";
const VERSION: u32 = 1;
/// Layers of the largest models with the longest prompts stay far below.
const ENTRY_BYTES_MAX: u64 = 8 << 30;

/// Why blocks were not carried.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    #[error("{verb} {path}: {source}")]
    Io { verb: &'static str, path: PathBuf, source: std::io::Error },
    #[error("{path} is no file of exported blocks")]
    NoExport { path: PathBuf },
    #[error("{path} was written in version {version} of the format; this one reads version {VERSION}: export it again")]
    Version { path: PathBuf, version: u32 },
    #[error("{path} cannot be opened with this secret, or was altered; check the secret, then export it again")]
    Sealed { path: PathBuf },
    #[error("{path} ends early; copy or export it again")]
    Cut { path: PathBuf },
    #[error("the blocks were made for another {field}; import the cube without them and let them be built anew")]
    OtherSetting { field: &'static str },
    #[error("run {run} cannot be exported: {miss}")]
    Miss { run: BlockId, miss: Miss },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// What is carried of a run beside its layers.
#[derive(Serialize, Deserialize)]
struct Described {
    manifest: Vec<u8>,
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
}

/// One run of a carried file.
struct Carried {
    manifest: Manifest,
    shape: Shape,
}

struct Sealer<W> {
    out: W,
    key: JointKey,
    number: u32,
}

impl<W: Write> Sealer<W> {
    fn put(&mut self, mut bytes: Vec<u8>, path: &Path) -> Result<(), CarryError> {
        self.key.seal(self.number, MAGIC, &mut bytes)?;
        self.number += 1;
        let write = |out: &mut W| {
            out.write_all(&(bytes.len() as u64).to_le_bytes())?;
            out.write_all(&bytes)
        };
        write(&mut self.out).map_err(io("write", path))
    }
}

fn io(verb: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CarryError {
    move |source| match source.kind() {
        std::io::ErrorKind::UnexpectedEof => CarryError::Cut { path: path.to_owned() },
        _ => CarryError::Io { verb, path: path.to_owned(), source },
    }
}

impl Store {
    /// Writes runs to a new file at `path`; returns its bytes. On an error nothing is left there.
    pub fn export(&self, runs: &[BlockId], secret: &[u8; 32], path: &Path) -> Result<u64, CarryError> {
        let file = File::create_new(path).map_err(io("create", path))?;
        let written = self.export_to(file, runs, secret, path);
        if written.is_err() {
            let _ = std::fs::remove_file(path);
        }
        written
    }

    fn export_to(&self, file: File, runs: &[BlockId], secret: &[u8; 32], path: &Path) -> Result<u64, CarryError> {
        let salt = self.keyring.salt()?;
        let mut sealer = Sealer { out: BufWriter::new(file), key: JointKey::of_secret(secret, &salt), number: 0 };
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&VERSION.to_le_bytes());
        head.extend_from_slice(&salt);
        sealer.out.write_all(&head).map_err(io("write", path))?;
        sealer.put((runs.len() as u64).to_le_bytes().to_vec(), path)?;
        for run in runs {
            let missed = |miss| CarryError::Miss { run: *run, miss };
            let reader = self.read(*run).map_err(missed)?;
            let Shape { layers, kv_heads, head_dim } = reader.shape();
            let described = Described { manifest: reader.manifest.print(), layers, kv_heads, head_dim };
            sealer.put(serde_json::to_vec(&described).unwrap_or_default(), path)?;
            for layer in 0..layers {
                sealer.put(reader.layer_bytes(layer).map_err(missed)?, path)?;
            }
        }
        let file = sealer.out.into_inner().map_err(|error| io("write", path)(error.into_error()))?;
        file.sync_all().map_err(io("sync", path))?;
        Ok(file.metadata().map_err(io("read", path))?.len())
    }

    /// Writes the runs of a carried file into this store, for a tenant, under new names and this keyring's keys. Nothing is written
    /// unless the whole file is in order and every run was made in `setting`.
    ///
    /// - `adopt`: who and what the origins of the file are called here; `None` leaves out the run, because something that it was
    ///   made from is not here.
    ///
    /// Returns the names of the runs that were written. If writing fails in the middle, those written before stay and are whole.
    pub fn import(
        &self,
        path: &Path,
        secret: &[u8; 32],
        tenant: &TenantId,
        setting: &Setting,
        adopt: &dyn Fn(&Origin) -> Option<Origin>,
        ids: &mut dyn FnMut() -> BlockId,
    ) -> Result<Vec<BlockId>, CarryError> {
        let mut checking = Opener::open(path, secret)?;
        for _ in 0..checking.runs()? {
            let carried = checking.describe()?;
            if let Some(field) = carried.manifest.scope.setting.difference(setting) {
                return Err(CarryError::OtherSetting { field });
            }
            for _ in 0..carried.shape.layers {
                checking.layer(&carried)?;
            }
        }
        checking.end()?;

        let mut opener = Opener::open(path, secret)?;
        let mut written = Vec::new();
        for _ in 0..opener.runs()? {
            let mut carried = opener.describe()?;
            let adopted = adopt_all(&mut carried.manifest, tenant, adopt);
            if !adopted {
                for _ in 0..carried.shape.layers {
                    opener.layer(&carried)?;
                }
                continue;
            }
            let id = ids();
            let draft = Draft { id, manifest: carried.manifest.clone(), shape: carried.shape };
            let mut failed = None;
            let done = self.write_parts(&draft, |_, bytes| match opener.layer(&carried) {
                Ok(layer) => {
                    *bytes = layer;
                    Ok(())
                }
                Err(error) => {
                    failed = Some(error);
                    Err(StoreError::Draft { what: "the carried file changed while it was read" })
                }
            });
            if let Some(error) = failed {
                return Err(error);
            }
            written.push(done?.id);
        }
        Ok(written)
    }
}

/// Gives a manifest the names of its new home.
fn adopt_all(manifest: &mut Manifest, tenant: &TenantId, adopt: &dyn Fn(&Origin) -> Option<Origin>) -> bool {
    let setting = manifest.scope.setting.clone();
    manifest.scope = Arc::new(Scope { tenant: tenant.clone(), setting });
    for block in &mut manifest.blocks {
        let Some(mut origin) = adopt(&block.origin) else { return false };
        origin.sources.sort_unstable();
        block.origin = origin;
    }
    // What precedes the run lies in other runs, but its people are named here too: ask for them in the same way.
    let whole = Origin { cubes: manifest.cubes.clone(), sources: Vec::new(), subjects: manifest.subjects.clone() };
    let Some(whole) = adopt(&whole) else { return false };
    (manifest.cubes, manifest.subjects) = (whole.cubes, whole.subjects);
    for block in &manifest.blocks {
        manifest.subjects.extend(block.origin.subjects.iter().cloned());
        manifest.cubes.extend(block.origin.cubes.iter().cloned());
    }
    true
}

struct Opener<'p> {
    path: &'p Path,
    file: BufReader<File>,
    left: u64,
    key: JointKey,
    number: u32,
}

impl<'p> Opener<'p> {
    fn open(path: &'p Path, secret: &[u8; 32]) -> Result<Self, CarryError> {
        let file = File::open(path).map_err(io("open", path))?;
        let length = file.metadata().map_err(io("read", path))?.len();
        let mut file = BufReader::new(file);
        let (mut magic, mut version, mut salt) = ([0; 8], [0; 4], [0; 16]);
        file.read_exact(&mut magic).map_err(io("read", path))?;
        if magic != *MAGIC {
            return Err(CarryError::NoExport { path: path.to_owned() });
        }
        file.read_exact(&mut version).map_err(io("read", path))?;
        let version = u32::from_le_bytes(version);
        if version != VERSION {
            return Err(CarryError::Version { path: path.to_owned(), version });
        }
        file.read_exact(&mut salt).map_err(io("read", path))?;
        Ok(Self { path, file, left: length - 28, key: JointKey::of_secret(secret, &salt), number: 0 })
    }

    fn next(&mut self) -> Result<Vec<u8>, CarryError> {
        let mut length = [0; 8];
        self.file.read_exact(&mut length).map_err(io("read", self.path))?;
        let length = u64::from_le_bytes(length);
        self.left = self.left.saturating_sub(8);
        // Nothing is allocated for bytes that are not there.
        if length > self.left || length > ENTRY_BYTES_MAX {
            return Err(CarryError::Cut { path: self.path.to_owned() });
        }
        self.left -= length;
        let mut bytes = vec![0; length as usize];
        self.file.read_exact(&mut bytes).map_err(io("read", self.path))?;
        let opened = self.key.open(self.number, MAGIC, &mut bytes).map(|clear| clear.len());
        let clear = opened.ok_or_else(|| self.sealed())?;
        self.number += 1;
        bytes.truncate(clear);
        Ok(bytes)
    }

    fn sealed(&self) -> CarryError {
        CarryError::Sealed { path: self.path.to_owned() }
    }

    fn runs(&mut self) -> Result<u64, CarryError> {
        let count = self.next()?;
        Ok(u64::from_le_bytes(count.try_into().map_err(|_| self.sealed())?))
    }

    fn describe(&mut self) -> Result<Carried, CarryError> {
        let described: Described = serde_json::from_slice(&self.next()?).map_err(|_| self.sealed())?;
        let manifest = Manifest::parse(&described.manifest).map_err(|_| self.sealed())?;
        let shape = Shape { layers: described.layers, kv_heads: described.kv_heads, head_dim: described.head_dim };
        shape.check(manifest.own_tokens()).map_err(|_| self.sealed())?;
        Ok(Carried { manifest, shape })
    }

    fn layer(&mut self, of: &Carried) -> Result<Vec<u8>, CarryError> {
        let setting = &of.manifest.scope.setting;
        let expected = of.shape.layer(of.manifest.own_tokens()).stored_bytes(setting.coding, setting.dtype.bytes());
        let bytes = self.next()?;
        if bytes.len() == expected { Ok(bytes) } else { Err(self.sealed()) }
    }

    fn end(&self) -> Result<(), CarryError> {
        if self.left == 0 { Ok(()) } else { Err(self.sealed()) }
    }
}
