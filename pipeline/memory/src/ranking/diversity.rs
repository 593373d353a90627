//! Diversity: of memories that say nearly the same, one is enough (maximal marginal relevance, Carbonell and Goldstein, 1998).

use super::Ranked;

/// Chooses `k` of what was ranked, one by one: each time the one with the highest score, less `weight` times its greatest similarity to
/// those chosen already. `similarity` is a cosine of two places in the pool, `None` where it is not known. The first is always the
/// best. Scores stay what they were, so they need not fall from one to the next.
pub fn diversify(ranked: Vec<Ranked>, k: usize, weight: f32, similarity: impl Fn(usize, usize) -> Option<f32>) -> Vec<Ranked> {
    let mut rest: Vec<(Ranked, f32)> = ranked.into_iter().map(|ranked| (ranked, 0.0)).collect();
    let mut chosen: Vec<Ranked> = Vec::with_capacity(k.min(rest.len()));
    while chosen.len() < k && !rest.is_empty() {
        let worth = |(ranked, nearest): &(Ranked, f32)| ranked.score - weight * nearest;
        // The earliest of equals: what was ranked before stays before.
        let best = (1..rest.len()).fold(0, |best, at| if worth(&rest[at]) > worth(&rest[best]) { at } else { best });
        let (next, _) = rest.remove(best);
        for (other, nearest) in &mut rest {
            if let Some(near) = similarity(next.candidate, other.candidate).filter(|near| near.is_finite()) {
                *nearest = nearest.max(near);
            }
        }
        chosen.push(next);
    }
    chosen
}
