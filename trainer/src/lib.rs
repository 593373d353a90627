//! LoRA distillation: data sets out of memories, training, evaluation, gates and publishing.

pub mod cpu;
mod random;
