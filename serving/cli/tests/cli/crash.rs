//! `kill -9` at random moments: what was acknowledged is there, and ingesting again makes it whole.

use std::time::Duration;

use crate::kit::{Place, Random, Running, turns};

/// Rounds of killing; `CUBELOG_KILL_ROUNDS` asks for more.
fn rounds() -> u64 {
    std::env::var("CUBELOG_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(5)
}

#[test]
fn killed_at_any_moment_and_ingested_again_everything_is_there_once() {
    const CONVERSATIONS: usize = 4;
    const TURNS: usize = 1_500;
    let mut random = Random::new();
    let place = Place::new();
    let text: String = (0..CONVERSATIONS).map(|n| turns(&format!("conversation-{n}"), TURNS)).collect();
    let file = place.write("in.jsonl", text);
    let file = file.to_str().unwrap();
    let mut least = 0;
    for round in 0..rounds() {
        let mut running = Running(place.command(&["ingest", file]).spawn().unwrap());
        std::thread::sleep(Duration::from_millis(20 + random.below(1_500)));
        let done = running.0.try_wait().unwrap().is_some();
        drop(running);
        if !place.dir().join("log").exists() {
            continue;
        }
        // What a reader finds after a crash never becomes less, and is what the log says.
        let counted = place.json(&["sql", "SELECT count(*) AS n, count(DISTINCT memory) AS d FROM turns"]);
        let found = counted["rows"][0]["n"].as_u64().unwrap();
        assert_eq!(counted["rows"][0]["d"], found, "round {round}: a turn stands there twice");
        assert!(found >= least, "round {round}: {found} turns after {least}");
        least = found;
        let verified = place.json(&["verify"]);
        assert_eq!(verified["equal"], true, "round {round}: {verified}");
        if done {
            break;
        }
    }
    let report = place.json(&["ingest", file]);
    let whole = (CONVERSATIONS * TURNS) as u64;
    assert_eq!(report["received"].as_u64().unwrap() + report["duplicates"].as_u64().unwrap(), whole, "{report}");
    let counted = place.json(&["sql", "SELECT count(*) AS n FROM turns"]);
    assert_eq!(counted["rows"][0]["n"], whole);
    assert_eq!(place.json(&["verify"])["equal"], true);
}

#[test]
fn an_interrupted_ingest_says_how_to_go_on() {
    let place = Place::new();
    let text: String = (0..40).map(|n| turns(&format!("conversation-{n}"), 500)).collect();
    let file = place.write("in.jsonl", text);
    let mut running = Running(place.command(&["ingest", file.to_str().unwrap()]).spawn().unwrap());
    while !place.dir().join("log").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(300));
    running.signal("-INT");
    let status = running.0.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut running.0.stderr.take().unwrap(), &mut said).unwrap();
    // On a fast machine the ingest may have come to its end first.
    if status.code() != Some(0) {
        assert_eq!(status.code(), Some(130), "{said}");
        assert!(said.contains("run the same command again"), "{said}");
    }
    let report = place.json(&["ingest", file.to_str().unwrap()]);
    assert_eq!(report["received"].as_u64().unwrap() + report["duplicates"].as_u64().unwrap(), 20_000, "{report}");
    assert_eq!(place.json(&["verify"])["equal"], true);
}
