//! The verbs: one file each, with what it takes and what it does.

use std::io::Read;

use cubelog_memory::Cut;
use cubelog_memory::limits::TEXT_BYTES_MAX;

use crate::failure::{Failure, Result};

pub mod add;
pub mod audit;
pub mod beliefs;
pub mod bench;
pub mod completions;
pub mod config;
pub mod context;
pub mod cubes;
pub mod dead;
pub mod dedupe;
pub mod demo;
pub mod diff;
pub mod distill;
pub mod doctor;
pub mod endpoint;
pub mod eval;
pub mod extract;
pub mod fields;
pub mod forget;
pub mod get;
pub mod grant;
pub mod graph;
pub mod history;
pub mod hold;
pub mod ingest;
pub mod init;
pub mod key;
pub mod model;
pub mod module;
pub mod pin;
pub mod policy;
pub mod rebuild;
pub mod replay;
pub mod resolve;
pub mod revise;
pub mod revoke;
pub mod search;
pub mod serve;
pub mod sql;
pub mod state;
pub mod status;
pub mod timeline;
pub mod tree;
pub mod verify;

/// A text given as an argument, or standard input for `-`.
pub fn text_or_stdin(text: &str) -> Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut read = String::new();
    let limit = TEXT_BYTES_MAX as u64 + 1;
    std::io::stdin().take(limit).read_to_string(&mut read).map_err(|error| Failure::io("cannot read standard input", &error))?;
    Ok(read.trim_end_matches(['\n', '\r']).to_owned())
}

/// The smallest cut that holds both; a text that is none (an answer without a token) holds nothing.
pub fn join_cuts(a: &str, b: &str) -> String {
    let cut = |text: &str| text.parse::<Cut>().unwrap_or_default();
    cut(a).join(&cut(b)).to_string()
}
