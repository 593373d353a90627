//! All memories that a search may find, in parts, and the nearest of them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use cubelog_memory::vectors;

use crate::admit::Admit;
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

    /// When the newest memory of the admitted cubes is valid from, in microseconds; `None` without memories.
    pub fn newest(&self, admit: &Admit) -> Option<i64> {
        self.parts.iter().flat_map(|part| admit.cubes().iter().filter_map(|cube| part.newest.get(cube))).copied().max()
    }

    /// The `count` admitted memories nearest to the query, with cosine similarity; best first.
    pub fn nearest(&self, query: &Query, admit: &Admit, count: usize) -> Vec<(Spot, f32)> {
        let mut found = Vec::new();
        let (mut rows, mut scores) = (Vec::new(), Vec::new());
        for (number, part) in self.parts.iter().enumerate() {
            rows.clear();
            scores.clear();
            rows.extend((0..part.len() as u32).filter(|at| admit.passes(part.place(*at))));
            vectors::scores(&query.bytes, query.scale, &part.vectors, &part.scales, &rows, &mut scores);
            let scored = rows.iter().zip(&scores).filter(|(_, score)| score.is_finite());
            found.extend(scored.map(|(at, score)| (Spot { part: number as u32, at: *at }, *score)));
        }
        best(found, count)
    }
}

/// The best `count`, best first; equals in the order in which they stand.
pub(crate) fn best(mut scored: Vec<(Spot, f32)>, count: usize) -> Vec<(Spot, f32)> {
    let better = |a: &(Spot, f32), b: &(Spot, f32)| -> Ordering { b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)) };
    if scored.len() > count {
        if count > 0 {
            scored.select_nth_unstable_by(count - 1, better);
        }
        scored.truncate(count);
    }
    scored.sort_unstable_by(better);
    scored
}

/// A query's vector as bytes; none is near to nothing.
#[derive(Debug)]
pub struct Query {
    bytes: Vec<i8>,
    scale: f32,
}

impl Query {
    pub fn new(vector: Option<&[f32]>) -> Self {
        let mut bytes = Vec::new();
        let scale = vector.map_or(1.0, |vector| vectors::quantise(vector, &mut bytes));
        Self { bytes, scale }
    }

    /// Cosine similarity of one memory; `None` if it, or the query, has no vector.
    pub fn similarity(&self, memories: &Memories, spot: Spot) -> Option<f32> {
        let part = memories.part(spot);
        let mut score = Vec::with_capacity(1);
        vectors::scores(&self.bytes, self.scale, &part.vectors, &part.scales, &[spot.at], &mut score);
        score.pop().filter(|score| score.is_finite())
    }
}
