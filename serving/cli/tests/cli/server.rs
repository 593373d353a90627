//! The server and the same verbs through it.

use std::io::{BufRead, BufReader};

use crate::kit::{Place, Running, SAMPLE, SAMPLE_TURNS, turns};

/// A server over the place's directory, and how to reach it.
struct Server {
    running: Running,
    url: String,
}

fn serve(place: &Place) -> Server {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0"]);
    let mut running = Running(command.spawn().unwrap());
    // The first line of output is the address; the rest is read away so that the pipe never fills.
    let mut lines = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let url = loop {
        match lines.next() {
            Some(Ok(line)) if line.contains("http://") => {
                break line.split_whitespace().find(|word| word.starts_with("http://")).unwrap().to_owned();
            }
            Some(Ok(_)) => {}
            _ => {
                let mut said = String::new();
                if let Some(mut err) = running.0.stderr.take() {
                    let _ = std::io::Read::read_to_string(&mut err, &mut said);
                }
                panic!("the server ended before it was ready: {said}");
            }
        }
    };
    std::thread::spawn(move || lines.for_each(drop));
    Server { running, url }
}

fn key(place: &Place, name: &str, admin: bool) -> String {
    let made = if admin { place.json(&["key", "create", name, "--admin"]) } else { place.json(&["key", "create", name]) };
    made["key"].as_str().unwrap().to_owned()
}

#[test]
fn the_verbs_work_through_a_server() {
    let place = Place::new();
    place.ok(&["init"]);
    let admin = key(&place, "root", true);
    let server = serve(&place);
    let remote = |args: &[&str]| {
        [&["--server", &server.url, "--key", &admin, "-o", "json"][..], args]
            .concat()
            .iter()
            .map(|arg| (*arg).to_owned())
            .collect::<Vec<_>>()
    };
    let json = |args: &[&str]| {
        let args = remote(args);
        place.ok(&args.iter().map(String::as_str).collect::<Vec<_>>()).json()
    };
    let report = json(&["ingest", SAMPLE]);
    assert_eq!(report["received"], SAMPLE_TURNS, "{report}");
    let hits = json(&["search", "which food gives hives", "-k", "5"]);
    assert!(hits["hits"].as_array().unwrap().iter().any(|hit| hit["source"] == "S2:7"), "{hits}");
    let rows = json(&["sql", "SELECT memory FROM memories WHERE cube = 'june-move' AND source = 'S1:7'"]);
    let id = rows["rows"][0]["memory"].as_str().unwrap().to_owned();
    assert_eq!(json(&["get", &id[..8]])["memory"], id.as_str());
    json(&["revise", &id, "fish"]);
    assert_eq!(json(&["history", &id])["versions"].as_array().unwrap().len(), 2);
    assert_eq!(json(&["state", "june-move", "--limit", "0"])["memories"].as_array().unwrap().len(), 45);
    assert!(!json(&["audit", "reads", &id])["reads"].as_array().unwrap().is_empty());
    assert_eq!(json(&["audit", "writes", &id])["writes"].as_array().unwrap().len(), 2);
    json(&["grant", "june-move", "bob", "read"]);
    json(&["revoke", "june-move", "bob"]);
    assert_eq!(json(&["dead", "list"])["dead"], serde_json::json!([]));
    assert_eq!(json(&["status"])["lag"], 0);
    assert_eq!(json(&["verify"])["equal"], true);
    json(&["replay", "--into", "without", "--without", "source:june-move/S4"]);
    assert_eq!(json(&["diff", "june-move", "--against", "without"])["differences"].as_array().unwrap().len(), 7);
    json(&["rebuild"]);
    json(&["add", "one more", "--cube", "fresh"]);
    assert_eq!(json(&["cubes"])["cubes"].as_array().unwrap().len(), 4);

    // The directory is the server's meanwhile, and the message says so.
    place.run(&["cubes"]).expect(5).says(&[&server.url]);
}

/// Two writers over one version at the same moment: the log takes both, and decides.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_at_once_one_waits_as_a_sibling_until_somebody_decides() {
    let place = Place::new();
    place.ok(&["init"]);
    let admin = key(&place, "root", true);
    let server = serve(&place);
    let through = ["--server", &server.url, "--key", &admin];
    let id = place.json(&[&through[..], &["add", "nobody knows", "--cube", "c"]].concat())["memory"].as_str().unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let write = |text: String, expected: u64| {
        let body = serde_json::json!({"cube": "c", "expected_version": expected, "content": {"text": text}});
        let url = format!("{}/v1/memories/{id}/revise", server.url);
        let request = client.post(url).bearer_auth(&admin).json(&body);
        async move { request.send().await.unwrap().json::<serde_json::Value>().await.unwrap() }
    };
    let (a, b) = futures::join!(write("a".to_owned(), 1), write("b".to_owned(), 1));
    let (lost, won) = if a["code"] == "conflict" { (&a, &b) } else { (&b, &a) };
    assert_eq!((lost["code"].as_str(), won["effect"].as_str()), (Some("conflict"), Some("applied")), "{a} {b}");
    let sibling = lost["outcome"]["version"].to_string();
    let get = || place.json(&[&through[..], &["get", &id]].concat());
    let before = get();
    assert_eq!(before["siblings"].to_string(), format!("[{sibling}]"), "{before}");
    assert_ne!(before["current"].to_string(), sibling);
    place.ok(&[&through[..], &["resolve", &id, "--winner", &sibling, "--reason", "asked her"]].concat());
    let after = get();
    assert_ne!(after["text"], before["text"]);
    assert_eq!(after.get("siblings"), None, "{after}");
    assert_eq!(place.json(&[&through[..], &["verify"]].concat())["equal"], true);
}

#[test]
fn keys_are_asked_for_bound_and_revoked() {
    let place = Place::new();
    place.ok(&["init", "--cube", "notes"]);
    let ann = key(&place, "ann", false);
    let server = serve(&place);
    place.run(&["--server", &server.url, "search", "x"]).expect(4).says(&["key"]);
    place.run(&["--server", &server.url, "--key", "clk_no_no", "search", "x"]).expect(4);
    // Ann has no right in a cube of somebody else, and none to administer.
    place.run(&["--server", &server.url, "--key", &ann, "state", "notes"]).expect(4);
    place.run(&["--server", &server.url, "--key", &ann, "verify"]).expect(4);
    place.ok(&["--server", &server.url, "--key", &ann, "add", "mine", "--cube", "ann"]);
    let listed = place.json(&["key", "list"]);
    let id = listed[0]["id"].as_str().unwrap().to_owned();
    assert!(!listed.to_string().contains(ann.rsplit('_').next().unwrap()), "the list tells no secret");
    place.ok(&["key", "revoke", &id]);
    place.run(&["--server", &server.url, "--key", &ann, "state", "ann"]).expect(4);
    place.run(&["key", "revoke", "nobody"]).expect(3);
    place.run(&["key", "create", "x", "--expires", "2001-01-01"]).expect(2);
}

#[test]
fn a_server_that_is_told_to_end_loses_nothing() {
    let place = Place::new();
    place.ok(&["init"]);
    let admin = key(&place, "root", true);
    let mut server = serve(&place);
    let mut sent = 0;
    for round in 0..5 {
        let file = place.write("part.jsonl", turns(&format!("c{round}"), 200));
        let report = place.ok(&["--server", &server.url, "--key", &admin, "-o", "json", "ingest", file.to_str().unwrap()]).json();
        sent += report["received"].as_u64().unwrap();
    }
    // One more write that nobody waits for to be projected.
    place.ok(&["--server", &server.url, "--key", &admin, "add", "the last word", "--cube", "c0"]);
    server.running.signal("-TERM");
    let status = server.running.0.wait().unwrap();
    assert_eq!(status.code(), Some(0), "a clean end");
    assert!(!place.dir().join("serving").exists());
    let counted = place.json(&["sql", "SELECT count(*) AS n FROM memories"]);
    assert_eq!(counted["rows"][0]["n"], sent + 1, "{counted}");
    assert_eq!(place.json(&["verify"])["equal"], true);
}

#[test]
fn a_server_that_cannot_listen_says_so() {
    let place = Place::new();
    place.ok(&["init"]);
    key(&place, "root", true);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = place.run(&["serve", "--listen", &address]);
    assert_ne!(ran.code, 0, "{ran}");
    ran.says(&[&address, "next:"]);
    place.run(&["serve", "--listen", "nowhere"]).expect(2);
}
