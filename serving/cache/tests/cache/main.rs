//! The cache against a naive model, under threads, and against damage; one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;
mod life;
mod model;
mod room;
mod stress;
