//! Some tokens of several sequences through the transformer on the CPU, without padding.

use rayon::prelude::*;

use super::HostAdapter;
use super::attention::attention;
use super::cache::HostCache;
use super::kernels::{add, gated, norm, norm_in_place, turn};
use super::product::product;
use crate::ModelError;
use crate::decoder::Decoder;
use crate::decoder::rope::{Turns, turns};
use crate::decoder::weights::Layer;
use crate::lora::Part;

/// The next tokens of one sequence.
pub struct HostSpan<'a> {
    /// Their ids.
    pub ids: &'a [u32],
    /// The slot and position of the first.
    pub start: usize,
    /// What the sequence has seen.
    pub cache: &'a mut HostCache,
    /// What the sequence wears.
    pub adapter: Option<&'a HostAdapter>,
}

/// Tokens that one thread takes at a time between the products.
const TILE: usize = 16;

/// The last layer's vectors, normalised, span after span: [tokens, hidden].
pub fn forward(decoder: &Decoder, spans: &mut [HostSpan<'_>]) -> Result<Vec<f32>, ModelError> {
    let config = &decoder.config;
    let positions = spans.iter().flat_map(|span| span.start..span.start + span.ids.len());
    let turns = turns(&decoder.frequencies, config.rope.amplitude(), positions);
    let mut x = Vec::with_capacity(spans.iter().map(|span| span.ids.len()).sum::<usize>() * config.hidden);
    let words = decoder.embeddings.numbers()?;
    for id in spans.iter().flat_map(|span| span.ids) {
        x.extend_from_slice(&words[*id as usize * config.hidden..][..config.hidden]);
    }
    let mut pass = Pass { decoder, spans, turns };
    let mut normed = vec![0.0; x.len()];
    for (n, layer) in decoder.layers.iter().enumerate() {
        pass.norm(&x, &layer.attention_norm.numbers, &mut normed);
        let attended;
        (attended, normed) = pass.attention(n, layer, normed)?;
        pass.add_norm(&mut x, &attended, &layer.feed_forward_norm.numbers, &mut normed);
        let fed;
        (fed, normed) = pass.feed_forward(n, layer, normed)?;
        add(&mut x, &fed);
    }
    pass.norm(&x, &decoder.norm.numbers, &mut normed);
    Ok(normed)
}

struct Pass<'a, 'b> {
    decoder: &'a Decoder,
    spans: &'a mut [HostSpan<'b>],
    turns: Turns,
}

impl Pass<'_, '_> {
    fn norm(&self, x: &[f32], gain: &[f32], out: &mut [f32]) {
        let (tile, epsilon) = (TILE * gain.len(), self.decoder.config.norm_epsilon as f32);
        x.par_chunks(tile).zip(out.par_chunks_mut(tile)).for_each(|(x, out)| norm(x, gain, epsilon, out));
    }

    /// x += y, and its norm.
    fn add_norm(&self, x: &mut [f32], y: &[f32], gain: &[f32], out: &mut [f32]) {
        let (tile, epsilon) = (TILE * gain.len(), self.decoder.config.norm_epsilon as f32);
        x.par_chunks_mut(tile).zip(y.par_chunks(tile)).zip(out.par_chunks_mut(tile)).for_each(|((x, y), out)| {
            add(x, y);
            norm(x, gain, epsilon, out);
        });
    }

    /// What is worn, added to the columns of `part`. x: [tokens, inputs]; y: rows of `stride` numbers.
    fn wear(&self, n: usize, part: Part, x: &[f32], y: &mut [f32], stride: usize, column: usize) -> Result<(), ModelError> {
        let (inputs, _) = part.widths(&self.decoder.config);
        let mut token = 0;
        for span in self.spans.iter() {
            let tokens = token..token + span.ids.len();
            token = tokens.end;
            if let Some(adapter) = span.adapter {
                let x = &x[tokens.start * inputs..tokens.end * inputs];
                let y = &mut y[tokens.start * stride..tokens.end * stride];
                adapter.add(n, part, x, inputs, y, (stride, column), &self.decoder.device)?;
            }
        }
        Ok(())
    }

    /// x: [tokens, hidden], normalised; given back.
    fn attention(&mut self, n: usize, layer: &Layer, x: Vec<f32>) -> Result<(Vec<f32>, Vec<f32>), ModelError> {
        let config = &self.decoder.config;
        let (head, q_width, kv_width) = (config.head, config.q_width(), config.kv_width());
        let width = q_width + 2 * kv_width;
        let (mut qkv, x) = product(x, &layer.qkv, &self.decoder.device)?;
        for (part, column) in [(Part::Q, 0), (Part::K, q_width), (Part::V, q_width + kv_width)] {
            self.wear(n, part, &x, &mut qkv, width, column)?;
        }
        let (half, epsilon) = (head / 2, config.norm_epsilon as f32);
        let turns = self.turns.cos.par_chunks_exact(half).zip(self.turns.sin.par_chunks_exact(half));
        qkv.par_chunks_exact_mut(width).with_min_len(TILE).zip(turns).for_each(|(row, (cos, sin))| {
            let (q, k) = row[..q_width + kv_width].split_at_mut(q_width);
            if let Some([q_norm, k_norm]) = &layer.qk_norm {
                norm_in_place(q, &q_norm.numbers, epsilon);
                norm_in_place(k, &k_norm.numbers, epsilon);
            }
            turn(q, head, cos, sin);
            turn(k, head, cos, sin);
        });

        let mut mixed = vec![0.0; qkv.len() / width * q_width];
        let mut token = 0;
        let mut q = Vec::new();
        for span in self.spans.iter_mut() {
            let rows = &qkv[token * width..(token + span.ids.len()) * width];
            q.clear();
            for (slot, row) in (span.start..).zip(rows.chunks_exact(width)) {
                let (key, value) = row[q_width..].split_at(kv_width);
                span.cache.write(n, slot, key, value);
                q.extend_from_slice(&row[..q_width]);
            }
            let out = &mut mixed[token * q_width..(token + span.ids.len()) * q_width];
            attention(span.cache, n, &q, span.start, config.heads, out);
            token += span.ids.len();
        }
        let (mut out, mixed) = product(mixed, &layer.o, &self.decoder.device)?;
        self.wear(n, Part::O, &mixed, &mut out, config.hidden, 0)?;
        Ok((out, x))
    }

    /// x: [tokens, hidden], normalised; given back.
    fn feed_forward(&self, n: usize, layer: &Layer, x: Vec<f32>) -> Result<(Vec<f32>, Vec<f32>), ModelError> {
        let config = &self.decoder.config;
        let width = config.feed_forward;
        let (mut both, x) = product(x, &layer.gate_up, &self.decoder.device)?;
        self.wear(n, Part::Gate, &x, &mut both, 2 * width, 0)?;
        self.wear(n, Part::Up, &x, &mut both, 2 * width, width)?;
        let mut middle = vec![0.0; both.len() / 2];
        both.par_chunks(TILE * 2 * width)
            .zip(middle.par_chunks_mut(TILE * width))
            .for_each(|(both, out)| gated(both, out, width));
        let (mut out, middle) = product(middle, &layer.down, &self.decoder.device)?;
        self.wear(n, Part::Down, &middle, &mut out, config.hidden, 0)?;
        Ok((out, x))
    }
}
