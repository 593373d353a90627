//! Causal attention over packed sequences, forward and backward, and the turning of heads by their positions.
//!
//! Inside, numbers lie by segment and key head: the queries of a key head's group [tokens, group, head], its keys and its
//! values [tokens, head]. So the heads of a group meet their keys in one product, keys are never copied for them, and what
//! one thread writes is one stretch of memory.

use rayon::prelude::*;

use super::group::qkv_width;
use super::kernels::{dot, exponentials, highest, rotate};
use super::matrix::{Hands, Mat, MatMut, Onto, product};
use super::pack::{Pack, Segment};
use super::weights::Base;
use cubelog_model::DecoderConfig;

/// Tokens whose queries meet their keys in one product. Smaller wastes less on what the future hides, larger multiplies faster.
const BLOCK: usize = 64;

/// Memory of one thread.
#[derive(Default)]
struct Scratch {
    keys: Vec<f32>,
    values: Vec<f32>,
    scores: Vec<f32>,
    d_scores: Vec<f32>,
    d_keys: Vec<f32>,
    d_values: Vec<f32>,
}

/// A segment of a pack and one key head: what one thread does at a time.
#[derive(Clone, Copy)]
struct Job<'a> {
    segment: &'a Segment,
    kv: usize,
}

/// Where the numbers of one key head of a segment begin, and how many there are; `width` is what a token has of them.
fn part(rows: &std::ops::Range<usize>, kv: usize, kv_heads: usize, width: usize) -> std::ops::Range<usize> {
    let one = rows.len() * width;
    let at = rows.start * width * kv_heads + kv * one;
    at..at + one
}

/// Every segment's every key head, and beside it the part of `data` that is its own.
fn parts<'a, 'b>(pack: &'a Pack, kv_heads: usize, width: usize, mut data: &'b mut [f32]) -> Vec<(Job<'a>, &'b mut [f32])> {
    let mut parts = Vec::with_capacity(pack.segments.len() * kv_heads);
    for segment in &pack.segments {
        for kv in 0..kv_heads {
            let (own, rest) = data.split_at_mut(segment.rows.len() * width);
            data = rest;
            parts.push((Job { segment, kv }, own));
        }
    }
    parts
}

/// The queries, keys and values of one key head in some rows of a segment, as [`to_heads`] wrote them.
pub fn head_parts<'a>(
    shape: &DecoderConfig,
    rows: &std::ops::Range<usize>,
    kv: usize,
    heads: &'a [f32],
) -> (&'a [f32], &'a [f32], &'a [f32]) {
    let (n, hd, group) = (rows.len(), shape.head, shape.group());
    let (queries, rest) = heads[part(rows, kv, shape.kv_heads, qkv_part(shape))].split_at(n * group * hd);
    let (keys, values) = rest.split_at(n * hd);
    (queries, keys, values)
}

/// Numbers that one key head's part of a token has: its group's queries, key and value.
fn qkv_part(shape: &DecoderConfig) -> usize {
    (shape.group() + 2) * shape.head
}

/// From rows of q, k and v ([rows, q + k + v]) to heads, q and k turned by their positions.
pub fn to_heads(base: &Base, pack: &Pack, qkv: &[f32], heads: &mut [f32]) {
    let shape = &base.shape;
    let (hd, group, half) = (shape.head, shape.group(), shape.head / 2);
    parts(pack, shape.kv_heads, qkv_part(shape), heads).into_par_iter().for_each(|(job, out)| {
        let n = job.segment.rows.len();
        let (queries, rest) = out.split_at_mut(n * group * hd);
        let (keys, values) = rest.split_at_mut(n * hd);
        for (i, row) in job.segment.rows.clone().enumerate() {
            let from = &qkv[row * qkv_width(shape)..][..qkv_width(shape)];
            let angle = pack.positions[row] * half;
            let (cos, sin) = (&base.cos[angle..angle + half], &base.sin[angle..angle + half]);
            for g in 0..group {
                let q = &from[(job.kv * group + g) * hd..][..hd];
                rotate(q, cos, sin, false, &mut queries[(i * group + g) * hd..][..hd]);
            }
            rotate(&from[shape.q_width() + job.kv * hd..][..hd], cos, sin, false, &mut keys[i * hd..][..hd]);
            values[i * hd..][..hd].copy_from_slice(&from[shape.q_width() + shape.kv_width() + job.kv * hd..][..hd]);
        }
    });
}

/// From the gradients of heads to those of the rows of q, k and v.
pub fn from_heads_back(base: &Base, pack: &Pack, heads: &[f32], qkv: &mut [f32]) {
    let shape = &base.shape;
    let (hd, group, half) = (shape.head, shape.group(), shape.head / 2);
    let of = segment_of_rows(pack);
    qkv.par_chunks_mut(qkv_width(shape)).enumerate().for_each(|(row, to)| {
        let rows = &pack.segments[of[row]].rows;
        let (n, i) = (rows.len(), row - rows.start);
        let angle = pack.positions[row] * half;
        let (cos, sin) = (&base.cos[angle..angle + half], &base.sin[angle..angle + half]);
        for kv in 0..shape.kv_heads {
            let from = &heads[part(rows, kv, shape.kv_heads, qkv_part(shape))];
            for g in 0..group {
                let to = &mut to[(kv * group + g) * hd..][..hd];
                rotate(&from[(i * group + g) * hd..][..hd], cos, sin, true, to);
            }
            let to_k = &mut to[shape.q_width() + kv * hd..][..hd];
            rotate(&from[n * group * hd + i * hd..][..hd], cos, sin, true, to_k);
            let to_v = &mut to[shape.q_width() + shape.kv_width() + kv * hd..][..hd];
            to_v.copy_from_slice(&from[n * (group + 1) * hd + i * hd..][..hd]);
        }
    });
}

fn segment_of_rows(pack: &Pack) -> Vec<usize> {
    pack.segments.iter().enumerate().flat_map(|(n, segment)| std::iter::repeat_n(n, segment.rows.len())).collect()
}

/// What attention gives, from heads to rows ([rows, q]).
pub fn mixed_to_rows(shape: &DecoderConfig, pack: &Pack, mixed: &[f32], rows: &mut [f32]) {
    let width = shape.group() * shape.head;
    let of = segment_of_rows(pack);
    rows.par_chunks_mut(shape.q_width()).enumerate().for_each(|(row, to)| {
        let own = &pack.segments[of[row]].rows;
        for (kv, to) in to.chunks_exact_mut(width).enumerate() {
            to.copy_from_slice(&mixed[part(own, kv, shape.kv_heads, width)][(row - own.start) * width..][..width]);
        }
    });
}

/// The same back: rows ([rows, q]) to heads.
pub fn rows_to_mixed(shape: &DecoderConfig, pack: &Pack, rows: &[f32], mixed: &mut [f32]) {
    let width = shape.group() * shape.head;
    parts(pack, shape.kv_heads, width, mixed).into_par_iter().for_each(|(job, out)| {
        for (to, row) in out.chunks_exact_mut(width).zip(job.segment.rows.clone()) {
            to.copy_from_slice(&rows[row * shape.q_width() + job.kv * width..][..width]);
        }
    });
}

/// Keys and values that a segment sees: those of what it continues, then its own; and its own queries.
fn gather<'a>(shape: &DecoderConfig, job: Job<'_>, heads: &'a [f32], scratch: &mut Scratch) -> &'a [f32] {
    scratch.keys.clear();
    scratch.values.clear();
    for rows in [&job.segment.before, &job.segment.rows] {
        let (_, keys, values) = head_parts(shape, rows, job.kv, heads);
        scratch.keys.extend_from_slice(keys);
        scratch.values.extend_from_slice(values);
    }
    head_parts(shape, &job.segment.rows, job.kv, heads).0
}

/// The scores of a block of queries, not yet scaled: [tokens · group, seen].
fn score(queries: &[f32], keys: &[f32], rows: usize, seen: usize, hd: usize, scores: &mut Vec<f32>) {
    scores.resize(rows * seen, 0.0);
    let (q, k) = (Mat::new(queries, rows, hd), Mat::new(keys, seen, hd));
    product(MatMut::new(scores, rows, seen), Onto::Nothing, 1.0 / (hd as f32).sqrt(), q, k.t(), Hands::One);
}

/// Attention of every token to those before it in its sequence. heads: as [`to_heads`] writes them; mixed: [segment, key head,
/// tokens, group, head]; log_sums: the logarithm of each query's sum of exponentials, [segment, key head, tokens, group].
pub fn attend(shape: &DecoderConfig, pack: &Pack, heads: &[f32], mixed: &mut [f32], log_sums: &mut [f32]) {
    let (hd, group) = (shape.head, shape.group());
    let mixed = parts(pack, shape.kv_heads, group * hd, mixed);
    let log_sums = parts(pack, shape.kv_heads, group, log_sums);
    mixed.into_par_iter().zip(log_sums).for_each_init(Scratch::default, |scratch, ((job, mixed), (_, log_sums))| {
        let queries = gather(shape, job, heads, scratch);
        let before = job.segment.before.len();
        let n = job.segment.rows.len();
        for first in (0..n).step_by(BLOCK) {
            let last = (first + BLOCK).min(n);
            let (rows, seen) = ((last - first) * group, before + last);
            let place = first * group..last * group;
            let queries = &queries[place.start * hd..place.end * hd];
            score(queries, &scratch.keys, rows, seen, hd, &mut scratch.scores);
            for ((r, scores), log_sum) in scratch.scores.chunks_exact_mut(seen).enumerate().zip(&mut log_sums[place.clone()]) {
                let (past, future) = scores.split_at_mut(before + first + r / group + 1);
                let top = highest(past);
                let total = exponentials(past, top);
                past.iter_mut().for_each(|p| *p /= total);
                future.fill(0.0);
                *log_sum = top + total.ln();
            }
            let out = MatMut::new(&mut mixed[place.start * hd..place.end * hd], rows, hd);
            let (p, v) = (Mat::new(&scratch.scores, rows, seen), Mat::new(&scratch.values, seen, hd));
            product(out, Onto::Nothing, 1.0, p, v, Hands::One);
        }
    });
}

/// The gradients of heads from that of what attention gave. mixed, log_sums: what [`attend`] wrote; d_mixed: as mixed;
/// d_heads: as heads.
pub fn attend_back(
    shape: &DecoderConfig,
    pack: &Pack,
    heads: &[f32],
    mixed: &[f32],
    log_sums: &[f32],
    d_mixed: &[f32],
    d_heads: &mut [f32],
) {
    let (hd, group) = (shape.head, shape.group());
    let jobs = parts(pack, shape.kv_heads, qkv_part(shape), d_heads);
    let back = |scratch: &mut Scratch, (job, out): (Job<'_>, &mut [f32])| {
        let queries = gather(shape, job, heads, scratch);
        let (rows, before) = (&job.segment.rows, job.segment.before.len());
        let n = rows.len();
        let of = |data, width| -> &[f32] { &<[f32]>::as_ref(data)[part(rows, job.kv, shape.kv_heads, width)] };
        let (mixed, d_mixed, log_sums) = (of(mixed, group * hd), of(d_mixed, group * hd), of(log_sums, group));
        let (d_queries, own) = out.split_at_mut(n * group * hd);
        let Scratch { keys, values, scores, d_scores, d_keys, d_values } = scratch;
        for gradient in [&mut *d_keys, &mut *d_values] {
            gradient.clear();
            gradient.resize((before + n) * hd, 0.0);
        }
        for first in (0..n).step_by(BLOCK) {
            let last = (first + BLOCK).min(n);
            let (count, seen) = ((last - first) * group, before + last);
            let numbers = first * group * hd..last * group * hd;
            let (q, dy, y) = (&queries[numbers.clone()], &d_mixed[numbers.clone()], &mixed[numbers.clone()]);
            score(q, keys, count, seen, hd, scores);
            d_scores.resize(count * seen, 0.0);
            let dy_rows = Mat::new(dy, count, hd);
            product(MatMut::new(d_scores, count, seen), Onto::Nothing, 1.0, dy_rows, Mat::new(values, seen, hd).t(), Hands::One);
            let each = scores.chunks_exact_mut(seen).zip(d_scores.chunks_exact_mut(seen)).enumerate();
            for ((r, (p, ds)), log_sum) in each.zip(&log_sums[first * group..]) {
                let sees = before + first + r / group + 1;
                exponentials(&mut p[..sees], *log_sum);
                p[sees..].fill(0.0);
                let mean = dot(&dy[r * hd..][..hd], &y[r * hd..][..hd]);
                ds.iter_mut().zip(&*p).for_each(|(ds, p)| *ds = p * (*ds - mean));
            }
            let scale = 1.0 / (hd as f32).sqrt();
            let (p, ds) = (Mat::new(scores, count, seen), Mat::new(d_scores, count, seen));
            let k = Mat::new(keys, seen, hd);
            product(MatMut::new(&mut d_queries[numbers], count, hd), Onto::Nothing, scale, ds, k, Hands::One);
            product(MatMut::new(d_keys, seen, hd), Onto::Itself, scale, ds.t(), Mat::new(q, count, hd), Hands::One);
            product(MatMut::new(d_values, seen, hd), Onto::Itself, 1.0, p.t(), dy_rows, Hands::One);
        }
        let (own_keys, own_values) = own.split_at_mut(n * hd);
        own_keys.copy_from_slice(&d_keys[before * hd..]);
        own_values.copy_from_slice(&d_values[before * hd..]);
        let passed_on = [&d_keys[..before * hd], &d_values[..before * hd]].concat();
        (job.segment.before.clone(), job.kv, passed_on)
    };
    // What a segment says about the keys and values of the one it continues is added after all are done, in their order.
    let passed: Vec<_> = jobs.into_par_iter().map_init(Scratch::default, back).collect();
    for (rows, kv, passed_on) in passed {
        let to = &mut d_heads[part(&rows, kv, shape.kv_heads, qkv_part(shape))];
        to[rows.len() * group * hd..].iter_mut().zip(&passed_on).for_each(|(to, x)| *to += x);
    }
}
