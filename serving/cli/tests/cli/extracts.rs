//! `cubelog extract` on a directory: tried, done, repeated, verified; and what it says when it cannot.

use crate::kit::Place;

const TURNS: &str = r#"{"kind":"turn","conversation":"talk","session":"S1","turn_id":"1","speaker":"Ana","at":"2024-05-01T10:00:00Z","text":"I live in Graz."}
{"kind":"turn","conversation":"talk","session":"S1","turn_id":"2","speaker":"assistant","at":"2024-05-01T10:01:00Z","text":"I live in a data centre."}
{"kind":"turn","conversation":"talk","session":"S1","turn_id":"3","speaker":"Ana","at":"2024-05-01T10:02:00Z","text":"I hate cilantro!"}
"#;

fn place() -> Place {
    let place = Place::new();
    let file = place.write("talk.jsonl", TURNS);
    place.ok(&["ingest", file.to_str().unwrap()]);
    place
}

#[test]
fn rules_are_tried_then_used_and_a_repetition_adds_nothing() {
    let place = place();
    let args = ["extract", "--cube", "talk", "--with", "rules"];
    let tried = place.ok(&["extract", "--cube", "talk", "--with", "rules", "--dry-run"]);
    assert!(tried.out.contains("Ana lives in Graz.") && tried.out.contains("preference"), "{tried}");
    let done = place.json(&args);
    assert_eq!((&done["turns"], &done["recorded"], &done["calls"]), (&2.into(), &2.into(), &0.into()), "{done}");
    let state = place.json(&["state", "talk"]).to_string();
    assert!(state.contains("Ana lives in Graz.") && state.contains("\"extraction\""), "{state}");
    let again = place.json(&args);
    assert_eq!((&again["turns"], &again["recorded"]), (&0.into(), &0.into()), "{again}");
    place.ok(&["verify"]);
}

#[test]
fn what_is_missing_is_said() {
    let place = place();
    place.run(&["extract", "--cube", "talk"]).expect(2).says(&["no extractor", "--with rules"]);
    place.run(&["extract", "--cube", "nowhere", "--with", "rules"]).expect(3);
    place.run(&["extract", "--cube", "talk", "--with", "openai"]).expect(2).says(&["--model"]);
    let args = ["extract", "--cube", "talk", "--endpoint", "http://127.0.0.1:9", "--model", "m"];
    place.run(&[&args[..], &["--key-env", "NO_SUCH_KEY"]].concat()).expect(2).says(&["NO_SUCH_KEY"]);
    let tried = place.json(&[&args[..], &["--dry-run"]].concat());
    assert_eq!((&tried["turns"], &tried["calls"]), (&2.into(), &0.into()), "a dry run sends nothing: {tried}");
}
