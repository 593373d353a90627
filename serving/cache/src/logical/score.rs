//! What a block is worth keeping: GreedyDual-Size-Frequency, with decaying heat for the frequency.
//!
//! `H = L + heat * priority * cost / bytes`, the least `H` goes first, and `L` becomes the `H` of what went last, so that what was
//! worth much once and is not used any more gives way in the end. GreedyDual-Size: Cao and Irani, "Cost-Aware WWW Proxy Caching
//! Algorithms", USITS 1997. With frequency: Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching
//! Policy", HP Laboratories HPL-98-69R1, 1998. `H` is reckoned anew only when a block is used, so nothing has to be sorted again as
//! time passes.

use cubelog_memory::Timestamp;

/// An `H`; ordered as its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Score(u64);

impl Score {
    /// Bits of floats that are not negative are ordered as the floats.
    pub(crate) fn new(h: f64) -> Self {
        Self(if h.is_finite() && h > 0.0 { h.to_bits() } else { 0 })
    }
    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Uses, each counting half after every half-life.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Heat {
    uses: f64,
    at: Timestamp,
}

impl Heat {
    /// One use, now.
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { uses: 1.0, at: now }
    }

    /// A clock that goes backwards leaves what is known as it is.
    pub(crate) fn touch(&mut self, now: Timestamp, half_life_ms: u64) {
        self.uses = self.at(now, half_life_ms) + 1.0;
        self.at = self.at.max(now);
    }

    /// As of its last use.
    pub(crate) fn uses(&self) -> f64 {
        self.uses
    }

    fn at(&self, now: Timestamp, half_life_ms: u64) -> f64 {
        let passed = now.micros().saturating_sub(self.at.micros()).max(0) as f64;
        self.uses * (-passed / (half_life_ms.max(1) as f64 * 1_000.0)).exp2()
    }
}

/// `H` of something of `bytes` bytes that costs `cost` microseconds to have again.
pub(crate) fn score(inflation: f64, heat: f64, priority: f32, cost: u64, bytes: u64) -> Score {
    Score::new(inflation + heat * f64::from(priority.clamp(0.0, 1e6)) * cost as f64 / bytes.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worth_grows_with_heat_priority_and_cost_and_falls_with_size() {
        let base = score(0.0, 2.0, 1.0, 1_000, 100);
        assert_eq!(base.get(), 20.0);
        assert!(score(0.0, 3.0, 1.0, 1_000, 100) > base);
        assert!(score(0.0, 2.0, 2.0, 1_000, 100) > base);
        assert!(score(0.0, 2.0, 1.0, 2_000, 100) > base);
        assert!(score(0.0, 2.0, 1.0, 1_000, 200) < base);
        assert_eq!(score(5.0, 2.0, 1.0, 1_000, 100).get(), 25.0);
        assert_eq!(score(0.0, 2.0, f32::NAN, 1_000, 100).get(), 0.0);
    }

    #[test]
    fn heat_halves_and_never_grows_by_a_clock_that_goes_back() {
        let mut heat = Heat::new(Timestamp::from_millis(1_000));
        assert_eq!(heat.at(Timestamp::from_millis(1_000), 500), 1.0);
        assert_eq!(heat.at(Timestamp::from_millis(2_000), 500), 0.25);
        assert_eq!(heat.at(Timestamp::from_millis(0), 500), 1.0);
        heat.touch(Timestamp::from_millis(1_500), 500);
        assert_eq!(heat.at(Timestamp::from_millis(1_500), 500), 1.5);
    }
}
