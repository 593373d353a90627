//! Context distillation: the base with the memory in its prompt teaches itself without, wherever it then answers right.

use std::sync::Arc;

use crate::cpu::decode::answers;
use crate::cpu::forward::{Keep, Pass, forward};
use crate::cpu::head::logits;
use crate::cpu::pack::Pack;
use crate::cpu::weights::Base;
use crate::dataset::Dataset;
use crate::error::DistillError;
use crate::evaluate::contains;
use crate::samples::{ANSWER_TOKENS_MAX, Teacher};
use crate::talk::Talk;

/// Asks every trained question with the fact in the prompt, and keeps the `top` likeliest tokens at every token of the answers
/// that contain the value.
///
/// # Errors
/// [`DistillError::Model`] if a text cannot be split into tokens.
pub fn teach(base: &Base, set: &Dataset, talk: &Talk<'_>, top: usize) -> Result<Teacher, DistillError> {
    let mut asked = Vec::new();
    let mut prompts = Vec::new();
    for (n, entry) in set.entries.iter().enumerate() {
        for (question, template) in entry.trained.iter().enumerate() {
            asked.push((n, question));
            prompts.push(talk.prompt_with(&entry.fact.sentence, &entry.fact.fill(template, &entry.fact.entity))?);
        }
    }
    let said = answers(base, &base.matrices, &prompts, talk.ends(), ANSWER_TOKENS_MAX - 1);
    let mut teacher = Teacher::new();
    let mut pass = Pass::default();
    for ((place, prompt), mut answer) in asked.into_iter().zip(prompts).zip(said) {
        if !contains(&talk.words(&answer), &set.entries[place.0].fact.value) {
            continue;
        }
        answer.extend(talk.ends().first());
        let ids = [prompt.as_slice(), &answer].concat();
        let pack = Pack::new(&[&ids], &[prompt.len()]);
        forward(base, &base.matrices, &pack, Keep::Nothing, &mut pass, |_, _| ());
        let rows: Vec<usize> = (prompt.len()..ids.len()).map(|at| at - 1).collect();
        let rows = logits(base, &pass.normed, &rows);
        let likely = rows.chunks_exact(base.shape.vocabulary).map(|row| likeliest(row, top)).collect();
        teacher.insert(place, (answer, Arc::new(likely)));
    }
    Ok(teacher)
}

/// The `top` likeliest tokens with their probabilities among themselves, the likeliest first.
fn likeliest(row: &[f32], top: usize) -> Vec<(u32, f32)> {
    let mut order: Vec<u32> = (0..row.len() as u32).collect();
    let top = top.min(order.len());
    let by = |a: &u32, b: &u32| row[*b as usize].total_cmp(&row[*a as usize]).then(a.cmp(b));
    if top < order.len() {
        order.select_nth_unstable_by(top, by);
        order.truncate(top);
    }
    order.sort_unstable_by(by);
    let highest = order.first().map_or(0.0, |&token| row[token as usize]);
    let weights: Vec<f32> = order.iter().map(|&token| (row[token as usize] - highest).exp()).collect();
    let total: f32 = weights.iter().sum();
    order.into_iter().zip(weights).map(|(token, weight)| (token, weight / total)).collect()
}
