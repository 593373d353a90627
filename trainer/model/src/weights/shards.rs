//! Safetensors, in one file or in several that an index names.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Deserialize;

use super::{Packing, Tensors, count, finite, open, read_small};
use crate::ModelError;

/// The files of a model in safetensors.
pub struct Shards {
    files: Vec<Shard>,
    /// The file of each tensor.
    places: HashMap<String, usize>,
}

struct Shard {
    path: PathBuf,
    file: Mutex<File>,
    header: Metadata,
    /// Where the numbers begin.
    data: u64,
}

/// Longest header, as the reference implementation has it.
const HEADER_BYTES_MAX: u64 = 100_000_000;
/// Most files of one model.
const SHARDS_MAX: usize = 1024;

/// `model.safetensors.index.json`.
#[derive(Deserialize)]
struct Index {
    weight_map: HashMap<String, String>,
}

impl Shards {
    /// Opens `model.safetensors` in a directory, or the files that `model.safetensors.index.json` names.
    ///
    /// # Errors
    /// [`ModelError::Missing`] if neither is there; [`ModelError::Damaged`] if a header contradicts itself or the size of its file.
    pub fn open_dir(dir: &Path) -> Result<Self, ModelError> {
        let index = dir.join("model.safetensors.index.json");
        if !index.is_file() {
            return Self::open(&[dir.join("model.safetensors")]);
        }
        let damaged = |reason: String| ModelError::Damaged { path: index.clone(), reason };
        let parsed: Index = serde_json::from_slice(&read_small(&index)?).map_err(|e| damaged(e.to_string()))?;
        let mut names: Vec<String> = parsed.weight_map.into_values().collect();
        names.sort();
        names.dedup();
        // A name with a path in it would read files outside the model.
        if let Some(name) = names.iter().find(|name| Path::new(name).file_name().is_none_or(|file| file != name.as_str())) {
            return Err(damaged(format!("it names {name:?}, which is not a file of its own directory")));
        }
        if names.is_empty() || names.len() > SHARDS_MAX {
            return Err(damaged(format!("it names {} files, where 1 to {SHARDS_MAX} are possible", names.len())));
        }
        Self::open(&names.iter().map(|name| dir.join(name)).collect::<Vec<_>>())
    }

    /// Opens the given files as one set of tensors.
    ///
    /// # Errors
    /// As [`open_dir`](Self::open_dir).
    pub fn open(paths: &[PathBuf]) -> Result<Self, ModelError> {
        let (mut files, mut places) = (Vec::new(), HashMap::new());
        for path in paths {
            let shard = Shard::open(path)?;
            for name in shard.header.offset_keys() {
                if places.insert(name.clone(), files.len()).is_some() {
                    return Err(ModelError::Damaged { path: path.clone(), reason: format!("tensor {name} comes twice") });
                }
            }
            files.push(shard);
        }
        Ok(Self { files, places })
    }

    /// The paths of the files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|shard| shard.path.as_path())
    }

    /// The names of all tensors, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.places.keys().map(String::as_str)
    }

    fn find(&self, name: &str) -> Result<&Shard, ModelError> {
        let shard = self.places.get(name).and_then(|n| self.files.get(*n));
        shard.ok_or_else(|| ModelError::AnotherModel {
            path: self.files.first().map(|shard| shard.path.clone()).unwrap_or_default(),
            what: format!("tensor {name}"),
            found: "absent".into(),
            expected: "present".into(),
        })
    }
}

impl Tensors for Shards {
    fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, ModelError> {
        let shard = self.find(name)?;
        Ok(shard.header.info(name).map(|info| info.shape.clone()).unwrap_or_default())
    }

    fn floats(&self, name: &str, shape: &[usize], _heads: Option<usize>) -> Result<Vec<f32>, ModelError> {
        self.find(name)?.floats(name, shape)
    }
}

impl Shard {
    fn open(path: &Path) -> Result<Self, ModelError> {
        let damaged = |reason: String| ModelError::Damaged { path: path.into(), reason };
        let unreadable = |source: std::io::Error| ModelError::Unreadable { path: path.into(), source };
        let (mut file, length) = open(path)?;
        let mut size = [0; 8];
        if length < 8 {
            return Err(damaged("it is too short for a header".into()));
        }
        file.read_exact(&mut size).map_err(unreadable)?;
        let size = u64::from_le_bytes(size);
        if size > HEADER_BYTES_MAX || size > length - 8 {
            return Err(damaged(format!("its header of {size} bytes goes beyond its end")));
        }
        let mut header = vec![0; size as usize];
        file.read_exact(&mut header).map_err(unreadable)?;
        // Parsing checks that offsets are in order, without gaps, and that shapes and types give their lengths.
        let header: Metadata = serde_json::from_slice(&header).map_err(|e| damaged(e.to_string()))?;
        let data = header.data_len() as u64;
        if data != length - 8 - size {
            return Err(damaged(format!("its tensors take {data} bytes, and it has {}", length - 8 - size)));
        }
        Ok(Self { path: path.into(), file: Mutex::new(file), header, data: 8 + size })
    }

    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let damaged = |reason: String| ModelError::Damaged { path: self.path.clone(), reason };
        let info = self.header.info(name).ok_or_else(|| damaged(format!("tensor {name} is gone")))?;
        let packing = match info.dtype {
            Dtype::F32 => Some(Packing::F32),
            Dtype::F16 => Some(Packing::F16),
            Dtype::BF16 => Some(Packing::Bf16),
            _ => None,
        };
        let (Some(packing), true) = (packing, info.shape == shape) else {
            return Err(ModelError::AnotherModel {
                path: self.path.clone(),
                what: format!("tensor {name}"),
                found: format!("{:?} {:?}", info.dtype, info.shape),
                expected: format!("F32, F16 or BF16 {shape:?}"),
            });
        };
        let (from, to) = info.data_offsets;
        let bytes = count(shape).and_then(|numbers| packing.bytes_of(numbers)).filter(|bytes| *bytes == to - from);
        let bytes = bytes.ok_or_else(|| damaged(format!("tensor {name} does not have the length of its shape")))?;
        let mut content = vec![0; bytes];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.data + from as u64))
            .and_then(|_| file.read_exact(&mut content))
            .map_err(|source| ModelError::Unreadable { path: self.path.clone(), source })?;
        drop(file);
        finite(&self.path, name, packing.unpack(&content))
    }
}
