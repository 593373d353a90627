//! The description says what the router does, route by route.

use std::collections::BTreeSet;

use serde_json::Value;

use super::world::{World, request};
use crate::routes::{data_routes, open_routes};

fn document() -> Value {
    serde_json::from_str(crate::openapi::document()).unwrap()
}

#[test]
fn every_route_is_described_and_every_description_is_a_route() {
    let routed: BTreeSet<_> =
        open_routes().list.into_iter().chain(data_routes().list).map(|(method, path)| format!("{method} {path}")).collect();
    let document = document();
    let described: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
        .collect();
    assert_eq!(routed, described);
}

#[test]
fn the_description_is_whole() {
    let document = document();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["security"][0]["key"], serde_json::json!([]));
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what} shares its id");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what} has no summary");
            assert_eq!(
                operation["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"],
                "#/components/schemas/Problem",
                "{what}"
            );
            // An empty requirement means that no key is needed, which only open routes may say.
            assert_eq!(operation["security"].is_array(), !path.starts_with("/v1/"), "{what}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path: BTreeSet<_> =
                parameters.iter().filter(|p| p["in"] == "path").map(|p| p["name"].as_str().unwrap().to_owned()).collect();
            let in_template: BTreeSet<_> =
                path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned).collect();
            assert_eq!(in_path, in_template, "{what}");
        }
    }
    let text = crate::openapi::document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(schemas.contains_key(reference), "{reference} is referred to and not described");
    }
}

#[tokio::test]
async fn what_needs_no_key_tells_nothing_of_anybody() {
    let world = World::new().await;
    world.cube("whisper-cube").await;
    world.memory("whisper-cube", "a whisper").await;
    for (method, template) in open_routes().list {
        let answer = world.send(request(None, &method.to_uppercase(), &super::world::filled(template), None, &[])).await;
        assert_eq!(answer.status, 200, "{template}: {}", answer.text);
        for word in ["acme", "\"ann\"", "whisper"] {
            assert!(!answer.text.contains(word), "{template} says {word}");
        }
    }
    let metrics = world.send(request(None, "GET", "/metrics", None, &[])).await;
    assert!(metrics.header("content-type").starts_with("text/plain"));
    assert!(
        metrics.text.contains("cubelog_http_requests_total{route=\"/v1/memories\",method=\"POST\",status=\"201\"} 1"),
        "{}",
        metrics.text
    );
    assert!(metrics.text.contains("cubelog_events_appended_total 2"), "{}", metrics.text);
}
