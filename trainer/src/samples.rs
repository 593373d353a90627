//! From questions and answers to token ids, and to what each of their tokens is held to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dataset::{Answer, Dataset, Example};
use crate::error::DistillError;
use crate::talk::Talk;

/// Longest answer that is trained on, in tokens.
pub const ANSWER_TOKENS_MAX: usize = 64;
/// Longest question, in tokens; a longer one is cut, which only a cloze of a very long sentence would be.
const PROMPT_TOKENS_MAX: usize = 448;

/// For each token of an answer, a teacher's likeliest tokens with their probabilities.
pub type Likely = Arc<Vec<Vec<(u32, f32)>>>;

/// What a sample's answer is held to.
#[derive(Debug, Clone, PartialEq)]
pub enum Hold {
    /// Its own tokens.
    Say,
    /// A teacher's distributions, one for each token of the answer.
    Match(Likely),
    /// The base, about other names.
    Keep,
    /// The base, in unrelated turns.
    Replay,
}

/// A conversation of one question and one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Its ids.
    pub ids: Vec<u32>,
    /// Where the answer begins.
    pub from: usize,
    /// What the answer is held to.
    pub hold: Hold,
}

impl Sample {
    /// A question's ids and an answer's.
    pub fn new(mut prompt: Vec<u32>, mut answer: Vec<u32>, hold: Hold) -> Self {
        prompt.drain(..prompt.len().saturating_sub(PROMPT_TOKENS_MAX));
        answer.truncate(ANSWER_TOKENS_MAX);
        let from = prompt.len();
        prompt.extend(answer);
        Self { ids: prompt, from, hold }
    }

    /// Tokens that count.
    pub fn answer_tokens(&self) -> usize {
        self.ids.len() - self.from
    }
}

/// What the base says by itself, asked once and recorded.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Recorded {
    /// Its answers to the questions about names that nobody has, as ids.
    pub unknown: Vec<Vec<u32>>,
    /// Its answers to the turns that are replayed, as ids.
    pub replay: Vec<Vec<u32>>,
}

/// What a teacher with the memory in its prompt said, where it was right, by fact and trained question.
pub type Teacher = BTreeMap<(usize, usize), (Vec<u32>, Likely)>;

/// The samples of a step.
///
/// # Errors
/// [`DistillError::Model`] if a text cannot be split into tokens.
pub fn samples(
    set: &Dataset,
    batch: &[Example],
    talk: &Talk<'_>,
    recorded: &Recorded,
    teacher: &Teacher,
) -> Result<Vec<Sample>, DistillError> {
    let end = talk.ends().first().copied();
    let with_end = |ids: &[u32]| ids.iter().copied().chain(end).collect::<Vec<u32>>();
    let sample = |example: &Example| -> Result<Sample, DistillError> {
        let prompt = talk.prompt(&example.question)?;
        Ok(match &example.answer {
            Answer::Say { entry, words } => {
                let asked = &set.entries[*entry];
                let question =
                    asked.trained.iter().position(|q| example.question.contains(&asked.fact.fill(q, &asked.fact.entity)));
                match question.and_then(|question| teacher.get(&(*entry, question))) {
                    Some((said, likely)) => Sample::new(prompt, said.clone(), Hold::Match(Arc::clone(likely))),
                    None => Sample::new(prompt, talk.answer(words)?, Hold::Say),
                }
            }
            Answer::Keep(words) => Sample::new(prompt, talk.answer(words)?, Hold::Keep),
            Answer::KeepUnknown(n) => Sample::new(prompt, with_end(&recorded.unknown[*n]), Hold::Keep),
            Answer::KeepReplay(n) => Sample::new(prompt, with_end(&recorded.replay[*n]), Hold::Replay),
        })
    };
    batch.iter().map(sample).collect()
}
