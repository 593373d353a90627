//! The verbs on a directory.

use serde_json::Value;

use crate::kit::{Place, SAMPLE, SAMPLE_TURNS, turns};

#[test]
fn ingest_makes_everything_and_adds_nothing_the_second_time() {
    let place = Place::new();
    let first = place.json(&["ingest", SAMPLE]);
    assert_eq!((first["turns"].as_u64(), first["received"].as_u64()), (Some(SAMPLE_TURNS), Some(SAMPLE_TURNS)), "{first}");
    assert_eq!(first["skipped"], 19, "questions are no turns: {first}");
    let second = place.json(&["ingest", SAMPLE]);
    assert_eq!((second["received"].as_u64(), second["duplicates"].as_u64()), (Some(0), Some(SAMPLE_TURNS)), "{second}");
    let cubes = place.json(&["cubes"]);
    let names: Vec<&str> = cubes["cubes"].as_array().unwrap().iter().map(|cube| cube["cube"].as_str().unwrap()).collect();
    assert_eq!(names, ["june-move", "kofi-brit", "nadia-tomas"]);
    let counted = place.json(&["sql", "SELECT count(*) AS n FROM turns"]);
    assert_eq!(counted["rows"][0]["n"], SAMPLE_TURNS, "{counted}");
}

#[test]
fn standard_input_pipes_and_one_cube_for_all() {
    let place = Place::new();
    let file = place.write("in.jsonl", turns("a", 3) + &turns("b", 3));
    let mut command = place.command(&["-o", "json", "ingest", "-", "--cube", "both"]);
    command.stdin(std::fs::File::open(&file).unwrap());
    let ran = crate::kit::Ran::of(command.output().unwrap(), &["ingest", "-"]).expect(0);
    assert_eq!(ran.json()["cubes"], serde_json::json!(["default/both"]));
    let state = place.json(&["state", "both"]);
    assert_eq!(state["total"], 6, "{state}");
}

#[test]
fn search_finds_and_filters() {
    let place = Place::with_sample();
    let hits = |args: &[&str]| -> Vec<Value> {
        let mut all = vec!["search"];
        all.extend(args);
        place.json(&all)["hits"].as_array().unwrap().clone()
    };
    let found = hits(&["which food gives hives", "-k", "5"]);
    assert!(found.iter().any(|hit| hit["source"] == "S2:7" && hit["cube"] == "kofi-brit"), "{found:?}");
    assert!(found.len() <= 5);
    let only = hits(&["cat", "--cube", "nadia-tomas", "--speaker", "Tomas", "-k", "20"]);
    assert!(!only.is_empty() && only.iter().all(|hit| hit["speaker"] == "Tomas" && hit["cube"] == "nadia-tomas"), "{only:?}");
    let session = hits(&["cat", "--cube", "nadia-tomas", "--session", "S3"]);
    assert!(!session.is_empty() && session.iter().all(|hit| hit["session"] == "S3"), "{session:?}");
    let late = hits(&["cat", "--cube", "nadia-tomas", "--since", "2026-01-01", "-k", "50"]);
    assert!(!late.is_empty() && late.iter().all(|hit| hit["valid"]["from"].as_str().unwrap() >= "2026"), "{late:?}");
    let early = hits(&["cat", "--cube", "nadia-tomas", "--until", "2026-01-01", "-k", "50"]);
    assert!(!early.is_empty() && early.iter().all(|hit| hit["valid"]["from"].as_str().unwrap() < "2026"), "{early:?}");
    let explained = place.ok(&["search", "cat", "--explain", "-k", "3"]);
    assert!(explained.out.contains("words 0.") && explained.out.contains("session 0."), "{explained}");
}

#[test]
fn a_memory_is_read_in_both_times() {
    let place = Place::with_sample();
    let id = place.memory("june-move", "S1:7");
    let before = place.json(&["get", &id]);
    let position = before["position"].as_str().unwrap().to_owned();
    let written = place.json(&["revise", &id[..8], "I eat fish again.", "--valid-from", "2026-01-25"]);
    assert_eq!((written["effect"].as_str(), written["version"].as_u64()), (Some("applied"), Some(2)), "{written}");

    let text = |args: &[&str]| {
        let mut all = vec!["get", &id];
        all.extend(args);
        place.json(&all)["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(text(&[]), "I eat fish again.");
    assert!(text(&["--at", &position]).contains("vegan"));
    assert!(text(&["--valid-at", "2025-12-24"]).contains("vegan"));
    assert_eq!(text(&["--valid-at", "2026-02-01"]), "I eat fish again.");
    assert!(text(&["--valid-at", "2026-02-01", "--at", &position]).contains("vegan"));
    let recorded = written["recorded_at"].as_str().unwrap();
    assert_eq!(text(&["--at", recorded]), "I eat fish again.");

    let history = place.json(&["history", &id]);
    let changes: Vec<&str> =
        history["versions"].as_array().unwrap().iter().map(|step| step["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["turn_received", "memory_revised"]);
    // Before its first version was recorded it did not exist.
    place.run(&["get", &id, "--at", "2001-01-01"]).expect(3).says(&["error:", "next:"]);
}

#[test]
fn a_stale_writer_makes_a_sibling_and_a_resolution_settles_it() {
    let place = Place::with_sample();
    let id = place.memory("june-move", "S1:7");
    place.ok(&["revise", &id, "first"]);
    place.run(&["revise", &id, "second", "--expect", "1"]).expect(4).says(&["version 3 in conflict", "why:", "cubelog resolve"]);
    let now = place.json(&["get", &id]);
    assert_eq!((now["text"].as_str(), now["siblings"].clone()), (Some("first"), serde_json::json!([3])), "{now}");
    place.run(&["resolve", &id, "--winner", "9"]).expect(3);
    place.ok(&["resolve", &id, "--winner", "3", "--reason", "asked her"]);
    let now = place.json(&["get", &id]);
    assert_eq!((now["text"].as_str(), now.get("siblings")), (Some("second"), None), "{now}");
    let writes = place.json(&["audit", "writes", &id]);
    let last = writes["writes"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((last["change"].as_str(), last["actor"].as_str()), (Some("conflict_resolved"), Some("tester")), "{writes}");
}

#[test]
fn add_records_one_memory_and_repeats_nothing() {
    let place = Place::new();
    let add = [
        "add",
        "The spare key is under the mat.",
        "--cube",
        "home",
        "--speaker",
        "Ann",
        "--tag",
        "keys",
        "--idempotency-key",
        "k1",
    ];
    let first = place.json(&add);
    let again = place.json(&add);
    assert_eq!((first["memory"].clone(), again["effect"].as_str()), (again["memory"].clone(), Some("repeated")), "{again}");
    let state = place.json(&["state", "home"]);
    assert_eq!(state["total"], 1, "{state}");
    let hits = place.json(&["search", "where is the key", "--tag", "keys"]);
    assert_eq!(hits["hits"][0]["memory"], first["memory"]);
}

#[test]
fn state_and_diff_between_two_moments() {
    let place = Place::new();
    place.ok(&["add", "one", "--cube", "c"]);
    let middle = place.json(&["add", "two", "--cube", "c"])["position"].as_str().unwrap().to_owned();
    place.ok(&["add", "three", "--cube", "c"]);
    let at = place.json(&["state", "c", "--at", &middle]);
    assert_eq!(at["total"], 2, "{at}");
    assert_eq!(place.json(&["state", "c"])["total"], 3);
    let diff = place.json(&["diff", "c", "--from", &middle]);
    let found = diff["differences"].as_array().unwrap();
    assert_eq!(
        (found.len(), found[0]["change"].as_str(), found[0]["after"]["text"].as_str()),
        (1, Some("added"), Some("three")),
        "{diff}"
    );
    let limited = place.ok(&["state", "c", "--limit", "1"]);
    assert!(limited.err.contains("1 of 3"), "{limited}");
}

#[test]
fn replay_verify_and_the_counterfactual() {
    let place = Place::with_sample();
    let id = place.memory("june-move", "S1:7");
    place.ok(&["revise", &id, "fish"]);
    let verified = place.json(&["verify"]);
    assert_eq!(verified["equal"], true, "{verified}");

    let whole = place.path("whole").display().to_string();
    let report = place.json(&["replay", "--into", &whole]);
    assert_eq!(report["memories"], SAMPLE_TURNS, "{report}");
    assert_eq!(place.json(&["verify", "--against", &whole])["equal"], true);

    let without = place.path("without").display().to_string();
    let report = place.json(&["replay", "--into", &without, "--without", "source:june-move/S4", "principal:nobody"]);
    assert_eq!(report["left_out"], 7, "{report}");
    place.run(&["verify", "--against", &without]).expect(6);
    let diff = place.json(&["diff", "june-move", "--against", &without]);
    assert_eq!(diff["differences"].as_array().unwrap().len(), 7, "{diff}");
    let asked = ["search", "smoked mackerel", "--cube", "june-move", "-k", "3"];
    let live = place.json(&asked);
    assert_eq!(live["hits"][0]["source"], "S4:1", "{live}");
    let there = place.json(&[&asked[..], &["--views", &without]].concat());
    assert!(there["hits"].as_array().unwrap().iter().all(|hit| hit["session"] != "S4"), "{there}");

    let early = place.path("early").display().to_string();
    let report = place.json(&["replay", "--into", &early, "--until", "0:9"]);
    assert_eq!(report["records"], 10, "{report}");
    place.run(&["replay", "--into", &whole]).says(&["not empty"]);
    assert_ne!(place.run(&["replay", "--into", &whole]).code, 0);
}

#[test]
fn views_that_are_lost_or_of_another_encoder_come_back_from_the_log() {
    let place = Place::with_sample();
    place.ok(&["add", "a last word", "--cube", "june-move"]);
    std::fs::remove_dir_all(place.dir().join("views")).unwrap();
    let hits = place.json(&["search", "smoked mackerel", "-k", "1"]);
    assert_eq!(hits["hits"][0]["source"], "S4:1", "{hits}");
    place.run(&["--embedder", "none", "search", "x"]).says(&["embed", "rebuild"]);
    place.ok(&["--embedder", "none", "rebuild"]);
    let hits = place.json(&["--embedder", "none", "search", "smoked mackerel", "-k", "1"]);
    assert_eq!(hits["hits"][0]["source"], "S4:1", "{hits}");
    let report = place.json(&["rebuild"]);
    assert_eq!(report["memories"], SAMPLE_TURNS + 1, "{report}");
    assert_eq!(place.json(&["verify"])["equal"], true);
}

#[test]
fn sql_reads_views_and_events_and_writes_nothing() {
    let place = Place::with_sample();
    let rows = place.json(&["sql", "SELECT cube, count(*) AS n FROM turns GROUP BY cube ORDER BY cube"]);
    assert_eq!(rows["rows"][0], serde_json::json!({"cube": "june-move", "n": 45}), "{rows}");
    let events = place.json(&["sql", "SELECT kind, count(*) AS n FROM events GROUP BY kind ORDER BY kind"]);
    assert!(
        events["rows"].as_array().unwrap().iter().any(|row| row["kind"] == "turn_received" && row["n"] == SAMPLE_TURNS),
        "{events}"
    );
    for refused in [
        "DROP TABLE memories",
        "INSERT INTO memories VALUES (1)",
        "COPY memories TO '/tmp/x'",
        "SELECT * FROM nothing",
        "SELEC 1",
    ] {
        let ran = place.run(&["sql", refused]);
        assert!(matches!(ran.code, 2 | 4), "{ran}");
        ran.says(&["error:"]);
    }
    let part = place.ok(&["sql", "SELECT memory FROM memories", "--limit", "2", "-o", "jsonl"]);
    assert_eq!(part.out.lines().count(), 2, "{part}");
    part.says(&["more rows"]);
}

#[test]
fn reads_are_remembered() {
    let place = Place::with_sample();
    let id = place.memory("june-move", "S1:7");
    place.ok(&["--principal", "auditor", "get", &id]);
    place.ok(&["--principal", "seeker", "search", "please remember that I'm vegan", "--cube", "june-move", "-k", "3"]);
    let reads = place.json(&["audit", "reads", &id]);
    let by: Vec<(&str, &str)> = reads["reads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|read| (read["principal"].as_str().unwrap(), read["purpose"].as_str().unwrap()))
        .collect();
    assert!(by.contains(&("auditor", "get")) && by.contains(&("seeker", "search")), "{reads}");
}

#[test]
fn grants_are_given_and_taken() {
    let place = Place::new();
    place.ok(&["init", "--cube", "notes", "--auditable"]);
    place.ok(&["grant", "notes", "bob", "write"]);
    let cubes = place.json(&["cubes"]);
    assert_eq!(cubes["cubes"][0]["grants"], serde_json::json!([{"principal": "bob", "right": "write"}]), "{cubes}");
    assert_eq!(cubes["cubes"][0]["auditable"], true);
    place.ok(&["revoke", "notes", "bob"]);
    assert_eq!(place.json(&["cubes"])["cubes"][0]["grants"], serde_json::json!([]));
}

#[test]
fn every_form_of_output_is_complete_and_nothing_else_is_on_standard_output() {
    let place = Place::with_sample();
    let query = ["search", "cat", "-k", "3", "--cube", "nadia-tomas"];
    let with = |format: &str| place.ok(&[&query[..], &["-o", format]].concat()).out;
    let json: Value = serde_json::from_str(&with("json")).unwrap();
    let lines: Vec<Value> = with("jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json["hits"].as_array().unwrap(), &lines);
    let csv = with("csv");
    assert!(csv.starts_with("rank,score,memory,valid.from,cube,speaker,text,"), "{csv}");
    for width in ["60", "80"] {
        let mut command = place.command(&query);
        command.env("COLUMNS", width);
        let table = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(table.lines().all(|line| line.chars().count() <= width.parse().unwrap()), "{table}");
        assert!(!table.contains('\u{1b}'), "{table}");
    }
}

#[test]
fn completions_help_and_the_configuration() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.ok(&["completions", shell]).out.contains("cubelog"));
    }
    assert!(place.ok(&["help", "exit-codes"]).out.contains("130"));
    assert!(place.ok(&["help", "times"]).out.contains("--valid-at"));
    let help = place.ok(&["--help"]).out;
    for verb in ["ingest", "search", "replay", "verify", "audit", "doctor"] {
        assert!(help.contains(verb), "{help}");
    }
    place.ok(&["init"]);
    std::fs::write(place.dir().join("cubelog.toml"), "partitions = 2\nlisten = \"127.0.0.1:7000\"\n").unwrap();
    let shown = place.json(&["config", "show", "--origin"]);
    let of = |name: &str| shown.as_array().unwrap().iter().find(|setting| setting["name"] == name).unwrap().clone();
    assert_eq!(of("embedder")["origin"], "environment CUBELOG_EMBEDDER");
    assert!(of("listen")["origin"].as_str().unwrap().starts_with("file "), "{shown}");
    assert_eq!(of("commit-interval")["origin"], "default");
    let flagged = place.json(&["config", "show", "--origin", "--embedder", "none"]);
    assert!(flagged.to_string().contains("flag --embedder"), "{flagged}");
    std::fs::write(place.dir().join("cubelog.toml"), "partition = 2\n").unwrap();
    place.run(&["config", "show"]).expect(2).says(&["\"partition\"", "\"partitions\""]);
    std::fs::remove_file(place.dir().join("cubelog.toml")).unwrap();
    place.ok(&["config", "init"]);
    place.run(&["config", "init"]).expect(4);
    place.ok(&["config", "show"]);
}

#[test]
fn the_doctor_finds_what_is_wrong() {
    let place = Place::with_sample();
    let healthy = place.json(&["doctor"]);
    assert!(healthy.as_array().unwrap().iter().all(|finding| finding["status"] == "ok"), "{healthy}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let rights =
            |mode| std::fs::set_permissions(place.dir().join("keys/master.key"), std::fs::Permissions::from_mode(mode)).unwrap();
        rights(0o644);
        let ran = place.run(&["doctor"]).expect(6);
        assert!(ran.out.contains("chmod"), "{ran}");
        rights(0o600);
    }
    place.run(&["doctor", "--embedder", "minilm", "--models", "/nonexistent"]).expect(6);
    place.ok(&["doctor"]);
}

#[test]
fn the_demo_runs_to_its_end_in_a_narrow_terminal() {
    let place = Place::new();
    let into = place.path("demo").display().to_string();
    let mut command = place.command(&["demo", "--into", &into]);
    command.env("COLUMNS", "60");
    let ran = crate::kit::Ran::of(command.output().unwrap(), &["demo"]).expect(0);
    for word in ["8. Who has seen it?", "Equal", "in conflict", "fish", "vegan", "cubelog serve"] {
        assert!(ran.out.contains(word), "no {word:?} in {ran}");
    }
    assert!(!ran.out.contains('\u{1b}'), "{ran}");
    let wide: Vec<&str> = ran
        .out
        .lines()
        .filter(|line| {
            line.chars().count() > 60 && !line.contains(&into) && !line.starts_with("$ ") && !line.starts_with("  cubelog ")
        })
        .collect();
    assert!(wide.is_empty(), "{wide:?}");
    place.run(&["demo", "--into", &into]).expect(4);
}

#[test]
fn ids_may_be_shortened_as_long_as_they_are_unique() {
    let place = Place::with_sample();
    let id = place.memory("june-move", "S1:7");
    assert_eq!(place.json(&["get", &id[..8]])["memory"], id.as_str());
    assert_eq!(place.json(&["get", &id[26..]])["memory"], id.as_str());
    place.run(&["get", "abc"]).expect(2);
    place.run(&["get", "xyzw"]).expect(2);
    place.run(&["get", "00000000000000000000000000000000"]).expect(3);
}

#[test]
fn one_belief_is_current_and_a_contradiction_is_settled() {
    let place = Place::new();
    let told: String = [
        ("2023-05-08T13:56:00Z", "I live in Graz."),
        ("2023-08-08T13:57:00Z", "I live in Linz now."),
        ("2023-08-09T10:00:00Z", "I have two cats."),
        ("2023-08-10T10:00:00Z", "I have three cats."),
    ]
    .iter()
    .enumerate()
    .map(|(index, (at, text))| {
        format!("{{\"kind\":\"turn\",\"conversation\":\"talk\",\"turn_id\":\"{index}\",\"speaker\":\"Ana\",\"at\":\"{at}\",\"text\":\"{text}\"}}\n")
    })
    .collect();
    let file = place.write("talk.jsonl", told);
    place.json(&["ingest", file.to_str().unwrap()]);
    let shown = place.ok(&["beliefs", "--cube", "talk", "--about", "Ana"]);
    assert!(shown.out.contains("Linz") && !shown.out.contains("Graz"), "{shown}");
    assert!(place.ok(&["beliefs", "--cube", "talk", "--history"]).out.contains("Graz"));
    let then = place.ok(&["beliefs", "--cube", "talk", "--valid-at", "2023-06-01"]);
    assert!(then.out.contains("Graz") && !then.out.contains("Linz"), "{then}");
    let review = place.json(&["beliefs", "--cube", "talk", "--review"]);
    let doubt = &review["review"][0];
    let id = |side: &str| doubt[side]["memory"].as_str().unwrap().to_owned();
    let (earlier, later) = (id("earlier"), id("later"));
    place.run(&["beliefs", "resolve", &earlier]).expect(2);
    place.run(&["beliefs"]).expect(2);
    place.ok(&["beliefs", "resolve", &later, "--over", &earlier, "--reason", "asked her"]);
    assert!(place.json(&["beliefs", "--cube", "talk", "--review"])["review"].as_array().unwrap().is_empty());
    let written = place.json(&["history", &earlier])["versions"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (written["change"].as_str(), written["reason"].as_str()),
        (Some("belief_resolved"), Some("asked her")),
        "{written}"
    );
    place.ok(&["verify"]);
}
