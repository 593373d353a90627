//! What wrong input and a wrong world get: a message that says what, why and what to do next, and an exit code.

use cubelog_log::{Append, EventLog, LocalLog, LocalOptions, Topic};
use cubelog_memory::{EventId, Timestamp};

use crate::kit::{Place, exists, turns};

const GOOD: &str =
    r#"{"kind":"turn","conversation":"c","session":"s","turn_id":"1","speaker":"A","at":"2023-05-08T13:56:00Z","text":"hello"}"#;

#[track_caller]
fn refused(lines: &[&[u8]], words: &[&str], kept: u64) {
    let place = Place::new();
    let file = place.write("in.jsonl", lines.join(&b'\n'));
    let file = file.to_str().unwrap();
    // Without --keep-going nothing of the file is taken.
    place.run(&["ingest", file]).expect(4).says(words).says(&["error:", "why:", "next:", "--keep-going"]);
    assert!(!exists(&place.dir(), "log"), "nothing was made for a file that is refused");
    // With it the rest is.
    let ran = place.run(&["-o", "json", "ingest", file, "--keep-going"]).expect(4).says(words);
    assert_eq!((ran.json()["received"].as_u64(), ran.json()["refused"].as_u64()), (Some(kept), Some(1)), "{ran}");
    assert_eq!(place.json(&["state", "c"])["total"], kept);
}

#[test]
fn a_malformed_line() {
    refused(&[GOOD.as_bytes(), br#"{"kind":"turn","conversation":"#], &["line 2", "malformed JSON"], 1);
}

#[test]
fn a_field_of_the_wrong_type() {
    let line = GOOD.replace("\"text\":\"hello\"", "\"text\":7").replace("\"1\"", "\"2\"");
    refused(&[GOOD.as_bytes(), line.as_bytes()], &["line 2", "`text`"], 1);
}

#[test]
fn a_missing_field() {
    let line = GOOD.replace("\"turn_id\":\"1\",", "");
    refused(&[line.as_bytes(), GOOD.as_bytes()], &["line 1", "`turn_id`", "missing"], 1);
}

#[test]
fn invalid_utf8() {
    let mut line = GOOD.replace("\"1\"", "\"2\"").into_bytes();
    let place = line.len() - 4;
    line[place] = 0xff;
    refused(&[GOOD.as_bytes(), &line], &["line 2", "UTF-8"], 1);
}

#[test]
fn an_empty_text() {
    let line = GOOD.replace("hello", " ").replace("\"1\"", "\"2\"");
    // A stream has turns in which nothing is said: they are passed over and counted, and a text that is given alone is refused.
    let place = Place::new();
    let file = place.write("in.jsonl", [GOOD.as_bytes(), line.as_bytes()].join(&b'\n'));
    let report = place.json(&["ingest", file.to_str().unwrap()]);
    assert_eq!((report["received"].as_u64(), report["skipped"].as_u64()), (Some(1), Some(1)), "{report}");
    place.run(&["add", " ", "--cube", "c"]).expect(2).says(&["error:", "empty"]);
}

#[test]
fn an_oversized_text() {
    let line = GOOD.replace("hello", &"x".repeat(300 * 1024)).replace("\"1\"", "\"2\"");
    refused(&[GOOD.as_bytes(), line.as_bytes()], &["line 2", "bytes"], 1);
}

#[test]
fn a_time_in_the_future() {
    let line = GOOD.replace("2023-", "2999-").replace("\"1\"", "\"2\"");
    refused(&[GOOD.as_bytes(), line.as_bytes()], &["line 2", "day"], 1);
}

#[test]
fn one_turn_id_with_two_texts() {
    let line = GOOD.replace("hello", "something else");
    refused(&[GOOD.as_bytes(), line.as_bytes()], &["line 2"], 1);
}

#[test]
fn the_same_turn_twice_and_times_out_of_order_are_fine() {
    let place = Place::new();
    let earlier = GOOD.replace("2023-", "2021-").replace("\"1\"", "\"2\"");
    let file = place.write("in.jsonl", [GOOD, &earlier, GOOD].join("\n"));
    let report = place.json(&["ingest", file.to_str().unwrap()]);
    assert_eq!((report["received"].as_u64(), report["duplicates"].as_u64()), (Some(2), Some(1)), "{report}");
}

#[test]
fn a_turn_that_changed_since_is_refused() {
    let place = Place::new();
    let file = place.write("in.jsonl", GOOD);
    place.ok(&["ingest", file.to_str().unwrap()]);
    let file = place.write("in.jsonl", GOOD.replace("hello", "good bye"));
    let ran = place.run(&["ingest", file.to_str().unwrap()]);
    assert!(ran.code != 0, "{ran}");
    ran.says(&["line 1", "other content"]);
}

#[test]
fn files_that_are_none() {
    let place = Place::new();
    place.run(&["ingest", "/nonexistent.jsonl"]).expect(3).says(&["/nonexistent.jsonl"]);
    place.run(&["ingest", place.temp.path().to_str().unwrap()]).expect(2).says(&["is a directory"]);
    let empty = place.write("empty.jsonl", "");
    place.run(&["ingest", empty.to_str().unwrap()]).expect(4).says(&["empty"]);
    let odd = place.write("odd.bin", "what is this");
    place.run(&["ingest", odd.to_str().unwrap()]).expect(4).says(&["format", "locomo"]);
    place.run(&["ingest"]).expect(2);
    place.run(&["fly"]).expect(2);
}

#[test]
fn a_directory_that_does_not_exist() {
    let place = Place::new();
    for verb in [&["search", "x"][..], &["cubes"], &["verify"], &["status"], &["get", "00000000000000000000000000000000"]] {
        place.run(verb).expect(3).says(&["no Cubelog directory", "next:", "cubelog init"]);
    }
    assert!(!place.dir().exists(), "reading makes nothing");
}

#[test]
fn a_directory_of_a_newer_version() {
    let place = Place::new();
    place.ok(&["init"]);
    std::fs::write(place.dir().join("FORMAT"), "cubelog 2\n").unwrap();
    place.run(&["cubes"]).expect(4).says(&["newer", "layout 2"]);
    std::fs::write(place.dir().join("FORMAT"), "cubelog 1\n").unwrap();
    std::fs::write(place.dir().join("log/VERSION"), "cubelog-log 99\n").unwrap();
    let ran = place.run(&["cubes"]);
    assert_ne!(ran.code, 0, "{ran}");
    ran.says(&["99", "newer"]);
}

#[test]
fn a_directory_that_another_process_holds() {
    let place = Place::new();
    place.ok(&["init"]);
    let options = LocalOptions { partitions: 1, clock: std::sync::Arc::new(|| Timestamp(1)) };
    let _held = LocalLog::open(&place.dir().join("log"), options).unwrap();
    place.run(&["cubes"]).expect(5).says(&["in use", &std::process::id().to_string(), "--server"]);
}

#[test]
fn cubes_and_memories_that_do_not_exist() {
    let place = Place::new();
    place.ok(&["add", "x", "--cube", "c"]);
    place.run(&["state", "nothing"]).expect(3).says(&["nothing", "cubelog cubes"]);
    place.run(&["search", "x", "--cube", "nothing"]).expect(3);
    place.run(&["grant", "nothing", "bob"]).expect(3);
    place.run(&["history", "00000000-0000-7000-8000-000000000000"]).expect(3);
    place.run(&["state", "not a name"]).expect(2);
    place.run(&["state", "c", "--at", "some day"]).expect(2).says(&["help times"]);
    place.run(&["dead", "show", "0:99"]).expect(3);
    place.run(&["replay", "--into", "x", "--without", "everything"]).expect(2);
}

#[test]
fn a_server_or_broker_that_does_not_answer() {
    let place = Place::new();
    place.run(&["--server", "http://127.0.0.1:9", "search", "x"]).expect(5).says(&["no server", "why:", "cubelog serve"]);
    place.run(&["--server", "127.0.0.1:9", "search", "x"]).expect(2);
    place.run(&["--server", "http://127.0.0.1:9", "doctor"]).expect(2).says(&["data directory"]);
    place.ok(&["init"]);
    place.run(&["--log", "kafka://127.0.0.1:9/test", "cubes"]).expect(5).says(&["127.0.0.1:9"]);
    place.run(&["--log", "kafka:/x", "cubes"]).expect(2).says(&["kafka://"]);
}

#[test]
fn keys_that_are_lost_do_not_pass_for_erased_content() {
    let place = Place::new();
    place.ok(&["add", "x", "--cube", "c"]);
    std::fs::rename(place.dir().join("keys"), place.path("elsewhere")).unwrap();
    let ran = place.run(&["state", "c"]);
    assert_ne!(ran.code, 0, "{ran}");
    ran.says(&["next:", "--keys"]);
    assert_eq!(place.json(&["state", "c", "--keys", place.path("elsewhere").to_str().unwrap()])["total"], 1);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_parks_its_cube_and_no_other() {
    let place = Place::new();
    let file = place.write("in.jsonl", turns("good", 3) + &turns("bad", 3));
    place.ok(&["ingest", file.to_str().unwrap()]);
    let position = {
        let options = LocalOptions { partitions: 1, clock: std::sync::Arc::new(|| Timestamp(1_900_000_000_000_000)) };
        let log = LocalLog::open(&place.dir().join("log"), options).unwrap();
        let id = EventId::from_bytes([7; 16]);
        let record = Append { key: "default/bad".to_owned(), id, payload: vec![0xC3, 0x01, 1, 2, 3, 4, 5, 6, 7, 8, 9].into() };
        let position = log.append(Topic::Events, vec![record]).await.unwrap()[0].position;
        log.close().await.unwrap();
        position.to_string()
    };
    let dead = place.json(&["dead", "list"]);
    assert_eq!(
        (dead["dead"][0]["position"].as_str(), dead["dead"][0]["status"].as_str()),
        (Some(position.as_str()), Some("parked")),
        "{dead}"
    );
    place.ok(&["add", "life goes on", "--cube", "good"]);
    place.run(&["add", "not here", "--cube", "bad"]).expect(4).says(&["parked"]);
    place.run(&["doctor"]).expect(6);
    place.run(&["dead", "retry", &position]).expect(4).says(&["discard"]);
    place.ok(&["dead", "discard", &position, "--reason", "a test"]);
    assert_eq!(place.json(&["dead", "show", &position])["status"], "discarded");
    place.ok(&["add", "here again", "--cube", "bad"]);
    assert_eq!(place.json(&["verify"])["equal"], true);
}
