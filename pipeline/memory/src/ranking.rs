//! Ranking of search candidates: scores in, order out. Every weight of retrieval stands here.

use crate::ids::MemoryId;

/// What the indexes say of one memory. Higher is better in both.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub memory: MemoryId,
    /// Cosine similarity to the query, -1 to 1; `None` if the vector side did not return it.
    pub dense: Option<f32>,
    /// BM25 score, 0 or more; `None` if the text side did not return it.
    pub lexical: Option<f32>,
}

/// One ranked memory with the terms that made its score.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    pub memory: MemoryId,
    pub score: f32,
    /// Weighted, calibrated share of the vector side.
    pub dense: f32,
    /// Weighted, calibrated share of the text side.
    pub lexical: f32,
}

/// Share of the vector side in the score; the text side has the rest. Chosen as the best single value over LoCoMo (where text
/// wins) and RealMem, MADial and PrefEval (where vectors win).
pub const DENSE_WEIGHT: f32 = 0.5;

/// Orders candidates by calibrated scores: each side is scaled to 0..1 over its own candidates (min-max), because rank alone
/// falls below the better side when the other is weak. A side that is silent on a candidate gives 0. Ties fall to the lower id,
/// so that the order depends on nothing else. Scores that are no numbers count as absent.
pub fn rank(candidates: &[Candidate]) -> Vec<Ranked> {
    let dense = Scale::over(candidates.iter().filter_map(|c| c.dense));
    let lexical = Scale::over(candidates.iter().filter_map(|c| c.lexical));
    let has_both = dense.is_some() && lexical.is_some();
    let (dense_weight, lexical_weight) = if has_both { (DENSE_WEIGHT, 1.0 - DENSE_WEIGHT) } else { (1.0, 1.0) };
    let mut ranked: Vec<Ranked> = candidates
        .iter()
        .map(|candidate| {
            let dense = dense_weight * share(&dense, candidate.dense);
            let lexical = lexical_weight * share(&lexical, candidate.lexical);
            Ranked { memory: candidate.memory, score: dense + lexical, dense, lexical }
        })
        .collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.memory.cmp(&b.memory)));
    ranked
}

struct Scale {
    min: f32,
    max: f32,
}

impl Scale {
    fn over(scores: impl Iterator<Item = f32>) -> Option<Self> {
        scores.filter(|score| score.is_finite()).fold(None, |scale, score| match scale {
            None => Some(Scale { min: score, max: score }),
            Some(scale) => Some(Scale { min: scale.min.min(score), max: scale.max.max(score) }),
        })
    }
}

fn share(scale: &Option<Scale>, score: Option<f32>) -> f32 {
    match (scale, score) {
        (Some(scale), Some(score)) if score.is_finite() => {
            let width = scale.max - scale.min;
            if width > f32::EPSILON { (score - scale.min) / width } else { 1.0 }
        }
        _ => 0.0,
    }
}
