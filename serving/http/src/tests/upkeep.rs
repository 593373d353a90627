//! Upkeep of a cube over HTTP: policies, holds, pins, forgetting, duplicates.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::world::World;

const DAY: i64 = 86_400_000_000;

#[tokio::test]
async fn a_cube_forgets_by_its_policy_and_says_why() {
    let world = World::new().await;
    world.cube("notes").await;
    let (gone, pinned) = (world.memory("notes", "the parcel waits").await, world.memory("notes", "the parcel code").await);
    let path = |memory: &Value, verb: &str| format!("/v1/memories/{}/{verb}", memory["memory"].as_str().unwrap());
    let wrong = json!({"name": "forgetting", "document": "floor = 0.1\ngrave = 1"});
    let wrong = world.post(&world.ann, "/v1/cubes/notes/policies", wrong).await;
    assert_eq!((wrong.status, wrong.code()), (422, "invalid"));
    assert!(wrong.text.contains("line 2"), "{}", wrong.text);
    let policy = json!({"name": "forgetting", "document": "grace = \"1d\"\n[[rule]]\nttl = \"10d\"\n"});
    world.post(&world.ann, "/v1/cubes/notes/policies", policy.clone()).await.ok();
    world.post(&world.ann, &path(&pinned, "govern"), json!({"cube": "notes", "pinned": true})).await.ok();
    let both = json!({"cube": "notes", "keep": true, "half_life_s": 5});
    assert_eq!(world.post(&world.ann, &path(&pinned, "govern"), both).await.code(), "invalid");
    world.clock.0.fetch_add(11 * DAY, Ordering::SeqCst);

    let hold = world.post(&world.ann, "/v1/cubes/notes/holds", json!({"reason": "case 12"})).await.ok();
    let nothing = world.post(&world.ann, "/v1/cubes/notes/forget", json!({"dry_run": true})).await.ok();
    assert_eq!(nothing["moves"], json!([]), "a hold of the cube wins");
    let cube = world.get(&world.ann, "/v1/cubes").await.ok()["cubes"][0].clone();
    assert_eq!((&cube["holds"][0]["hold"], &cube["policies"]["forgetting"]), (&hold["hold"], &policy["document"]));
    let lift = format!("/v1/cubes/notes/holds/{}/lift", hold["hold"].as_str().unwrap());
    world.call(&world.ann, "POST", &lift, None, &[]).await.ok();
    assert_eq!(world.call(&world.ann, "POST", &lift, None, &[]).await.code(), "unknown-hold");

    let archived = world.call(&world.ann, "POST", "/v1/cubes/notes/forget", None, &[]).await.ok();
    let step = json!([{"memory": gone["memory"], "step": "archive", "reason": "its 10 days are over"}]);
    assert_eq!((&archived["archived"], &archived["moves"]), (&json!(1), &step));
    world.clock.0.fetch_add(2 * DAY, Ordering::SeqCst);
    let expired = world.call(&world.ann, "POST", "/v1/cubes/notes/forget", None, &[]).await.ok();
    assert_eq!((&expired["expired"], &expired["refused"]), (&json!(1), &json!(0)));
    let found = world.post(&world.ann, "/v1/search", json!({"query": "parcel", "cubes": ["notes"]})).await.ok();
    assert_eq!(found["hits"].as_array().unwrap().iter().map(|hit| &hit["memory"]).collect::<Vec<_>>(), [&pinned["memory"]]);
}

#[tokio::test]
async fn duplicates_merge_and_a_merge_is_taken_back_by_its_event() {
    let world = World::new().await;
    world.cube("notes").await;
    let first = world.memory("notes", "I live in Lisbon.").await;
    let second = world.memory("notes", "i live in lisbon").await;
    let answer = world.call(&world.ann, "POST", "/v1/cubes/notes/dedupe", None, &[]).await.ok();
    assert_eq!((&answer["merged"], &answer["groups"][0]["into"]), (&json!(1), &first["memory"]), "{answer}");
    let undo = json!({"event": answer["groups"][0]["event"]});
    let undone = world.post(&world.ann, "/v1/cubes/notes/undo-merge", undo.clone()).await.ok();
    assert_eq!((&undone["restored"], &undone["returned"]), (&json!(true), &json!([second["memory"]])));
    assert_eq!(world.post(&world.ann, "/v1/cubes/notes/undo-merge", undo).await.code(), "invalid");
    let state = world.get(&world.ann, "/v1/state?cube=notes").await.ok();
    let texts: Vec<_> = state["memories"].as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["I live in Lisbon.", "i live in lisbon"]);
}
