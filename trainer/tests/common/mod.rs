//! What tests of training share: the conversation, and a clock that stands still.

#[allow(dead_code)]
pub mod tiny;

use std::path::{Path, PathBuf};
use std::time::Duration;

use cubelog_memory::{Digest, MemoryId, Sensitivity, Timestamp, Trust, VersionRef};
use cubelog_trainer::dataset::{Source, Standing};
use cubelog_trainer::{News, Progress};

/// The turns of a conversation as memories.
#[allow(dead_code)]
pub fn sources(file: &str) -> Vec<Source> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .enumerate()
        .map(|(n, line)| {
            let turn: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = turn["text"].as_str().unwrap().to_owned();
            let mut digest = [0; 32];
            text.bytes().enumerate().for_each(|(at, byte)| digest[at % 32] ^= byte.rotate_left(at as u32 % 8));
            let id = format!("00000000-0000-8000-8000-{:012x}", n + 1);
            Source {
                version: VersionRef { memory: id.parse::<MemoryId>().unwrap(), version: 1 },
                digest: Digest(digest),
                text,
                speaker: turn["speaker"].as_str().map(str::to_owned),
                said_at: Timestamp(1_700_000_000_000_000 + n as i64),
                trust: Trust::Unverified,
                sensitivity: Sensitivity::Internal,
                standing: Standing::default(),
            }
        })
        .collect()
}

/// SmolLM2-135M-Instruct, where it was fetched.
#[allow(dead_code)]
pub fn model() -> Option<PathBuf> {
    let path = cubelog_model::locate().ok()?.join("SmolLM2-135M-Instruct");
    let found = path.is_dir();
    if !found {
        eprintln!("skipped: {} is not there; `deploy/models/fetch` brings it", path.display());
    }
    found.then_some(path)
}

/// Listens and says nothing; stops where asked to.
#[allow(dead_code)]
#[derive(Default)]
pub struct Quiet {
    pub stop_after: Option<usize>,
    pub steps: usize,
}

impl Progress for Quiet {
    fn elapsed(&mut self) -> Duration {
        Duration::ZERO
    }
    fn tell(&mut self, news: News) {
        self.steps += usize::from(matches!(news, News::Step { .. }));
    }
    fn stop(&mut self) -> bool {
        self.stop_after == Some(self.steps)
    }
}
