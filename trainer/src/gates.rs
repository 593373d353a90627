//! What a module must reach before it may serve.

use serde::{Deserialize, Serialize};

use crate::evaluate::Evaluation;

/// Thresholds. Shares and losses of shares are from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// Least share of held-out questions whose answer contains the value.
    pub recall_min: f64,
    /// Least share of facts of which every held-out question is answered right.
    pub whole_facts_min: f64,
    /// Largest share of questions about other names that are answered with the value.
    pub leak_max: f64,
    /// Largest growth of the perplexity on a fixed text.
    pub drift_max: f64,
    /// Least share of tokens of the base's own answers to unrelated questions that stay the likeliest.
    pub locality_min: f64,
    /// Largest loss of the share of questions that are answered out of a note in the prompt.
    pub in_context_loss_max: f64,
    /// Largest loss of recall, of this module or of one that is active, when they are worn together.
    pub interference_max: f64,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            recall_min: 0.95,
            whole_facts_min: 0.9,
            leak_max: 0.05,
            drift_max: 0.01,
            locality_min: 0.9,
            in_context_loss_max: 0.1,
            interference_max: 0.1,
        }
    }
}

impl Gates {
    /// What fails, in words; nothing if the module may serve.
    pub fn failures(&self, evaluation: &Evaluation) -> Vec<String> {
        let mut failures = Vec::new();
        // Written so that not-a-number fails.
        let mut check = |what: &str, value: f64, holds: bool, bound: &str, limit: f64| {
            if !holds {
                failures.push(format!("{what} is {:.1} %, {bound} {:.1} %", 100.0 * value, 100.0 * limit));
            }
        };
        let mut least = |what: &str, value: f64, limit: f64| check(what, value, value >= limit, "below the least allowed", limit);
        least("recall on held-out questions", evaluation.after.recall, self.recall_min);
        least("the share of facts right in every wording", evaluation.after.whole_facts, self.whole_facts_min);
        least("agreement with the base on unrelated questions", evaluation.locality, self.locality_min);
        let mut most = |what: &str, value: f64, limit: f64| check(what, value, value <= limit, "above the most allowed", limit);
        most("leaking to other names", evaluation.after.leak, self.leak_max);
        most("the growth of perplexity", evaluation.drift, self.drift_max);
        let lost = evaluation.before.in_context - evaluation.after.in_context;
        most("what is lost of answering out of a note", lost, self.in_context_loss_max);
        for other in &evaluation.interference {
            let lost = (evaluation.after.recall - other.recall).max(other.their_recall_alone - other.their_recall);
            most(&format!("what is lost of recall beside module {}", other.module), lost, self.interference_max);
        }
        failures
    }
}
