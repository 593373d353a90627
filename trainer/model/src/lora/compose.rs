//! Adapters out of adapters: side by side (exact), weighted, and compacted to a lower rank, without ever forming A B.

use std::collections::BTreeMap;

use super::algebra::{Columns, svd};
use super::error::AdapterError;
use super::plain::{Pair, Plain};

/// How much of an adapter stays when it is compacted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Compact {
    /// This rank, or the adapter's own if that is lower.
    Rank(usize),
    /// The lowest rank that keeps, in every linear layer, this share of the squared singular values (0.99 is usual).
    Energy(f64),
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, AdapterError> {
    Err(AdapterError::Compose { reason: reason.into() })
}

/// Checks that adapters are for the same shapes where both have factors.
fn check(adapters: &[(&Plain, f64)]) -> Result<(), AdapterError> {
    let mut shapes = BTreeMap::new();
    for (plain, weight) in adapters {
        if !weight.is_finite() {
            return refuse(format!("a weight is {weight}"));
        }
        for (place, pair) in &plain.pairs {
            let shape = (pair.inputs(), pair.outputs());
            if *shapes.entry(*place).or_insert(shape) != shape {
                return refuse(format!("{} of layer {} has other sizes in one of them", place.1.name(), place.0));
            }
        }
    }
    if shapes.is_empty() { refuse("there are no factors") } else { Ok(()) }
}

/// Adapters side by side: A B = sum of w s A B, exactly, at the sum of their ranks. An adapter without a factor in some place
/// stands there with zeros, so that the rank is the same everywhere.
///
/// # Errors
/// [`AdapterError::Compose`] if their sizes differ.
pub fn concatenate(adapters: &[(&Plain, f64)]) -> Result<Plain, AdapterError> {
    check(adapters)?;
    let mut places: Vec<_> = adapters.iter().flat_map(|(plain, _)| plain.pairs.keys().copied()).collect();
    places.sort_unstable();
    places.dedup();
    let ranks: Vec<usize> =
        adapters.iter().map(|(plain, _)| plain.pairs.values().map(|pair| pair.rank).max().unwrap_or(0)).collect();
    let rank: usize = ranks.iter().sum();
    let mut pairs = BTreeMap::new();
    for place in places {
        let Some(some) = adapters.iter().find_map(|(plain, _)| plain.pairs.get(&place)) else { continue };
        let (inputs, outputs) = (some.inputs(), some.outputs());
        let (mut a, mut b) = (vec![0.0; inputs * rank], vec![0.0; rank * outputs]);
        let mut first = 0;
        for ((plain, weight), room) in adapters.iter().zip(&ranks) {
            if let Some(pair) = plain.pairs.get(&place) {
                let scale = (weight * plain.scale) as f32;
                for (to, from) in a.chunks_exact_mut(rank).zip(pair.a.chunks_exact(pair.rank)) {
                    to[first..first + pair.rank].iter_mut().zip(from).for_each(|(to, x)| *to = x * scale);
                }
                b[first * outputs..(first + pair.rank) * outputs].copy_from_slice(&pair.b);
            }
            first += room;
        }
        pairs.insert(place, Pair { rank, a, b });
    }
    Ok(Plain { scale: 1.0, pairs })
}

/// Factors added up with weights, at the rank that they share: A = sum of sqrt(w s) A, B likewise, as PEFT's "linear". It is a
/// rough approximation of [`concatenate`], because A of one meets B of another; [`loss`] says how rough.
///
/// # Errors
/// [`AdapterError::Compose`] if sizes or ranks differ, or a weight is negative.
pub fn weighted(adapters: &[(&Plain, f64)]) -> Result<Plain, AdapterError> {
    check(adapters)?;
    if adapters.iter().any(|(plain, weight)| weight * plain.scale < 0.0) {
        return refuse("a weight is negative, whose root does not exist; put them side by side instead");
    }
    let mut pairs: BTreeMap<_, Pair> = BTreeMap::new();
    for (plain, weight) in adapters {
        let root = (weight * plain.scale).sqrt() as f32;
        for (place, pair) in &plain.pairs {
            let sum = pairs.entry(*place).or_insert_with(|| Pair {
                rank: pair.rank,
                a: vec![0.0; pair.a.len()],
                b: vec![0.0; pair.b.len()],
            });
            if sum.rank != pair.rank {
                return refuse("their ranks differ; put them side by side instead");
            }
            sum.a.iter_mut().zip(&pair.a).for_each(|(sum, x)| *sum += root * x);
            sum.b.iter_mut().zip(&pair.b).for_each(|(sum, x)| *sum += root * x);
        }
    }
    Ok(Plain { scale: 1.0, pairs })
}

/// The nearest adapter of a lower rank: QR of both factors, singular values of the small matrix between them, the largest kept.
///
/// # Errors
/// [`AdapterError::Compose`] if it has no factors, the rank is 0 or the energy is not within 0 and 1.
///
/// # Reference
/// Eckart and Young 1936: no matrix of that rank is nearer in the Frobenius norm.
pub fn compact(plain: &Plain, how: Compact) -> Result<Plain, AdapterError> {
    check(&[(plain, 1.0)])?;
    match how {
        Compact::Rank(0) => return refuse("rank 0 holds nothing"),
        Compact::Energy(energy) if !(energy > 0.0 && energy <= 1.0) => {
            return refuse(format!("an energy of {energy} is not within 0 and 1"));
        }
        _ => {}
    }
    let parts: BTreeMap<_, Spectrum> =
        plain.pairs.iter().map(|(place, pair)| (*place, Spectrum::of(pair, plain.scale))).collect();
    let rank = match how {
        Compact::Rank(rank) => rank.min(plain.pairs.values().map(|pair| pair.rank).max().unwrap_or(rank)),
        Compact::Energy(energy) => parts.values().map(|part| part.rank_of(energy)).max().unwrap_or(1),
    };
    Ok(Plain { scale: 1.0, pairs: parts.into_iter().map(|(place, part)| (place, part.pair(rank))).collect() })
}

/// How far two adapters are apart: the Frobenius norm of the difference of their products over that of the first's, over all
/// linear layers together. 0 for the same, 1 for nothing in place of the first.
///
/// # Errors
/// [`AdapterError::Compose`] if sizes differ.
pub fn loss(of: &Plain, in_place: &Plain) -> Result<f64, AdapterError> {
    let (all, apart) = (concatenate(&[(of, 1.0)])?, concatenate(&[(of, 1.0), (in_place, -1.0)])?);
    let total: f64 = all.pairs.values().map(squared_norm).sum();
    Ok((apart.pairs.values().map(squared_norm).sum::<f64>().max(0.0) / total.max(f64::MIN_POSITIVE)).sqrt())
}

/// The squared Frobenius norm of A B: the trace of (Aᵀ A)(B Bᵀ).
fn squared_norm(pair: &Pair) -> f64 {
    let a = Columns::of_rows(&pair.a, pair.rank);
    let b = Columns::of_columns(&pair.b, pair.rank);
    let mut sum = 0.0;
    for i in 0..pair.rank {
        for j in 0..pair.rank {
            sum += a.dot(i, j) * b.dot(i, j);
        }
    }
    sum
}

/// A product s A B taken apart: left · diag(values) · rightᵀ.
struct Spectrum {
    left: Columns,
    values: Vec<f64>,
    right: Columns,
}

impl Spectrum {
    fn of(pair: &Pair, scale: f64) -> Self {
        let (mut a, mut b) = (Columns::of_rows(&pair.a, pair.rank), Columns::of_columns(&pair.b, pair.rank));
        // A = Qa Ra and Bᵀ = Qb Rb, so A B = Qa (Ra Rbᵀ) Qbᵀ.
        let (ra, rb) = (a.orthogonalise(), b.orthogonalise());
        let mut core = ra.times_transposed(&rb);
        core.scale(scale);
        let (u, values, v) = svd(core);
        Self { left: a.times(&u), values, right: b.times(&v) }
    }

    /// The lowest rank that keeps a share of the squared singular values.
    fn rank_of(&self, energy: f64) -> usize {
        let total: f64 = self.values.iter().map(|s| s * s).sum();
        let mut kept = 0.0;
        for (n, s) in self.values.iter().enumerate() {
            kept += s * s;
            if kept >= energy * total {
                return n + 1;
            }
        }
        self.values.len().max(1)
    }

    /// Factors of a rank, the root of each singular value on either side; zeros where there are fewer.
    fn pair(&self, rank: usize) -> Pair {
        let (inputs, outputs) = (self.left.rows(), self.right.rows());
        let (mut a, mut b) = (vec![0.0; inputs * rank], vec![0.0; rank * outputs]);
        for (n, value) in self.values.iter().take(rank).enumerate() {
            let root = value.sqrt();
            self.left.column(n).iter().enumerate().for_each(|(i, x)| a[i * rank + n] = (x * root) as f32);
            self.right.column(n).iter().enumerate().for_each(|(j, x)| b[n * outputs + j] = (x * root) as f32);
        }
        Pair { rank, a, b }
    }
}
