//! The state of a run on disk: what is needed to go on as if nothing had happened.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::curve::Point;
use crate::digest::hex;
use crate::disk;
use crate::error::DistillError;
use crate::optimise::Moments;

/// Everything that changes from step to step.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps that are done.
    pub step: usize,
    /// The factors.
    pub factors: Vec<f32>,
    /// What the optimiser remembers.
    pub moments: Moments,
    /// What was measured on the way.
    pub curve: Vec<Point>,
}

/// First bytes of a checkpoint, with the version of its form.
const MAGIC: &[u8; 8] = b"clbkpt\x00\x01";

/// Writes a state; `run` names everything that decides the run, so that no other can go on from it.
///
/// # Errors
/// [`DistillError::Io`]; an earlier checkpoint still stands.
pub fn save(path: &Path, run: &str, state: &State) -> Result<(), DistillError> {
    // magic, digest of what follows, length of the header, header as JSON, numbers: factors, first, second moments.
    let header =
        serde_json::json!({ "run": run, "step": state.step, "len": state.factors.len(), "curve": state.curve }).to_string();
    let mut body = Vec::with_capacity(8 + header.len() + 12 * state.factors.len());
    body.extend((header.len() as u64).to_le_bytes());
    body.extend(header.as_bytes());
    for numbers in [&state.factors, &state.moments.first, &state.moments.second] {
        body.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
    }
    let mut bytes = MAGIC.to_vec();
    bytes.extend(Sha256::digest(&body));
    bytes.extend(body);
    disk::write(path, &bytes)
}

/// Reads a state back; `None` if there is none.
///
/// # Errors
/// [`DistillError::Checkpoint`] if it is damaged, [`DistillError::Io`] if it cannot be read. A whole checkpoint of another run
/// is no error and counts as none: it will be written over.
pub fn load(path: &Path, run: &str) -> Result<Option<State>, DistillError> {
    let Some(bytes) = disk::read(path)? else { return Ok(None) };
    let damaged = |reason: &str| DistillError::Checkpoint { path: path.into(), reason: reason.into() };
    let body = bytes.strip_prefix(MAGIC).ok_or_else(|| damaged("it does not begin like one"))?;
    let (digest, body) = body.split_at_checked(32).ok_or_else(|| damaged("it is cut off"))?;
    if hex(digest) != hex(&Sha256::digest(body)) {
        return Err(damaged("its digest is not that of its content"));
    }
    let (length, rest) = body.split_first_chunk::<8>().ok_or_else(|| damaged("it is cut off"))?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (header, numbers) = rest.split_at_checked(length).ok_or_else(|| damaged("it is cut off"))?;
    #[derive(serde::Deserialize)]
    struct Header {
        run: String,
        step: usize,
        len: usize,
        curve: Vec<Point>,
    }
    let header: Header = serde_json::from_slice(header).map_err(|error| damaged(&error.to_string()))?;
    if header.run != run {
        return Ok(None);
    }
    let (numbers, _) = numbers.as_chunks::<4>();
    if numbers.len() != header.len.saturating_mul(3) {
        return Err(damaged("it has another number of numbers than it says"));
    }
    let mut parts = numbers.chunks(header.len.max(1)).map(|part| part.iter().map(|x| f32::from_le_bytes(*x)).collect());
    let mut part = || parts.next().unwrap_or_default();
    let factors = part();
    let moments = Moments { first: part(), second: part() };
    Ok(Some(State { step: header.step, factors, moments, curve: header.curve }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_and_damage_anywhere_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.checkpoint");
        assert_eq!(load(&path, "run").unwrap(), None);
        let moments = Moments { first: vec![0.25, -0.0], second: vec![f32::MIN_POSITIVE, 4.0] };
        let state = State { step: 7, factors: vec![1.5, 1e-20], moments, curve: vec![Point { step: 6, ..Point::default() }] };
        save(&path, "run", &state).unwrap();
        assert_eq!(load(&path, "run").unwrap(), Some(state));
        assert_eq!(load(&path, "another run").unwrap(), None);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert!(load(&path, "run").is_err(), "byte {at}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(load(&path, "run").is_err(), "cut at {at}");
        }
    }
}
