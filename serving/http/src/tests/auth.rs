//! Nobody gets anything without a key that is good at this moment, for this tenant and for this cube.

use std::sync::atomic::Ordering;

use cubelog_memory::Timestamp;
use serde_json::{Value, json};

use super::world::{START, World, filled, is_success, new_key, request};
use crate::routes::data_routes;

/// A body for every data route that takes one, over the cube `cube` and the memory `memory`.
fn body_for(path: &str, cube: &str, memory: &str) -> Option<Value> {
    let other = "00000000-0000-0000-0000-000000000002";
    Some(match path {
        "/v1/cubes" => json!({"cube": cube}),
        "/v1/cubes/{cube}/grants" => json!({"principal": "eve", "right": "read"}),
        "/v1/cubes/{cube}/policies" => json!({"name": "forgetting", "document": "floor = 0.1"}),
        "/v1/cubes/{cube}/holds" => json!({"memory": memory}),
        "/v1/cubes/{cube}/undo-merge" => json!({"event": other}),
        "/v1/memories/{memory}/govern" => json!({"cube": cube, "pinned": true}),
        "/v1/ingest" => json!({"cube": cube, "turns": [{"turn_id": "1", "text": "hello"}]}),
        "/v1/ingest/end" => json!({"cube": cube, "format": "jsonl"}),
        "/v1/memories" => json!({"cube": cube, "content": {"text": "new"}}),
        "/v1/memories/{memory}/revise" => json!({"cube": cube, "expected_version": 1, "content": {"text": "new"}}),
        "/v1/memories/{memory}/merge" => {
            json!({"cube": cube, "expected_version": 1, "sources": [{"memory": other, "version": 1}], "content": {"text": "x"}})
        }
        "/v1/memories/{memory}/relate" => json!({"cube": cube, "to": other, "relation": "related"}),
        "/v1/memories/{memory}/move" => json!({"cube": cube, "to": "archived"}),
        "/v1/memories/{memory}/tag" => json!({"cube": cube, "add": ["a"]}),
        "/v1/memories/{memory}/expire" => json!({"cube": cube}),
        "/v1/memories/{memory}/resolve" => json!({"cube": cube, "expected_version": 1, "winner": 1}),
        "/v1/cubes/{cube}/beliefs/resolve" => {
            json!({"memory": {"memory": memory, "version": 1}, "over": [{"memory": other, "version": 1}]})
        }
        "/v1/search" | "/v1/context" => json!({"query": "secret", "cubes": [cube]}),
        "/v1/timeline" => json!({"about": "secret", "cubes": [cube]}),
        "/v1/sql" => json!({"query": "SELECT 1"}),
        "/v1/replay" => json!({"into": "try"}),
        "/v1/verify" => json!({}),
        "/v1/dead/{position}/discard" => json!({}),
        _ => {
            assert!(!memory.is_empty());
            return None;
        }
    })
}

#[tokio::test]
async fn no_route_answers_without_a_good_key() {
    let world = World::new().await;
    world.cube("notes").await;
    let expired = new_key(&world.file, "acme", "ann", true, Some(Timestamp(START))).key;
    let revoked = new_key(&world.file, "acme", "ann", true, None);
    world.file.revoke(&revoked.info.id, Timestamp(START)).unwrap();
    // The last digit is another one.
    let unknown = format!("{}{}", &world.ann[..world.ann.len() - 1], if world.ann.ends_with('0') { '1' } else { '0' });
    let keys: [(&str, Option<&str>); 5] = [
        ("none", None),
        ("unknown", Some(&unknown)),
        ("expired", Some(&expired)),
        ("revoked", Some(&revoked.key)),
        ("empty", Some("")),
    ];
    let routes = data_routes().list;
    assert!(routes.len() > 25);
    for (method, template) in routes {
        for (what, key) in keys {
            let body = body_for(template, "notes", "m").filter(|_| method == "post");
            let answer = world.send(request(key, &method.to_uppercase(), &filled(template), body, &[])).await;
            assert_eq!((answer.status, answer.code()), (401, "unauthenticated"), "{method} {template} with {what} key");
            assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {template}");
        }
    }
}

#[tokio::test]
async fn keys_in_other_places_and_forms_open_nothing() {
    let world = World::new().await;
    let basic = format!("Basic {}", world.ann);
    let bare = world.ann.clone();
    let doubled = format!("Bearer Bearer {}", world.ann);
    for value in [basic.as_str(), &bare, &doubled, "Bearer", "Bearer ", ""] {
        let answer = world.send(request(None, "GET", "/v1/cubes", None, &[("authorization", value)])).await;
        assert_eq!(answer.code(), "unauthenticated", "{value:?}");
    }
    let twice = [("authorization", format!("Bearer {}", world.bob))];
    let twice: Vec<_> = twice.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(world.call(&world.ann, "GET", "/v1/cubes", None, &twice).await.code(), "unauthenticated");
    let in_query = format!("/v1/cubes?key={}", world.ann);
    assert_eq!(world.send(request(None, "GET", &in_query, None, &[])).await.code(), "unauthenticated");
    let lower = format!("bearer {}", world.ann);
    assert!(is_success(world.send(request(None, "GET", "/v1/cubes", None, &[("authorization", &lower)])).await.status));
}

#[tokio::test]
async fn a_key_fails_from_the_moment_it_is_revoked_or_expires() {
    let world = World::new().await;
    let brief = new_key(&world.file, "acme", "ann", false, Some(Timestamp(START + 3_600_000_000)));
    world.get(&brief.key, "/v1/cubes").await.ok();
    world.clock.0.fetch_add(3_600_000_000, Ordering::SeqCst);
    assert_eq!(world.get(&brief.key, "/v1/cubes").await.code(), "unauthenticated");
    let lost = new_key(&world.file, "acme", "ann", false, None);
    world.get(&lost.key, "/v1/cubes").await.ok();
    world.file.revoke(&lost.info.id, Timestamp(START)).unwrap();
    assert_eq!(world.get(&lost.key, "/v1/cubes").await.code(), "unauthenticated");
}

#[tokio::test]
async fn another_tenant_gets_nothing_from_any_route() {
    let world = World::new().await;
    world.cube("notes").await;
    let written = world.memory("notes", "a secret of acme").await;
    let memory = written["memory"].as_str().unwrap();
    let state = world.get(&world.ann, "/v1/state?cube=notes").await.ok();
    for (method, template) in data_routes().list {
        let named = template.replace("{cube}", "acme%2Fnotes").replace("{memory}", memory);
        let mut path = filled(&named);
        match template {
            "/v1/state" | "/v1/diff" => path.push_str("?cube=acme%2Fnotes"),
            "/v1/memories/{memory}" => path.push_str("?cube=acme%2Fnotes"),
            _ => {}
        }
        let body = body_for(template, "acme/notes", memory).filter(|_| method == "post");
        let answer = world.call(&world.stranger, &method.to_uppercase(), &path, body, &[]).await;
        let whose_own = ["/v1/status", "/v1/cubes", "/v1/sql", "/v1/dead", "/v1/replay", "/v1/verify", "/v1/rebuild"];
        if whose_own.contains(&template) && method == "get"
            || ["/v1/sql", "/v1/replay", "/v1/verify", "/v1/rebuild"].contains(&template)
        {
            // Administration, and lists of what is one's own.
            assert!(!answer.text.contains("secret of acme") && !answer.text.contains("\"ann\""), "{template}: {}", answer.text);
        } else {
            assert!([403, 404, 422].contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text);
            assert!(!answer.text.contains("secret of acme"), "{template}");
            if path.contains("acme") {
                assert_eq!(answer.code(), "foreign-tenant", "{method} {path}");
            }
        }
    }
    assert_eq!(world.get(&world.ann, "/v1/state?cube=notes").await.ok(), state, "and changes nothing");
    assert_eq!(world.get(&world.stranger, "/v1/cubes").await.ok()["cubes"], json!([]));
    let sql = world.post(&world.stranger, "/v1/sql", json!({"query": "SELECT 1"})).await.ok();
    assert_eq!(sql["rows"][0]["tenant"], "other");
    let without_cube = world.get(&world.stranger, &format!("/v1/memories/{memory}")).await;
    assert_eq!(without_cube.code(), "unknown-memory", "whether it exists is nobody's business");
}

#[tokio::test]
async fn a_principal_without_a_grant_reads_and_writes_nothing_until_it_gets_one() {
    let world = World::new().await;
    world.cube("notes").await;
    let written = world.memory("notes", "a secret of Ann").await;
    let memory = written["memory"].as_str().unwrap();
    for (method, template) in data_routes().list {
        let needs_admin = ["/v1/replay", "/v1/verify", "/v1/rebuild"].contains(&template);
        let listing =
            ["/v1/status", "/v1/cubes", "/v1/sql", "/v1/dead", "/v1/dead/{position}/retry", "/v1/dead/{position}/discard"];
        if listing.contains(&template) {
            continue;
        }
        let mut path = filled(&template.replace("{memory}", memory));
        if ["/v1/state", "/v1/diff"].contains(&template) {
            path.push_str("?cube=notes&before=start");
            path = path.replace("/v1/state?cube=notes&before=start", "/v1/state?cube=notes");
        }
        let body = body_for(template, "notes", memory).filter(|_| method == "post");
        let answer = world.call(&world.bob, &method.to_uppercase(), &path, body, &[]).await;
        let expected: &[&str] = match template {
            _ if needs_admin => &["admin-only"],
            // The refusal of a batch names its first turn.
            "/v1/ingest" => &["forbidden", "invalid"],
            _ => &["forbidden"],
        };
        assert!(expected.contains(&answer.code()), "{method} {path}: {}", answer.text);
        assert!(!answer.text.contains("secret of Ann"));
    }
    assert_eq!(world.get(&world.bob, "/v1/cubes").await.ok()["cubes"], json!([]));
    let grant = json!({"principal": "bob", "right": "read"});
    world.post(&world.ann, "/v1/cubes/notes/grants", grant).await.ok();
    world.get(&world.bob, &format!("/v1/memories/{memory}")).await.ok();
    let tag = json!({"cube": "notes", "add": ["mine"]});
    assert_eq!(world.post(&world.bob, &format!("/v1/memories/{memory}/tag"), tag).await.code(), "forbidden");
    world.call(&world.ann, "DELETE", "/v1/cubes/notes/grants/bob", None, &[]).await.ok();
    assert_eq!(world.get(&world.bob, &format!("/v1/memories/{memory}")).await.code(), "forbidden");
}
