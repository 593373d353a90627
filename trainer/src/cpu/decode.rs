//! Greedy answers to many prompts at once: one token of every sequence per step, so that the weights are read once for all.

use rayon::prelude::*;

use super::attention::head_parts;
use super::forward::{Keep, Pass, forward};
use super::group::qkv_width;
use super::head::logits;
use super::kernels::{add_bias, dot, exponentials, highest, rms_norm, rotate, swiglu};
use super::matrix::{Hands, Mat, MatMut, Onto, product};
use super::pack::Pack;
use super::weights::{Base, Matrices};

/// Prompts that are answered side by side.
const SIDE_BY_SIDE: usize = 64;

/// Keys and values that one sequence has seen in one layer: for each key head [tokens, head].
#[derive(Default, Clone)]
struct Seen {
    keys: Vec<Vec<f32>>,
    values: Vec<Vec<f32>>,
}

/// The likeliest next token again and again, until one of `ends` or `most` tokens. Prompts are not empty; an answer does not
/// contain the token that ended it.
pub fn answers(base: &Base, matrices: &[Matrices], prompts: &[Vec<u32>], ends: &[u32], most: usize) -> Vec<Vec<u32>> {
    let mut pass = Pass::default();
    prompts.chunks(SIDE_BY_SIDE).flat_map(|some| side_by_side(base, matrices, some, ends, most, &mut pass)).collect()
}

fn side_by_side(
    base: &Base,
    matrices: &[Matrices],
    prompts: &[Vec<u32>],
    ends: &[u32],
    most: usize,
    pass: &mut Pass,
) -> Vec<Vec<u32>> {
    let shape = &base.shape;
    let slices: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
    let own: Vec<usize> = prompts.iter().map(|ids| ids.len().saturating_sub(1)).collect();
    let pack = Pack::new(&slices, &own);
    let mut seen = vec![vec![Seen::default(); prompts.len()]; shape.layers];
    let first = usize::from(pack.shared() > 0);
    forward(base, matrices, &pack, Keep::Nothing, pass, |layer, kept| {
        for (n, seen) in seen[layer].iter_mut().enumerate() {
            for kv in 0..shape.kv_heads {
                let (mut keys, mut values) = (Vec::new(), Vec::new());
                let own = &pack.segments[n + first];
                for rows in [&own.before, &own.rows] {
                    let (_, k, v) = head_parts(shape, rows, kv, &kept.heads);
                    keys.extend_from_slice(k);
                    values.extend_from_slice(v);
                }
                seen.keys.push(keys);
                seen.values.push(values);
            }
        }
    });
    let last: Vec<usize> = prompts.iter().enumerate().map(|(n, ids)| pack.row(n, ids.len() - 1)).collect();
    let mut rows = logits(base, &pass.normed, &last);
    let mut answers = vec![Vec::new(); prompts.len()];
    let mut open: Vec<usize> = (0..prompts.len()).collect();
    loop {
        let next: Vec<u32> = rows.chunks_exact(shape.vocabulary).map(likeliest).collect();
        let mut tokens = Vec::new();
        let mut still = Vec::new();
        for (&n, &token) in open.iter().zip(&next) {
            let at_end = prompts[n].len() + answers[n].len() + 1 >= base.positions();
            if !ends.contains(&token) && answers[n].len() < most {
                answers[n].push(token);
                if answers[n].len() < most && !at_end {
                    tokens.push(token);
                    still.push(n);
                }
            }
        }
        open = still;
        if open.is_empty() {
            return answers;
        }
        let positions: Vec<usize> = open.iter().map(|&n| prompts[n].len() + answers[n].len() - 1).collect();
        let normed = step(base, matrices, &tokens, &positions, &open, &mut seen);
        rows = logits(base, &normed, &(0..open.len()).collect::<Vec<_>>());
    }
}

/// The token with the highest logit, the lowest of several.
pub fn likeliest(row: &[f32]) -> u32 {
    let top = highest(row);
    row.iter().position(|x| *x == top).unwrap_or(0) as u32
}

/// One token of each open sequence through the layers: [open, hidden].
fn step(
    base: &Base,
    matrices: &[Matrices],
    tokens: &[u32],
    positions: &[usize],
    open: &[usize],
    seen: &mut [Vec<Seen>],
) -> Vec<f32> {
    let shape = &base.shape;
    let (n, d, ff, q, qkv) = (tokens.len(), shape.hidden, shape.feed_forward, shape.q_width(), qkv_width(shape));
    let (hd, half, group) = (shape.head, shape.head / 2, shape.group());
    let mut x: Vec<f32> = tokens.iter().flat_map(|&id| base.embeddings[id as usize * d..][..d].iter().copied()).collect();
    let (mut h, mut inverse) = (vec![0.0; n * d], vec![0.0; n]);
    let (mut flat, mut mixed) = (vec![0.0; n * qkv], vec![0.0; n * q]);
    let (mut gate_up, mut middle) = (vec![0.0; n * 2 * ff], vec![0.0; n * ff]);
    for ((matrices, norms), seen) in matrices.iter().zip(&base.norms).zip(seen) {
        rms_norm(&x, &norms.attention, shape.norm_epsilon as f32, &mut h, &mut inverse);
        multiply(&mut flat, Onto::Nothing, &h, &matrices.qkv, (n, d, qkv));
        if !norms.qkv_bias.is_empty() {
            add_bias(&mut flat, &norms.qkv_bias);
        }
        let mut of_open: Vec<&mut Seen> = Vec::with_capacity(n);
        let mut wanted = open.iter().peekable();
        for (at, seen) in seen.iter_mut().enumerate() {
            if wanted.next_if(|&&n| n == at).is_some() {
                of_open.push(seen);
            }
        }
        let rows = mixed.par_chunks_mut(q).zip(flat.par_chunks(qkv)).zip(of_open).zip(positions);
        rows.for_each(|(((out, row), seen), position)| {
            let angles = position * half..(position + 1) * half;
            let (cos, sin) = (&base.cos[angles.clone()], &base.sin[angles]);
            let mut turned = vec![0.0; hd];
            let mut scores = Vec::new();
            for kv in 0..shape.kv_heads {
                rotate(&row[q + kv * hd..][..hd], cos, sin, false, &mut turned);
                seen.keys[kv].extend_from_slice(&turned);
                seen.values[kv].extend_from_slice(&row[q + shape.kv_width() + kv * hd..][..hd]);
                for head in kv * group..(kv + 1) * group {
                    rotate(&row[head * hd..][..hd], cos, sin, false, &mut turned);
                    let scale = 1.0 / (hd as f32).sqrt();
                    scores.clear();
                    scores.extend(seen.keys[kv].chunks_exact(hd).map(|key| dot(key, &turned) * scale));
                    let top = highest(&scores);
                    let total = exponentials(&mut scores, top);
                    let out = &mut out[head * hd..][..hd];
                    out.fill(0.0);
                    for (p, value) in scores.iter().zip(seen.values[kv].chunks_exact(hd)) {
                        out.iter_mut().zip(value).for_each(|(out, v)| *out += p / total * v);
                    }
                }
            }
        });
        multiply(&mut x, Onto::Itself, &mixed, &matrices.out, (n, q, d));
        rms_norm(&x, &norms.feed_forward, shape.norm_epsilon as f32, &mut h, &mut inverse);
        multiply(&mut gate_up, Onto::Nothing, &h, &matrices.gate_up, (n, d, 2 * ff));
        swiglu(&gate_up, ff, &mut middle);
        multiply(&mut x, Onto::Itself, &middle, &matrices.down, (n, ff, d));
    }
    rms_norm(&x, &base.norm, shape.norm_epsilon as f32, &mut h, &mut inverse);
    h
}

/// out (+)= x w, with x: [rows, input], w: [input, output].
fn multiply(out: &mut [f32], onto: Onto, x: &[f32], w: &[f32], (rows, input, output): (usize, usize, usize)) {
    product(MatMut::new(out, rows, output), onto, 1.0, Mat::new(x, rows, input), Mat::new(w, input, output), Hands::All);
}
