//! Logits, losses and their gradients, on the rows that are scored and no others: the vocabulary makes them dear.

use rayon::prelude::*;

use super::forward::sized;
use super::kernels::{exp, exponentials, highest};
use super::matrix::{Hands, Mat, MatMut, Onto, product};
use super::weights::Base;

/// Rows whose logits exist at the same time.
const CHUNK: usize = 128;

/// What a row's distribution over the next token is held to.
#[derive(Debug, Clone, PartialEq)]
pub enum Aim {
    /// One token: -log p.
    Say(u32),
    /// What the base says there: KL(base || adapted).
    Keep {
        /// The row in the base's pass.
        base_row: usize,
    },
    /// What a teacher said there, its likeliest tokens with their probabilities, which sum to 1: KL(teacher || adapted).
    Match(Vec<(u32, f32)>),
}

/// A row that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// The row in the pass.
    pub row: usize,
    /// What its loss is multiplied by in the gradient.
    pub weight: f32,
    /// What it is held to.
    pub aim: Aim,
}

/// Memory for a chunk of logits; used again from step to step.
#[derive(Debug, Default)]
pub struct Head {
    gathered: Vec<f32>,
    logits: Vec<f32>,
    base_gathered: Vec<f32>,
    base_logits: Vec<f32>,
    d_gathered: Vec<f32>,
}

/// Bytes that the head works in.
pub fn head_bytes(vocabulary: usize, hidden: usize) -> usize {
    CHUNK * 4 * (2 * vocabulary + 3 * hidden)
}

/// The unweighted loss of every scored row, in order; `d_normed` ([rows, hidden]) gets the weighted gradients added where it is
/// given. normed: what the pass gave; base_normed: what the base's pass gave, where a row is held to it.
pub fn losses(
    base: &Base,
    normed: &[f32],
    base_normed: &[f32],
    scored: &[Scored],
    mut d_normed: Option<&mut [f32]>,
    head: &mut Head,
) -> Vec<f32> {
    let (d, v) = (base.shape.hidden, base.shape.vocabulary);
    let last = Mat::new(base.last(), v, d);
    let mut all = Vec::with_capacity(scored.len());
    for chunk in scored.chunks(CHUNK) {
        let n = chunk.len();
        let gathered = gather(normed, chunk.iter().map(|scored| scored.row), d, &mut head.gathered);
        let logits = sized(&mut head.logits, n * v);
        product(MatMut::new(logits, n, v), Onto::Nothing, 1.0, Mat::new(gathered, n, d), last.t(), Hands::All);

        let kept = chunk.iter().filter_map(|scored| match scored.aim {
            Aim::Keep { base_row } => Some(base_row),
            _ => None,
        });
        let of_base = gather(base_normed, kept.clone(), d, &mut head.base_gathered);
        let kept = of_base.len() / d;
        let base_logits = sized(&mut head.base_logits, kept * v);
        product(MatMut::new(base_logits, kept, v), Onto::Nothing, 1.0, Mat::new(of_base, kept, d), last.t(), Hands::All);

        let mut base_rows = base_logits.chunks_exact_mut(v);
        let jobs: Vec<_> = logits
            .chunks_exact_mut(v)
            .zip(chunk)
            .map(|(row, scored)| (row, scored, matches!(scored.aim, Aim::Keep { .. }).then(|| base_rows.next()).flatten()))
            .collect();
        let rows: Vec<f32> = jobs.into_par_iter().map(|(row, scored, base_row)| row_loss(row, scored, base_row)).collect();
        all.extend(rows);

        if let Some(d_normed) = d_normed.as_deref_mut() {
            let d_gathered = sized(&mut head.d_gathered, n * d);
            product(MatMut::new(d_gathered, n, d), Onto::Nothing, 1.0, Mat::new(logits, n, v), last, Hands::All);
            for (scored, from) in chunk.iter().zip(d_gathered.chunks_exact(d)) {
                let to = &mut d_normed[scored.row * d..][..d];
                to.iter_mut().zip(from).for_each(|(to, x)| *to += x);
            }
        }
    }
    all
}

/// The loss of one row, whose logits become their weighted gradient.
fn row_loss(row: &mut [f32], scored: &Scored, base_row: Option<&mut [f32]>) -> f32 {
    let top = highest(row);
    let weight = scored.weight;
    match (&scored.aim, base_row) {
        (Aim::Keep { .. }, Some(base_row)) => {
            let base_top = highest(base_row);
            let (log_total, base_log_total) = (log_sum(row, top), log_sum(base_row, base_top));
            let (shift, base_shift) = (top + log_total, base_top + base_log_total);
            let mut lanes = [0.0f32; 16];
            let ((xs, x_rest), (bs, b_rest)) = (row.as_chunks_mut::<16>(), base_row.as_chunks::<16>());
            for (x, b) in xs.iter_mut().zip(bs) {
                for ((x, b), lane) in x.iter_mut().zip(b).zip(&mut lanes) {
                    *lane += keep(x, *b, shift, base_shift, weight);
                }
            }
            let rest: f32 = x_rest.iter_mut().zip(b_rest).map(|(x, b)| keep(x, *b, shift, base_shift, weight)).sum();
            lanes.iter().sum::<f32>() + rest
        }
        (Aim::Say(token), _) => {
            let wanted = row[*token as usize];
            let total = exponentials(row, top);
            row.iter_mut().for_each(|p| *p *= weight / total);
            row[*token as usize] -= weight;
            top + total.ln() - wanted
        }
        (Aim::Match(teacher), _) => {
            let wanted: Vec<f32> = teacher.iter().map(|(token, _)| row[*token as usize]).collect();
            let total = exponentials(row, top);
            row.iter_mut().for_each(|p| *p *= weight / total);
            let mut loss = 0.0;
            for ((token, q), x) in teacher.iter().zip(wanted) {
                row[*token as usize] -= weight * q;
                loss += q * (q.max(f32::MIN_POSITIVE).ln() - (x - top - total.ln()));
            }
            loss
        }
        (Aim::Keep { .. }, None) => f32::NAN,
    }
}

/// One token's part of KL(base || adapted), its logit becoming the gradient p_adapted - p_base.
#[inline(always)]
fn keep(x: &mut f32, b: f32, shift: f32, base_shift: f32, weight: f32) -> f32 {
    let (log_p, log_q) = (*x - shift, b - base_shift);
    let (p, q) = (exp(log_p), exp(log_q));
    *x = weight * (p - q);
    q * (log_q - log_p)
}

/// log of the sum of e^(x - top), without writing.
fn log_sum(row: &[f32], top: f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (blocks, rest) = row.as_chunks::<16>();
    for block in blocks {
        for (lane, x) in lanes.iter_mut().zip(block) {
            *lane += exp(x - top);
        }
    }
    (lanes.iter().sum::<f32>() + rest.iter().map(|x| exp(x - top)).sum::<f32>()).ln()
}

fn gather<'a>(from: &[f32], rows: impl Iterator<Item = usize>, d: usize, to: &'a mut Vec<f32>) -> &'a [f32] {
    to.clear();
    for row in rows {
        to.extend_from_slice(&from[row * d..][..d]);
    }
    to
}

/// Logits of the rows asked for: [rows, vocabulary].
pub fn logits(base: &Base, normed: &[f32], rows: &[usize]) -> Vec<f32> {
    let (d, v) = (base.shape.hidden, base.shape.vocabulary);
    let mut gathered = Vec::new();
    let gathered = gather(normed, rows.iter().copied(), d, &mut gathered);
    let mut logits = vec![0.0; rows.len() * v];
    let (x, last) = (Mat::new(gathered, rows.len(), d), Mat::new(base.last(), v, d));
    product(MatMut::new(&mut logits, rows.len(), v), Onto::Nothing, 1.0, x, last.t(), Hands::All);
    logits
}
