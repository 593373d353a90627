//! A part: memories that came together and never change, for example those of one fragment of a table.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cubelog_language::{voice, words};
use cubelog_memory::ranking::Voice;
use cubelog_memory::{MemoryId, vectors};

use crate::claims::Claims;
use crate::names::Names;
use crate::words::Words;

/// A name or number that a memory does not have.
pub const NONE: u32 = u32::MAX;

/// One memory as it comes in.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub memory: MemoryId,
    /// What its owner knows it by.
    pub row: u64,
    /// `tenant/cube`.
    pub cube: &'a str,
    pub speaker: Option<&'a str>,
    pub session: Option<&'a str>,
    /// Its place in the stream; what was taken from a turn stands where that stands.
    pub stream_index: Option<u64>,
    /// Microseconds since 1970.
    pub valid_from: i64,
    pub priority: i32,
    /// Neither archived, merged nor expired.
    pub visible: bool,
    /// Another memory was settled to be believed in its place.
    pub superseded: bool,
    /// `None` for erased content.
    pub text: Option<&'a str>,
    /// What an image shows that came with the text; it is searched like the text.
    pub caption: Option<&'a str>,
    /// Of unit length.
    pub vector: Option<&'a [f32]>,
}

/// One memory as it is held.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub memory: MemoryId,
    pub row: u64,
    pub cube: u32,
    pub speaker: u32,
    pub session: u32,
    pub priority: i32,
    pub visible: bool,
    pub superseded: bool,
    pub stream_index: Option<u64>,
    pub valid_from: i64,
    pub voice: Voice,
}

/// Memories in ascending order of their rows.
#[derive(Debug, Default)]
pub struct Part {
    pub(crate) places: Vec<Place>,
    /// One behind the other, `dim` bytes each, or nothing; with a scale of NaN a memory has none.
    pub(crate) vectors: Vec<i8>,
    pub(crate) scales: Vec<f32>,
    /// The cube of every memory, if it is one and the same, and all are visible: then a mask needs no look at any of them.
    pub(crate) uniform: Option<u32>,
    pub(crate) words: Words,
    pub(crate) claims: Claims,
    /// Who speaks in which cube: (cube, speaker).
    pub(crate) speakers: BTreeSet<(u32, u32)>,
    /// When the newest memory of each cube is valid from.
    pub(crate) newest: BTreeMap<u32, i64>,
    /// And the oldest.
    pub(crate) oldest: BTreeMap<u32, i64>,
    /// The turns of each session of a cube: (cube, session) to stream index and place, in the order of the stream.
    pub(crate) sessions: HashMap<(u32, u32), Vec<(u64, u32)>>,
    /// The last place in the stream of each cube.
    pub(crate) last: BTreeMap<u32, u64>,
}

impl Part {
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn place(&self, at: u32) -> &Place {
        &self.places[at as usize]
    }

    /// Where the memory of this row stands.
    pub fn at(&self, row: u64) -> Option<u32> {
        self.places.binary_search_by_key(&row, |place| place.row).ok().map(|at| at as u32)
    }

    /// Bytes that the part takes, about.
    pub fn bytes(&self) -> usize {
        self.places.len() * size_of::<Place>()
            + self.vectors.len()
            + self.scales.len() * 4
            + self.words.bytes()
            + self.claims.bytes()
    }
}

/// Collects memories, in ascending order of their rows.
#[derive(Debug)]
pub struct PartBuilder {
    part: Part,
    /// Numbers in a vector; 0 holds none.
    dim: usize,
}

impl PartBuilder {
    pub fn new(dim: usize) -> Self {
        Self { part: Part::default(), dim }
    }

    pub fn push(&mut self, entry: &Entry<'_>, names: &mut Names) {
        let part = &mut self.part;
        let at = part.places.len() as u32;
        let cube = names.cube(entry.cube);
        let speaker = entry.speaker.map_or(NONE, |name| names.number(name));
        if speaker != NONE {
            part.speakers.insert((cube, speaker));
        }
        let newest = part.newest.entry(cube).or_insert(entry.valid_from);
        *newest = entry.valid_from.max(*newest);
        let oldest = part.oldest.entry(cube).or_insert(entry.valid_from);
        *oldest = entry.valid_from.min(*oldest);
        let session = entry.session.map_or(NONE, |name| names.number(name));
        if let Some(index) = entry.stream_index {
            let last = part.last.entry(cube).or_insert(index);
            *last = index.max(*last);
            if session != NONE {
                part.sessions.entry((cube, session)).or_default().push((index, at));
            }
        }
        let said = entry.text.map(voice::read).unwrap_or_default();
        part.places.push(Place {
            memory: entry.memory,
            row: entry.row,
            cube,
            speaker,
            session,
            priority: entry.priority,
            visible: entry.visible,
            superseded: entry.superseded,
            stream_index: entry.stream_index,
            valid_from: entry.valid_from,
            voice: Voice { questions: said.questions, assistant: entry.speaker.is_some_and(voice::is_assistant) },
        });
        match entry.vector.filter(|vector| vector.len() == self.dim && self.dim > 0) {
            Some(vector) => part.scales.push(vectors::quantise(vector, &mut part.vectors)),
            None => {
                part.vectors.extend(std::iter::repeat_n(0, self.dim));
                part.scales.push(f32::NAN);
            }
        }
        let mut terms = entry.text.map(words::terms).unwrap_or_default();
        terms.extend(entry.caption.map(words::terms).unwrap_or_default());
        part.words.add(at, cube, &terms);
        if let Some(text) = entry.text {
            part.claims.add(at, cube, text, entry.speaker, entry.valid_from);
        }
    }

    pub fn finish(mut self) -> Part {
        let first = self.part.places.first().map(|place| place.cube);
        self.part.uniform = first.filter(|cube| self.part.places.iter().all(|place| place.cube == *cube && place.visible));
        self.part.sessions.values_mut().for_each(|turns| turns.sort_unstable());
        self.part.words.finish();
        self.part.claims.finish();
        self.part
    }
}
