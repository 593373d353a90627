//! Seeded randomness, the same on every machine and in every version: SplitMix64.

/// A stream of numbers that its seed determines.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of a seed and a number: one for each step, so that a run resumed at a step draws as it would have.
    pub fn at(seed: u64, step: u64) -> Self {
        let mut outer = Self(seed ^ 0x5851_f42d_4c95_7f2d);
        Self(outer.next().wrapping_add(step.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    /// The next 64 bits.
    ///
    /// # Reference
    /// Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators".
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number below `n`, which is above 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }

    /// From 0 up to but not 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Brings a list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for n in (1..list.len()).rev() {
            list.swap(n, self.below(n + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_fixed_for_ever() {
        // The published first numbers of SplitMix64 for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
        let mut list: Vec<usize> = (0..10).collect();
        Random::at(7, 3).shuffle(&mut list);
        let mut again: Vec<usize> = (0..10).collect();
        Random::at(7, 3).shuffle(&mut again);
        assert_eq!(list, again);
        again.sort_unstable();
        assert_eq!(again, (0..10).collect::<Vec<_>>());
        assert!((0..1000).all(|_| (0.0..1.0).contains(&random.unit())));
    }
}
