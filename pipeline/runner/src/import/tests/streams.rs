//! Importers against whole streams: the demo's, and (where the folder is there) real published conversations.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::super::*;
use super::import;

#[test]
fn the_demo_conversations_are_whole_and_their_evidence_exists() {
    let jsonl: &[u8] = include_bytes!("../../../../../serving/cli/demo/conversations.jsonl");
    let openai: &[u8] = include_bytes!("../../../../../serving/cli/demo/chat.openai.json");
    let chatgpt: &[u8] = include_bytes!("../../../../../serving/cli/demo/chatgpt-export.json");
    for (name, file, format, turns_expected, questions_expected) in [
        ("conversations.jsonl", jsonl, Format::Jsonl, 147, 19),
        ("chat.openai.json", openai, Format::OpenAi, 6, 0),
        ("chatgpt-export.json", chatgpt, Format::ChatGpt, 7, 0),
    ] {
        assert_eq!(detect(file, name), Ok(format));
        let mut turns = std::collections::BTreeMap::new();
        let mut questions = Vec::new();
        for item in import(format, file) {
            match item.unwrap() {
                Item::Turn(turn) => {
                    assert!(turn.at.is_some() && turn.speaker.is_some(), "{name}: {turn:?}");
                    let key = (turn.conversation.clone(), turn.turn_id.clone());
                    assert_eq!(turns.insert(key, turn), None, "{name}: a turn twice");
                }
                Item::Question(question) => questions.push(question),
            }
        }
        assert_eq!((turns.len(), questions.len()), (turns_expected, questions_expected), "{name}");
        for question in &questions {
            assert!(!question.evidence.is_empty(), "{question:?}");
            for turn in &question.evidence {
                let turn = turns.get(&(question.conversation.clone(), turn.clone())).expect("the evidence is a turn");
                assert!(turn.at < question.asked_at, "{question:?} was asked before it could be known");
            }
        }
    }
}

/// Real conversations, beside the checkout on machines that have them; `None` where they are absent.
fn real(file: &str, format: Format) -> Option<Vec<Result<Item, ImportError>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(file);
    let Ok(file) = File::open(&path) else {
        eprintln!("skipped: {} is absent", path.display());
        return None;
    };
    let mut head = Vec::new();
    file.try_clone().unwrap().take(DETECT_BYTES as u64).read_to_end(&mut head).unwrap();
    assert_eq!(detect(&head, &path.to_string_lossy()), Ok(format));
    let file = File::open(&path).unwrap();
    Some(Importer::new(BufReader::new(file), format, ImportOptions { conversation: "stem".to_owned() }).collect())
}

#[test]
fn locomo_as_published_equals_its_normalised_form() {
    let (Some(published), Some(normalised)) =
        (real("locomo5.original.json", Format::Locomo), real("locomo.dev.jsonl", Format::Jsonl))
    else {
        return;
    };
    let split = |items: Vec<Result<Item, ImportError>>| {
        let mut turns = Vec::new();
        let mut questions = Vec::new();
        for item in items {
            match item.unwrap() {
                Item::Turn(turn) => turns.push(TurnInput { line: 0, ..turn }),
                // Only the normalised form was audited.
                Item::Question(question) => questions.push(QuestionInput { line: 0, evidence_audited: None, ..question }),
            }
        }
        (turns, questions)
    };
    let ((turns, questions), (turns_expected, questions_expected)) = (split(published), split(normalised));
    assert_eq!((turns.len(), questions.len()), (2_760, 999));
    for (turn, expected) in turns.iter().zip(&turns_expected) {
        assert_eq!(turn, expected);
    }
    assert_eq!(turns.len(), turns_expected.len());
    for (question, expected) in questions.iter().zip(&questions_expected) {
        assert_eq!(question, expected);
    }
    assert_eq!(questions.len(), questions_expected.len());
}

#[test]
fn real_streams_are_read_whole() {
    for (file, turns, questions) in [
        ("realmem.dev.jsonl", 7_107, 728),
        ("madial.en.jsonl", 160, 160),
        ("prefeval.explicit.jsonl", 1_000, 1_000),
        ("prefeval.choice.jsonl", 4_000, 1_000),
    ] {
        let Some(items) = real(file, Format::Jsonl) else { return };
        let turns_read = items.iter().filter(|item| matches!(item, Ok(Item::Turn(_)))).count();
        let questions_read = items.iter().filter(|item| matches!(item, Ok(Item::Question(_)))).count();
        assert_eq!((turns_read, questions_read, items.len()), (turns, questions, turns + questions), "{file}");
    }
}
