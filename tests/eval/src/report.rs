//! What a run of several systems over one set of questions comes to: numbers for programs and a table for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value, json as object};

use crate::ADVERSARIAL;
use crate::bootstrap::{Interval, interval};
use crate::judge::{CUTS, Judged};

/// One system's scores, a question each.
#[derive(Debug, Clone, Default)]
pub struct System {
    /// As it is called in the report: `cubelog`, `bm25`, `dense`, `rrf`.
    pub name: &'static str,
    pub judged: Vec<Judged>,
}

/// Means over questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub questions: usize,
    pub recall: [f64; 4],
    pub recall_interval: [Option<Interval>; 4],
    pub any: [f64; 4],
    pub ndcg: f64,
    pub millis_p50: f64,
    pub millis_p95: f64,
    pub tokens: f64,
}

/// `None` without questions.
pub fn summarise<'a>(judged: impl Iterator<Item = &'a Judged>) -> Option<Summary> {
    let judged: Vec<&Judged> = judged.collect();
    if judged.is_empty() {
        return None;
    }
    let mean = |value: &dyn Fn(&Judged) -> f64| judged.iter().map(|one| value(one)).sum::<f64>() / judged.len() as f64;
    let mut millis: Vec<f64> = judged.iter().map(|one| one.millis).collect();
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share).round() as usize];
    let places = [0, 1, 2, 3];
    Some(Summary {
        questions: judged.len(),
        recall: places.map(|place| mean(&|one| one.recall[place])),
        recall_interval: places.map(|place| interval(&judged.iter().map(|one| one.recall[place]).collect::<Vec<_>>())),
        any: places.map(|place| mean(&|one| one.any[place])),
        ndcg: mean(&|one| one.ndcg),
        millis_p50: at(0.5),
        millis_p95: at(0.95),
        tokens: mean(&|one| one.tokens),
    })
}

impl System {
    /// Over all questions that have an answer.
    pub fn overall(&self) -> Option<Summary> {
        summarise(self.judged.iter().filter(|one| one.category != ADVERSARIAL))
    }

    pub fn categories(&self) -> BTreeMap<&str, Summary> {
        let names: std::collections::BTreeSet<&str> = self.judged.iter().map(|one| one.category.as_str()).collect();
        let of = |name: &str| summarise(self.judged.iter().filter(|one| one.category == name));
        names.into_iter().filter_map(|name| Some((name, of(name)?))).collect()
    }
}

/// `{"cubelog": {"overall": {"r@10": 0.8, ...}, "category": {...}}, "bm25": ...}`; shares are 0 to 1.
pub fn json(systems: &[System]) -> Value {
    let mut report = Map::new();
    for system in systems {
        let categories: Map<String, Value> =
            system.categories().into_iter().map(|(name, summary)| (name.to_owned(), summary_json(&summary))).collect();
        let overall = system.overall().map_or(Value::Null, |summary| summary_json(&summary));
        report.insert(system.name.to_owned(), object!({ "overall": overall, "category": categories }));
    }
    Value::Object(report)
}

fn summary_json(summary: &Summary) -> Value {
    let mut fields = Map::new();
    fields.insert("questions".to_owned(), object!(summary.questions));
    for (place, k) in CUTS.iter().enumerate() {
        fields.insert(format!("r@{k}"), rounded(summary.recall[place]));
    }
    for (place, k) in CUTS.iter().enumerate() {
        fields.insert(format!("any@{k}"), rounded(summary.any[place]));
    }
    fields.insert("ndcg@10".to_owned(), rounded(summary.ndcg));
    let intervals: Map<String, Value> = CUTS
        .iter()
        .zip(summary.recall_interval)
        .filter_map(|(k, interval)| interval.map(|i| (format!("r@{k}"), object!([rounded(i.low), rounded(i.high)]))))
        .collect();
    fields.insert("interval_95".to_owned(), Value::Object(intervals));
    fields.insert("millis_p50".to_owned(), rounded(summary.millis_p50));
    fields.insert("millis_p95".to_owned(), rounded(summary.millis_p95));
    fields.insert("tokens@10".to_owned(), rounded(summary.tokens));
    Value::Object(fields)
}

fn rounded(value: f64) -> Value {
    object!((value * 10_000.0).round() / 10_000.0)
}

/// For people: percent, one line a system and category; within 79 columns as long as names are short.
pub fn table(systems: &[System]) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{:<9}{:<22}{:>5} {:>6}{:>6}{:>14}{:>6} {:>6}{:>6}",
        "system", "questions", "n", "R@1", "R@5", "R@10 (95 %)", "R@20", "nDCG", "ms"
    );
    for system in systems {
        if let Some(overall) = system.overall() {
            line(&mut text, system.name, "all", &overall);
        }
        // Categories of the first alone: the others' are in the JSON.
        let categories = if system.name == systems[0].name { system.categories() } else { BTreeMap::new() };
        if categories.len() > 1 {
            for (name, summary) in categories {
                line(&mut text, "", name, &summary);
            }
        }
    }
    text
}

fn line(text: &mut String, system: &str, name: &str, summary: &Summary) {
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let [first, five, ten, twenty] = summary.recall.map(percent);
    let name: String = name.chars().take(21).collect();
    let spread = summary.recall_interval[2].map_or_else(String::new, |i| format!(" ±{:.1}", (i.high - i.low) * 50.0));
    let _ = writeln!(
        text,
        "{system:<9}{name:<22}{:>5} {first:>6}{five:>6}{:>14}{twenty:>6} {:>6}{:>6.1}",
        summary.questions,
        format!("{ten}{spread}"),
        percent(summary.ndcg),
        summary.millis_p50
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::judge;

    fn system() -> System {
        let judged = |category: &str, ranked: &[&str]| judge(category, &["a".to_owned()], ranked, 2.0, 30.0).unwrap();
        System { name: "cubelog", judged: vec![judged("one", &["a"]), judged("two", &["x", "a"]), judged(ADVERSARIAL, &["x"])] }
    }

    #[test]
    fn questions_without_an_answer_are_left_out_of_the_whole_but_not_of_their_own_line() {
        let report = json(&[system()]);
        assert_eq!(report["cubelog"]["overall"]["r@1"], 0.5);
        assert_eq!(report["cubelog"]["overall"]["r@10"], 1.0);
        assert_eq!(report["cubelog"]["overall"]["questions"], 2);
        assert_eq!(report["cubelog"]["category"][ADVERSARIAL]["r@10"], 0.0);
    }

    #[test]
    fn the_table_fits_a_small_terminal() {
        let table = table(&[system()]);
        assert!(table.contains("R@10") && table.lines().count() == 5, "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 88), "{table}");
    }
}
