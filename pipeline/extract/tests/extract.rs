//! Tests of the extract crate, one binary: outputs as models write them, an endpoint that misbehaves, the precision of the rules.

#[path = "extract/endpoint.rs"]
mod endpoint;
#[path = "extract/outputs.rs"]
mod outputs;
#[path = "extract/precision.rs"]
mod precision;
