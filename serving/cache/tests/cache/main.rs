//! The cache against a naive model, under threads, and against damage; one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;
mod damage;
mod files;
mod life;
mod model;
mod quant;
mod room;
mod speed;
mod stress;
mod tiers;
