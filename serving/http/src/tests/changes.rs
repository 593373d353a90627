//! Changes: what they answer, conflicts, and idempotency keys.

use serde_json::{Value, json};

use super::world::{World, open};
use crate::keys::ApiKeys;
use crate::routes::{HttpOptions, router};

const KEY: &str = "idempotency-key";

fn path(memory: &Value, verb: &str) -> String {
    format!("/v1/memories/{}/{verb}", memory["memory"].as_str().unwrap())
}

#[tokio::test]
async fn a_memory_lives_through_all_changes() {
    let world = World::new().await;
    world.cube("notes").await;
    let record = json!({
        "cube": "notes", "content": {"text": "Ann likes tea", "speaker": "Ann"}, "semantic": "preference",
        "path": "food/drinks", "tags": ["tea"], "priority": 5, "sensitivity": "personal", "trust": "trusted",
        "valid_from": "2025-06-01T00:00:00Z", "expires": "2027-01-01T00:00:00Z", "watermark": "w1",
    });
    let answer = world.post(&world.ann, "/v1/memories", record).await;
    assert_eq!((answer.status, answer.header("etag")), (201, "\"1\""));
    assert_eq!(answer.header("cubelog-token"), answer.body["token"]);
    let memory = answer.ok();
    assert_eq!((&memory["effect"], &memory["version"]), (&json!("applied"), &json!(1)));
    let other = world.memory("notes", "Ann drinks green tea").await;

    let revise = json!({"cube": "notes", "content": {"text": "Ann likes coffee", "speaker": "Ann"}});
    let answer = world.call(&world.ann, "POST", &path(&memory, "revise"), Some(revise), &[("if-match", "\"1\"")]).await;
    assert_eq!((answer.status, answer.header("etag")), (200, "\"2\""));
    let ok = |verb: &'static str, body: Value| {
        let (world, path) = (&world, path(&memory, verb));
        async move { world.post(&world.ann, &path, body).await.ok() }
    };
    ok("tag", json!({"cube": "notes", "add": ["coffee"], "remove": ["tea"]})).await;
    ok("relate", json!({"cube": "notes", "to": other["memory"], "relation": "contradicts", "weight": 0.5})).await;
    ok("move", json!({"cube": "notes", "to": "activated", "reason": "used"})).await;
    let sources = json!([{"memory": other["memory"], "version": 1}]);
    let merge = json!({"cube": "notes", "expected_version": 2, "sources": sources, "content": {"text": "Ann likes both"}});
    assert_eq!(ok("merge", merge).await["version"], 3);
    let last = ok("expire", json!({"cube": "notes", "reason": "enough"})).await;

    let url = format!("/v1/memories/{}?token={}", memory["memory"].as_str().unwrap(), last["token"].as_str().unwrap());
    let now = world.get(&world.ann, &url).await;
    assert_eq!(now.header("etag"), "\"3\"");
    let now = now.ok();
    assert_eq!(now["text"], "Ann likes both");
    assert_eq!((&now["tags"], &now["path"]), (&json!(["coffee"]), &json!("food/drinks")));
    assert_eq!((&now["semantic"], &now["trust"], &now["priority"]), (&json!("preference"), &json!("trusted"), &json!(5)));
    assert_eq!((&now["sensitivity"], &now["watermark"]), (&json!("personal"), &json!("w1")));
    assert_eq!(now["expires"], "2027-01-01T00:00:00Z");
    assert!(now["expired_at"].is_string() && now["erased"] == json!(false));
    let history = world.get(&world.ann, &path(&memory, "history")).await.ok();
    let changes: Vec<_> = history["versions"].as_array().unwrap().iter().map(|row| row["change"].as_str().unwrap()).collect();
    assert_eq!(
        changes,
        ["memory_recorded", "memory_revised", "memory_tagged", "memory_moved", "memory_merged", "memory_expired"]
    );
}

#[tokio::test]
async fn a_change_over_an_old_version_is_told_the_current_one() {
    let world = World::new().await;
    world.cube("notes").await;
    let memory = world.memory("notes", "one").await;
    let revise = |text: &str, version: u32| json!({"cube": "notes", "expected_version": version, "content": {"text": text}});
    world.post(&world.ann, &path(&memory, "revise"), revise("two", 1)).await.ok();
    let stale = world.post(&world.ann, &path(&memory, "revise"), revise("three", 1)).await;
    // What was said is kept as a sibling; the answer tells which, and what stands.
    assert_eq!((stale.status, stale.code()), (409, "conflict"));
    assert_eq!((&stale.body["current_version"], &stale.body["outcome"]["version"]), (&json!(2), &json!(3)), "{}", stale.body);
    let both = world.call(&world.ann, "POST", &path(&memory, "revise"), Some(revise("x", 2)), &[("if-match", "1")]).await;
    assert_eq!(both.code(), "invalid");
    let neither = json!({"cube": "notes", "content": {"text": "x"}});
    assert_eq!(world.post(&world.ann, &path(&memory, "revise"), neither).await.code(), "invalid");
    let future = world.post(&world.ann, &path(&memory, "revise"), revise("x", 9)).await;
    assert_eq!((future.status, future.code()), (404, "unknown-version"));
    let elsewhere = json!({"cube": "notes", "memory": "00000000-0000-0000-0000-000000000009", "add": ["x"]});
    assert_eq!(world.post(&world.ann, &path(&memory, "tag"), elsewhere).await.code(), "invalid");
    let illegal = json!({"cube": "notes", "to": "merged"});
    assert_eq!(world.post(&world.ann, &path(&memory, "move"), illegal).await.code(), "illegal-move");
    assert_eq!(world.post(&world.ann, "/v1/cubes", json!({"cube": "notes"})).await.code(), "exists");
}

#[tokio::test]
async fn the_same_key_with_the_same_request_has_one_effect_and_one_answer() {
    let world = World::new().await;
    world.cube("notes").await;
    let body = json!({"cube": "notes", "content": {"text": "once"}});
    let send = |body: Value| world.call(&world.ann, "POST", "/v1/memories", Some(body), &[(KEY, "k 1")]);
    let first = send(body.clone()).await;
    let again = send(body.clone()).await;
    assert_eq!((first.status, again.status, &first.text), (201, 201, &again.text));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_eq!(again.header("cubelog-token"), first.header("cubelog-token"));
    let other = send(json!({"cube": "notes", "content": {"text": "twice"}})).await;
    assert_eq!((other.status, other.code()), (422, "idempotency-mismatch"));
    // Another principal's key of the same name is another key.
    let bobs = world.call(&world.bob, "POST", "/v1/memories", Some(body), &[(KEY, "k 1")]).await;
    assert_eq!(bobs.code(), "forbidden");
    let state =
        world.call(&world.ann, "GET", "/v1/state?cube=notes", None, &[("cubelog-token", first.header("cubelog-token"))]).await;
    assert_eq!(state.ok()["total"], 1);
}

#[tokio::test]
async fn a_key_holds_after_a_restart_because_the_log_knows_it() {
    let world = World::new().await;
    world.cube("notes").await;
    let body = json!({"cube": "notes", "content": {"text": "once"}});
    let first = world.call(&world.ann, "POST", "/v1/memories", Some(body.clone()), &[(KEY, "k")]).await.ok();
    let World { directory, clock, service, file, router: old, ann, bob, root, stranger } = world;
    service.close().await.unwrap();
    drop((old, service));
    let service = open(&directory, &clock).await;
    let router = router(service.clone(), ApiKeys::open(file.clone()).unwrap(), HttpOptions::default());
    let world = World { directory, clock, service, file, router, ann, bob, root, stranger };
    world.service.cubelog().flush().await.unwrap();
    let again = world.call(&world.ann, "POST", "/v1/memories", Some(body), &[(KEY, "k")]).await.ok();
    assert_eq!(again["effect"], "repeated");
    for member in ["event", "memory", "version", "position", "recorded_at"] {
        assert_eq!(again[member], first[member], "{member}");
    }
    let second_key = "a key that only the log remembers";
    let tagged = world
        .call(&world.ann, "POST", &path(&first, "tag"), Some(json!({"cube": "notes", "add": ["a"]})), &[(KEY, second_key)])
        .await;
    tagged.ok();
    let World { directory, clock, service, file, router: old, ann, bob, root, stranger } = world;
    service.close().await.unwrap();
    drop((old, service));
    let service = open(&directory, &clock).await;
    service.cubelog().flush().await.unwrap();
    let router = crate::routes::router(service.clone(), ApiKeys::open(file.clone()).unwrap(), HttpOptions::default());
    let world = World { directory, clock, service, file, router, ann, bob, root, stranger };
    for (key, body) in [
        ("k", json!({"cube": "notes", "content": {"text": "something else"}})),
        (second_key, json!({"cube": "notes", "content": {"text": "no tag"}})),
    ] {
        let other = world.call(&world.ann, "POST", "/v1/memories", Some(body), &[(KEY, key)]).await;
        assert_eq!(other.code(), "idempotency-mismatch", "{key}: {}", other.text);
    }
    world.service.close().await.unwrap();
}

#[tokio::test]
async fn a_request_that_failed_leaves_its_key_free() {
    let world = World::new().await;
    let body = json!({"cube": "later", "content": {"text": "x"}});
    let send = || world.call(&world.ann, "POST", "/v1/memories", Some(body.clone()), &[(KEY, "k")]);
    assert_eq!(send().await.code(), "unknown-cube");
    world.cube("later").await;
    assert_eq!(send().await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_changes_over_one_version_one_wins_and_the_others_are_told_and_kept() {
    let world = std::sync::Arc::new(World::new().await);
    world.cube("notes").await;
    let memory = world.memory("notes", "zero").await;
    let path_of = |verb: &str| path(&memory, verb);
    let mut racing = tokio::task::JoinSet::new();
    for number in 0..16 {
        let (world, path) = (world.clone(), path_of("revise"));
        let body = json!({"cube": "notes", "expected_version": 1, "content": {"text": format!("text {number}")}});
        racing.spawn(async move { world.post(&world.ann, &path, body).await });
    }
    let (mut applied, mut siblings) = (Vec::new(), Vec::new());
    for answer in racing.join_all().await {
        match answer.status {
            200 => applied.push(answer.body["version"].as_u64().unwrap()),
            _ => match answer.code() {
                "stale" => assert_eq!(answer.body["current_version"], 2),
                "conflict" => {
                    assert_eq!(answer.status, 409);
                    assert_eq!(
                        (&answer.body["current_version"], &answer.body["outcome"]["effect"]),
                        (&json!(2), &json!("conflict"))
                    );
                    siblings.push(answer.body["outcome"]["version"].as_u64().unwrap());
                }
                other => panic!("{other}: {}", answer.text),
            },
        }
    }
    assert_eq!(applied, [2], "one and only one wins");
    world.service.cubelog().flush().await.unwrap();
    let get = format!("/v1/memories/{}", memory["memory"].as_str().unwrap());
    let now = world.get(&world.ann, &get).await.ok();
    siblings.sort_unstable();
    assert_eq!(now.get("siblings").cloned().unwrap_or_else(|| json!([])), json!(siblings), "every loser is kept");
    let history = world.get(&world.ann, &path_of("history")).await.ok();
    assert_eq!(history["versions"].as_array().unwrap().len(), 2 + siblings.len());
    if let Some(winner) = siblings.first() {
        let resolve = json!({"cube": "notes", "winner": winner, "reason": "better"});
        let resolved = world.call(&world.ann, "POST", &path_of("resolve"), Some(resolve), &[("if-match", "\"2\"")]).await.ok();
        let now = world.get(&world.ann, &format!("{get}?token={}", resolved["token"].as_str().unwrap())).await.ok();
        assert_eq!(now.get("siblings"), None, "nothing waits any more: {now}");
    }
}
