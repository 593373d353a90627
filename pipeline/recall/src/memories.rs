//! All memories that a search may find, in parts, and the nearest of them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use cubelog_memory::vectors::Query;

use crate::admit::{Admit, Mask};
use crate::names::Names;
use crate::part::{Part, Place};

/// One state of all memories; cheap to make from parts that are there already.
#[derive(Debug, Clone, Default)]
pub struct Memories {
    pub parts: Vec<Arc<Part>>,
}

/// Where a memory stands: its part, and its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spot {
    pub part: u32,
    pub at: u32,
}

impl Memories {
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn part(&self, spot: Spot) -> &Part {
        &self.parts[spot.part as usize]
    }

    pub fn place(&self, spot: Spot) -> &Place {
        self.part(spot).place(spot.at)
    }

    /// Who speaks in the admitted cubes, each once, in alphabetical order.
    pub fn speakers(&self, names: &Names, admit: &Admit) -> Vec<Arc<str>> {
        let mut speakers = BTreeSet::new();
        for (cube, speaker) in self.parts.iter().flat_map(|part| &part.speakers) {
            if admit.cubes().contains(cube) {
                speakers.extend(names.name(*speaker).cloned());
            }
        }
        speakers.into_iter().collect()
    }

    /// When the oldest and the newest memory of the admitted cubes are valid from, in microseconds; `None` without memories.
    pub fn span(&self, admit: &Admit) -> Option<(i64, i64)> {
        let of = |part: &Part, cube: &u32| Some((*part.oldest.get(cube)?, *part.newest.get(cube)?));
        let spans = self.parts.iter().flat_map(|part| admit.cubes().iter().filter_map(move |cube| of(part, cube)));
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// The `count` admitted memories nearest to the query, with cosine similarity; best first.
    pub(crate) fn nearest(&self, query: &Query, masks: &[Mask], count: usize) -> Vec<(Spot, f32)> {
        let mut best = Best::new(count);
        for ((number, part), mask) in self.parts.iter().enumerate().zip(masks) {
            for at in (0..part.len() as u32).filter(|at| mask.has(*at)) {
                if let Some(score) = query.similarity(&part.vectors, &part.scales, at as usize) {
                    best.offer(Spot { part: number as u32, at }, score);
                }
            }
        }
        best.finish()
    }

    /// Cosine similarity of two memories; `None` if one has no vector.
    pub(crate) fn alike(&self, a: Spot, b: Spot) -> Option<f32> {
        let (part, row) = (self.part(a), a.at as usize);
        let dim = part.vectors.len() / part.scales.len().max(1);
        let (vector, scale) = (part.vectors.get(row * dim..(row + 1) * dim)?, part.scales.get(row)?);
        self.similarity(&Query::of_row(vector, *scale), b)
    }

    /// Similarity of one memory; `None` if it, or the query, has no vector.
    pub(crate) fn similarity(&self, query: &Query, spot: Spot) -> Option<f32> {
        let part = self.part(spot);
        query.similarity(&part.vectors, &part.scales, spot.at as usize)
    }
}

/// The best `count` of what is offered; scores that are no numbers are passed over.
#[derive(Debug)]
pub(crate) struct Best {
    count: usize,
    found: Vec<(Spot, f32)>,
    /// What one must reach to come in, once there are enough.
    bar: f32,
}

impl Best {
    pub fn new(count: usize) -> Self {
        Self { count, found: Vec::with_capacity(4 * count), bar: f32::NEG_INFINITY }
    }

    #[inline]
    pub fn offer(&mut self, spot: Spot, score: f32) {
        // Equal scores go by place, and places come in order: a later equal never comes in front of an earlier one.
        if score > self.bar {
            self.found.push((spot, score));
            if self.found.len() >= 4 * self.count.max(64) {
                self.shorten();
            }
        }
    }

    fn shorten(&mut self) {
        if self.count > 0 && self.found.len() > self.count {
            let (_, last, _) = self.found.select_nth_unstable_by(self.count - 1, better);
            self.bar = last.1;
        }
        self.found.truncate(self.count);
    }

    pub fn finish(mut self) -> Vec<(Spot, f32)> {
        self.shorten();
        self.found.sort_unstable_by(better);
        self.found
    }
}

/// The higher score first, equals in the order in which they stand.
fn better(a: &(Spot, f32), b: &(Spot, f32)) -> Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}
