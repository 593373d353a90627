//! Ingest, search, both times, pages, audit, replay and verification over the routes.

use serde_json::{Value, json};

use super::world::World;

async fn ingested(world: &World) -> Value {
    let turns = json!([
        {"turn_id": "1", "session": "s1", "speaker": "Ana", "at": "2023-05-08T13:56:00Z", "text": "I bought a red bicycle", "index": 0},
        {"turn_id": "2", "session": "s1", "speaker": "Ben", "at": "2023-05-08T13:57:00Z", "text": "bicycles are fast", "index": 1},
        {"turn_id": "3", "session": "s2", "speaker": "Ana", "at": "2023-05-09T10:00:00.5+02:00", "text": "my cat sleeps", "index": 2},
    ]);
    world.post(&world.ann, "/v1/ingest", json!({"cube": "talk", "turns": turns})).await.ok()
}

#[tokio::test]
async fn turns_that_were_taken_in_are_found_with_their_fields() {
    let world = World::new().await;
    let report = ingested(&world).await;
    assert_eq!((&report["received"], &report["cubes"]), (&json!(3), &json!(["acme/talk"])));
    let again = ingested(&world).await;
    assert_eq!((&again["received"], &again["duplicates"]), (&json!(0), &json!(3)));
    let query = json!({"query": "bicycle", "cubes": ["talk"], "token": report["token"]});
    let answer = world.post(&world.ann, "/v1/search", query).await;
    assert_eq!(answer.header("cubelog-token"), answer.body["reflected"]);
    let hits = answer.ok()["hits"].clone();
    let best = &hits[0];
    assert_eq!((&best["rank"], &best["text"]), (&json!(1), &json!("I bought a red bicycle")));
    assert_eq!((&best["speaker"], &best["session"], &best["source"]), (&json!("Ana"), &json!("s1"), &json!("1")));
    assert_eq!(
        (&best["occurred_at"], &best["tenant"], &best["cube"]),
        (&json!("2023-05-08T13:56:00Z"), &json!("acme"), &json!("talk"))
    );
    let filtered = json!({"query": "bicycle cat", "filter": {"speakers": ["Ana"], "since": "2023-05-09T00:00:00Z"}});
    let hits = world.post(&world.ann, "/v1/search", filtered).await.ok()["hits"].clone();
    assert_eq!(hits.as_array().unwrap().len(), 1);
    assert_eq!(hits[0]["occurred_at"], "2023-05-09T08:00:00.5Z", "times are answered in UTC");
}

#[tokio::test]
async fn chat_messages_are_turns_and_a_growing_history_adds_only_what_is_new() {
    let world = World::new().await;
    let first = json!([{"role": "system", "content": "be kind"}, {"role": "user", "content": "hello"}]);
    let send = |messages: Value| world.post(&world.ann, "/v1/ingest", json!({"cube": "chat", "messages": messages}));
    let report = send(first.clone()).await.ok();
    assert_eq!((&report["turns"], &report["received"], &report["skipped"]), (&json!(2), &json!(1), &json!(1)));
    let mut longer = first;
    longer.as_array_mut().unwrap().push(json!({"role": "assistant", "content": "hello"}));
    let report = send(longer).await.ok();
    assert_eq!((&report["received"], &report["duplicates"]), (&json!(1), &json!(1)));
    let state = world.get(&world.ann, &format!("/v1/state?cube=chat&token={}", report["token"].as_str().unwrap())).await.ok();
    let speakers: Vec<_> = state["memories"].as_array().unwrap().iter().map(|row| row["speaker"].clone()).collect();
    assert_eq!(speakers, ["user", "assistant"], "in the order in which they came");
    let end = json!({"cube": "chat", "format": "openai", "received": 2});
    world.post(&world.ann, "/v1/ingest/end", end).await.ok();
}

#[tokio::test]
async fn pages_lead_from_one_to_the_next_until_the_end() {
    let world = World::new().await;
    let token = ingested(&world).await["token"].as_str().unwrap().to_owned();
    let mut texts = Vec::new();
    let mut path = format!("/v1/state?cube=talk&limit=2&token={token}");
    loop {
        let page = world.get(&world.ann, &path).await.ok();
        assert_eq!(page["total"], 3);
        texts.extend(page["memories"].as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            None => break,
            Some(cursor) => path = format!("/v1/state?cube=talk&limit=2&cursor={cursor}"),
        }
    }
    assert_eq!(texts, ["I bought a red bicycle", "bicycles are fast", "my cat sleeps"]);
    for bad in ["limit=0", "limit=10001", "limit=x", "cursor=x", "unknown=1", "at=never", "valid_at=0:1", "token=x"] {
        let answer = world.get(&world.ann, &format!("/v1/state?cube=talk&{bad}")).await;
        assert_eq!((answer.status, answer.code()), (422, "invalid"), "{bad}");
    }
}

#[tokio::test]
async fn both_times_can_be_asked_and_compared() {
    let world = World::new().await;
    world.cube("notes").await;
    let text = |text: &str| json!({"text": text});
    let record = json!({"cube": "notes", "content": text("lives in Rome"), "valid_from": "2020-01-01T00:00:00Z"});
    let first = world.post(&world.ann, "/v1/memories", record).await.ok();
    let memory = first["memory"].as_str().unwrap();
    let revise =
        json!({"cube": "notes", "expected_version": 1, "content": text("lives in Oslo"), "valid_from": "2024-01-01T00:00:00Z"});
    let second = world.post(&world.ann, &format!("/v1/memories/{memory}/revise"), revise).await.ok();
    let token = second["token"].as_str().unwrap();
    let get = |query: String| {
        let (world, path) = (&world, format!("/v1/memories/{memory}?token={token}&{query}"));
        async move { world.get(&world.ann, &path).await }
    };
    assert_eq!(get(String::new()).await.ok()["text"], "lives in Oslo");
    assert_eq!(get(format!("at={}", first["token"].as_str().unwrap())).await.ok()["text"], "lives in Rome");
    assert_eq!(get(format!("at={}", first["recorded_at"].as_str().unwrap())).await.ok()["text"], "lives in Rome");
    assert_eq!(get("valid_at=2022-01-01T00:00:00Z".to_owned()).await.ok()["text"], "lives in Rome");
    assert_eq!(get("valid_at=2019-01-01T00:00:00Z".to_owned()).await.code(), "unknown-memory");
    assert_eq!(get("at=start".to_owned()).await.code(), "unknown-memory");
    let diff = format!("/v1/diff?cube=notes&before={}", first["token"].as_str().unwrap());
    let diff = world.get(&world.ann, &diff).await.ok();
    assert_eq!((&diff["total"], &diff["differences"][0]["change"]), (&json!(1), &json!("changed")));
    assert_eq!(diff["differences"][0]["before"]["text"], "lives in Rome");
    assert_eq!(diff["differences"][0]["after"]["text"], "lives in Oslo");
    let nothing = world.get(&world.ann, "/v1/diff?cube=notes").await;
    assert_eq!(nothing.code(), "invalid", "two moments that are one");
}

#[tokio::test]
async fn an_audit_names_writers_and_readers_without_content() {
    let world = World::new().await;
    world.cube("notes").await;
    let memory = world.memory("notes", "a secret").await;
    let path = |verb: &str| {
        format!("/v1/memories/{}{verb}?token={}", memory["memory"].as_str().unwrap(), memory["token"].as_str().unwrap())
    };
    world.get(&world.root, &path("")).await.ok();
    let writes = world.get(&world.ann, &path("/audit/writes")).await;
    assert!(!writes.text.contains("secret"));
    let writes = writes.ok();
    assert_eq!((&writes["writes"][0]["actor"], &writes["writes"][0]["change"]), (&json!("ann"), &json!("memory_recorded")));
    let reads = world.get(&world.ann, &path("/audit/reads")).await.ok();
    assert_eq!((&reads["reads"][0]["principal"], &reads["reads"][0]["purpose"]), (&json!("root"), &json!("get")));
    assert_eq!(reads["reads"][0]["versions"], json!([1]));
}

#[tokio::test]
async fn administrators_replay_verify_and_rebuild() {
    let world = World::new().await;
    let token = ingested(&world).await["token"].as_str().unwrap().to_owned();
    let replay = json!({"into": "without-ana", "without": {"sources": ["acme/talk/s1"]}});
    let answer = world.post(&world.root, "/v1/replay", replay.clone()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!((&answer.body["left_out"], &answer.body["memories"]), (&json!(2), &json!(1)));
    assert_eq!(world.post(&world.root, "/v1/replay", replay).await.code(), "invalid", "it is there already");
    for into in ["../x", "/etc/x", "a/b", "", ".", ".."] {
        assert_eq!(world.post(&world.root, "/v1/replay", json!({"into": into})).await.code(), "invalid", "{into:?}");
    }
    let diff = world.get(&world.ann, &format!("/v1/diff?cube=talk&against=without-ana&token={token}")).await.ok();
    assert_eq!((&diff["total"], &diff["differences"][0]["change"]), (&json!(2), &json!("removed")));
    assert_eq!(world.get(&world.ann, "/v1/diff?cube=talk&against=nothing").await.code(), "unknown-replay");
    let verified = world.call(&world.root, "POST", "/v1/verify", None, &[]).await.ok();
    assert_eq!((&verified["equal"], &verified["replay"]["memories"]), (&json!(true), &json!(3)));
    assert_eq!(world.call(&world.root, "POST", "/v1/rebuild", None, &[]).await.ok()["memories"], 3);
    let status = world.get(&world.ann, "/v1/status").await.ok();
    assert_eq!((&status["lag"], &status["work"]), (&json!(0), &Value::Null));
    assert_eq!(world.get(&world.root, "/v1/dead").await.ok()["dead"], json!([]));
    assert_eq!(world.call(&world.root, "POST", "/v1/dead/0:0/retry", None, &[]).await.code(), "invalid");
}

#[tokio::test]
async fn sql_runs_within_what_the_caller_may_read() {
    let world = World::new().await;
    world.cube("notes").await;
    let rows = |answer: Value| answer["rows"][0].clone();
    let sql = |key: &str, body: Value| {
        let (world, key) = (&world, key.to_owned());
        async move { world.post(&key, "/v1/sql", body).await }
    };
    assert_eq!(
        rows(sql(&world.ann, json!({"query": "x"})).await.ok()),
        json!({"tenant": "acme", "cubes": ["acme/notes"], "rows": 1000})
    );
    assert_eq!(
        rows(sql(&world.bob, json!({"query": "x", "limit": 5})).await.ok()),
        json!({"tenant": "acme", "cubes": [], "rows": 5})
    );
    assert_eq!(rows(sql(&world.root, json!({"query": "x"})).await.ok())["cubes"], Value::Null);
    for bad in [
        json!({"query": "x", "limit": 0}),
        json!({"query": "x", "timeout_ms": 0}),
        json!({"query": "x", "timeout_ms": 1_000_000_000}),
    ] {
        assert_eq!(sql(&world.ann, bad.clone()).await.code(), "invalid", "{bad}");
    }
}
