//! Keys and values of the tokens that a sequence has seen.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};

use super::DecoderConfig;
use crate::ModelError;

/// Preallocated buffers for the keys and values of some sequences, on the device.
///
/// The cache holds numbers only. Which slots of it mean anything is said by [`Step::starts`](super::Step) with each step,
/// so that nothing of an earlier sequence can be taken for a part of the next.
#[derive(Debug)]
pub struct KvCache {
    /// Keys (turned to their positions) and values of each layer: [rows, kv_heads, capacity, head].
    pub(super) layers: Vec<Option<[Tensor<4>; 2]>>,
    rows: usize,
    capacity: usize,
}

impl KvCache {
    /// Buffers for `rows` sequences of up to `capacity` tokens.
    pub fn new(config: &DecoderConfig, rows: usize, capacity: usize, device: &Device) -> Self {
        let shape = [rows, config.kv_heads, capacity, config.head];
        let buffer = || Tensor::zeros(shape, device);
        Self { layers: (0..config.layers).map(|_| Some([buffer(), buffer()])).collect(), rows, capacity }
    }

    /// Sequences that it holds.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Tokens that it can hold of each.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Writes the step's keys and values and gives all those in use: two tensors [rows, kv_heads, keys, head].
    pub(super) fn append(&mut self, layer: usize, starts: &[usize], new: [Tensor<4>; 2], keys: usize) -> [Tensor<4>; 2] {
        // Taken out, so that the buffer has one owner and is written in place.
        let Some(held) = self.layers.get_mut(layer).and_then(Option::take) else { return new };
        let [rows, heads, columns, head] = new[0].dims();
        let mut position = 0;
        let written = held.map(|mut buffer| {
            let part = new[position].clone();
            position += 1;
            if starts.iter().all(|start| *start == starts[0]) {
                return buffer.slice_assign([0..rows, 0..heads, starts[0]..starts[0] + columns, 0..head], part);
            }
            for (row, start) in starts.iter().enumerate() {
                let part = part.clone().narrow(0, row, 1);
                buffer = buffer.slice_assign([row..row + 1, 0..heads, *start..start + columns, 0..head], part);
            }
            buffer
        });
        let used = written.each_ref().map(|buffer| buffer.clone().narrow(2, 0, keys));
        self.layers[layer] = Some(written);
        used
    }

    /// Keys (turned) and values of some slots of the first sequence: [slots, kv_heads * head] each.
    pub(super) fn read(&self, layer: usize, slots: Range<usize>) -> Result<[Vec<f32>; 2], ModelError> {
        let Some(Some(held)) = self.layers.get(layer) else { return Ok([Vec::new(), Vec::new()]) };
        let read = |buffer: &Tensor<4>| {
            let part = buffer.clone().narrow(0, 0, 1).narrow(2, slots.start, slots.len()).swap_dims(1, 2);
            part.try_into_vec_as().map_err(|e| ModelError::Compute { reason: e.to_string() })
        };
        Ok([read(&held[0])?, read(&held[1])?])
    }

    /// Writes keys (turned) and values into slots of the first sequence: [slots, kv_heads * head] each.
    pub(super) fn write(&mut self, layer: usize, start: usize, numbers: [&[f32]; 2], device: &Device) -> Result<(), ModelError> {
        let Some(held) = self.layers.get_mut(layer).and_then(Option::take) else { return Ok(()) };
        let [_, heads, _, head] = held[0].dims();
        let slots = numbers[0].len() / (heads * head);
        let mut numbers = numbers.into_iter();
        let written = held.map(|buffer| {
            let data = TensorData::new(numbers.next().unwrap_or_default().to_vec(), [1, slots, heads, head]);
            let part: Tensor<4> = Tensor::from_data(data, device);
            buffer.slice_assign([0..1, 0..heads, start..start + slots, 0..head], part.swap_dims(1, 2))
        });
        self.layers[layer] = Some(written);
        Ok(())
    }
}
