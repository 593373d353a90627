//! Inference over sequences, wherever the decoder computes: their caches, what they wear, their next tokens.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};

use super::host::{self, HostAdapter, HostCache, HostSpan};
use super::rope::turns;
use super::{Decoder, KvCache, Step};
use crate::ModelError;
use crate::lora::{Adapter, Worn};

/// Keys and values of one sequence, where the decoder computes.
///
/// It holds numbers only. Which of its slots mean anything is said with each [`Span`], so that nothing of an earlier sequence
/// can be taken for a part of the next, and a cache can be used again as it is.
pub struct Cache(Kept);

enum Kept {
    Host(HostCache),
    Device(KvCache),
}

/// An adapter made ready to be worn where the decoder computes.
pub struct Fitted(Form);

enum Form {
    Host(HostAdapter),
    Device(Adapter),
}

/// The next tokens of one sequence.
pub struct Span<'a> {
    /// Their ids; at least one.
    pub ids: &'a [u32],
    /// The position of the first, which is also its slot in the cache: how many tokens the sequence has already.
    pub start: usize,
    /// What the sequence has seen.
    pub cache: &'a mut Cache,
    /// What the sequence wears.
    pub adapter: Option<&'a Fitted>,
}

impl Cache {
    /// Tokens that it can hold.
    pub fn capacity(&self) -> usize {
        match &self.0 {
            Kept::Host(cache) => cache.capacity(),
            Kept::Device(cache) => cache.capacity(),
        }
    }
}

impl Decoder {
    /// A cache for one sequence of up to `capacity` tokens.
    pub fn cache(&self, capacity: usize) -> Cache {
        Cache(match self.host {
            true => Kept::Host(HostCache::new(&self.config, capacity)),
            false => Kept::Device(KvCache::new(&self.config, 1, capacity, &self.device)),
        })
    }

    /// Makes an adapter ready to be worn: on the CPU a copy of its numbers, a few milliseconds.
    ///
    /// # Errors
    /// [`ModelError::Step`] if it is made for another model.
    pub fn fit(&self, adapter: &Adapter) -> Result<Fitted, ModelError> {
        Worn::all(adapter).check(1, &self.config)?;
        Ok(Fitted(if self.host { Form::Host(HostAdapter::new(adapter)?) } else { Form::Device(adapter.clone()) }))
    }

    /// Computes the next tokens of several sequences and keeps their keys and values. Gives the last layer's vectors,
    /// normalised, span after span: [tokens * hidden]. [`score`](Self::score) makes logits of those that are wanted.
    ///
    /// # Errors
    /// [`ModelError::Step`] if a span has no tokens, names tokens that the model does not have, does not fit its cache, or comes
    /// with what was made for another decoder.
    pub fn extend(&self, spans: &mut [Span<'_>]) -> Result<Vec<f32>, ModelError> {
        let wrong = |reason: &str| Err(ModelError::Step { reason: reason.into() });
        for span in spans.iter() {
            if span.ids.is_empty() {
                return wrong("a span has no tokens");
            }
            if let Some(id) = span.ids.iter().find(|id| **id as usize >= self.config.vocabulary) {
                return wrong(&format!("token {id} is not among the {} of the vocabulary", self.config.vocabulary));
            }
            let end = span.start.saturating_add(span.ids.len());
            if end > span.cache.capacity() {
                return wrong(&format!("its tokens up to {end} do not fit a cache of {}", span.cache.capacity()));
            }
        }
        if self.host {
            let mut of_host = Vec::with_capacity(spans.len());
            for span in spans {
                let adapter = match span.adapter {
                    None => None,
                    Some(Fitted(Form::Host(adapter))) => Some(adapter),
                    Some(Fitted(Form::Device(_))) => return wrong("an adapter was fitted to a decoder elsewhere"),
                };
                match &mut span.cache.0 {
                    Kept::Host(cache) if cache.fits(&self.config) => {
                        of_host.push(HostSpan { ids: span.ids, start: span.start, cache, adapter });
                    }
                    _ => return wrong("a cache was made for another decoder"),
                }
            }
            return host::forward(self, of_host);
        }
        let mut out = Vec::new();
        for span in spans {
            let worn = match span.adapter {
                None => Worn::none(),
                Some(Fitted(Form::Device(adapter))) => Worn::all(adapter),
                Some(Fitted(Form::Host(_))) => return wrong("an adapter was fitted to a decoder elsewhere"),
            };
            let Kept::Device(cache) = &mut span.cache.0 else { return wrong("a cache was made for another decoder") };
            let hidden = self.forward(&Step::after(&[span.ids], &[span.start]), Some(cache), &worn)?;
            out.extend(read(hidden)?);
        }
        Ok(out)
    }

    /// How likely each token is to come next, as logits: [n * hidden] to [n * vocabulary].
    ///
    /// # Errors
    /// [`ModelError::Step`] if the vectors are not of the model's size.
    pub fn score(&self, hidden: &[f32]) -> Result<Vec<f32>, ModelError> {
        let (width, n) = (self.config.hidden, hidden.len() / self.config.hidden);
        if n * width != hidden.len() {
            return Err(ModelError::Step { reason: format!("{} numbers are no vectors of {width}", hidden.len()) });
        }
        if self.host {
            return host::score(hidden, self.output());
        }
        read(self.logits(Tensor::from_data(TensorData::new(hidden.to_vec(), [n, width]), &self.device)))
    }

    /// The most likely continuation of each sequence, up to and with the first of `ends`, `most` tokens at most. All are computed
    /// side by side; what one says does not depend on the others.
    ///
    /// # Errors
    /// As [`extend`](Self::extend).
    pub fn continue_greedily(
        &self,
        sequences: &[(&[u32], Option<&Fitted>)],
        most: usize,
        ends: &[u32],
    ) -> Result<Vec<Vec<u32>>, ModelError> {
        let mut caches: Vec<Cache> = sequences.iter().map(|(ids, _)| self.cache(ids.len() + most)).collect();
        let mut said: Vec<Vec<u32>> = vec![Vec::new(); sequences.len()];
        for round in 0..most {
            let running = |said: &[u32]| !said.last().is_some_and(|last| ends.contains(last));
            let mut spans = Vec::new();
            for (((ids, adapter), cache), said) in sequences.iter().zip(&mut caches).zip(&said) {
                if running(said) {
                    let start = if round == 0 { 0 } else { ids.len() + said.len() - 1 };
                    let ids = if round == 0 { ids } else { &said[said.len() - 1..] };
                    spans.push(Span { ids, start, cache, adapter: *adapter });
                }
            }
            if spans.is_empty() {
                break;
            }
            let hidden = self.extend(&mut spans)?;
            let width = self.config.hidden;
            let ends_at = spans.iter().scan(0, |at, span| {
                *at += span.ids.len();
                Some(*at)
            });
            let last: Vec<f32> = ends_at.flat_map(|at| hidden[(at - 1) * width..at * width].iter().copied()).collect();
            let logits = self.score(&last)?;
            let open = said.iter_mut().filter(|said| running(said));
            for (said, logits) in open.zip(logits.chunks_exact(self.config.vocabulary)) {
                said.push(most_likely(logits));
            }
        }
        Ok(said)
    }

    /// The keys and values of some slots of a cache in one layer, [slots, kv_heads * head] each: keys as they were before they
    /// were turned to their positions, so that they can be kept and placed anywhere.
    ///
    /// # Errors
    /// [`ModelError::Step`] if the cache is another decoder's or does not have the slots.
    pub fn read_cache(&self, cache: &Cache, layer: usize, slots: Range<usize>) -> Result<[Vec<f32>; 2], ModelError> {
        if layer >= self.config.layers || slots.end > cache.capacity() {
            return Err(ModelError::Step { reason: format!("layer {layer}, slots {slots:?} are not in the cache") });
        }
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        match &cache.0 {
            Kept::Host(cache) => slots.clone().for_each(|slot| {
                let (key, value) = cache.read(layer, slot);
                keys.extend(key);
                values.extend(value);
            }),
            Kept::Device(cache) => [keys, values] = cache.read(layer, slots.clone())?,
        }
        self.turn_keys(&mut keys, slots, -1.0);
        Ok([keys, values])
    }

    /// Places keys and values as [`read_cache`](Self::read_cache) gave them into the slots from `start` on.
    ///
    /// # Errors
    /// [`ModelError::Step`] if they do not fit.
    pub fn write_cache(
        &self,
        cache: &mut Cache,
        layer: usize,
        start: usize,
        mut keys: Vec<f32>,
        values: &[f32],
    ) -> Result<(), ModelError> {
        let width = self.config.kv_width();
        let slots = start..start.saturating_add(keys.len() / width);
        if layer >= self.config.layers || slots.end > cache.capacity() || keys.len() != values.len() || keys.len() % width != 0 {
            return Err(ModelError::Step { reason: format!("layer {layer}, slots {slots:?} are not in the cache") });
        }
        self.turn_keys(&mut keys, slots.clone(), 1.0);
        match &mut cache.0 {
            Kept::Host(cache) => {
                let rows = keys.chunks_exact(width).zip(values.chunks_exact(width));
                slots.zip(rows).for_each(|(slot, (key, value))| cache.write(layer, slot, key, value));
                Ok(())
            }
            Kept::Device(cache) => cache.write(layer, start, [&keys, values], &self.device),
        }
    }

    fn turn_keys(&self, keys: &mut [f32], slots: Range<usize>, direction: f32) {
        let (head, amplitude) = (self.config.head, self.config.rope.amplitude());
        // Turning back divides by the amplitude that turning multiplied by.
        let amplitude = if direction < 0.0 { 1.0 / amplitude } else { amplitude };
        let mut turns = turns(&self.frequencies, amplitude, slots);
        turns.sin.iter_mut().for_each(|sin| *sin *= direction);
        let turns = turns.cos.chunks_exact(head / 2).zip(turns.sin.chunks_exact(head / 2));
        for (row, (cos, sin)) in keys.chunks_exact_mut(self.config.kv_width()).zip(turns) {
            host::turn(row, head, cos, sin);
        }
    }
}

/// The place of the highest logit; the first of several.
pub fn most_likely(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = token;
        }
    }
    best as u32
}

fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    tensor.try_into_vec_as().map_err(|e| ModelError::Compute { reason: e.to_string() })
}
