//! The written form: goldens, evolution, agreement with apache-avro and arrow-avro, bad bytes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod arrow;
mod bundle;
mod evolution;
mod golden;
mod hostile;
mod oracle;
mod samples;
mod speed;
mod strategies;
mod twins;
