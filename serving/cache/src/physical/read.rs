//! Reading a run: the front at once, each layer when it is wanted.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use cubelog_keyring::{Joined, JointKey, PART_TAG_BYTES};
use cubelog_memory::BlockId;

use super::file::{Front, Miss, PREAMBLE_BYTES, Part, about};
use super::layer;
use super::manifest::{Label, Manifest};
use super::shape::{LayerShape, Shape};
use super::span::{KvSpan, Number};
use super::store::Store;
use super::write::{context, home};
use crate::logical::{Coding, Dtype, RestoredBlock, Scope, Token};

/// An open file whose front and manifest are in order. Threads may read different layers at the same time.
pub struct RunReader {
    id: BlockId,
    file: File,
    bytes: u64,
    parts: Vec<Part>,
    about: Vec<u8>,
    key: JointKey,
    shape: Shape,
    pub(crate) manifest: Manifest,
}

impl Store {
    /// Opens a run; its layers are read when they are asked for.
    pub fn read(&self, id: BlockId) -> Result<RunReader, Miss> {
        let (file, bytes, front) = self.front(id)?;
        let label = Label::parse(&front.label, id)?;
        let tenant = label.tenant()?;
        let home = home(&tenant);
        let shares = label.shares.iter().map(|share| share.sealed()).collect::<Result<Vec<_>, _>>()?;
        let Joined::Key(key) = self.keyring.open_joint_key(&shares, &context(id, &home))? else { return Err(Miss::Erased) };
        let about = about(&front.label);

        let shape = label.shape();
        let layer = shape.layer(label.tokens).stored_bytes(label.coding.coding(), label.dtype.dtype().bytes()) + PART_TAG_BYTES;
        if front.parts.len() != shape.layers + 1 || front.parts[1..].iter().any(|part| part.bytes != layer as u64) {
            return Err(Miss::Damaged("its parts have another size than its shape says"));
        }
        let manifest = Manifest::parse(&open(&file, &key, &about, 0, front.parts[0])?)?;
        let setting = &manifest.scope.setting;
        let agrees = manifest.scope.tenant == tenant
            && manifest.own_tokens() == label.tokens
            && setting.dtype == label.dtype.dtype()
            && setting.coding == label.coding.coding()
            && setting.digest().to_string() == label.setting;
        if !agrees {
            return Err(Miss::Damaged("its label and its manifest contradict each other"));
        }
        Ok(RunReader { id, file, bytes, parts: front.parts, about, key, shape, manifest })
    }

    fn front(&self, id: BlockId) -> Result<(File, u64, Front), Miss> {
        let file = File::open(self.path(id))?;
        let bytes = file.metadata()?.len();
        let mut preamble = [0; PREAMBLE_BYTES];
        file.read_exact_at(&mut preamble, 0)?;
        let (label, parts) = Front::lengths(&preamble)?;
        let length = Front::bytes(label, parts);
        if length as u64 > bytes {
            return Err(Miss::Damaged("it ends early"));
        }
        let mut front = vec![0; length];
        file.read_exact_at(&mut front, 0)?;
        Ok((file, bytes, Front::parse(&front, label, parts, bytes)?))
    }

    /// Holds a file to its checksums, without any key. Says how many bytes were read.
    pub fn verify(&self, id: BlockId) -> Result<u64, Miss> {
        let (file, bytes, front) = self.front(id)?;
        Label::parse(&front.label, id)?;
        let mut part = Vec::new();
        for place in front.parts {
            part.resize(place.bytes as usize, 0);
            file.read_exact_at(&mut part, place.at)?;
            if crc32c::crc32c(&part) != place.crc {
                return Err(Miss::Damaged("a part fails its checksum"));
            }
        }
        Ok(bytes)
    }

    /// Whom a file is about, from its label; no key is needed.
    pub(crate) fn owners(&self, id: BlockId) -> Result<Vec<String>, Miss> {
        let (_, _, front) = self.front(id)?;
        let label = Label::parse(&front.label, id)?;
        Ok(label.shares.into_iter().map(|share| share.subject).collect())
    }
}

/// Reads and opens one part.
fn open(file: &File, key: &JointKey, about: &[u8], number: usize, place: Part) -> Result<Vec<u8>, Miss> {
    // The length was compared with that of the file, so it is no more than there is.
    let mut part = vec![0; place.bytes as usize];
    file.read_exact_at(&mut part, place.at)?;
    let length = key.open(number as u32, about, &mut part).ok_or(Miss::Damaged("a part was altered"))?.len();
    part.truncate(length);
    Ok(part)
}

impl RunReader {
    pub fn id(&self) -> BlockId {
        self.id
    }
    /// Of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
    pub fn scope(&self) -> &Arc<Scope> {
        &self.manifest.scope
    }
    /// From the first of the prompt to the last of the run.
    pub fn all_tokens(&self) -> &[Token] {
        &self.manifest.tokens
    }
    /// How many of them precede the run.
    pub fn start(&self) -> usize {
        self.manifest.tokens.len() - self.tokens()
    }
    /// Tokens of the run itself.
    pub fn tokens(&self) -> usize {
        self.manifest.own_tokens()
    }
    pub fn blocks(&self) -> &[RestoredBlock] {
        &self.manifest.blocks
    }
    pub fn shape(&self) -> Shape {
        self.shape
    }
    pub fn dtype(&self) -> Dtype {
        self.manifest.scope.setting.dtype
    }
    pub fn layer_shape(&self) -> LayerShape {
        self.shape.layer(self.tokens())
    }
    fn coding(&self) -> Coding {
        self.manifest.scope.setting.coding
    }

    /// Reads one layer into `numbers`: `[2, kv_heads, tokens, head_dim]`, in any number format where int8 is kept, else in the one
    /// that was written.
    ///
    /// A miss in one layer is a miss of the run: throw away what was read of it.
    pub fn layer<N: Number>(&self, layer: usize, numbers: &mut [N]) -> Result<(), Miss> {
        let shape = self.layer_shape();
        if self.coding() == Coding::Exact && self.dtype() != N::DTYPE {
            return Err(Miss::Foreign("dtype"));
        }
        if numbers.len() != shape.numbers() {
            return Err(Miss::Foreign("shape"));
        }
        let bytes = self.layer_bytes(layer)?;
        if layer::decode(&bytes, shape, self.coding(), numbers) { Ok(()) } else { Err(Miss::Damaged("its scales are no scales")) }
    }

    /// The opened part of a layer, as it was before sealing.
    pub(crate) fn layer_bytes(&self, layer: usize) -> Result<Vec<u8>, Miss> {
        let part = self.parts.get(layer + 1).copied().ok_or(Miss::Foreign("number of layers"))?;
        open(&self.file, &self.key, &self.about, layer + 1, part)
    }

    /// Reads everything, with so many threads.
    pub fn whole<N: Number>(&self, threads: usize) -> Result<KvSpan, Miss> {
        let mut spans = self.split::<N>(&[self.tokens()], threads)?;
        spans.pop().ok_or(Miss::Damaged("it holds no tokens"))
    }

    /// Reads everything as spans of so many tokens, one behind the other, which together are those of the run.
    pub fn split<N: Number>(&self, tokens: &[usize], threads: usize) -> Result<Vec<KvSpan>, Miss> {
        if tokens.iter().sum::<usize>() != self.tokens() || tokens.contains(&0) {
            return Err(Miss::Foreign("number of tokens"));
        }
        let mut spans: Vec<Vec<N>> = tokens.iter().map(|tokens| vec![N::default(); self.shape.numbers(*tokens)]).collect();
        // Per layer its place in every span.
        let mut layers: Vec<(usize, Vec<&mut [N]>)> = (0..self.shape.layers).map(|layer| (layer, Vec::new())).collect();
        for (span, tokens) in spans.iter_mut().zip(tokens) {
            let places = span.chunks_exact_mut(self.shape.layer(*tokens).numbers());
            layers.iter_mut().zip(places).for_each(|((_, places_of_layer), place)| places_of_layer.push(place));
        }
        let threads = threads.clamp(1, self.shape.layers);
        let share = layers.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let workers: Vec<_> = layers.chunks_mut(share).map(|layers| scope.spawn(|| self.scatter(layers))).collect();
            // A panic in a worker is a bug of ours; it goes on here.
            workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })?;
        let spans = spans.into_iter().zip(tokens);
        let wrap = |(numbers, tokens): (Vec<N>, &usize)| KvSpan::new(self.shape, *tokens, N::wrap(numbers));
        spans.map(wrap).collect::<Result<_, _>>().map_err(|_| Miss::Foreign("shape"))
    }

    fn scatter<N: Number>(&self, layers: &mut [(usize, Vec<&mut [N]>)]) -> Result<(), Miss> {
        let width = self.shape.head_dim;
        let mut numbers = vec![N::default(); self.layer_shape().numbers()];
        for (layer, places) in layers {
            if let [place] = places.as_mut_slice() {
                self.layer(*layer, place)?;
                continue;
            }
            self.layer(*layer, &mut numbers)?;
            for (head, rows) in numbers.chunks_exact(self.tokens() * width).enumerate() {
                let mut rest = rows;
                for place in places.iter_mut() {
                    let length = place.len() / (2 * self.shape.kv_heads);
                    let (own, behind) = rest.split_at(length);
                    place[head * length..(head + 1) * length].copy_from_slice(own);
                    rest = behind;
                }
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for RunReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("RunReader");
        debug.field("id", &self.id).field("tokens", &self.tokens()).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
