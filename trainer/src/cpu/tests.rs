//! The passes against their definition, written down once more in f64 without any cleverness.

use super::backward::{Back, backward};
use super::factors::Layout;
use super::forward::{Keep, Pass, forward};
use super::group::qkv_width;
use super::head::{Aim, Head, Scored, losses};
use super::pack::Pack;
use super::weights::{Base, Matrices, Merged, Norms};
use crate::random::Random;
use cubelog_model::DecoderConfig;
use cubelog_model::decoder::{Rope, RopeScaling};
use cubelog_model::lora::Part;

fn numbers(random: &mut Random, n: usize, size: f32) -> Vec<f32> {
    (0..n).map(|_| (random.unit() * 2.0 - 1.0) * size).collect()
}

/// A model of random numbers; with biases and an output matrix of its own, or without.
pub fn base(shape: DecoderConfig, extras: bool, seed: u64) -> Base {
    let mut random = Random::new(seed);
    let mut of = |n: usize, size: f32| numbers(&mut random, n, size);
    let (d, ff, half, positions) = (shape.hidden, shape.feed_forward, shape.head / 2, 512);
    let matrices = (0..shape.layers)
        .map(|_| Matrices {
            qkv: of(d * qkv_width(&shape), 0.3),
            out: of(shape.q_width() * d, 0.3),
            gate_up: of(d * 2 * ff, 0.3),
            down: of(ff * d, 0.3),
        })
        .collect();
    let norms = (0..shape.layers)
        .map(|_| Norms {
            attention: of(d, 1.0),
            feed_forward: of(d, 1.0),
            qkv_bias: if extras { of(qkv_width(&shape), 0.5) } else { Vec::new() },
        })
        .collect();
    let angle = |n: usize| (n / half) as f32 * 100f32.powf(-((n % half) as f32) / half as f32);
    Base {
        matrices,
        norms,
        embeddings: of(shape.vocabulary * d, 1.0),
        head: extras.then(|| of(shape.vocabulary * d, 0.5)),
        norm: of(d, 1.0),
        cos: (0..positions * half).map(|n| angle(n).cos()).collect(),
        sin: (0..positions * half).map(|n| angle(n).sin()).collect(),
        shape,
    }
}

pub fn small() -> DecoderConfig {
    DecoderConfig {
        family: "llama".into(),
        layers: 2,
        hidden: 24,
        heads: 6,
        kv_heads: 2,
        head: 8,
        feed_forward: 40,
        vocabulary: 50,
        context: 512,
        norm_epsilon: 1e-5,
        rope: Rope { theta: 100.0, scaling: RopeScaling::None },
        tied: true,
        qkv_bias: false,
        qk_norm: false,
        ends: vec![2],
        begin: None,
    }
}

/// The normed output of one sequence, by definition and in f64, with factors not merged.
fn plain(base: &Base, ids: &[u32], layout: &Layout, factors: &[f32]) -> Vec<Vec<f64>> {
    let s = &base.shape;
    let wide = |x: &[f32]| x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let norm = |x: &[f64], gain: &[f32]| -> Vec<f64> {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        x.iter().zip(gain).map(|(x, g)| x / (mean + s.norm_epsilon).sqrt() * f64::from(*g)).collect()
    };
    let linear = |x: &[f64], w: &[f32], width: usize, from: usize, layer: usize, target: Part| -> Vec<f64> {
        let (input, output) = target.widths(s);
        let mut y: Vec<f64> = (0..output).map(|j| (0..input).map(|i| x[i] * f64::from(w[i * width + from + j])).sum()).collect();
        if let Some(pair) = layout.pair(layer, target) {
            let (a, b) = (&factors[pair.a], &factors[pair.b]);
            for r in 0..layout.rank {
                let xa: f64 = (0..input).map(|i| x[i] * f64::from(a[i * layout.rank + r])).sum();
                y.iter_mut().enumerate().for_each(|(j, y)| *y += f64::from(layout.scale) * xa * f64::from(b[r * output + j]));
            }
        }
        y
    };
    let turn = |x: &mut [f64], position: usize| {
        let half = s.head / 2;
        for head in x.chunks_exact_mut(s.head) {
            for i in 0..half {
                let (c, n) = (f64::from(base.cos[position * half + i]), f64::from(base.sin[position * half + i]));
                (head[i], head[i + half]) = (head[i] * c - head[i + half] * n, head[i + half] * c + head[i] * n);
            }
        }
    };
    let mut x: Vec<Vec<f64>> = ids.iter().map(|&id| wide(&base.embeddings[id as usize * s.hidden..][..s.hidden])).collect();
    for (layer, (m, norms)) in base.matrices.iter().zip(&base.norms).enumerate() {
        let (mut qs, mut ks, mut vs) = (Vec::new(), Vec::new(), Vec::new());
        for (position, x) in x.iter().enumerate() {
            let h = norm(x, &norms.attention);
            let part = |from: usize, target: Part| {
                let mut y = linear(&h, &m.qkv, qkv_width(s), from, layer, target);
                if !norms.qkv_bias.is_empty() {
                    y.iter_mut().zip(&norms.qkv_bias[from..]).for_each(|(y, b)| *y += f64::from(*b));
                }
                y
            };
            let mut q = part(0, Part::Q);
            let mut k = part(s.q_width(), Part::K);
            vs.push(part(s.q_width() + s.kv_width(), Part::V));
            turn(&mut q, position);
            turn(&mut k, position);
            qs.push(q);
            ks.push(k);
        }
        for position in 0..ids.len() {
            let mut mixed = Vec::new();
            for head in 0..s.heads {
                let (at, kv) = (head * s.head, head / s.group() * s.head);
                let dot = |t: usize| (0..s.head).map(|i| qs[position][at + i] * ks[t][kv + i]).sum::<f64>();
                let weights: Vec<f64> = (0..=position).map(|t| (dot(t) / (s.head as f64).sqrt()).exp()).collect();
                let total: f64 = weights.iter().sum();
                for i in 0..s.head {
                    mixed.push((0..=position).map(|t| weights[t] * vs[t][kv + i]).sum::<f64>() / total);
                }
            }
            let out = linear(&mixed, &m.out, s.hidden, 0, layer, Part::O);
            x[position].iter_mut().zip(out).for_each(|(x, y)| *x += y);
            let h = norm(&x[position], &norms.feed_forward);
            let gate = linear(&h, &m.gate_up, 2 * s.feed_forward, 0, layer, Part::Gate);
            let up = linear(&h, &m.gate_up, 2 * s.feed_forward, s.feed_forward, layer, Part::Up);
            let a: Vec<f64> = gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            let down = linear(&a, &m.down, s.hidden, 0, layer, Part::Down);
            x[position].iter_mut().zip(down).for_each(|(x, y)| *x += y);
        }
    }
    x.iter().map(|x| norm(x, &base.norm)).collect()
}

/// log p of every token at every row, by definition.
fn plain_logs(base: &Base, normed: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let row = |x: &Vec<f64>| {
        let logits: Vec<f64> =
            base.last().chunks_exact(base.shape.hidden).map(|w| w.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum()).collect();
        let log_total = logits.iter().map(|x: &f64| x.exp()).sum::<f64>().ln();
        logits.iter().map(|x| x - log_total).collect()
    };
    normed.iter().map(row).collect()
}

/// Three sequences, of which one is said, one kept and one matched, and what they cost by definition.
struct Case {
    base: Base,
    layout: Layout,
    sequences: Vec<Vec<u32>>,
    teacher: Vec<(u32, f32)>,
    shared: bool,
}

impl Case {
    fn new(extras: bool, shared: bool, targets: &[Part]) -> Self {
        let base = base(small(), extras, 5);
        let mut random = Random::new(9);
        let mut sequences: Vec<Vec<u32>> =
            [70, 5, 9].iter().map(|&n| (0..n).map(|_| random.below(50) as u32).collect()).collect();
        if shared {
            sequences.iter_mut().for_each(|ids| ids[..3].copy_from_slice(&[7, 8, 9]));
        }
        let layout = Layout::new(&base.shape, targets, 3, 6.0);
        Self { base, layout, sequences, teacher: vec![(4, 0.75), (11, 0.25)], shared }
    }

    fn factors(&self) -> Vec<f32> {
        numbers(&mut Random::new(3), self.layout.len(), 0.2)
    }

    /// The weighted loss by definition, in f64.
    fn cost(&self, factors: &[f32]) -> f64 {
        let none = Layout::new(&self.base.shape, &[], 1, 1.0);
        let mut cost = 0.0;
        for (n, ids) in self.sequences.iter().enumerate() {
            let logs = plain_logs(&self.base, &plain(&self.base, ids, &self.layout, factors));
            let kept = plain_logs(&self.base, &plain(&self.base, ids, &none, &[]));
            for position in 3..ids.len() - 1 {
                cost += match n {
                    0 => -logs[position][ids[position + 1] as usize] * 0.5,
                    1 => kept[position].iter().zip(&logs[position]).map(|(q, p)| q.exp() * (q - p)).sum::<f64>() * 2.0,
                    _ => self
                        .teacher
                        .iter()
                        .map(|&(token, q)| f64::from(q) * (f64::from(q).ln() - logs[position][token as usize]))
                        .sum::<f64>(),
                };
            }
        }
        cost
    }

    /// The same by the passes, and its gradients.
    fn run(&self, factors: &[f32]) -> (f64, Vec<f32>) {
        let sequences: Vec<&[u32]> = self.sequences.iter().map(Vec::as_slice).collect();
        let pack = Pack::new(&sequences, &[3, 3, 3]);
        assert_eq!(pack.shared() > 0, self.shared);
        let mut merged = Merged::default();
        merged.update(&self.base, &[(&self.layout, factors)]);
        let (mut pass, mut of_base) = (Pass::default(), Pass::default());
        forward(&self.base, &merged.0, &pack, Keep::All, &mut pass, |_, _| ());
        forward(&self.base, &self.base.matrices, &pack, Keep::Nothing, &mut of_base, |_, _| ());
        let mut scored = Vec::new();
        for (n, ids) in self.sequences.iter().enumerate() {
            for position in 3..ids.len() - 1 {
                let row = pack.row(n, position);
                let (weight, aim) = match n {
                    0 => (0.5, Aim::Say(ids[position + 1])),
                    1 => (2.0, Aim::Keep { base_row: row }),
                    _ => (1.0, Aim::Match(self.teacher.clone())),
                };
                scored.push(Scored { row, weight, aim });
            }
        }
        let mut d_normed = vec![0.0; pack.rows() * self.base.shape.hidden];
        let found = losses(&self.base, &pass.normed, &of_base.normed, &scored, Some(&mut d_normed), &mut Head::default());
        let cost = found.iter().zip(&scored).map(|(loss, scored)| f64::from(loss * scored.weight)).sum();
        let mut gradients = vec![0.0; self.layout.len()];
        let adapter = (&self.layout, factors);
        backward(&self.base, &merged.0, &pack, adapter, &mut pass, &d_normed, &mut Back::default(), &mut gradients);
        (cost, gradients)
    }
}

#[test]
fn losses_are_those_of_the_definition() {
    for (extras, shared) in [(false, false), (true, true), (false, true)] {
        let case = Case::new(extras, shared, &Part::ALL);
        let factors = case.factors();
        let (found, expected) = (case.run(&factors).0, case.cost(&factors));
        assert!((found - expected).abs() < 1e-4 * expected.abs(), "{found} {expected}");
    }
}

#[test]
fn gradients_are_the_slopes_of_the_definition() {
    for (extras, shared, targets) in
        [(false, false, &Part::ALL[..]), (true, true, &Part::ALL[..]), (false, true, &[Part::K, Part::Down][..])]
    {
        let case = Case::new(extras, shared, targets);
        let factors = case.factors();
        let (_, gradients) = case.run(&factors);
        let size = gradients.iter().map(|g| f64::from(g * g)).sum::<f64>().sqrt();
        let mut random = Random::new(1);
        // Along random directions within each matrix, so that an error in a small one is not hidden by a large one.
        for layer in 0..2 {
            for &target in case.layout.targets() {
                let pair = case.layout.pair(layer, target).unwrap();
                for place in [pair.a, pair.b] {
                    let direction = numbers(&mut random, place.len(), 1.0);
                    let step = 1e-3f32;
                    let along = |sign: f32| {
                        let mut moved = factors.clone();
                        moved[place.clone()].iter_mut().zip(&direction).for_each(|(x, d)| *x += sign * step * d);
                        case.cost(&moved)
                    };
                    let slope = (along(1.0) - along(-1.0)) / (2.0 * f64::from(step));
                    let found: f64 = gradients[place].iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
                    assert!((found - slope).abs() < 2e-3 * slope.abs() + 2e-4 * size, "{layer} {target:?}: {found} {slope}");
                }
            }
        }
    }
}

#[test]
fn the_same_numbers_come_out_bit_for_bit() {
    let case = Case::new(true, true, &Part::ALL);
    let factors = case.factors();
    let (cost, gradients) = case.run(&factors);
    for _ in 0..3 {
        assert_eq!(case.run(&factors), (cost, gradients.clone()));
    }
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(alone.install(|| case.run(&factors)), (cost, gradients), "nor does the number of threads matter");
}

#[test]
fn answers_side_by_side_are_those_of_whole_passes_one_by_one() {
    let base = base(small(), true, 6);
    let prompts = [vec![1, 2, 3, 4], vec![1, 2, 9], vec![1, 2, 3, 4, 5, 6, 7]];
    let found = super::decode::answers(&base, &base.matrices, &prompts, &[17, 3], 12);
    let none = Layout::new(&base.shape, &[], 1, 1.0);
    for (prompt, found) in prompts.iter().zip(found) {
        let mut ids = prompt.clone();
        loop {
            let logs = plain_logs(&base, &plain(&base, &ids, &none, &[]));
            let row = logs.last().unwrap();
            let next = (0..50).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap() as u32;
            if [17, 3].contains(&next) || ids.len() == prompt.len() + 12 {
                break;
            }
            ids.push(next);
        }
        assert_eq!(found, ids[prompt.len()..]);
    }
}
