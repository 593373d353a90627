//! One measured number, how it is written and how it is judged.

use std::io::Write;
use std::path::Path;

use serde::Serialize;

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    More,
    Less,
}

/// A measurement, with what it was measured beside and what it should reach.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    /// What was measured beside it in the same run.
    pub peer: Option<String>,
    pub peer_value: Option<f64>,
    /// `value / peer_value`.
    pub ratio: Option<f64>,
    /// In words, as the design states it.
    pub target: Option<String>,
    pub met: Option<bool>,
    /// Runs whose median `value` is.
    pub runs: usize,
    /// How it was measured, where the name does not say it all.
    pub note: Option<String>,
}

impl Measured {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            peer: None,
            peer_value: None,
            ratio: None,
            target: None,
            met: None,
            runs: 1,
            note: None,
        }
    }

    pub fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Judges the value itself.
    pub fn target(mut self, limit: f64, better: Better) -> Self {
        let (sign, met) = match better {
            Better::More => (">=", self.value >= limit),
            Better::Less => ("<=", self.value <= limit),
        };
        self.target = Some(format!("{sign} {limit} {}", self.unit));
        self.met = Some(met);
        self
    }

    /// Puts a peer beside it without judging.
    pub fn beside(mut self, peer: impl Into<String>, peer_value: f64) -> Self {
        self.peer = Some(peer.into());
        self.peer_value = Some(peer_value);
        self.ratio = Some(self.value / peer_value);
        self
    }

    /// Judges the ratio to the peer.
    pub fn ratio_target(mut self, limit: f64, better: Better) -> Self {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let (sign, met) = match better {
            Better::More => (">=", ratio >= limit),
            Better::Less => ("<=", ratio <= limit),
        };
        self.target = Some(format!("ratio {sign} {limit}"));
        self.met = Some(met);
        self
    }
}

/// Median; 0 for none.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value below which the share `p` of the values lies (nearest rank).
pub fn percentile(values: &[f64], p: f64) -> f64 {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let index = (p * sorted.len() as f64).ceil() as usize;
    sorted.get(index.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0.0)
}

/// Writes the list as JSON, whole or not at all. Measurements of an earlier run that this one did not repeat are kept, so that
/// parts of the suite can be run one by one.
pub fn write(path: &Path, measured: &[Measured]) -> std::io::Result<()> {
    let mut list: Vec<serde_json::Value> =
        std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    list.retain(|old| !measured.iter().any(|new| old.get("name").and_then(|name| name.as_str()) == Some(&new.name)));
    for one in measured {
        list.push(serde_json::to_value(one)?);
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let temporary = path.with_extension("json.new");
    let mut file = std::fs::File::create(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(&list)?)?;
    file.write_all(b"\n")?;
    std::fs::rename(temporary, path)
}

/// One line of the table that people read.
pub fn line(measured: &Measured) -> String {
    let peer = match (&measured.peer, measured.peer_value, measured.ratio) {
        (Some(peer), Some(value), Some(ratio)) => format!("{ratio:.2} x {peer} ({})", short(value)),
        _ => String::new(),
    };
    let verdict = match measured.met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    let target = measured.target.as_deref().unwrap_or("");
    format!("{:<52} {:>12} {:<10} {:<44} {:<22} {verdict}", measured.name, short(measured.value), measured.unit, peer, target)
        .trim_end()
        .to_owned()
}

fn short(value: f64) -> String {
    match value.abs() {
        x if x >= 1_000_000.0 => format!("{:.2} M", value / 1_000_000.0),
        x if x >= 10_000.0 => format!("{:.1} k", value / 1_000.0),
        x if x >= 100.0 => format!("{value:.0}"),
        x if x >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((median(&values), percentile(&values, 0.95), percentile(&values, 1.0)), (50.0, 95.0, 100.0));
        assert_eq!((median(&[]), median(&[7.0])), (0.0, 7.0));
    }

    #[test]
    fn targets_judge_values_and_ratios() {
        let fast = Measured::new("x", 10.0, "ms").target(20.0, Better::Less);
        assert_eq!(fast.met, Some(true));
        let slow = Measured::new("x", 10.0, "1/s").beside("peer", 40.0).ratio_target(0.5, Better::More);
        assert_eq!((slow.met, slow.ratio), (Some(false), Some(0.25)));
    }
}
