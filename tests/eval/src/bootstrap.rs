//! Bootstrap intervals of a mean (Efron's percentile method), from a seed of their own, so that a report can be made again.

/// A 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

const RESAMPLES: usize = 1_000;
const SEED: u64 = 0x0C0B_E106;

/// Interval of the mean of `values`; `None` for fewer than two.
pub fn interval(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut state = SEED;
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let sum: f64 = (0..values.len()).map(|_| values[(next(&mut state) % values.len() as u64) as usize]).sum();
            sum / values.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((RESAMPLES - 1) as f64 * share).round() as usize];
    Some(Interval { low: at(0.025), high: at(0.975) })
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_mean_and_is_as_wide_as_theory_says() {
        // 400 coins, half of them heads: standard error 0.025, so about 0.5 ± 0.049.
        let values: Vec<f64> = (0..400).map(|index| f64::from(index % 2)).collect();
        let Interval { low, high } = interval(&values).unwrap();
        assert!((low - 0.451).abs() < 0.01 && (high - 0.549).abs() < 0.01, "{low} {high}");
        assert_eq!(interval(&values), interval(&values));
        assert_eq!(interval(&[1.0]), None);
    }
}
