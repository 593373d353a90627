//! The proof on a real model: facts of a conversation into a module, and what it knows afterwards. It takes many minutes.
//!
//! `cargo test -p cubelog-trainer --test proof -- --ignored --nocapture`; the module and its report are kept in
//! `CUBELOG_PROOF_DIR` where that is set, so that they can be looked at and loaded elsewhere.

mod common;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use cubelog_trainer::dataset::Admission;
use cubelog_trainer::{DistillError, Gates, Job, Method, News, Progress, Recipe, distill};

struct Told {
    begun: Instant,
    trained: Option<(Duration, Duration)>,
}

impl Progress for Told {
    fn elapsed(&mut self) -> Duration {
        self.begun.elapsed()
    }
    fn tell(&mut self, news: News) {
        let now = self.begun.elapsed();
        match news {
            News::Step { point, steps, tokens_per_second, left } => {
                self.trained = Some((self.trained.map_or(now, |(first, _)| first), now));
                if point.step % 10 == 0 || point.step + 1 == steps {
                    let losses = point.losses;
                    println!(
                        "{:6.1} s  step {:4}  say {:.4}  keep {:.4}  replay {:.4}  norm {:.2}  {tokens_per_second:.0} tokens/s  {:.0} s left",
                        now.as_secs_f64(),
                        point.step,
                        losses.say,
                        losses.keep,
                        losses.replay,
                        point.norm,
                        left.as_secs_f64(),
                    );
                }
            }
            other => println!("{:6.1} s  {other:?}", now.as_secs_f64()),
        }
    }
}

#[test]
#[ignore = "trains for many minutes"]
#[expect(clippy::disallowed_methods, reason = "how long it takes is part of what is shown")]
fn twenty_facts_are_known_without_a_context_and_nothing_else_changed() {
    let Some(model) = common::model() else { return };
    let kept = tempfile::tempdir().unwrap();
    let dir = std::env::var_os("CUBELOG_PROOF_DIR").map_or_else(|| kept.path().to_owned(), PathBuf::from);
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let mut recipe = Recipe { steps: number("CUBELOG_PROOF_STEPS"), ..Recipe::default() };
    if let Some(rank) = number("CUBELOG_PROOF_RANK") {
        (recipe.rank, recipe.alpha) = (rank, 2.0 * rank as f32);
    }
    if let Some(top) = number("CUBELOG_PROOF_TEACHER") {
        recipe.method = Method::Context { top };
    }
    let job = Job {
        model,
        model_name: "HuggingFaceTB/SmolLM2-135M-Instruct".into(),
        name: "circle".into(),
        parent: None,
        sources: common::sources("circle.jsonl"),
        admission: Admission::default(),
        facts_max: 1000,
        recipe,
        gates: Gates::default(),
        active: Vec::new(),
        modules: dir.join("modules"),
        work: dir.join("work"),
        memory_bytes: 6 << 30,
        code: env!("CARGO_PKG_VERSION").into(),
    };
    let mut told = Told { begun: Instant::now(), trained: None };
    let (dir, evaluation) = match distill(&job, &mut told) {
        Ok(published) => (published.dir, published.manifest.evaluation),
        Err(DistillError::Rejected { dir, evaluation }) => (dir, *evaluation),
        Err(error) => panic!("{error}"),
    };
    let wrong = |answered: &[cubelog_trainer::evaluate::Answered], right: bool| {
        answered.iter().filter(|one| one.right == right).for_each(|one| println!("  {} -> {}", one.question, one.answer));
    };
    println!("wrong answers:");
    wrong(&evaluation.held_out, false);
    println!("leaks:");
    wrong(&evaluation.leaks, true);
    println!("before {:#?}\nafter {:#?}", evaluation.before, evaluation.after);
    println!("locality {:.4}, drift {:+.4}", evaluation.locality, evaluation.drift);
    if let Some((first, last)) = told.trained {
        println!(
            "training {:.0} s after the first step, {:.0} s with everything",
            (last - first).as_secs_f64(),
            told.elapsed().as_secs_f64()
        );
    }
    println!("{}", dir.display());
    assert!(evaluation.before.recall < 0.05, "the base knows them already");
    assert!(evaluation.failures.is_empty(), "{:?}", evaluation.failures);
}
