//! One binary for all tests of the crate.

#[path = "core/smoke.rs"]
mod smoke;
