//! Learning and settling over HTTP, with the model of the settings alone.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use cubelog_extract::{OpenAi, OpenAiOptions};
use serde_json::{Value, json};

use super::world::World;

async fn told(world: &World) {
    let turns = json!([
        {"turn_id": "1", "speaker": "Ana", "at": "2023-05-08T13:56:00Z", "text": "I live in Graz and I work as a nurse.", "index": 0},
        {"turn_id": "2", "speaker": "Ana", "at": "2023-08-09T10:00:00Z", "text": "I have two cats.", "index": 1},
        {"turn_id": "3", "speaker": "Ana", "at": "2023-08-10T10:00:00Z", "text": "I have three cats.", "index": 2},
    ]);
    let report = world.post(&world.ann, "/v1/ingest", json!({"cube": "talk", "turns": turns})).await.ok();
    world.get(&world.ann, &format!("/v1/cubes/talk/beliefs?token={}", report["token"].as_str().unwrap())).await.ok();
}

const EXTRACT: &str = "/v1/cubes/talk/extract";
const SETTLE: &str = "/v1/cubes/talk/beliefs/settle";

#[tokio::test]
async fn a_cube_is_read_by_rules_unless_the_settings_name_a_model() {
    let world = World::new().await;
    told(&world).await;
    let tried = world.post(&world.ann, EXTRACT, json!({"dry_run": true})).await.ok();
    assert_eq!((&tried["recorded"], &tried["statements"][0]["text"]), (&json!(4), &json!("Ana lives in Graz.")), "{tried}");
    let done = world.call(&world.ann, "POST", EXTRACT, None, &[]).await.ok();
    assert_eq!((&done["recorded"], &done["turns"], &done["calls"]), (&json!(4), &json!(3), &json!(0)), "{done}");
    let query = json!({"query": "nurse", "cubes": ["talk"], "filter": {"semantic": ["profile"]}, "token": done["token"]});
    let found = world.post(&world.ann, "/v1/search", query).await.ok();
    assert_eq!(found["hits"][0]["text"], "Ana works as a nurse.", "{found}");
    assert_eq!(found["hits"][0]["passed"], json!(["in cube acme/talk", "of type profile"]));
    for (path, body) in
        [(EXTRACT, json!({"with": "model"})), (SETTLE, json!({"with": "model"})), (EXTRACT, json!({"with": "gpt"}))]
    {
        let refused = world.post(&world.ann, path, body).await;
        assert_eq!((refused.status, refused.code()), (422, "invalid"), "{}", refused.text);
    }
    assert_eq!(world.post(&world.bob, EXTRACT, json!({})).await.code(), "forbidden");
    assert_eq!(
        world.post(&world.ann, EXTRACT, json!({"endpoint": "http://elsewhere"})).await.status,
        422,
        "no request names one"
    );
}

#[tokio::test]
async fn contradictions_are_noted_and_a_model_settles_them() {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let model = Router::new()
        .route(
            "/v1/chat/completions",
            post(|State(asked): State<Arc<Mutex<Vec<Value>>>>, Json(body): Json<Value>| async move {
                asked.lock().unwrap().push(body);
                let says = r#"{"verdict":"changes","confidence":0.95}"#;
                Json(json!({"choices": [{"message": {"content": says}}], "usage": {"prompt_tokens": 90, "completion_tokens": 9}}))
            }),
        )
        .with_state(asked.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, model).await.unwrap() });

    let mut world = World::new().await;
    told(&world).await;
    let noted = world.post(&world.ann, SETTLE, json!({})).await.ok();
    assert_eq!((&noted["noted"], &noted["disputes"][0]["fate"]), (&json!(1), &json!("noted")), "{noted}");
    world.set_model(OpenAi::new(OpenAiOptions::new(url, "tiny")).unwrap());
    let rules = world.post(&world.ann, SETTLE, json!({})).await.ok();
    assert_eq!((&rules["settled"], &rules["disputes"][0]["fate"]), (&json!(0), &json!("known")), "a model is asked for by name");
    let settled = world.post(&world.ann, SETTLE, json!({"with": "model"})).await.ok();
    assert_eq!(
        (&settled["settled"], &settled["disputes"][0]["fate"], &settled["tokens_in"]),
        (&json!(1), &json!("replaces"), &json!(90)),
        "{settled}"
    );
    assert_eq!(asked.lock().unwrap().len(), 1);
    let beliefs =
        world.get(&world.ann, &format!("/v1/cubes/talk/beliefs?token={}", settled["token"].as_str().unwrap())).await.ok();
    assert_eq!(beliefs["review"], json!([]));
}
