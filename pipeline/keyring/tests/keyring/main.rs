//! The keyring: sealing, erasure, damage to its files, and several processes on one keyring.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod common;
mod damage;
mod erasure;
mod joint;
mod processes;
mod sealing;
mod speed;
