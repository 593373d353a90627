//! Upkeep of a cube from the command line: policies, forgetting, duplicates, pins and holds.

use serde_json::Value;

use crate::kit::Place;

fn added(place: &Place, text: &str, more: &[&str]) -> String {
    let mut args = vec!["add", text, "--cube", "home"];
    args.extend(more);
    place.json(&args)["memory"].as_str().unwrap().to_owned()
}

#[test]
fn a_policy_forgets_what_is_due_and_nothing_that_is_pinned() {
    let place = Place::new();
    place.ok(&["init", "--cube", "home"]);
    let wrong = place.write("wrong.toml", "floor = 0.1\n\n[[rule]]\nttl = \"soon\"\n");
    let wrong = wrong.to_str().unwrap();
    place.run(&["policy", "set", "--cube", "home", "forgetting", wrong]).expect(2).says(&["line 4", "no duration"]);
    let policy = "ending = \"expire\"\n\n[[rule]]\nttl = \"1s\"\n";
    let file = place.write("policy.toml", policy);
    place.ok(&["policy", "set", "--cube", "home", "forgetting", file.to_str().unwrap()]);
    assert_eq!(place.ok(&["policy", "show", "--cube", "home", "forgetting"]).out, policy);

    let gone = added(&place, "the parcel waits at the corner shop", &[]);
    let pinned = added(&place, "the parcel code is 4711", &[]);
    let held = added(&place, "the parcel was paid in cash", &[]);
    place.ok(&["pin", &pinned[..13]]);
    let hold = place.json(&["hold", "place", "--cube", "home", &held, "--reason", "case 12"]);
    let holds = place.json(&["hold", "list", "--cube", "home"]);
    assert_eq!((&holds[0]["hold"], &holds[0]["memory"]), (&hold["hold"], &Value::from(held.as_str())));
    std::thread::sleep(std::time::Duration::from_millis(1_100));

    let dry = place.json(&["forget", "--cube", "home", "--dry-run"]);
    assert_eq!((&dry["dry_run"], &dry["expired"]), (&Value::from(true), &Value::from(1)), "{dry}");
    let done = place.json(&["forget", "--cube", "home"]);
    assert_eq!((&done["expired"], &done["moves"][0]["memory"]), (&Value::from(1), &Value::from(gone.as_str())), "{done}");
    assert_eq!(place.json(&["state", "home"])["total"], 2);
    let hits = place.json(&["search", "parcel", "--cube", "home"])["hits"].as_array().unwrap().clone();
    assert!(hits.len() == 2 && hits.iter().all(|hit| hit["memory"] != gone.as_str()), "{hits:?}");
    assert!(place.json(&["get", &gone])["expired_at"].is_string());
    let writes = place.json(&["audit", "writes", &gone]);
    let last = writes["writes"].as_array().unwrap().last().unwrap();
    assert_eq!((last["change"].as_str(), last["reason"].as_str()), (Some("memory_expired"), Some("its 1 seconds are over")));

    place.ok(&["hold", "lift", "--cube", "home", hold["hold"].as_str().unwrap()]);
    place.ok(&["pin", "--off", &pinned]);
    place.ok(&["policy", "remove", "--cube", "home", "forgetting"]);
    assert_eq!(place.json(&["forget", "--cube", "home"])["moves"], serde_json::json!([]), "without a policy all are kept");
    place.run(&["policy", "show", "--cube", "home", "forgetting"]).expect(3);
    place.ok(&["verify"]);
}

#[test]
fn duplicates_are_merged_and_a_merge_is_taken_back() {
    let place = Place::new();
    place.ok(&["init", "--cube", "home"]);
    let first = added(&place, "I live in Lisbon.", &["--speaker", "Ana"]);
    let second = added(&place, "i live in lisbon", &["--speaker", "Ana"]);
    added(&place, "I live in Porto.", &["--speaker", "Ben"]);
    let dry = place.json(&["dedupe", "--cube", "home", "--dry-run"]);
    assert_eq!((&dry["merged"], &dry["groups"][0]["event"]), (&Value::from(1), &Value::Null), "{dry}");
    let done = place.json(&["dedupe", "--cube", "home"]);
    assert_eq!(done["groups"][0]["into"], first.as_str());
    assert_eq!((&done["groups"][0]["sources"][0], &done["groups"][0]["likeness"]), (&second.as_str().into(), &"same".into()));
    assert_eq!(place.json(&["state", "home"])["total"], 2);
    let event = done["groups"][0]["event"].as_str().unwrap();
    let undone = place.json(&["dedupe", "--cube", "home", "--undo", event]);
    assert_eq!((&undone["restored"], &undone["returned"][0]), (&true.into(), &second.as_str().into()), "{undone}");
    assert_eq!(place.json(&["state", "home"])["total"], 3);
    place.run(&["dedupe", "--cube", "home", "--undo", event]).expect(2).says(&["taken back already"]);
    place.run(&["dedupe", "--cube", "nowhere"]).expect(3);
    place.ok(&["verify"]);
}
