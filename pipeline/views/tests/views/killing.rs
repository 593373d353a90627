//! A writing process is killed at random moments; the views must open at a cut between batches, holding exactly what lies
//! below it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cubelog_memory::Validity;
use cubelog_views::conformance::script::{Script, at};
use cubelog_views::{Batch, ViewStore};

use super::{assert_holds, home, open};

const FOLDER: &str = "CUBELOG_TEST_VIEWS_FOLDER";

/// The next batch of an endless story that depends on nothing but its number.
fn next(script: &mut Script, number: u64) -> Batch {
    for turn in number * 3..number * 3 + 3 {
        script.turn(&home(), turn, "ana", &format!("turn {turn}"));
    }
    if number > 0 {
        script.revise(&home(), number - 1, 1, &format!("revised {number}"), Validity::since(at(5)));
    }
    script.batch()
}

/// Not a test by itself: the process that gets killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer_to_be_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = open(Path::new(&folder)).await;
    let mut script = Script::default();
    for number in 0.. {
        store.commit(next(&mut script, number)).await.unwrap();
        if number % 7 == 6 {
            store.maintain().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_writer_leaves_one_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut reached = 0;
    for round in 0..8u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killing::writer_to_be_killed", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Odd delays, so that the moments differ.
        tokio::time::sleep(Duration::from_millis(350 + round * 137 % 400)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(dir.path()).await;
        let reflected = store.reflected();
        let mut script = Script::default();
        let mut number = 0;
        while script.cut() != reflected {
            assert!(reflected.includes(&script.cut()), "{reflected} is between batches");
            next(&mut script, number);
            number += 1;
        }
        assert!(number >= reached, "nothing that was there went missing");
        reached = number;
        assert_holds(&store, &script).await;
        store.commit(next(&mut script, number)).await.unwrap();
        assert_holds(&store, &script).await;
        reached += 1;
    }
    assert!(reached > 20, "the writer got nowhere: {reached} batches");
}
