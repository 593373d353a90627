//! Some tokens of several sequences through the transformer on the CPU, without padding.

use rayon::prelude::*;

use super::HostAdapter;
use super::attention::attention;
use super::cache::HostCache;
use super::kernels::{gated, norm, norm_in_place, turn};
use super::product::product;
use crate::ModelError;
use crate::decoder::rope::{Turns, turns};
use crate::decoder::weights::Layer;
use crate::decoder::{Decoder, DecoderConfig};
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

/// Most tokens that go through the layers together. Fewer, and the products prepare the weights too often (256: 10 % slower);
/// more take memory and gain nothing.
const CHUNK: usize = 512;

/// The last layer's vectors, normalised, span after span: [tokens, hidden].
pub fn forward(decoder: &Decoder, mut spans: Vec<HostSpan<'_>>) -> Result<Vec<f32>, ModelError> {
    let mut out = Vec::new();
    let mut done = vec![0; spans.len()];
    loop {
        let (mut chunk, mut room) = (Vec::new(), CHUNK);
        for (span, done) in spans.iter_mut().zip(&mut done) {
            let ids = &span.ids[*done..];
            let ids = &ids[..ids.len().min(room)];
            if !ids.is_empty() {
                chunk.push(HostSpan { ids, start: span.start + *done, cache: span.cache, adapter: span.adapter });
                (*done, room) = (*done + ids.len(), room - ids.len());
            }
        }
        if chunk.is_empty() {
            return Ok(out);
        }
        out.extend(pass(decoder, &mut chunk)?);
    }
}

/// Some tokens through all layers.
fn pass(decoder: &Decoder, spans: &mut [HostSpan<'_>]) -> Result<Vec<f32>, ModelError> {
    let config = &decoder.config;
    let positions = spans.iter().flat_map(|span| span.start..span.start + span.ids.len());
    let turns = turns(&decoder.frequencies, config.rope.amplitude(), positions);
    let words = decoder.embeddings.numbers()?;
    let ids = spans.iter().flat_map(|span| span.ids);
    let mut x: Vec<f32> = ids.flat_map(|id| &words[*id as usize * config.hidden..][..config.hidden]).copied().collect();
    let tokens = x.len() / config.hidden;
    let room = |width: usize| vec![0.0; tokens * width];
    let mut pass = Pass {
        decoder,
        spans,
        turns,
        normed: room(config.hidden),
        qkv: room(config.q_width() + 2 * config.kv_width()),
        q: room(config.q_width()),
        mixed: room(config.q_width()),
        both: room(2 * config.feed_forward),
        middle: room(config.feed_forward),
    };
    for (n, layer) in decoder.layers.iter().enumerate() {
        pass.norm(&x, &layer.attention_norm.numbers);
        pass.attention(n, layer, &mut x)?;
        pass.norm(&x, &layer.feed_forward_norm.numbers);
        pass.feed_forward(n, layer, &mut x)?;
    }
    pass.norm(&x, &decoder.norm.numbers);
    Ok(pass.normed)
}

/// Memory that all layers use one after the other, each of a number of rows that is the number of tokens.
struct Pass<'a, 'b> {
    decoder: &'a Decoder,
    spans: &'a mut [HostSpan<'b>],
    turns: Turns,
    normed: Vec<f32>,
    qkv: Vec<f32>,
    q: Vec<f32>,
    mixed: Vec<f32>,
    both: Vec<f32>,
    middle: Vec<f32>,
}

impl Pass<'_, '_> {
    /// The norm of x, into `normed`.
    fn norm(&mut self, x: &[f32], gain: &[f32]) {
        let (tile, epsilon) = (TILE * gain.len(), self.decoder.config.norm_epsilon as f32);
        let tiles = x.par_chunks(tile).zip(self.normed.par_chunks_mut(tile));
        tiles.for_each(|(x, out)| norm(x, gain, epsilon, out));
    }

    /// x += the attention of `normed`. x: [tokens, hidden].
    fn attention(&mut self, n: usize, layer: &Layer, x: &mut [f32]) -> Result<(), ModelError> {
        let config = &self.decoder.config;
        let (head, q_width, kv_width) = (config.head, config.q_width(), config.kv_width());
        let width = q_width + 2 * kv_width;
        product(&self.normed, &layer.qkv, &mut self.qkv, false)?;
        for (part, column) in [(Part::Q, 0), (Part::K, q_width), (Part::V, q_width + kv_width)] {
            wear(self.spans, config, (n, part), &self.normed, &mut self.qkv, (width, column));
        }
        let (half, epsilon) = (head / 2, config.norm_epsilon as f32);
        let turns = self.turns.cos.par_chunks_exact(half).zip(self.turns.sin.par_chunks_exact(half));
        let rows = self.qkv.par_chunks_exact_mut(width).zip(self.q.par_chunks_exact_mut(q_width));
        rows.with_min_len(TILE).zip(turns).for_each(|((row, to), (cos, sin))| {
            let (q, k) = row[..q_width + kv_width].split_at_mut(q_width);
            if let Some([q_norm, k_norm]) = &layer.qk_norm {
                norm_in_place(q, &q_norm.numbers, epsilon);
                norm_in_place(k, &k_norm.numbers, epsilon);
            }
            turn(q, head, cos, sin);
            turn(k, head, cos, sin);
            to.copy_from_slice(q);
        });

        let mut token = 0;
        for span in self.spans.iter_mut() {
            let tokens = token..token + span.ids.len();
            token = tokens.end;
            let rows = &self.qkv[tokens.start * width..tokens.end * width];
            for (slot, row) in (span.start..).zip(rows.chunks_exact(width)) {
                let (key, value) = row[q_width..].split_at(kv_width);
                span.cache.write(n, slot, key, value);
            }
            let wide = tokens.start * q_width..tokens.end * q_width;
            attention(span.cache, n, &self.q[wide.clone()], span.start, config.heads, &mut self.mixed[wide]);
        }
        product(&self.mixed, &layer.o, x, true)?;
        wear(self.spans, config, (n, Part::O), &self.mixed, x, (config.hidden, 0));
        Ok(())
    }

    /// x += the feed-forward part of `normed`. x: [tokens, hidden].
    fn feed_forward(&mut self, n: usize, layer: &Layer, x: &mut [f32]) -> Result<(), ModelError> {
        let config = &self.decoder.config;
        let width = config.feed_forward;
        product(&self.normed, &layer.gate_up, &mut self.both, false)?;
        for (part, column) in [(Part::Gate, 0), (Part::Up, width)] {
            wear(self.spans, config, (n, part), &self.normed, &mut self.both, (2 * width, column));
        }
        let tiles = self.both.par_chunks(TILE * 2 * width).zip(self.middle.par_chunks_mut(TILE * width));
        tiles.for_each(|(both, out)| gated(both, out, width));
        product(&self.middle, &layer.down, x, true)?;
        wear(self.spans, config, (n, Part::Down), &self.middle, x, (config.hidden, 0));
        Ok(())
    }
}

/// What is worn, added to the columns of a part. x: [tokens, inputs]; y: rows of `stride` numbers, the part's from `column` on.
fn wear(
    spans: &[HostSpan<'_>],
    config: &DecoderConfig,
    (layer, part): (usize, Part),
    x: &[f32],
    y: &mut [f32],
    (stride, column): (usize, usize),
) {
    let (inputs, _) = part.widths(config);
    let mut token = 0;
    for span in spans {
        let tokens = token..token + span.ids.len();
        token = tokens.end;
        if let Some(adapter) = span.adapter {
            let x = &x[tokens.start * inputs..tokens.end * inputs];
            adapter.add(layer, part, x, inputs, &mut y[tokens.start * stride..tokens.end * stride], (stride, column));
        }
    }
}
