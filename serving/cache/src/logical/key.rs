//! What a block is known by: everything that changes its numbers, and whose it is.

use cubelog_memory::{Digest, ModuleId, TenantId};

/// One id of the tokenizer's vocabulary.
pub type Token = u32;

/// A module that is worn while computing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Adapter {
    pub module: ModuleId,
    /// Digest of the module's file.
    pub artefact: Digest,
    /// The bits of the factor (f32) that it is worn with.
    pub strength: u32,
}

/// How positions become rotations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rope {
    /// The bits of the base (f64).
    pub theta: u64,
    /// The scaling and its numbers, as the model's configuration writes them; `none` without any.
    pub scaling: Box<str>,
}

impl Rope {
    pub fn new(theta: f64, scaling: impl Into<Box<str>>) -> Self {
        Self { theta: theta.to_bits(), scaling: scaling.into() }
    }
}

/// The number format in which keys and values are computed and held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    F32,
    Bf16,
}

impl Dtype {
    pub const fn bytes(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::Bf16 => 2,
        }
    }
    pub const fn as_str(self) -> &'static str {
        match self {
            Dtype::F32 => "f32",
            Dtype::Bf16 => "bf16",
        }
    }
}

/// How numbers are kept on disk. It is part of the key because a block that came back from int8 is not the block that was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As they are in memory: what comes back is what was computed, bit for bit.
    Exact,
    /// Eight bits each, see `physical::quant`.
    Int8,
}

impl Coding {
    pub const fn as_str(self) -> &'static str {
        match self {
            Coding::Exact => "exact",
            Coding::Int8 => "int8",
        }
    }
}

/// Everything that changes the numbers but the tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Setting {
    /// Digest of the base model's weights.
    pub model: Digest,
    pub tokenizer: Digest,
    /// Digest of the chat template.
    pub template: Digest,
    /// Ascending, each once: see [`Setting::wearing`].
    pub adapters: Box<[Adapter]>,
    pub rope: Rope,
    pub dtype: Dtype,
    pub coding: Coding,
    /// Digest of the steering vectors, of the layers and of the strengths that they are applied with.
    pub steering: Option<Digest>,
}

impl Setting {
    /// The same setting with a set of modules worn, whatever their order.
    pub fn wearing(mut self, adapters: impl IntoIterator<Item = Adapter>) -> Self {
        let mut adapters: Vec<Adapter> = adapters.into_iter().collect();
        adapters.sort_unstable();
        adapters.dedup();
        self.adapters = adapters.into();
        self
    }

    pub fn wears(&self, module: ModuleId) -> bool {
        self.adapters.iter().any(|adapter| adapter.module == module)
    }

    /// BLAKE3 over all fields, each preceded by its length; for the `setting` of block events and for comparing with a file.
    pub fn digest(&self) -> Digest {
        let mut hasher = blake3::Hasher::new();
        let mut put = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u32).to_le_bytes());
            hasher.update(bytes);
        };
        put(b"cubelog kv setting 1");
        put(&self.model.0);
        put(&self.tokenizer.0);
        put(&self.template.0);
        put(&(self.adapters.len() as u32).to_le_bytes());
        for adapter in &self.adapters {
            put(adapter.module.as_bytes());
            put(&adapter.artefact.0);
            put(&adapter.strength.to_le_bytes());
        }
        put(&self.rope.theta.to_le_bytes());
        put(self.rope.scaling.as_bytes());
        put(self.dtype.as_str().as_bytes());
        put(self.coding.as_str().as_bytes());
        match &self.steering {
            None => put(b""),
            Some(digest) => put(&digest.0),
        }
        Digest(*hasher.finalize().as_bytes())
    }

    /// The first field in which two settings differ, for messages; `None` if they are equal.
    pub fn difference(&self, other: &Setting) -> Option<&'static str> {
        let differs = [
            (self.model != other.model, "model"),
            (self.tokenizer != other.tokenizer, "tokenizer"),
            (self.template != other.template, "template"),
            (self.adapters != other.adapters, "adapters"),
            (self.rope != other.rope, "rope"),
            (self.dtype != other.dtype, "dtype"),
            (self.coding != other.coding, "coding"),
            (self.steering != other.steering, "steering"),
        ];
        differs.into_iter().find_map(|(differs, name)| differs.then_some(name))
    }
}

/// Where blocks can be shared: within one tenant and one setting, never beyond. So no other tenant's answer can become quicker by
/// what this one asked, and timing tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    pub tenant: TenantId,
    pub setting: Setting,
}
