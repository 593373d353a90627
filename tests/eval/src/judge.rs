//! One question's scores: the share of its evidence among the first hits, whether any was there, and nDCG.

use std::collections::BTreeSet;

/// Depths at which rankings are judged, in hits.
pub const CUTS: [usize; 4] = [1, 5, 10, 20];
/// Depth of the discounted gain.
const NDCG_DEPTH: usize = 10;

/// How one system did on one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub category: String,
    /// Share of the evidence in the first k hits, by [`CUTS`]; 0 to 1.
    pub recall: [f64; 4],
    /// 1 if any evidence stands in the first k hits, by [`CUTS`].
    pub any: [f64; 4],
    /// Normalised discounted cumulative gain over the first ten hits with gains of 0 and 1 (Järvelin and Kekäläinen, 2002).
    pub ndcg: f64,
    /// Time of the search, in milliseconds.
    pub millis: f64,
    /// What the first ten hits would cost in a prompt, in tokens.
    pub tokens: f64,
}

/// Judges a ranking (best first) by its evidence; `None` if there is no evidence to find. A hit that comes twice counts once.
pub fn judge(category: &str, evidence: &[String], ranked: &[&str], millis: f64, tokens: f64) -> Option<Judged> {
    let wanted: BTreeSet<&str> = evidence.iter().map(String::as_str).collect();
    if wanted.is_empty() {
        return None;
    }
    let mut seen = BTreeSet::new();
    let hits: Vec<bool> = ranked.iter().filter(|hit| seen.insert(**hit)).map(|hit| wanted.contains(hit)).collect();
    let found = |k: usize| hits.iter().take(k).filter(|hit| **hit).count() as f64;
    let discount = |rank: usize| 1.0 / (rank as f64 + 2.0).log2();
    let gained: f64 = hits.iter().take(NDCG_DEPTH).enumerate().filter(|(_, hit)| **hit).map(|(rank, _)| discount(rank)).sum();
    let ideal: f64 = (0..wanted.len().min(NDCG_DEPTH)).map(discount).sum();
    Some(Judged {
        category: category.to_owned(),
        recall: CUTS.map(|k| found(k) / wanted.len() as f64),
        any: CUTS.map(|k| f64::from(u8::from(found(k) > 0.0))),
        ndcg: gained / ideal,
        millis,
        tokens,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(evidence: &[&str], ranked: &[&str]) -> Judged {
        let evidence: Vec<String> = evidence.iter().map(|id| (*id).to_owned()).collect();
        judge("c", &evidence, ranked, 0.0, 0.0).unwrap()
    }

    #[test]
    fn recall_is_the_share_and_any_is_one() {
        let scores = judged(&["a", "b"], &["x", "a", "y", "z", "q", "b"]);
        assert_eq!(scores.recall, [0.0, 0.5, 1.0, 1.0]);
        assert_eq!(scores.any, [0.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn the_best_order_has_a_gain_of_one_and_a_worse_one_less() {
        assert!((judged(&["a", "b"], &["a", "b", "x"]).ndcg - 1.0).abs() < 1e-12);
        // By hand: 1/log2(3) over 1.
        assert!((judged(&["a"], &["x", "a"]).ndcg - 0.630_929_753_571_457_4).abs() < 1e-12);
        assert_eq!(judged(&["a"], &[]).ndcg, 0.0);
    }

    #[test]
    fn a_hit_that_comes_twice_takes_one_place() {
        assert_eq!(judged(&["a", "b"], &["x", "x", "x", "x", "x", "a"]).recall[1], 0.5);
        assert_eq!(judge("c", &[], &["a"], 0.0, 0.0), None);
    }

    proptest::proptest! {
        #[test]
        fn scores_stay_within_their_bounds_and_grow_with_depth(
            evidence in proptest::collection::vec("[a-e]", 1..6), ranked in proptest::collection::vec("[a-h]", 0..30),
        ) {
            let ranked: Vec<&str> = ranked.iter().map(String::as_str).collect();
            let scores = judge("c", &evidence, &ranked, 0.0, 0.0).unwrap();
            proptest::prop_assert!(scores.recall.is_sorted() && scores.any.is_sorted());
            proptest::prop_assert!((0.0..=1.0 + 1e-9).contains(&scores.ndcg) && scores.recall[3] <= 1.0);
            proptest::prop_assert!(scores.recall.iter().zip(&scores.any).all(|(recall, any)| recall <= any));
        }
    }
}
