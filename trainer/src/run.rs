//! The training loop.

use std::path::Path;
use std::time::Duration;

use crate::checkpoint::{self, State};
use crate::cpu::factors::Layout;
use crate::curve::Point;
use crate::dataset::Dataset;
use crate::engine::{Steps, Weights};
use crate::error::DistillError;
use crate::optimise::{Moments, clip};
use crate::recipe::Recipe;
use crate::samples::{Recorded, Teacher, samples};
use crate::talk::Talk;

/// What goes on, for whoever watches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum News {
    /// The model is being read.
    Reading,
    /// The base is asked what it says by itself.
    Recording,
    /// A teacher is asked.
    Teaching,
    /// A step was done.
    Step {
        /// What was measured.
        point: Point,
        /// Steps of the whole run.
        steps: usize,
        /// Tokens per second since the run began or went on.
        tokens_per_second: f64,
        /// What the rest will take at that rate.
        left: Duration,
    },
    /// The module is being measured.
    Evaluating,
    /// It is being written.
    Publishing,
}

/// Whoever watches a run. It also has the clock, because nothing else here looks at one.
pub trait Progress {
    /// Time since some moment before the run.
    fn elapsed(&mut self) -> Duration;
    /// Something went on.
    fn tell(&mut self, news: News);
    /// Whether to stop at the next step; the run can be gone on with later.
    fn stop(&mut self) -> bool {
        false
    }
}

/// What a run needs beside the engine.
pub struct Run<'a> {
    /// The data.
    pub set: &'a Dataset,
    /// How.
    pub recipe: &'a Recipe,
    /// The shape of the factors.
    pub layout: &'a Layout,
    /// What the base says by itself.
    pub recorded: &'a Recorded,
    /// What a teacher said; empty without one.
    pub teacher: &'a Teacher,
    /// Names everything that decides the run.
    pub name: &'a str,
    /// The file that the state is kept in.
    pub checkpoint: &'a Path,
}

impl Run<'_> {
    /// Trains, or goes on where a checkpoint of the same run left off; ends with the same factors either way.
    ///
    /// # Errors
    /// [`DistillError::NotANumber`], [`DistillError::Stopped`], and what the disk and the tokenizer say.
    pub fn train(&self, engine: &mut dyn Steps, talk: &Talk<'_>, progress: &mut dyn Progress) -> Result<State, DistillError> {
        let steps = self.recipe.steps(self.set.entries.len());
        let schedule = self.recipe.schedule(self.set.entries.len());
        let mut state = match checkpoint::load(self.checkpoint, self.name)? {
            Some(state) if state.factors.len() == self.layout.len() => state,
            _ => State {
                step: 0,
                factors: self.layout.begin(self.recipe.seed),
                moments: Moments::new(self.layout.len()),
                curve: Vec::new(),
            },
        };
        let weights = Weights { say: 1.0, keep: self.recipe.keep, replay: self.recipe.replay };
        let mut gradients = vec![0.0; self.layout.len()];
        let (begun, first) = (progress.elapsed(), state.step);
        let mut tokens = 0;
        let mut saved = (first > 0).then_some(first);
        while state.step < steps {
            let step = state.step;
            if progress.stop() {
                if saved != Some(step) {
                    checkpoint::save(self.checkpoint, self.name, &state)?;
                }
                return Err(DistillError::Stopped { step });
            }
            let batch = samples(self.set, &self.set.batch(step, &self.recipe.mix), talk, self.recorded, self.teacher)?;
            let losses = engine.step(self.layout, &state.factors, &batch, weights, &mut gradients)?;
            let norm = clip(&mut gradients, self.recipe.clip);
            let rate = schedule.rate(step);
            if !(losses.say + losses.keep + losses.replay).is_finite() || !norm.is_finite() {
                if saved != Some(step) && state.factors.iter().all(|x| x.is_finite()) {
                    checkpoint::save(self.checkpoint, self.name, &state)?;
                    saved = Some(step);
                }
                let checkpoint = saved.map(|_| self.checkpoint.to_owned());
                return Err(DistillError::NotANumber { step, rate, checkpoint });
            }
            self.recipe.optimiser.step(step + 1, rate, &mut state.factors, &gradients, &mut state.moments);
            let of_batch: usize = batch.iter().map(|sample| sample.ids.len()).sum();
            let point = Point { step, losses, norm, rate, tokens: of_batch };
            state.curve.push(point);
            state.step += 1;
            tokens += of_batch;
            if state.step % self.recipe.checkpoint_every.max(1) == 0 || state.step == steps {
                checkpoint::save(self.checkpoint, self.name, &state)?;
                saved = Some(state.step);
            }
            let spent = progress.elapsed().saturating_sub(begun);
            let left = spent.div_f64((state.step - first) as f64).mul_f64((steps - state.step) as f64);
            let tokens_per_second = tokens as f64 / spent.as_secs_f64().max(1e-9);
            progress.tell(News::Step { point, steps, tokens_per_second, left });
        }
        Ok(state)
    }
}
