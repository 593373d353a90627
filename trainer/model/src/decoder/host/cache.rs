//! Keys and values of one sequence in the CPU's memory, laid out as attention reads them.

use crate::decoder::DecoderConfig;

/// Keys that lie side by side, so that one query is scored against all of them at once.
pub const KEYS: usize = 32;

/// Keys and values of one sequence. Which of its slots mean anything is said with each step, not held here.
#[derive(Debug, Clone)]
pub struct HostCache {
    pub(super) layers: Vec<HostLayer>,
    pub(super) kv_heads: usize,
    pub(super) head: usize,
    capacity: usize,
}

/// One layer's part.
#[derive(Debug, Clone)]
pub struct HostLayer {
    /// Keys, turned to their positions: [kv_heads, capacity / KEYS, head, KEYS].
    pub keys: Vec<f32>,
    /// Values: [kv_heads, capacity, head].
    pub values: Vec<f32>,
}

impl HostCache {
    /// Room for `capacity` tokens (rounded up to a multiple of 32).
    pub fn new(config: &DecoderConfig, capacity: usize) -> Self {
        let capacity = capacity.next_multiple_of(KEYS);
        let numbers = capacity * config.kv_width();
        let layer = || HostLayer { keys: vec![0.0; numbers], values: vec![0.0; numbers] };
        let layers = (0..config.layers).map(|_| layer()).collect();
        Self { layers, kv_heads: config.kv_heads, head: config.head, capacity }
    }

    /// Tokens that it can hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether it was made for a model of these sizes.
    pub fn fits(&self, config: &DecoderConfig) -> bool {
        (self.layers.len(), self.kv_heads, self.head) == (config.layers, config.kv_heads, config.head)
    }

    /// Writes the key and value of one token: [kv_heads * head] each.
    pub fn write(&mut self, layer: usize, slot: usize, key: &[f32], value: &[f32]) {
        let (head, capacity) = (self.head, self.capacity);
        let layer = &mut self.layers[layer];
        for (kv_head, (key, value)) in key.chunks_exact(head).zip(value.chunks_exact(head)).enumerate() {
            let first = kv_head * capacity * head;
            let block = &mut layer.keys[first + slot / KEYS * head * KEYS..][..head * KEYS];
            for (place, number) in block.iter_mut().skip(slot % KEYS).step_by(KEYS).zip(key) {
                *place = *number;
            }
            layer.values[first + slot * head..][..head].copy_from_slice(value);
        }
    }

    /// Reads the key (as it was written) and value of one token: [kv_heads * head] each.
    pub fn read(&self, layer: usize, slot: usize) -> (Vec<f32>, Vec<f32>) {
        let (head, capacity) = (self.head, self.capacity);
        let layer = &self.layers[layer];
        let (mut key, mut value) = (Vec::new(), Vec::new());
        for kv_head in 0..self.kv_heads {
            let first = kv_head * capacity * head;
            let block = &layer.keys[first + slot / KEYS * head * KEYS..][..head * KEYS];
            key.extend(block.iter().skip(slot % KEYS).step_by(KEYS));
            value.extend_from_slice(&layer.values[first + slot * head..][..head]);
        }
        (key, value)
    }
}
