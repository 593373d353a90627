//! What ranking is measured against: words alone, vectors alone, and both fused by rank.

use super::terms::Term;
use super::weights::RANK_OFFSET;
use super::{Candidate, Ranked, finite, ranked};

pub fn lexical(pool: &[Candidate]) -> Vec<Ranked> {
    one_side(pool, Term::Words, |candidate| finite(candidate.lexical))
}

pub fn dense(pool: &[Candidate]) -> Vec<Ranked> {
    one_side(pool, Term::Meaning, |candidate| finite(candidate.dense))
}

fn one_side(pool: &[Candidate], term: Term, score: impl Fn(&Candidate) -> Option<f32>) -> Vec<Ranked> {
    let scored = pool.iter().enumerate().filter_map(|(at, candidate)| Some((at, score(candidate)?)));
    scored.map(|(at, score)| ranked(pool, at, vec![(term, score)])).collect()
}

pub fn reciprocal_rank(pool: &[Candidate]) -> Vec<Ranked> {
    let share = |score: &dyn Fn(&Candidate) -> Option<f32>| -> Vec<Option<f32>> {
        let mut order: Vec<(usize, f32)> =
            pool.iter().enumerate().filter_map(|(at, candidate)| Some((at, score(candidate)?))).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let mut shares = vec![None; pool.len()];
        for (rank, (at, _)) in order.into_iter().enumerate() {
            shares[at] = Some(1.0 / (RANK_OFFSET + rank as f32 + 1.0));
        }
        shares
    };
    let (words, meaning) = (share(&|candidate| finite(candidate.lexical)), share(&|candidate| finite(candidate.dense)));
    let sides = words.into_iter().zip(meaning).enumerate();
    sides
        .filter_map(|(at, sides)| {
            let terms: Vec<(Term, f32)> = [(Term::Words, sides.0), (Term::Meaning, sides.1)]
                .into_iter()
                .filter_map(|(term, share)| Some((term, share?)))
                .collect();
            (!terms.is_empty()).then(|| ranked(pool, at, terms))
        })
        .collect()
}
