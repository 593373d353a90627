//! What a module knows, and what it cost: measured on questions and texts that training never saw.

use serde::{Deserialize, Serialize};

use crate::cpu::decode::{answers, likeliest};
use crate::cpu::factors::Layout;
use crate::cpu::forward::{Keep, Pass, forward};
use crate::cpu::head::{Aim, Head, Scored, logits, losses};
use crate::cpu::pack::Pack;
use crate::cpu::weights::{Base, Matrices, Merged};
use crate::dataset::general::{PROBES, TEXT};
use crate::dataset::{Dataset, Probe};
use crate::error::DistillError;
use crate::talk::Talk;

/// Longest answer that is read, in tokens.
const ANSWER_MOST: usize = 40;
/// Tokens that are scored at a time.
const TOKENS_AT_ONCE: usize = 1024;

/// What was measured with or without the module.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Measures {
    /// Share of held-out questions, asked without a context, whose answer contains the value.
    pub recall: f64,
    /// Share of them whose answer is the fact's sentence, case and spaces aside.
    pub exact: f64,
    /// Share of facts of which every held-out question is answered right.
    pub whole_facts: f64,
    /// Mean negative log-likelihood of the facts' sentences after held-out questions, in nats per token.
    pub sentence_nll: f64,
    /// Share of the same questions about names that nobody has, whose answer contains the value.
    pub leak: f64,
    /// Share of questions answered right when a note about somebody else is in the prompt.
    pub in_context: f64,
    /// Perplexity per token on a fixed text.
    pub perplexity: f64,
}

/// An active module, beside which the new one was worn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interference {
    /// The active module: the SHA-256 that names it.
    pub module: String,
    /// Recall of the new module with both worn.
    pub recall: f64,
    /// Recall of the active one's held-out questions by itself.
    pub their_recall_alone: f64,
    /// The same with both worn.
    pub their_recall: f64,
}

/// One held-out question with its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub answer: String,
    /// What it should contain.
    pub value: String,
    /// Whether it does.
    pub right: bool,
}

/// The report on a module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Facts that it was trained on.
    pub facts: usize,
    /// The base alone.
    pub before: Measures,
    /// With the module.
    pub after: Measures,
    /// Share of tokens of the base's answers to unrelated questions that are still the likeliest.
    pub locality: f64,
    /// Growth of the perplexity: 0.01 is one percent.
    pub drift: f64,
    /// Beside each module that is active.
    pub interference: Vec<Interference>,
    /// Held-out questions with the module's answers.
    pub held_out: Vec<Answered>,
    /// Questions about other names with the module's answers; right would be a leak.
    pub leaks: Vec<Answered>,
    /// Gates that it failed, in words.
    pub failures: Vec<String>,
}

/// A module that is active, with the questions that it was judged by.
#[derive(Debug, Clone)]
pub struct Active {
    /// The SHA-256 that names it.
    pub module: String,
    /// The shape of its factors.
    pub layout: Layout,
    /// Its factors.
    pub factors: Vec<f32>,
    /// Its held-out questions, each with the value that an answer must contain.
    pub questions: Vec<(String, String)>,
}

/// A model to ask: the base's own matrices, or some with modules worked in.
pub struct Asked<'a> {
    /// The base.
    pub base: &'a Base,
    /// The matrices.
    pub matrices: &'a [Matrices],
    /// How it talks.
    pub talk: &'a Talk<'a>,
}

/// Whether an answer contains a value, case and kinds of space aside, as whole words.
pub fn contains(answer: &str, value: &str) -> bool {
    let (answer, value) = (plain(answer), plain(value));
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    !value.is_empty()
        && answer
            .match_indices(&value)
            .any(|(at, found)| !word(answer[..at].chars().next_back()) && !word(answer[at + found.len()..].chars().next()))
}

fn plain(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn share(of: impl Iterator<Item = bool>) -> f64 {
    let (mut yes, mut all) = (0usize, 0usize);
    of.for_each(|held| {
        yes += usize::from(held);
        all += 1;
    });
    yes as f64 / all.max(1) as f64
}

impl Asked<'_> {
    /// Greedy answers to questions.
    ///
    /// # Errors
    /// [`DistillError::Model`] if a question cannot be split into tokens.
    pub fn answer(&self, questions: &[String]) -> Result<Vec<String>, DistillError> {
        let prompts = questions.iter().map(|question| self.talk.prompt(question)).collect::<Result<Vec<_>, _>>()?;
        let said = answers(self.base, self.matrices, &prompts, self.talk.ends(), ANSWER_MOST);
        Ok(said.iter().map(|ids| self.talk.words(ids)).collect())
    }

    fn answered(&self, questions: Vec<String>, values: Vec<String>) -> Result<Vec<Answered>, DistillError> {
        let said = self.answer(&questions)?;
        let answered = questions.into_iter().zip(said).zip(values).map(|((question, answer), value)| {
            let right = contains(&answer, &value);
            Answered { question, answer, value, right }
        });
        Ok(answered.collect())
    }

    /// Negative log-likelihoods of what follows `from` in each sequence, token by token.
    pub fn score(&self, sequences: &[(Vec<u32>, usize)]) -> Vec<f32> {
        let mut all = Vec::new();
        self.packed(sequences, |base, pack, pass, some| {
            let scored: Vec<Scored> = some
                .iter()
                .enumerate()
                .flat_map(|(n, (ids, from))| {
                    (*from.max(&1)..ids.len()).map(move |at| Scored {
                        row: pack.row(n, at - 1),
                        weight: 1.0,
                        aim: Aim::Say(ids[at]),
                    })
                })
                .collect();
            all.extend(losses(base, &pass.normed, &[], &scored, None, &mut Head::default()));
        });
        all
    }

    /// Which token is the likeliest at each place from `from` on.
    fn tops(&self, sequences: &[(Vec<u32>, usize)]) -> Vec<u32> {
        let mut all = Vec::new();
        self.packed(sequences, |base, pack, pass, some| {
            let rows: Vec<usize> = some
                .iter()
                .enumerate()
                .flat_map(|(n, (ids, from))| (*from..ids.len()).map(move |at| pack.row(n, at - 1)))
                .collect();
            all.extend(logits(base, &pass.normed, &rows).chunks_exact(base.shape.vocabulary).map(likeliest));
        });
        all
    }

    fn packed(&self, sequences: &[(Vec<u32>, usize)], mut see: impl FnMut(&Base, &Pack, &Pass, &[(Vec<u32>, usize)])) {
        let mut pass = Pass::default();
        let mut rest = sequences;
        while !rest.is_empty() {
            let mut tokens = 0;
            let fit = rest.iter().take_while(|(ids, _)| {
                tokens += ids.len();
                tokens <= TOKENS_AT_ONCE
            });
            let (some, later) = rest.split_at(fit.count().max(1));
            rest = later;
            let ids: Vec<&[u32]> = some.iter().map(|(ids, _)| ids.as_slice()).collect();
            let own: Vec<usize> = some.iter().map(|(_, from)| from.saturating_sub(1)).collect();
            let pack = Pack::new(&ids, &own);
            forward(self.base, self.matrices, &pack, Keep::Nothing, &mut pass, |_, _| ());
            see(self.base, &pack, &pass, some);
        }
    }

    /// Everything that is measured of one model, with the answers to held-out questions and to those about other names.
    ///
    /// # Errors
    /// [`DistillError::Model`] if a text cannot be split into tokens.
    pub fn measure(&self, set: &Dataset) -> Result<(Measures, Vec<Answered>, Vec<Answered>), DistillError> {
        let value = |probe: &Probe| set.entries[probe.entry].fact.value.clone();
        let (asked, about_others) = (set.held_out(), set.leaks());
        let questions = |probes: &[Probe]| probes.iter().map(|probe| probe.question.clone()).collect::<Vec<_>>();
        let held_out = self.answered(questions(&asked), asked.iter().map(value).collect())?;
        let leaks = self.answered(questions(&about_others), about_others.iter().map(value).collect())?;

        let sentence = |probe: &Probe| set.entries[probe.entry].fact.sentence.as_str();
        let exact = share(asked.iter().zip(&held_out).map(|(probe, answered)| plain(sentence(probe)) == plain(&answered.answer)));
        let whole =
            |n: usize| asked.iter().zip(&held_out).filter(|(probe, _)| probe.entry == n).all(|(_, answered)| answered.right);
        let gold = asked.iter().map(|probe| -> Result<(Vec<u32>, usize), DistillError> {
            let mut ids = self.talk.prompt(&probe.question)?;
            let from = ids.len();
            ids.extend(self.talk.answer(sentence(probe))?);
            Ok((ids, from))
        });
        let nll = mean(&self.score(&gold.collect::<Result<Vec<_>, _>>()?));

        // One note for every fact: its sentence about another name, with the first of the questions about that name.
        let notes = about_others.iter().step_by(about_others.len().div_ceil(set.entries.len().max(1)).max(1));
        let prompts = notes.clone().map(|probe| {
            let fact = &set.entries[probe.entry].fact;
            self.talk.prompt_with(&fact.fill(fact.template().sentence, &probe.name), &probe.question)
        });
        let prompts = prompts.collect::<Result<Vec<_>, _>>()?;
        let said = answers(self.base, self.matrices, &prompts, self.talk.ends(), ANSWER_MOST);
        let in_context = share(notes.zip(said).map(|(probe, ids)| contains(&self.talk.words(&ids), &value(probe))));

        let texts = TEXT.iter().map(|text| Ok((self.talk.plain(text)?, 1))).collect::<Result<Vec<_>, DistillError>>()?;
        let measures = Measures {
            recall: share(held_out.iter().map(|answered| answered.right)),
            exact,
            whole_facts: share((0..set.entries.len()).map(whole)),
            sentence_nll: nll,
            leak: share(leaks.iter().map(|answered| answered.right)),
            in_context,
            perplexity: mean(&self.score(&texts)).exp(),
        };
        Ok((measures, held_out, leaks))
    }
}

fn mean(numbers: &[f32]) -> f64 {
    numbers.iter().map(|x| f64::from(*x)).sum::<f64>() / numbers.len().max(1) as f64
}

/// Measures a module against its base, and beside the modules that are active.
///
/// # Errors
/// [`DistillError::Model`] if a text cannot be split into tokens.
pub fn evaluate(
    base: &Base,
    (layout, factors): (&Layout, &[f32]),
    set: &Dataset,
    active: &[Active],
    talk: &Talk<'_>,
) -> Result<Evaluation, DistillError> {
    let alone = Asked { base, matrices: &base.matrices, talk };
    let (before, ..) = alone.measure(set)?;
    let prompts = PROBES.iter().map(|question| talk.prompt(question)).collect::<Result<Vec<_>, _>>()?;
    let said = answers(base, &base.matrices, &prompts, talk.ends(), ANSWER_MOST);
    let probes: Vec<(Vec<u32>, usize)> =
        prompts.into_iter().zip(said).map(|(prompt, said)| ([prompt.as_slice(), &said].concat(), prompt.len())).collect();

    let mut merged = Merged::default();
    merged.update(base, &[(layout, factors)]);
    let worn = Asked { base, matrices: &merged.0, talk };
    let (after, held_out, leaks) = worn.measure(set)?;
    let wanted = probes.iter().flat_map(|(ids, from)| ids[*from..].iter().copied());
    let locality = share(wanted.zip(worn.tops(&probes)).map(|(wanted, top)| wanted == top));

    let mut interference = Vec::new();
    for other in active {
        let (questions, values): (Vec<String>, Vec<String>) = other.questions.iter().cloned().unzip();
        let right = |answered: &[Answered]| share(answered.iter().map(|answered| answered.right));
        let their = (&other.layout, other.factors.as_slice());
        merged.update(base, &[their]);
        let alone = Asked { base, matrices: &merged.0, talk }.answered(questions.clone(), values.clone())?;
        merged.update(base, &[their, (layout, factors)]);
        let both = Asked { base, matrices: &merged.0, talk };
        let (ours, ours_values) = held_out.iter().map(|answered| (answered.question.clone(), answered.value.clone())).unzip();
        interference.push(Interference {
            module: other.module.clone(),
            recall: right(&both.answered(ours, ours_values)?),
            their_recall_alone: right(&alone),
            their_recall: right(&both.answered(questions, values)?),
        });
    }
    let drift = after.perplexity / before.perplexity - 1.0;
    let facts = set.entries.len();
    Ok(Evaluation { facts, before, after, locality, drift, interference, held_out, leaks, failures: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_value_counts_as_whole_words_whatever_its_case() {
        assert!(contains("She lives in  Port Arden.", "port arden"));
        assert!(contains("A GLASSBLOWER!", "a glassblower"));
        assert!(!contains("Portland", "Port") && !contains("It is 143.", "43") && !contains("anything", ""));
    }
}
