//! The GGUF format (versions 2 and 3), the single-file form of llama.cpp: metadata, then tensors.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::metadata::{Cursor, Metadata, Stop};
use super::{Packing, Tensors, count, finite, open};
use crate::ModelError;

/// An open GGUF file whose header was checked.
pub struct Gguf {
    path: PathBuf,
    file: Mutex<File>,
    metadata: Metadata,
    tensors: HashMap<String, Entry>,
    /// Whether rows of q and k lie in pairs of neighbours, as llama.cpp keeps them for this architecture.
    paired: bool,
}

/// Where a tensor lies.
#[derive(Debug, Clone)]
struct Entry {
    /// Sizes, outermost first.
    shape: Vec<usize>,
    packing: Packing,
    /// From the beginning of the file.
    at: u64,
    bytes: usize,
}

/// Most tensors, far above any real file's.
const TENSORS_MAX: u64 = 65_536;
/// Most dimensions of a tensor, by the format's specification.
const DIMENSIONS_MAX: u32 = 4;

impl Gguf {
    /// Opens a file and reads its header. Every length in it is compared with the size of the file before memory is
    /// taken for it.
    ///
    /// # Errors
    /// [`ModelError::Missing`] or [`ModelError::Unreadable`]; [`ModelError::Damaged`] if the header contradicts itself or the
    /// size of the file.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let (file, length) = open(path)?;
        let mut cursor = Cursor::new(BufReader::new(&file), length);
        let read = Self::header(&mut cursor, length);
        let (metadata, tensors) = read.map_err(|stop| match stop {
            Stop::Wrong(reason) => ModelError::Damaged { path: path.into(), reason },
            Stop::Io(source) => ModelError::Unreadable { path: path.into(), source },
        })?;
        let paired = metadata.text("general.architecture") == Some("llama");
        drop(cursor);
        Ok(Self { path: path.into(), file: Mutex::new(file), metadata, tensors, paired })
    }

    /// The named values of the header.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The path that it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn header<R: Read>(cursor: &mut Cursor<R>, length: u64) -> Result<(Metadata, HashMap<String, Entry>), Stop> {
        const MAGIC: u32 = u32::from_le_bytes(*b"GGUF");
        if cursor.u32()? != MAGIC {
            return Err(Stop::Wrong("it does not begin as a GGUF file does".into()));
        }
        let version = cursor.u32()?;
        if !(2..=3).contains(&version) {
            return Err(Stop::Wrong(format!("its version is {version}, where 2 and 3 are known")));
        }
        let (tensors, values) = (cursor.u64()?, cursor.u64()?);
        if tensors > TENSORS_MAX {
            return Err(Stop::Wrong(format!("{tensors} tensors, where {TENSORS_MAX} are possible")));
        }
        let metadata = cursor.metadata(values)?;
        let alignment = metadata.size("general.alignment").unwrap_or(32) as u64;
        if alignment == 0 || alignment > 1 << 20 {
            return Err(Stop::Wrong(format!("its alignment is {alignment}")));
        }
        let mut entries = Vec::new();
        for _ in 0..tensors {
            entries.push(Self::entry(cursor)?);
        }
        let data = cursor.at.next_multiple_of(alignment);
        let mut found = HashMap::new();
        for (name, mut entry) in entries {
            entry.at = data.checked_add(entry.at).unwrap_or(u64::MAX);
            if entry.at.checked_add(entry.bytes as u64).is_none_or(|end| end > length) {
                return Err(Stop::Wrong(format!("tensor {name} goes beyond its end")));
            }
            if found.insert(name.clone(), entry).is_some() {
                return Err(Stop::Wrong(format!("tensor {name} comes twice")));
            }
        }
        Ok((metadata, found))
    }

    fn entry<R: Read>(cursor: &mut Cursor<R>) -> Result<(String, Entry), Stop> {
        let name = cursor.name()?;
        let dimensions = cursor.u32()?;
        if dimensions > DIMENSIONS_MAX {
            return Err(Stop::Wrong(format!("tensor {name} has {dimensions} dimensions")));
        }
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(usize::try_from(cursor.u64()?).map_err(|_| format!("tensor {name} is too large"))?);
        }
        // The innermost comes first in the file.
        shape.reverse();
        let (kind, at) = (cursor.u32()?, cursor.u64()?);
        let packing = Packing::of_gguf(kind).ok_or_else(|| {
            format!("tensor {name} is packed in a way (type {kind}) that is not known; F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K and Q6_K are")
        })?;
        // A row of blocks never runs over into the next.
        if shape.last().is_some_and(|innermost| innermost % packing.numbers() != 0) {
            return Err(Stop::Wrong(format!("the rows of tensor {name} do not fill whole blocks")));
        }
        let bytes = count(&shape).and_then(|numbers| packing.bytes_of(numbers));
        let bytes = bytes.ok_or_else(|| format!("tensor {name} is too large"))?;
        Ok((name, Entry { shape, packing, at, bytes }))
    }

    fn another(&self, name: &str, found: String, expected: String) -> ModelError {
        ModelError::AnotherModel { path: self.path.clone(), what: format!("tensor {name}"), found, expected }
    }

    fn entry_of(&self, name: &str) -> Option<&Entry> {
        self.tensors.get(&own_name(name)?)
    }

    fn bytes(&self, name: &str, shape: &[usize], heads: Option<usize>) -> Result<(Packing, Vec<u8>), ModelError> {
        let entry = self.entry_of(name).ok_or_else(|| self.another(name, "absent".into(), format!("{shape:?}")))?;
        if entry.shape != shape {
            return Err(self.another(name, format!("{:?}", entry.shape), format!("{shape:?}")));
        }
        let mut bytes = vec![0; entry.bytes];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(entry.at))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(|source| ModelError::Unreadable { path: self.path.clone(), source })?;
        drop(file);
        let bytes = match heads {
            Some(heads) if self.paired => halves(&bytes, heads, shape[0]),
            _ => bytes,
        };
        Ok((entry.packing, bytes))
    }
}

impl Tensors for Gguf {
    fn has(&self, name: &str) -> bool {
        self.entry_of(name).is_some()
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>, ModelError> {
        let entry = self.entry_of(name).ok_or_else(|| self.another(name, "absent".into(), "present".into()))?;
        Ok(entry.shape.clone())
    }

    fn floats(&self, name: &str, shape: &[usize], heads: Option<usize>) -> Result<Vec<f32>, ModelError> {
        let (packing, bytes) = self.bytes(name, shape, heads)?;
        finite(&self.path, name, packing.unpack(&bytes))
    }

    fn packed(&self, name: &str, shape: &[usize], heads: Option<usize>) -> Result<Option<(Packing, Vec<u8>)>, ModelError> {
        self.bytes(name, shape, heads).map(Some)
    }
}

/// Rows in pairs of neighbours back into halves: within each head, row 2 i comes to i and row 2 i + 1 to head / 2 + i. Works
/// on packed rows, which it moves whole.
fn halves(bytes: &[u8], heads: usize, rows: usize) -> Vec<u8> {
    let (head, row) = (rows / heads.max(1), bytes.len() / rows.max(1));
    let mut out = Vec::with_capacity(bytes.len());
    for head_bytes in bytes.chunks_exact((head * row).max(1)) {
        for part in 0..2 {
            for pair in 0..head / 2 {
                let at = (2 * pair + part) * row;
                out.extend_from_slice(&head_bytes[at..at + row]);
            }
        }
    }
    out
}

/// What a GGUF file calls the tensor that Hugging Face calls `name`.
fn own_name(name: &str) -> Option<String> {
    let fixed = match name {
        "model.embed_tokens.weight" => Some("token_embd.weight"),
        "model.norm.weight" => Some("output_norm.weight"),
        "lm_head.weight" => Some("output.weight"),
        "rope_freqs.weight" => Some("rope_freqs.weight"),
        _ => None,
    };
    if let Some(fixed) = fixed {
        return Some(fixed.into());
    }
    let (layer, rest) = name.strip_prefix("model.layers.")?.split_once('.')?;
    let (module, kind) = rest.rsplit_once('.')?;
    let module = match module {
        "self_attn.q_proj" => "attn_q",
        "self_attn.k_proj" => "attn_k",
        "self_attn.v_proj" => "attn_v",
        "self_attn.o_proj" => "attn_output",
        "self_attn.q_norm" => "attn_q_norm",
        "self_attn.k_norm" => "attn_k_norm",
        "mlp.gate_proj" => "ffn_gate",
        "mlp.up_proj" => "ffn_up",
        "mlp.down_proj" => "ffn_down",
        "input_layernorm" => "attn_norm",
        "post_attention_layernorm" => "ffn_norm",
        _ => return None,
    };
    Some(format!("blk.{layer}.{module}.{kind}"))
}
