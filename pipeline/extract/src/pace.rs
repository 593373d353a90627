//! When to ask again: exponential pauses with jitter from a seed, and the pauses that a server asks for.

use std::time::Duration;

/// The first pause, before jitter.
const FIRST: Duration = Duration::from_millis(500);
/// No pause is longer, whatever a server asks for: somebody waits.
const LONGEST: Duration = Duration::from_secs(120);

/// The pause before repetition `retry` (from 0): half of it fixed and half by chance, so that many clients do not come back at once.
pub fn backoff(first: Duration, retry: u32, seed: u64) -> Duration {
    let whole = first.saturating_mul(1 << retry.min(16)).min(LONGEST);
    let chance = (mix(seed.wrapping_add(u64::from(retry))) >> 11) as f64 / (1u64 << 53) as f64;
    whole.mul_f64(0.5 + 0.5 * chance)
}

/// The first pause where nothing else was asked for.
pub const fn first() -> Duration {
    FIRST
}

/// What `Retry-After` asks for: seconds, or a date, which counts from the server's own `Date`.
pub fn asked(retry_after: Option<&str>, date: Option<&str>) -> Option<Duration> {
    let retry_after = retry_after?.trim();
    if let Ok(seconds) = retry_after.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let time = |text: &str| jiff::fmt::rfc2822::parse(text.trim()).ok().map(|zoned| zoned.timestamp());
    let wait = time(retry_after)?.duration_since(time(date?)?);
    Some(Duration::try_from(wait).unwrap_or_default().min(LONGEST))
}

/// SplitMix64's last step: a good number out of any number.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_with_jitter_and_stay_bounded() {
        for seed in 0..200 {
            let pauses: Vec<Duration> = (0..20).map(|retry| backoff(FIRST, retry, seed)).collect();
            assert!(pauses[0] >= FIRST / 2 && pauses[0] <= FIRST);
            assert!(pauses[3] >= FIRST * 4 && pauses[3] <= FIRST * 8);
            assert!(pauses.iter().all(|pause| *pause <= LONGEST));
        }
        assert_ne!(backoff(FIRST, 0, 1), backoff(FIRST, 0, 2));
        assert_eq!(backoff(FIRST, 5, 9), backoff(FIRST, 5, 9));
    }

    #[test]
    fn a_server_may_ask_in_seconds_or_by_a_date() {
        assert_eq!(asked(Some("7"), None), Some(Duration::from_secs(7)));
        assert_eq!(asked(Some("99999999999"), None), Some(LONGEST));
        let (at, now) = ("Fri, 20 Nov 2026 10:00:09 GMT", "Fri, 20 Nov 2026 10:00:00 GMT");
        assert_eq!(asked(Some(at), Some(now)), Some(Duration::from_secs(9)));
        assert_eq!(asked(Some(now), Some(at)), Some(Duration::ZERO), "what has passed is waited for no longer");
        assert_eq!((asked(Some("soon"), Some(now)), asked(None, None), asked(Some(at), None)), (None, None, None));
    }
}
