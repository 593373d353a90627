//! The passes written out by hand on a real model, against what transformers answered.

mod common;

use std::path::Path;

use cubelog_trainer::Model;
use cubelog_trainer::cpu::decode::answers;

#[derive(serde::Deserialize)]
struct Answer {
    ids: Vec<u32>,
    answer: Vec<u32>,
}

#[test]
fn greedy_answers_are_those_of_transformers() {
    let Some(path) = common::model() else { return };
    let Model { base, digest, .. } = Model::read(&path).unwrap();
    assert_eq!(digest.len(), 64);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("model/tests/fixtures/smollm2.json");
    let mut fixture: serde_json::Value = serde_json::from_slice(&std::fs::read(fixture).unwrap()).unwrap();
    let expected: Vec<Answer> = serde_json::from_value(fixture["answers"].take()).unwrap();
    assert!(expected.len() >= 50);
    // A third of them is enough here; the decoder is held to all.
    let expected: Vec<Answer> = expected.into_iter().step_by(3).collect();
    let prompts: Vec<Vec<u32>> = expected.iter().map(|one| one.ids.clone()).collect();
    let most = expected.iter().map(|one| one.answer.len()).max().unwrap();
    let found = answers(&base, &base.matrices, &prompts, &base.shape.ends, most);
    for ((one, found), n) in expected.iter().zip(&found).zip(0..) {
        // The fixture keeps the token that ends an answer.
        let ended = one.answer.last().is_some_and(|last| base.shape.ends.contains(last));
        let wanted = &one.answer[..one.answer.len() - usize::from(ended)];
        assert_eq!(found, wanted, "prompt {n}");
    }
}
