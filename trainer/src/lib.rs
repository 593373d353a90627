//! LoRA distillation: data sets out of memories, training, evaluation, gates and publishing.

pub mod cpu;
pub mod dataset;
mod digest;
mod random;
