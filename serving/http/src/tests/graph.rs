//! Tree, graph and timeline over the routes.

use serde_json::{Value, json};

use super::world::World;

async fn told(world: &World) -> String {
    let turns = json!([
        {"turn_id": "1", "speaker": "Ana", "at": "2023-03-08T13:56:00Z", "text": "Our flight to Rome was with Oscar.", "index": 0},
        {"turn_id": "2", "speaker": "Ben", "at": "2023-03-08T13:57:00Z", "text": "So you met Oscar there?", "index": 1},
        {"turn_id": "3", "speaker": "Ana", "at": "2023-08-09T10:00:00Z", "text": "Rain again.", "index": 2},
    ]);
    let report = world.post(&world.ann, "/v1/ingest", json!({"cube": "talk", "turns": turns})).await.ok();
    report["token"].as_str().unwrap().to_owned()
}

fn texts(answer: &Value) -> Vec<&str> {
    answer["memories"].as_array().unwrap().iter().map(|memory| memory["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn where_memories_belong_and_what_they_mention() {
    let world = World::new().await;
    let token = told(&world).await;
    let tree = world.get(&world.ann, &format!("/v1/cubes/talk/tree?token={token}&depth=9")).await;
    assert_eq!(tree.header("cubelog-token"), tree.body["reflected"]);
    let tree = tree.ok();
    assert_eq!(tree["memories"], 3);
    let rome = json!({"path": "travel/rome/oscar", "memories": 1, "given": 0});
    assert!(tree["branches"].as_array().unwrap().contains(&rome), "{tree}");
    let graph = world.get(&world.ann, "/v1/cubes/talk/graph?entity=oscar").await.ok();
    assert_eq!(texts(&graph).len(), 2);
    let travels = &graph["memories"][0];
    assert_eq!((&travels["path"], &travels["path_derived"]), (&json!("travel/rome/oscar"), &json!(true)));
    let names: Vec<&str> = graph["entities"].as_array().unwrap().iter().map(|entity| entity["key"].as_str().unwrap()).collect();
    assert!(names.contains(&"oscar") && names.contains(&"rome"), "{names:?}");
    let none = world.get(&world.ann, "/v1/cubes/talk/graph?entity=nobody").await.ok();
    assert_eq!((&none["memories"], &none["entities"], &none["edges"]), (&json!([]), &json!([]), &json!([])));
    for wrong in ["tree?depth=0", "tree?depth=x", "tree?path=a/b/c/d", "tree?unknown=1", "graph?entity="] {
        let answer = world.get(&world.ann, &format!("/v1/cubes/talk/{wrong}")).await;
        assert!([400, 422].contains(&answer.status), "{wrong}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_timeline_in_pages_is_whole() {
    let world = World::new().await;
    let token = told(&world).await;
    let ask = |more: Value| {
        let mut body = json!({"cubes": ["talk"], "token": token});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post(&world.ann, "/v1/timeline", body)
    };
    let march = ask(json!({"about": "Oscar in March 2023"})).await.ok();
    assert_eq!((march["total"].as_u64(), &march["understood"]["words"]), (Some(2), &json!("Oscar")));
    assert_eq!(march["understood"]["times"], json!([{"from": "2023-03-01T00:00:00Z", "to": "2023-04-01T00:00:00Z"}]));
    let late = ask(json!({"filter": {"since": "2023-04-01T00:00:00Z"}})).await.ok();
    assert_eq!(texts(&late), ["Rain again."]);
    let first = ask(json!({"limit": 2})).await.ok();
    let rest = ask(json!({"limit": 2, "cursor": first["next_cursor"]})).await.ok();
    assert_eq!([texts(&first), texts(&rest)].concat().len(), 3);
    assert!(rest.get("next_cursor").is_none() && rest["total"] == 3);
    for wrong in [json!({"limit": 0}), json!({"limit": 1001}), json!({"cursor": "x"}), json!({"filter": {"path": "a/b/c/d"}})] {
        assert_eq!(ask(wrong.clone()).await.status, 422, "{wrong}");
    }
}
