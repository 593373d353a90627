//! Beliefs over the routes: one current answer, its history, and the settling of what contradicts.

use serde_json::{Value, json};

use super::world::World;

async fn told(world: &World) -> String {
    let turns = json!([
        {"turn_id": "1", "speaker": "Ana", "at": "2023-05-08T13:56:00Z", "text": "I live in Graz.", "index": 0},
        {"turn_id": "2", "speaker": "Ana", "at": "2023-08-08T13:57:00Z", "text": "I live in Linz now.", "index": 1},
        {"turn_id": "3", "speaker": "Ana", "at": "2023-08-09T10:00:00Z", "text": "I have two cats.", "index": 2},
        {"turn_id": "4", "speaker": "Ana", "at": "2023-08-10T10:00:00Z", "text": "I have three cats.", "index": 3},
    ]);
    let report = world.post(&world.ann, "/v1/ingest", json!({"cube": "talk", "turns": turns})).await.ok();
    report["token"].as_str().unwrap().to_owned()
}

fn current(answer: &Value, attribute: &str) -> Vec<String> {
    let lines = answer["beliefs"].as_array().unwrap();
    let line = lines.iter().find(|line| line["attribute"] == attribute).unwrap_or_else(|| panic!("no {attribute} in {answer}"));
    line["current"].as_array().unwrap().iter().map(|belief| belief["value"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_answer_is_believed_and_what_contradicts_waits_until_it_is_settled() {
    let world = World::new().await;
    let token = told(&world).await;
    let path = format!("/v1/cubes/talk/beliefs?token={token}");
    let answer = world.get(&world.ann, &path).await;
    assert_eq!(answer.header("cubelog-token"), answer.body["reflected"]);
    let answer = answer.ok();
    assert_eq!(current(&answer, "home"), ["Linz"]);
    assert!(answer["beliefs"][0].get("history").is_none(), "only where it is asked for: {answer}");
    let history = world.get(&world.ann, &format!("{path}&history=true&about=ana")).await.ok();
    let home = history["beliefs"].as_array().unwrap().iter().find(|line| line["attribute"] == "home").unwrap().clone();
    assert_eq!((&home["history"][0]["value"], &home["history"][0]["displaced"]), (&json!("Graz"), &json!("changes")));
    assert_eq!(home["history"][0]["until"], "2023-08-08T13:57:00Z");
    let before = world.get(&world.ann, &format!("{path}&valid_at=2023-06-01T00:00:00Z")).await.ok();
    assert_eq!(current(&before, "home"), ["Graz"]);
    assert_eq!(world.get(&world.ann, &format!("{path}&about=ben")).await.ok()["beliefs"], json!([]));

    let doubt = answer["review"].as_array().unwrap().first().unwrap_or_else(|| panic!("cats: {answer}")).clone();
    assert_eq!((&doubt["earlier"]["value"], &doubt["later"]["value"]), (&json!("two"), &json!("three")), "{doubt}");
    let reference = |cited: &Value| json!({"memory": cited["memory"], "version": cited["version"]});
    let resolve = json!({
        "memory": reference(&doubt["earlier"]),
        "over": [reference(&doubt["later"])],
        "reason": "asked her",
    });
    let written = world.post(&world.ann, "/v1/cubes/talk/beliefs/resolve", resolve.clone()).await;
    assert_eq!((written.status, &written.body["effect"]), (200, &json!("applied")), "{}", written.text);
    let token = written.body["token"].as_str().unwrap();
    let answer = world.get(&world.ann, &format!("/v1/cubes/talk/beliefs?token={token}")).await.ok();
    assert_eq!(
        (answer["review"].clone(), current(&answer, doubt["attribute"].as_str().unwrap())),
        (json!([]), vec!["two".to_owned()])
    );
    assert_eq!(world.post(&world.bob, "/v1/cubes/talk/beliefs/resolve", resolve).await.code(), "forbidden");
}

#[tokio::test]
async fn odd_questions_about_beliefs_are_answered_with_what_is_wrong() {
    let world = World::new().await;
    let token = told(&world).await;
    for bad in ["about=", "at=never", "valid_at=0:1", "history=maybe", "unknown=1"] {
        let answer = world.get(&world.ann, &format!("/v1/cubes/talk/beliefs?token={token}&{bad}")).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid"), "{bad}");
    }
    let one = json!({"memory": "00000000-0000-0000-0000-000000000001", "version": 1});
    for bad in [
        json!({"memory": one, "over": []}),
        json!({"memory": one, "over": [one.clone()], "outcome": "wins"}),
        json!({"memory": {"memory": "x", "version": 1}, "over": [one.clone()]}),
        json!({"memory": one, "over": [one.clone()], "cube": "other"}),
    ] {
        let answer = world.post(&world.ann, "/v1/cubes/talk/beliefs/resolve", bad.clone()).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid"), "{bad}");
    }
}
