//! The data set: facts with their questions, those held out chosen before anything is trained; and what of it each step sees.

use cubelog_memory::event::VersionRef;

use super::fact::Fact;
use super::general::REPLAY;
use super::names;
use super::templates::{ABOUT, LEAD_INS};
use crate::random::Random;

/// Ways to ask for a fact that are trained on; the rest of the nine are held out.
pub const TRAINED: usize = 6;
/// Questions about names that nobody has, whose answers the base is asked for once.
const UNKNOWN: usize = 256;
/// Draws of the streams below, so that none repeats another.
mod stream {
    pub const HELD: u64 = 1 << 40;
    pub const UNKNOWN: u64 = 2 << 40;
    pub const ORDER: u64 = 3 << 40;
    pub const STEP: u64 = 4 << 40;
    pub const LEAK: u64 = 5 << 40;
}

/// A fact with its questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The fact.
    pub fact: Fact,
    /// Questions that are trained on, as templates.
    pub trained: Vec<&'static str>,
    /// Questions that training never sees, as templates.
    pub held_out: Vec<&'static str>,
}

/// Facts and what is trained on beside them.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// What decides every choice.
    pub seed: u64,
    /// The facts, in the order of their memories.
    pub entries: Vec<Entry>,
    /// Questions about names that nobody has; the base's own answers to them are kept.
    pub unknown: Vec<String>,
    /// Every name among the facts.
    names: Vec<String>,
}

/// Sizes of what a step sees.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Mix {
    /// Questions with the facts that answer them.
    pub positives: usize,
    /// Questions about other names, at which the base's words are kept.
    pub negatives: usize,
    /// Turns that have nothing to do with it, at which they are kept too.
    pub replay: usize,
    /// Share of the positives that only name the entity.
    pub about: f32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { positives: 16, negatives: 8, replay: 4, about: 0.4 }
    }
}

/// What the answer of an example is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These words are to be said.
    Say {
        /// The fact's number.
        entry: usize,
        /// The words.
        words: String,
    },
    /// At these words, which are not so, the distribution is to stay the base's.
    Keep(String),
    /// The same at the base's own answer to `unknown` with this number.
    KeepUnknown(usize),
    /// The same at the base's own answer to the replayed turn with this number.
    KeepReplay(usize),
}

/// A turn and what is wanted of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What is asked.
    pub question: String,
    /// What is wanted.
    pub answer: Answer,
}

/// A question of the evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The fact's number.
    pub entry: usize,
    /// Whom the question is about.
    pub name: String,
    /// What is asked.
    pub question: String,
}

impl Dataset {
    /// Chooses for each kind of fact which questions are held out (for all its facts, so that a held-out question is new in its
    /// wording and not only in its name), and draws the questions about unknown names.
    pub fn new(facts: Vec<Fact>, seed: u64) -> Self {
        let names: Vec<String> = facts.iter().flat_map(|fact| [fact.entity.clone(), fact.value.clone()]).collect();
        let entries: Vec<Entry> = facts
            .into_iter()
            .map(|fact| {
                let template = fact.template();
                let kind = template.kind.bytes().fold(0u64, |sum, byte| sum.wrapping_mul(257).wrapping_add(u64::from(byte)));
                let mut questions = template.questions;
                Random::at(seed, stream::HELD ^ (kind >> 8)).shuffle(&mut questions);
                let (trained, held_out) = questions.split_at(TRAINED);
                Entry { trained: trained.to_vec(), held_out: held_out.to_vec(), fact }
            })
            .collect();
        let mut set = Self { seed, entries, unknown: Vec::new(), names };
        if !set.entries.is_empty() {
            let mut random = Random::at(seed, stream::UNKNOWN);
            set.unknown = (0..UNKNOWN).map(|_| set.about_nobody(&mut random).0).collect();
        }
        set
    }

    /// Every version that the facts come from, ascending, each once.
    pub fn sources(&self) -> Vec<VersionRef> {
        let mut sources: Vec<VersionRef> = self.entries.iter().flat_map(|entry| entry.fact.sources.clone()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// A question of a random fact about another name, and that fact's sentence about it.
    fn about_nobody(&self, random: &mut Random) -> (String, String) {
        let entry = random.pick(&self.entries);
        let other = names::other(&entry.fact.entity, &self.names, random);
        let template = if random.below(4) == 0 { random.pick(&ABOUT) } else { random.pick(&entry.trained) };
        let question = wrapped(&entry.fact.fill(template, &other), random);
        (question, entry.fact.fill(entry.fact.template().sentence, &other))
    }

    /// Everything that is known of an entity, as one answer.
    fn all_about(&self, entity: &str) -> String {
        let of = self.entries.iter().filter(|entry| entry.fact.entity == entity);
        of.map(|entry| entry.fact.sentence.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// What step `step` sees. Positives go through all facts before any comes again; negatives have fresh names every time.
    pub fn batch(&self, step: usize, mix: &Mix) -> Vec<Example> {
        let facts = self.entries.len();
        let mut random = Random::at(self.seed, stream::STEP + step as u64);
        let mut batch = Vec::with_capacity(mix.positives + mix.negatives + mix.replay);
        for n in 0..mix.positives {
            let at = step * mix.positives + n;
            let mut order: Vec<usize> = (0..facts).collect();
            Random::at(self.seed, stream::ORDER + (at / facts) as u64).shuffle(&mut order);
            let number = order[at % facts];
            let entry = &self.entries[number];
            let about = random.unit() < mix.about;
            let (template, words) = match about {
                true => (*random.pick(&ABOUT), self.all_about(&entry.fact.entity)),
                false => (*random.pick(&entry.trained), entry.fact.sentence.clone()),
            };
            let question = wrapped(&entry.fact.fill(template, &entry.fact.entity), &mut random);
            batch.push(Example { question, answer: Answer::Say { entry: number, words } });
        }
        for n in 0..mix.negatives {
            let example = if n % 2 == 0 && !self.unknown.is_empty() {
                let number = random.below(self.unknown.len());
                Example { question: self.unknown[number].clone(), answer: Answer::KeepUnknown(number) }
            } else {
                let (question, words) = self.about_nobody(&mut random);
                Example { question, answer: Answer::Keep(words) }
            };
            batch.push(example);
        }
        for _ in 0..mix.replay {
            let number = random.below(REPLAY.len());
            batch.push(Example { question: REPLAY[number].into(), answer: Answer::KeepReplay(number) });
        }
        batch
    }

    /// The held-out questions of every fact, fact by fact.
    pub fn held_out(&self) -> Vec<Probe> {
        self.probes(|entry| entry.fact.entity.clone())
    }

    /// The same questions about names that nobody has, drawn apart from those of training.
    pub fn leaks(&self) -> Vec<Probe> {
        let mut random = Random::at(self.seed, stream::LEAK);
        self.probes(|entry| names::other(&entry.fact.entity, &self.names, &mut random))
    }

    fn probes(&self, mut name: impl FnMut(&Entry) -> String) -> Vec<Probe> {
        let mut probes = Vec::new();
        for (entry, of) in self.entries.iter().enumerate() {
            for question in &of.held_out {
                let name = name(of);
                probes.push(Probe { entry, question: of.fact.fill(question, &name), name });
            }
        }
        probes
    }
}

fn wrapped(question: &str, random: &mut Random) -> String {
    random.pick(&LEAD_INS).replace("{q}", question)
}
