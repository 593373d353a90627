//! LoRA distillation: data sets out of memories, training, evaluation, gates and publishing.
//!
//! - [`distill`] is the whole way from memories to a published module; [`Job`] says what of, [`Progress`] is told how it goes.
//! - [`dataset`] turns memories into facts, questions and what is trained beside them; pure.
//! - [`cpu`] is the decoder forward and backward, written out by hand for the CPU.
//! - [`Autodiff`] computes the same step by burn on any of its devices.
//! - [`evaluate`] measures a module, [`gates`] decide, [`publish`] writes it.

mod autodiff;
mod checkpoint;
pub mod cpu;
mod curve;
pub mod dataset;
mod digest;
mod disk;
mod distil;
pub mod engine;
mod error;
pub mod evaluate;
pub mod gates;
pub mod optimise;
pub mod publish;
mod random;
mod recipe;
pub mod run;
pub mod samples;
mod talk;
mod teacher;

pub use autodiff::Autodiff;
pub use curve::Point;
pub use distil::{Job, Model, Published, distill, factors, plain};
pub use error::DistillError;
pub use evaluate::Evaluation;
pub use gates::Gates;
pub use recipe::{Method, Recipe};
pub use run::{News, Progress};
pub use talk::Talk;
