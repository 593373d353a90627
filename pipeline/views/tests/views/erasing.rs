//! What was erased is in no file any more.

use std::path::Path;

use cubelog_memory::{Content, Validity};
use cubelog_views::ViewStore;
use cubelog_views::conformance::script::{Script, at, subject};

use super::{assert_holds, home, open};

const NEEDLE: &str = "xylophonequartz";

fn holds_needle(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holds_needle(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(NEEDLE.len()).any(|window| window.eq_ignore_ascii_case(NEEDLE.as_bytes())) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

/// Incompressible words around the needle, so that no encoding hides it.
async fn filled(dir: &Path, script: &mut Script) {
    let store = open(dir).await;
    for number in 0..1_500u64 {
        let noise = blake(number);
        let (text, whose) = if number == 700 { (format!("{NEEDLE} {noise}"), "eve") } else { (noise, "ana") };
        let content = Content { speaker: Some(whose.to_owned()), ..Content::text(text) };
        script.turn_of(&home(), number, content, &subject(whose), Validity::since(at(number as i64)));
        if number % 300 == 299 {
            store.commit(script.batch()).await.unwrap();
        }
    }
    store.maintain().await.unwrap();
}

fn blake(number: u64) -> String {
    format!("{:016x} {:016x}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15), number.wrapping_mul(0xC2B2_AE3D_27D4_EB4F))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_file_holds_erased_text() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    filled(dir.path(), &mut script).await;
    assert!(!holds_needle(dir.path()).is_empty(), "the test would see it");
    let store = open(dir.path()).await;
    assert_eq!(store.erase(&[subject("eve")]).await.unwrap(), 3);
    assert_eq!(holds_needle(dir.path()), Vec::<String>::new());
    assert_eq!(store.load_cube(&home()).await.unwrap().as_ref(), script.states.get(&home()));
    drop(store);
    let store = open(dir.path()).await;
    script.turn(&home(), 5_000, "ana", "goes on");
    store.commit(script.batch()).await.unwrap();
    assert_eq!(store.load_cube(&home()).await.unwrap().as_ref(), script.states.get(&home()));
}

/// Killed after the rows were rewritten and before the files were removed: the marker makes maintenance finish.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_cut_short_is_finished_by_maintenance() {
    let dir = tempfile::tempdir().unwrap();
    let mut script = Script::default();
    filled(dir.path(), &mut script).await;
    std::fs::write(dir.path().join("erasing"), "").unwrap();
    std::fs::create_dir_all(dir.path().join("quarantine")).unwrap();
    std::fs::write(dir.path().join("quarantine/old"), NEEDLE).unwrap();
    let store = open(dir.path()).await;
    store.maintain().await.unwrap();
    assert!(!dir.path().join("erasing").exists() && !dir.path().join("quarantine").exists());
    assert_holds(&store, &script).await;
}
