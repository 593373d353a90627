//! The training loop on a tiny model: repeatable, resumable after any end, and stopped where it must be.

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::Quiet;
use common::tiny::{base, shape, tokenizer};
use cubelog_model::lora::Part;
use cubelog_trainer::cpu::factors::Layout;
use cubelog_trainer::dataset::fact::read;
use cubelog_trainer::dataset::general::REPLAY;
use cubelog_trainer::dataset::{Admission, Dataset};
use cubelog_trainer::engine::{Engine, Need, Steps, Weights};
use cubelog_trainer::run::Run;
use cubelog_trainer::samples::{Recorded, Sample, Teacher, samples};
use cubelog_trainer::{DistillError, Recipe, Talk};
use sha2::{Digest, Sha256};

const MEMORY: usize = 1 << 30;

fn set() -> Dataset {
    Dataset::new(read(&common::sources("circle.jsonl"), &Admission::default(), 4).0, 3)
}

fn recipe() -> Recipe {
    let mut recipe = Recipe { rank: 4, alpha: 8.0, steps: Some(12), warm_up: 2, checkpoint_every: 3, ..Recipe::default() };
    (recipe.mix.positives, recipe.mix.negatives, recipe.mix.replay) = (4, 2, 1);
    recipe
}

fn recorded(set: &Dataset) -> Recorded {
    let answer = |n: usize| vec![97 + (n % 26) as u32; 5];
    Recorded { unknown: (0..set.unknown.len()).map(answer).collect(), replay: (0..REPLAY.len()).map(answer).collect() }
}

/// Trains in `dir`; gives a digest of the factors' bits, and the curve.
fn train(dir: &Path, recipe: &Recipe, memory: usize, progress: &mut Quiet) -> Result<(String, String), DistillError> {
    let (set, tokenizer) = (set(), tokenizer(dir));
    let layout = Layout::new(&shape(), &Part::ALL, recipe.rank, recipe.alpha);
    let mut engine = Engine::new(base(), &layout, memory, 320)?;
    let (recorded, teacher) = (recorded(&set), Teacher::new());
    let checkpoint = dir.join("run.checkpoint");
    let run =
        Run { set: &set, recipe, layout: &layout, recorded: &recorded, teacher: &teacher, name: "test", checkpoint: &checkpoint };
    let state = run.train(&mut engine, &Talk::new(&tokenizer), progress)?;
    let bits: Vec<u8> = state.factors.iter().flat_map(|x| x.to_le_bytes()).collect();
    Ok((format!("{:x}", Sha256::digest(bits)), format!("{:?}", state.curve)))
}

fn straight() -> (String, String) {
    train(tempfile::tempdir().unwrap().path(), &recipe(), MEMORY, &mut Quiet::default()).unwrap()
}

#[test]
fn a_run_that_is_stopped_and_gone_on_with_ends_where_a_straight_one_does() {
    let whole = straight();
    let losses: Vec<f64> =
        whole.1.split("say: ").skip(1).map(|rest| rest.split([',', ' ']).next().unwrap().parse().unwrap()).collect();
    assert!(losses.len() == 12 && losses[11] < losses[0], "it learns: {losses:?}");
    for stop in [0, 1, 3, 5, 11] {
        let dir = tempfile::tempdir().unwrap();
        let mut stopping = Quiet { stop_after: Some(stop), ..Quiet::default() };
        let stopped = train(dir.path(), &recipe(), MEMORY, &mut stopping);
        assert!(matches!(stopped, Err(DistillError::Stopped { step }) if step == stop));
        let mut rest = Quiet::default();
        assert_eq!(train(dir.path(), &recipe(), MEMORY, &mut rest).unwrap(), whole, "stopped at {stop}");
        assert_eq!(rest.steps, 12 - stop, "no step is done twice");
    }
}

/// What the test below starts as another process.
#[test]
#[ignore = "run by another test, to be killed"]
fn train_until_killed() {
    let Some(dir) = std::env::var_os("CUBELOG_TEST_TRAIN_IN") else { return };
    let mut recipe = recipe();
    recipe.steps = Some(60);
    train(Path::new(&dir), &recipe, MEMORY, &mut Quiet::default()).unwrap();
}

#[test]
fn a_run_that_is_killed_goes_on_to_the_same_end() {
    let mut long = recipe();
    long.steps = Some(60);
    let whole = train(tempfile::tempdir().unwrap().path(), &long, MEMORY, &mut Quiet::default()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = dir.path().join("run.checkpoint");
    let mut kills = 0;
    for wait in [0, 3, 11, 26] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "train_until_killed"])
            .env("CUBELOG_TEST_TRAIN_IN", dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Killed at some moment after a checkpoint is there, while steps are computed and further ones are written.
        for _ in 0..2000 {
            if checkpoint.is_file() || child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        kills += usize::from(!child.wait().unwrap().success());
    }
    assert!(kills > 0, "none was killed before its end");
    assert_eq!(train(dir.path(), &long, MEMORY, &mut Quiet::default()).unwrap(), whole);
}

#[test]
fn a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_state() {
    let dir = tempfile::tempdir().unwrap();
    let wild = Recipe { rate: 1e30, warm_up: 0, ..recipe() };
    let error = train(dir.path(), &wild, MEMORY, &mut Quiet::default()).unwrap_err();
    let DistillError::NotANumber { step, checkpoint, .. } = &error else { panic!("{error}") };
    assert!((1..12).contains(step), "{error}");
    assert!(error.to_string().contains("is not a number"), "{error}");
    if let Some(kept) = checkpoint {
        assert!(kept.is_file());
    }
}

#[test]
fn a_run_that_does_not_fit_is_refused_with_the_number() {
    let dir = tempfile::tempdir().unwrap();
    let error = train(dir.path(), &recipe(), 1 << 20, &mut Quiet::default()).unwrap_err();
    let DistillError::Memory { needed_bytes, allowed_bytes } = error else { panic!("{error}") };
    assert!(needed_bytes > allowed_bytes && allowed_bytes == 1 << 20);
    assert!(train(dir.path(), &Recipe { steps: Some(1), ..recipe() }, needed_bytes, &mut Quiet::default()).is_ok());
}

#[test]
fn small_micro_batches_give_the_gradients_of_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (set, tokenizer, recipe) = (set(), tokenizer(dir.path()), recipe());
    let talk = Talk::new(&tokenizer);
    let layout = Layout::new(&shape(), &Part::ALL, 4, 8.0);
    let mut factors = layout.begin(5);
    factors.iter_mut().enumerate().for_each(|(n, x)| *x += (n as f32 * 0.37).sin() * 0.05);
    let batch: Vec<Sample> = samples(&set, &set.batch(0, &recipe.mix), &talk, &recorded(&set), &Teacher::new()).unwrap();
    let longest = batch.iter().map(|sample| sample.ids.len()).max().unwrap();
    let need = Need::of(&base(), &layout);
    let of = |memory: usize| {
        let mut gradients = vec![0.0; layout.len()];
        let mut engine = Engine::new(base(), &layout, memory, longest).unwrap();
        let weights = Weights { say: 1.0, keep: 1.0, replay: 0.5 };
        let losses = engine.step(&layout, &factors, &batch, weights, &mut gradients).unwrap();
        (losses, gradients)
    };
    let (whole, gradients) = of(MEMORY);
    let (parts, by_parts) = of(need.fixed_bytes + longest * need.token_bytes);
    assert!((whole.say - parts.say).abs() < 1e-5 && (whole.keep - parts.keep).abs() < 1e-5, "{whole:?} {parts:?}");
    let norm = gradients.iter().map(|g| g * g).sum::<f32>().sqrt();
    let apart = gradients.iter().zip(&by_parts).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
    assert!(norm > 0.0 && apart < 1e-4 * norm, "{apart} of {norm}");
}
